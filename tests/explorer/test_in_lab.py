"""The explorer as a user meets it: JupyterLab in Chromium, a real transformer, a face turned by mouse and keyboard."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from explorer.lab import CHROMIUM, barriers, cut_off, running_notebook

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
    return project, {**own, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}


def test_notebook_07_runs_in_jupyterlab_and_a_face_is_turned(project, tmp_path):
    folder, environment = project
    with running_notebook(folder, "07_what_theta_does", **environment) as lab:
        page = lab.page
        panel = page.locator(".fer-explorer")
        panel.get_by_text(re.compile("The answer is")).wait_for(timeout=240_000)
        panel.scroll_into_view_if_needed()
        straighten = panel.get_by_label("Straighten with")
        assert straighten.input_value() == "poses_toyfaces"

        def said(pattern: str) -> re.Match:
            found = panel.get_by_text(re.compile(pattern))
            found.wait_for(timeout=30_000)
            return re.search(pattern, found.inner_text())

        def motion() -> dict:
            return page.evaluate("document.querySelector('.fer-explorer .fer-player').ferPlayer.state().motion")

        face = panel.get_by_role("slider", name="Turn the face")
        box = face.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(middle[0], middle[1] - 100)
        page.mouse.down()
        page.mouse.move(middle[0] + 50, middle[1] - 87, steps=5)
        page.mouse.up()
        assert motion()["turn"] == pytest.approx(30, abs=1)
        turned, undone = said("Turned (\\d+)°, undone (\\d+)°").groups()
        assert abs(int(turned) - int(undone)) <= 8
        face.press("ArrowLeft")
        panel.get_by_label("Light").press("ArrowRight")
        assert motion()["light"] > 0
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save picture").click()
        saved.value.save_as(tmp_path / "turned_face.png")
        assert (tmp_path / "turned_face.png").read_bytes().startswith(b"\x89PNG")
        page.get_by_role("button", name="Put it back").press("Enter")
        page.get_by_role("button", name="Spin").press("Enter")
        panel.get_by_role("img", name=re.compile("How much of a turn is undone.*45° ")).wait_for(timeout=60_000)
        before = said("Image (\\d+) of Toy faces")[1]
        page.get_by_role("button", name="Next").press("Enter")
        page.wait_for_function("old => !document.querySelector('.fer-explorer .reading').innerText.includes(old)",
                               arg=f"Image {before} ")  # fmt: skip

        lab.choose("Straighten with", "ResNet50 + STN, ")
        assert panel.get_by_label("Then classify with").input_value() == straighten.input_value(), "the one behind it"
        told = panel.get_by_text(re.compile("in the run's test set"))
        told.wait_for()
        for width in (1280, 900):
            page.set_viewport_size({"width": width, "height": 1000})
            for theme in ("JupyterLab Light", "JupyterLab Dark"):
                lab.use_theme(theme)
                panel.screenshot(path=tmp_path / f"{width} {theme}.png")
                assert barriers(page) == [], (width, theme)
                assert cut_off(page) == [], (width, theme)

        assert lab.requests_elsewhere == []
        assert lab.complaints == []
    assert len(list((tmp_path / "report" / "weights").iterdir())) == 2
