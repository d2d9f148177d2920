"""The page that runs a network in the browser, opened from its file as a reader opens it."""

import re
from pathlib import Path

import numpy as np
import pytest
from explorer.lab import CHROMIUM, barriers, browser_page

from fer_lib import Predictor, data
from fer_lib.applied.page import page
from fer_lib.data.photo import crop
from fer_lib.errors import FerError
from fer_lib.study.photo import chosen

PAGE = Path(__file__).parents[2] / "reports" / "face.html"
CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


def shares(page) -> np.ndarray:
    """What the bars say, as probabilities."""
    said = page.locator(".bars tr td:last-child").all_inner_texts()
    return np.array([float(text.removesuffix(" %")) / 100 for text in said])


def test_it_carries_the_network_that_comes_with_the_package():
    """`make page` writes it."""
    network = Predictor().network
    assert f"The network is {network.name} of fer_lib" in PAGE.read_text()
    assert f"run {network.record.run_id}," in PAGE.read_text()


def test_without_its_engine_it_is_said(tmp_path):
    with pytest.raises(FerError, match="npm install onnxruntime-web"):
        page(Predictor().network, b"", tmp_path)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium")
def test_from_a_file_it_says_what_pytorch_says_and_loads_nothing(tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    predictor = Predictor()
    drawn = predictor.network.probabilities(data.load("toyfaces").images[:1])[0]
    photo, _ = chosen("")
    photo.save(tmp_path / "photo.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    with sync_api.sync_playwright() as playwright, browser_page(playwright, flags=CAMERA) as opened:
        tab = opened.page
        tab.goto(PAGE.as_uri())
        tab.get_by_text(re.compile("^a drawn face: ")).wait_for(timeout=60_000)
        assert np.abs(shares(tab) - drawn).max() < 0.001
        assert barriers(tab, "body") == []

        tab.get_by_label("A photo", exact=True).set_input_files(tmp_path / "photo.jpg")
        tab.get_by_text(re.compile(r"^photo\.jpg: ")).wait_for()
        before = shares(tab)
        box = tab.locator("#photo").bounding_box()
        (left, top, side, _) = predictor(photo)[0].face.box
        scale, size = box["height"] / photo.height, round(side / photo.width, 2)
        tab.get_by_label("Size").fill(str(size))
        tab.mouse.move(box["x"] + 5, box["y"] + 5)
        tab.mouse.down()
        tab.mouse.move(box["x"] + (left + side / 2) * scale, box["y"] + (top + side / 2) * scale)
        tab.mouse.up()
        tab.wait_for_timeout(1000)
        assert not np.array_equal(shares(tab), before)
        near = [(left + side / 2 + x, top + side / 2 + y) for x in range(-2, 3) for y in range(-2, 3)]
        wanted = predictor.network.probabilities(
            np.stack([crop(photo, centre, size * photo.width).crop for centre in near])
        )
        off = np.abs(wanted - shares(tab)).max(1).min()
        assert off < 0.02, "no crop within two pixels of the pointer"

        tab.get_by_label("A photo", exact=True).set_input_files(tmp_path / "broken.jpg")
        tab.get_by_role("alert").get_by_text(re.compile(r"broken\.jpg is no picture")).wait_for()
        tab.get_by_role("button", name="Camera").click()
        tab.get_by_text(re.compile("^camera: ")).wait_for()
        tab.get_by_role("button", name="Camera", pressed=True).click()
        tab.get_by_role("button", name="Camera", pressed=False).wait_for()
        tab.screenshot(path=tmp_path / "page.png", full_page=True)
        assert [url for url in opened.requests if not url.startswith(("data:", "blob:", PAGE.as_uri()))] == []
        assert opened.complaints == []
