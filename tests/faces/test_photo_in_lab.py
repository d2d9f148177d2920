"""A photo of one's own as a user of JupyterLab shows it: by an upload in Chromium, by a path, and one that is none."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from explorer.lab import CHROMIUM, barriers, cut_off, running_notebook
from PIL import Image

from fer_lib import data
from fer_lib.study.photo import chosen

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.clock,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium"),
]


def large_photo(path: Path) -> Path:
    """A photo of one person with a grain that no compression takes away, more bytes than JupyterLab accepts unasked."""
    photo, _ = chosen("")
    enlarged = np.asarray(photo.resize((2560, 3000)), np.int16)
    grain = np.random.default_rng(0).integers(-6, 7, enlarged.shape)
    Image.fromarray((enlarged + grain).clip(0, 255).astype(np.uint8)).save(path)
    assert path.stat().st_size > 10 * 2**20
    return path


def test_a_photo_is_uploaded_and_the_explorer_opens_on_its_face(tmp_path):
    project = tmp_path / "project"
    (project / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "params", project / "params")
    shutil.copy(ROOT / "notebooks" / "14_your_own_face.ipynb", project / "notebooks")
    data.load("toyfaces")  # leaves the cache that the notebook's kernel reads
    own = {"FER_ROOT": str(project), "FER_REPORT": str(tmp_path / "report"), "FER_DATA": str(tmp_path / "no data")}
    own |= {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    with running_notebook(project, "14_your_own_face", **own) as lab:
        page = lab.page
        panel = page.locator(".fer-photo")
        panel.wait_for(timeout=240_000)
        panel.scroll_into_view_if_needed()
        with page.expect_file_chooser() as chooser:
            panel.get_by_role("button", name=re.compile("Choose a photo")).click()
        chooser.value.set_files(large_photo(tmp_path / "mine.png"))
        panel.get_by_text(re.compile(r"mine\.png: 1 face, by compact_")).wait_for(timeout=60_000)
        panel.get_by_text(re.compile(r"Face 0 of mine\.png.*The answer is")).wait_for(timeout=60_000)
        assert panel.get_by_label("Straighten with").input_value() == "poses_fer2013"
        assert panel.get_by_label("Then classify with").input_value() == "compact_ferplus"
        page.wait_for_function("document.querySelector('.fer-photo img').naturalWidth > 900", timeout=60_000)
        panel.screenshot(path=tmp_path / "photo.png")

        panel.get_by_role("slider", name="Turn the face").press("ArrowRight")
        panel.get_by_text(re.compile("Turned 2°")).wait_for()
        path = panel.get_by_label("or a path")
        lab.type_into(path, tmp_path / "nowhere.jpg")
        panel.get_by_text(re.compile(r"nowhere\.jpg is not there")).wait_for()
        lab.type_into(path, tmp_path / "mine.png")
        panel.get_by_text(re.compile(r"mine\.png: 1 face")).wait_for(timeout=60_000)
        assert barriers(page) == []
        assert cut_off(page) == []
        assert lab.requests_elsewhere == []
        assert lab.complaints == []
