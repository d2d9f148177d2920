"""The explorer as a user meets it: JupyterLab in Chromium, a real transformer, sliders moved by mouse and keyboard."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from explorer.lab import CHROMIUM, TOKEN, Page, barriers, browser_page, changes_within_a_second, cut_off, lab_server

from fer_lib import data

ROOT = Path(__file__).parents[2]
TINY = {"batch_size": 8, "epochs": 2, "train_limit": 64, "test_limit": 60, "model": "vanilla_cnn"}
ARMS = {"ResNet50": {}, "ResNet50 + STN": {"attention": "stn"}, "STN without warp": {"attention": "stn_no_warp"}}
pytestmark = [
    pytest.mark.browser,
    pytest.mark.clock,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
]


@pytest.fixture
def project(tmp_path):
    """A copy of notebook 07 that trains the smallest runs, and the environment that belongs to it."""
    project = tmp_path / "project"
    (project / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "params", project / "params")
    nb = nbformat.read(ROOT / "notebooks" / "07_what_theta_does.ipynb", as_version=4)
    nb.cells[1].source += f"\nbase, arms = {TINY!r}, {ARMS!r}\ndatasets = {{'Toy faces': {{'dataset': 'toyfaces'}}}}"
    nbformat.write(nb, project / "notebooks" / "07_what_theta_does.ipynb")
    data.load("toyfaces")  # leaves the cache that the notebook's kernel reads
    own = {"FER_ROOT": str(project), "FER_REPORT": str(tmp_path / "report"), "FER_DATA": str(tmp_path / "no data")}
    return project, {**own, "FER_DEVICE": "cpu", "FER_JOBS": "1", "PYTHONPATH": str(ROOT)}


def rotation_of_theta(page: Page) -> float:
    """Degrees, as the panel tells them."""
    row = page.page.locator(".fer-explorer tr").filter(has_text="rotation (°)").first
    return float(row.locator("td").first.inner_text().replace("−", "-"))


def test_notebook_06_runs_in_jupyterlab_and_its_sliders_move_the_picture(project, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    folder, environment = project
    with (
        lab_server(folder, **environment) as address,
        sync_api.sync_playwright() as playwright,
        browser_page(playwright) as lab,
    ):
        page = lab.page
        page.goto(f"{address}lab/tree/notebooks/07_what_theta_does.ipynb?token={TOKEN}")
        lab.run_all_cells()
        panel = page.locator(".fer-explorer")
        panel.wait_for(timeout=240_000)
        panel.scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('.fer-explorer img').naturalWidth > 400")
        assert panel.locator("select").first.input_value().startswith("Shown poses of Toy faces · undoes")

        before = rotation_of_theta(lab)
        readout = panel.locator(".widget-slider .widget-readout").first  # it can be typed into
        lab.type_into(readout, 30)
        page.wait_for_function("document.querySelector('.fer-explorer .noUi-handle').ariaValueNow == 30")
        page.wait_for_timeout(1000)
        assert rotation_of_theta(lab) - before > 25, "theta follows the face"
        lab.type_into(readout, 0)

        rotation = lab.slider("Rotation")
        box = rotation.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def drag() -> None:
            page.mouse.move(*middle)
            page.mouse.down()
            page.mouse.move(middle[0] + 25, middle[1], steps=5)
            page.mouse.up()

        seconds = [changes_within_a_second(lab, drag)]
        assert float(rotation.get_attribute("aria-valuenow")) > 5
        for label, key in (("Rotation", "ArrowLeft"), ("Scale", "ArrowRight"), ("Light", "ArrowRight")):
            seconds.append(changes_within_a_second(lab, lambda label=label, key=key: lab.slider(label).press(key)))
        print("slider to picture:", ", ".join(f"{value * 1000:.0f} ms" for value in seconds))
        assert max(seconds) < 1

        seen = page.locator(".fer-explorer img").first.get_attribute("src")
        page.get_by_role("button", name="Next").press("Enter")
        page.wait_for_function("old => document.querySelector('.fer-explorer img').src != old", arg=seen)
        page.get_by_role("button", name="Reset").press("Enter")
        page.wait_for_function("document.querySelector('.fer-explorer .noUi-handle').ariaValueNow == 0")
        page.get_by_role("button", name="Spin").press("Enter")
        panel.get_by_role("img", name=re.compile("Theta's rotation.*45° ")).wait_for(timeout=60_000)
        page.wait_for_function("document.querySelector('.fer-explorer .noUi-handle').ariaValueNow == 0")
        page.get_by_role("button", name="Save figure").click()
        panel.get_by_text(re.compile("Saved .*svg and .*png")).wait_for()
        assert len(list((tmp_path / "report" / "explorer").iterdir())) == 2

        lab.choose("Beside it", "ResNet50 · ")
        lab.choose("Transformer", "ResNet50 + STN · ")
        sync_api.expect(lab.slider("Epoch")).to_have_attribute("aria-valuenow", re.compile("^2"))
        lab.slider("Epoch").press("ArrowLeft")
        panel.get_by_text("after epoch 1 of 2").wait_for()
        for width in (1280, 900):
            page.set_viewport_size({"width": width, "height": 1000})
            for theme in ("JupyterLab Light", "JupyterLab Dark"):
                lab.use_theme(theme)
                panel.screenshot(path=tmp_path / f"{width} {theme}.png")
                assert barriers(page) == [], (width, theme)
                assert cut_off(page) == [], (width, theme)

        assert [url for url in lab.requests if not url.startswith((address, "data:", "blob:"))] == []
        assert lab.complaints == []
    assert len(list((tmp_path / "report" / "weights").iterdir())) == 2
