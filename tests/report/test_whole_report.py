"""`make report`, whole: a tiny profile on drawn faces through training, notebooks and pages; and those in Chromium.

In one file, so that `pytest -n` makes the one report once.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from bs4 import BeautifulSoup
from tiny_report import run_report, write_tiny_params

from fer_lib.errors import FerError
from fer_lib.paper import published
from fer_lib.report import make

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MEGABYTE = 1e6
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium")


class Made(NamedTuple):
    """A folder with params and report, and what `make report` said."""

    folder: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The tiny report, built once."""
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_params(folder / "params" / "tiny")
    done = run_report(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return Made(folder, done)


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


def outputs(folder: Path) -> list[tuple[str, dict]]:
    """(notebook, facts) of every figure, table and note on the pages."""
    found = []
    for path in sorted((folder / "report" / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if "fer" in output.get("metadata", {}):
                    found.append((path.stem, output["metadata"]["fer"] | {"html": output["data"]["text/html"]}))
    return found


def test_terminal_is_quiet_and_says_where_the_report_is(made):
    folder, done = made
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == f"report: {folder / 'report' / 'index.html'}"
    assert sum("done" in line for line in lines) == 12


def test_there_is_an_index_and_a_page_per_notebook(made):
    folder, _ = made
    pages = sorted(path.name for path in (folder / "report").glob("*.html"))
    assert pages == sorted(
        ["index.html", *(f"{path.stem}.html" for path in (folder / "params" / "tiny").glob("*.yaml"))]
    )
    index = (folder / "report" / "index.html").read_text()
    assert "These faces are drawn" in index
    assert "Incomplete report" not in index
    explorer = (folder / "report" / "notebooks" / "07_what_theta_does.ipynb").read_text()
    assert "study.explore(results)" in explorer
    assert "jupyter.widget" not in explorer


def test_drawn_faces_are_not_compared_with_the_paper(made):
    folder, _ = made
    printed = {f"{value:.4f}" for value in published.accuracies()["published"]}
    for page in (folder / "report").glob("*.html"):
        text = re.sub(r"<svg.*?</svg>|<script.*?</script>|<style.*?</style>", "", page.read_text(), flags=re.S)
        assert not printed & set(re.findall(r"\b\d\.\d{4}\b", text)), page.name
        assert not re.search(r"<th[^>]*>Paper</th>|the paper's as crosses|Why are the paper", text), page.name


def test_every_figure_has_files_and_every_table_n_and_split(made):
    folder, _ = made
    found = outputs(folder)
    assert {facts["name"] for _, facts in found if facts["kind"] == "table"} >= {
        "table_1",
        "table_2",
        "table_3",
        "accuracy",
    }
    for _, facts in found:
        assert facts["caption"].strip()
        if facts["kind"] == "figure":
            assert facts["alt"].strip()
            assert (folder / "report" / "figures" / f"{facts['name']}.svg").is_file()
        if facts["kind"] == "table":
            assert (folder / "report" / "tables" / f"{facts['name']}.csv").is_file()
            text = facts["html"] + facts["caption"]
            assert re.search(r"<th[^>]*>n( images)?</th>|\bn\b", text), facts["name"]
            assert re.search(r"random80|grouped80|official|split", text, flags=re.I), facts["name"]


def files(report: Path) -> dict[str, bytes]:
    """Everything that a report consists of, executed notebooks included."""
    kinds = ("*.html", "notebooks/*", "figures/*", "tables/*")
    return {str(path.relative_to(report)): path.read_bytes() for kind in kinds for path in report.glob(kind)}


def test_again_trains_nothing_and_gives_the_same_files(made):
    folder, _ = made
    before = files(folder / "report")
    again = run_report(folder)
    assert again.returncode == 0
    assert re.search(r"runs: 0 trained, \d+ reused, 0 diverged, 0 skipped", again.stdout)
    assert "nothing that its pages are made from has changed" in again.stdout
    assert files(folder / "report") == before


def test_a_broken_run_fails_the_report_after_its_pages_are_made(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_REPORT", str(tmp_path))
    monkeypatch.setattr(make, "_train", lambda *cells, **options: 2)
    monkeypatch.setattr(make, "_execute", lambda *tasks, **options: [])
    rendered = []
    monkeypatch.setattr(make, "render_report", lambda pages, **options: rendered.append(pages))
    with pytest.raises(FerError, match=r"^2 runs broke; `python -m fer_lib runs demo` says how"):
        make.build_report("demo", jobs=1)
    assert len(rendered) == 1


def test_a_failing_notebook_fails_the_report(tmp_path):
    for name in ("notebooks", "params/tiny"):
        (tmp_path / name).mkdir(parents=True)
    for name, source in (("01_fine", "print('fine')"), ("02_broken", "1 / 0")):
        cells = [
            nbformat.v4.new_markdown_cell(f"# {name}\n\nDoes it work?"),
            nbformat.v4.new_code_cell('profile: str = "tiny"  # profile', metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(source),
        ]
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(
            json.dumps(nbformat.v4.new_notebook(cells=cells, metadata=metadata))
        )
        (tmp_path / "params" / "tiny" / f"{name}.yaml").write_text("profile: tiny\n")
    failed = run_report(tmp_path)
    assert failed.returncode == 2
    where, what, partial = failed.stderr.splitlines()
    assert where.startswith("error: 02_broken: cell 3")
    assert what == "ZeroDivisionError: division by zero"
    assert partial.startswith("partial notebook: ")
    assert (tmp_path / "report" / "01_fine.html").is_file()
    assert not (tmp_path / "report" / "02_broken.html").exists()
    for name in ("index", "01_fine"):
        assert "Incomplete report.</b> 02_broken failed in cell 3" in (tmp_path / "report" / f"{name}.html").read_text()


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
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len(requests) >= 2 * len(pages) - 1  # the watch works: each page, and its style sheet


@pytest.mark.browser
@needs_browser
def test_a_keyboard_reaches_content_theme_folds_and_tables(made, browser):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto((made.folder / "report" / "04_optimizer_sweep.html").as_uri())
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
        assert len(soup.select("figure")) == len(soup.select("main img:not([hidden])")), path.name


def test_the_files_are_small_enough_to_mail(pages):
    sizes = {path.name: path.stat().st_size for path in pages}
    assert sizes["index.html"] <= 1 * MEGABYTE
    assert max(sizes.values()) <= 3 * MEGABYTE
