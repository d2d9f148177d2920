"""Pictures of the explorer for the README, taken in JupyterLab; in `explorer.gif` a face turns.

Nothing is trained: the explorer opens with the transformer that comes with the package.
"""

import sys
import tempfile
from io import BytesIO
from pathlib import Path

import nbformat
from explorer.lab import TOKEN, browser_page, lab_server
from PIL import Image
from playwright.sync_api import sync_playwright

from fer_lib import data

ROOT = Path(__file__).parents[2]
IMAGE = 14  # a drawn face
COLOURS = 40  # of the film, which so stays under 1.4 MB
TURNS = [*range(0, 46, 5), *range(40, -46, -5), *range(-40, 0, 5)]  # degrees: one swing


def main() -> None:
    """Writes both pictures into the folder that is named, or `reports`."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "reports")
    with tempfile.TemporaryDirectory() as scratch:
        notebook = Path(scratch) / "lab" / "explorer.ipynb"
        notebook.parent.mkdir()
        cell = "from fer_lib.study.notebook import Study\nstudy = Study('demo')\nstudy.explore(study.everything())"
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)], metadata=kernel)
        nbformat.write(nb, notebook)
        data.load("toyfaces")
        own = {"FER_REPORT": scratch + "/report", "FER_DATA": scratch + "/no data", "FER_ROOT": str(ROOT)}
        with (
            lab_server(notebook.parent, **own, PYTHONPATH=str(ROOT)) as address,
            sync_playwright() as playwright,
            browser_page(playwright, height=1300) as lab,
        ):
            lab.page.goto(f"{address}lab/tree/explorer.ipynb?token={TOKEN}")
            lab.run_all_cells()
            panel = lab.page.locator(".fer-explorer")
            panel.wait_for(timeout=120_000)
            lab.type_into(panel.get_by_label("Image"), IMAGE)
            panel.get_by_role("button", name="Spin").click()
            panel.get_by_role("img", name="Theta's rotation").wait_for(timeout=60_000)
            lab.page.wait_for_timeout(3000)
            panel.screenshot(path=folder / "explorer.png")
            frames = []
            top = panel.get_by_label("Data set").bounding_box()["y"] - 8
            shown = panel.locator("img").first.bounding_box()
            clip = {**panel.bounding_box(), "y": top, "height": shown["y"] + shown["height"] + 8 - top}
            for turn in TURNS:
                lab.type_into(panel.locator(".widget-readout").first, turn)
                lab.page.wait_for_timeout(600)
                frames.append(Image.open(BytesIO(lab.page.screenshot(clip=clip))).convert("RGB"))
    write_film(frames, folder / "explorer.gif")


def write_film(frames: list[Image.Image], path: Path) -> None:
    """The frames in the same few colours, 120 ms each, for ever."""
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * len(frames)))
    for number, frame in enumerate(frames):
        strip.paste(frame, (0, number * height))
    colours = strip.quantize(COLOURS)
    frames = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=120, loop=0)


if __name__ == "__main__":
    main()
