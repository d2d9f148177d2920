"""The whole report in Chromium, from disk: no request, no error, nothing inaccessible; and its markup, links, sizes."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MEGABYTE = 1e6
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def pages(made) -> list[Path]:
    return sorted((made.folder / "report").glob("*.html"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.mark.browser
@needs_browser
def test_every_page_opens_offline_without_request_error_or_barrier(pages, browser):
    """axe-core's serious and critical findings count; on a phone nothing but tables and code scrolls sideways."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    requests, complaints, barriers, invisible, too_wide = [], [], [], [], []
    page = browser.new_context(viewport={"width": 390, "height": 844}, offline=True).new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in pages:
        page.goto(path.as_uri())
        too_wide += [path.name] if page.evaluate("document.documentElement.scrollWidth") > 390 else []
        heights = page.evaluate("[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect().height)")
        invisible += [path.name for height in heights if height < 8]
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            found = axe.run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
            barriers += [
                f"{path.name} ({theme}): {one['id']}, {one['nodes'][0]['html'][:120]}"
                for one in found
                if one["impact"] in ("serious", "critical")
            ]
    assert (barriers, complaints, invisible, too_wide) == ([], [], [], [])
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert len(requests) >= 2 * len(pages) - 1  # the watch works: each page, and its style sheet


@pytest.mark.browser
@needs_browser
def test_a_keyboard_reaches_content_theme_folds_and_tables(made, browser):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto((made.folder / "report" / "03_optimizer_sweep.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('button.theme, summary, .scroll, a')?.className"))
    assert {"theme", "scroll", "brand"} <= reached
    page.locator("details.parameters summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("details.parameters").get_attribute("open") is not None
    page.context.close()


def test_the_markup_is_valid(pages):
    """html5lib in strict mode raises on the first parse error of the HTML standard."""
    html5lib = pytest.importorskip("html5lib")
    for path in pages:
        html5lib.HTMLParser(strict=True).parse(path.read_text("utf-8"))


def test_links_and_anchors_of_every_page_lead_somewhere(made, pages):
    soups = {path.name: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in pages}
    anchors = {name: {tag["id"] for tag in soup.select("[id]")} for name, soup in soups.items()}
    for name, soup in soups.items():
        assert len(anchors[name]) == len(soup.select("[id]")), f"{name}: an id twice"
        for href in (tag["href"] for tag in soup.select("a[href], link[href]")):
            if re.match(r"https:|data:", href):
                continue
            file, _, anchor = href.partition("#")
            assert (made.folder / "report" / (file or name)).exists(), (name, href)
            assert not anchor or anchor in anchors[file or name], (name, href)


def test_no_picture_lacks_its_words(pages):
    for path in pages:
        soup = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        assert [image for image in soup.find_all("img") if len(image.get("alt", "").strip()) < 20] == [], path.name
        assert [one for one in soup.select("figure") if not one.figcaption.get_text(strip=True)] == [], path.name
        assert len(soup.select("figure")) == len(soup.select("main img")), path.name


def test_the_files_are_small_enough_to_mail(pages):
    limits = {"index.html": 1 * MEGABYTE, "report.html": 15 * MEGABYTE}
    sizes = {path.name: path.stat().st_size for path in pages}
    assert {name: size for name, size in sizes.items() if size > limits.get(name, 3 * MEGABYTE)} == {}
