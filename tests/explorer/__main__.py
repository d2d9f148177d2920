"""Makes the README's pictures from the player on the report's first page; in `explorer.gif` a face turns."""

import sys
from io import BytesIO
from pathlib import Path

from explorer.lab import browser_page
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
WIDTH = 560  # pixels of the film
COLOURS = 32
TURNS = [*range(0, 46, 7), *range(35, -46, -7), *range(-35, 0, 7)]  # degrees: one swing


def main() -> None:
    """Writes the film into the folder that is named, or `reports`."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "reports")
    with sync_playwright() as playwright, browser_page(playwright) as opened:
        tab = opened.page
        tab.goto((ROOT / "reports" / "face.html").as_uri())
        tab.set_viewport_size({"width": WIDTH + 32, "height": 1200})
        tab.get_by_text("The answer is").wait_for()
        tab.add_style_tag(content=".buttons, .numbers { display: none !important; }")
        first, last = (tab.locator(part).bounding_box() for part in (".views", ".answers"))
        clip = {"x": first["x"] - 8, "y": first["y"] - 8, "width": first["width"] + 16,
                "height": last["y"] + last["height"] - first["y"] + 16}  # fmt: skip
        frames = []
        for turn in TURNS:
            tab.evaluate("turn => document.querySelector('.fer-player').ferPlayer.move({ turn })", turn)
            tab.wait_for_timeout(400)
            frames.append(Image.open(BytesIO(tab.screenshot(clip=clip))).convert("RGB"))
    write_film(frames, folder / "explorer.gif")


def write_film(frames: list[Image.Image], path: Path) -> None:
    """The frames in the same few colours, 150 ms each, for ever."""
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * len(frames)))
    for number, frame in enumerate(frames):
        strip.paste(frame, (0, number * height))
    colours = strip.quantize(COLOURS)
    frames = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=150, loop=0)


if __name__ == "__main__":
    main()
