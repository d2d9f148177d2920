"""The report a reader opens: complete without a network, the same bytes each time, nothing stale."""

import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_lib.errors import FerError
from fer_lib.report import show
from fer_lib.report.html import render_report

CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
EQUATION = r"$$\theta = \begin{bmatrix} a & b \\ c & d \end{bmatrix} \pm \frac{1}{n}\sum_i x_i$$"


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    """A figure and a wide table as the cells of an executed notebook hold them."""
    shown = []
    monkeypatch.setattr(
        show,
        "display",
        lambda data, raw, metadata: shown.append(new_output("display_data", data=data, metadata=metadata)),
    )
    fig, ax = plt.subplots(figsize=(8, 3))
    ax.plot([1, 2, 3])
    report = tmp_path / "report"
    show.show_figure(fig, folder=report / "figures", name="curves", caption="Adam leads", alt="Rising", number="Fig. 6")
    wide = pd.DataFrame([[f"arm {i}", *range(1000, 1020)] for i in range(3)])
    show.show_table(wide, folder=report / "tables", name="arms", caption="All arms, n = 3, split random80")
    return shown


def code(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)}, execution_count=1)


@pytest.fixture
def notebooks(tmp_path, outputs):
    """Two executed notebooks, the second one the verdict."""
    figure, table = outputs
    sweep = [
        new_markdown_cell("# Which optimizer is best?\n\nDoes the ranking hold over seeds?"),
        code("lr: float = 0.1  # step size\nn: int = 3\narms: dict = {\n    'b': {},\n}  # who", tags=["parameters"]),
        code('# Parameters\nlr = 0.5\narms = {"b = 1": {}, "a": {}}', tags=["injected-parameters"]),
        new_markdown_cell(f"## Method\n\n{EQUATION}\n\nwith $x_i$; [verdict](09_verdict.ipynb#claims)"),
        code("show_figure(fig)", figure),
        code("show_table(t)", table, new_output("stream", name="stderr", text="a warning")),
        code(
            "frame",
            new_output("execute_result", data={"text/html": "<table border=1><tr><td>1</td></tr></table>"}),
        ),
        new_markdown_cell(
            '### Detail\n\n<details class="own"><summary>More</summary>\n\n```python\nx = 1\n```\n\n</details>'
        ),
        new_markdown_cell("## Method\n\n[source](https://example.org/a) <script>alert(1)</script>"),
    ]
    verdict = [
        new_markdown_cell("# What holds?\n\nClaim by claim."),
        new_markdown_cell(
            "**Six of nine** claims hold: [figure](03_sweep.html#fig-curves).", metadata={"tags": ["index"]}
        ),
        new_markdown_cell("## Claims", metadata={"tags": ["index"]}),
        code("rows", new_output("stream", name="stdout", text="<printed>"), tags=["index"]),
    ]
    paths = []
    for name, cells in {"03_sweep": sweep, "09_verdict": verdict}.items():
        kernel = {"name": "python3", "display_name": "x", "language": "python"}
        paths.append(tmp_path / "report" / "notebooks" / f"{name}.ipynb")
        paths[-1].parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), paths[-1])
    return paths


def render(notebooks, folder, **changes):
    facts = {
        "title": "The study",
        "profile": "demo",
        "provenance": {"commit": "3f2a91c", "runs": 12},
    } | changes
    return render_report(notebooks, folder=folder, **facts)


@pytest.fixture
def report(notebooks, tmp_path):
    """The rendered folder."""
    return render(notebooks, tmp_path / "report").parent


def soups(folder):
    return {path.name: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in folder.glob("*.html")}


def test_every_page_has_navigation_one_title_and_says_where_one_is(report):
    found = soups(report)
    assert set(found) == {"index.html", "03_sweep.html", "09_verdict.html"}
    for name, soup in found.items():
        assert soup.html["lang"] == "en"
        assert len(soup.select("h1")) == 1
        assert len(soup.select("nav.pages a")) == 3
        assert len(soup.select("main")) == len(soup.select("a.skip")) == 1
        assert "commit 3f2a91c" in soup.select_one("footer.site").get_text()
        assert [a["href"] for a in soup.select("nav.pages [aria-current=page]")] == [name]
    assert found["03_sweep.html"].select_one("a[rel=next]")["href"] == "09_verdict.html"
    assert found["09_verdict.html"].select_one("a[rel=prev]")["href"] == "03_sweep.html"


def test_links_and_anchors_lead_somewhere(report):
    found = soups(report)
    for name, soup in found.items():
        ids = [tag["id"] for tag in soup.select("[id]")]
        assert len(ids) == len(set(ids)), name
        for href in (a["href"] for a in soup.select("a[href]")):
            if href.startswith("https://"):
                continue
            file, _, anchor = href.partition("#")
            assert (report / (file or name)).exists(), (name, href)
            if anchor:
                assert found[file or name].find(id=anchor), (name, href)


def test_nothing_is_loaded_from_a_network(report):
    for soup in soups(report).values():
        loading = [t.get("src") or t.get("href") for t in soup.select("[src], link[href]")]
        assert not [address for address in loading if re.match(r"(https?:)?//", address)]
        assert all("://" not in script.text for script in soup.select("script"))
        assert "alert(1)" not in str(soup)
    assert "url(" not in (report / "assets" / "style.css").read_text()


def test_figures_tables_code_and_parameters_are_on_the_page(report):
    soup = soups(report)["03_sweep.html"]
    assert soup.select_one("figure img")["alt"] == "Rising"
    assert soup.figcaption.get_text().startswith("Fig. 6 Adam leads")
    assert soup.select_one("figure .files a")["href"] == "figures/curves.svg"
    assert soup.caption.get_text() == "All arms, n = 3, split random80"
    assert all(table.find_parent(class_="scroll") for table in soup.find_all("table"))
    rows = [[c.get_text() for c in tr.select("th, td")] for tr in soup.select(".parameters tbody tr")]
    assert rows == [["lr", "0.5", "step size"], ["n", "3", ""], ["arms", '{"b = 1": {}, "a": {}}', "who"]]
    assert soup.select_one("details.code .highlight")
    assert soup.select_one("main b:last-of-type")
    assert soup.select_one("details.messages pre").get_text() == "a warning"
    assert soup.select_one("details.own pre"), "what stands between the tags of a fold in Markdown is in the fold"
    assert [a.get_text() for a in soup.select("nav.toc a")] == ["Method", "Detail", "Method"]
    assert soup.select_one('.meta a[href="notebooks/03_sweep.ipynb"]')


def test_equations_are_mathml(report):
    soup = soups(report)["03_sweep.html"]
    assert [math["display"] for math in soup.find_all("math")] == ["block", "inline"]
    assert soup.select_one("math mtable")
    assert "±" in [mo.get_text() for mo in soup.select("math mo")]
    assert "$" not in soup.select_one("main").get_text()


def test_the_index_opens_with_the_verdict_and_leads_to_every_page(report):
    soup = soups(report)["index.html"]
    text = soup.select_one("article").get_text()
    assert text.index("Six of nine") < text.index("Claims") < text.index("<printed>") < text.index("Pages")
    assert "Claim by claim" in soup.select_one(".cards").get_text()
    assert not soup.select("details.code")
    assert soup.select_one(".facts").get_text(" ", strip=True) == "commit 3f2a91c runs 12"


def test_without_a_verdict_the_index_still_lists_the_pages(notebooks, tmp_path):
    index = render(notebooks[:1], tmp_path / "report")
    assert "Which optimizer is best?" in BeautifulSoup(index.read_text(), "html.parser").select_one(".cards").text


def test_the_same_notebooks_give_the_same_bytes(notebooks, report, tmp_path):
    shutil.copytree(report, tmp_path / "again")
    render(notebooks, tmp_path / "again")
    for path in [*report.glob("*.html"), report / "assets" / "style.css"]:
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(report)).read_bytes()


def test_a_page_without_its_notebook_goes_and_foreign_files_stay(notebooks, report):
    (report / "mine.html").write_text("<p>not of the report</p>")
    render(notebooks[1:], report)
    assert {path.name for path in report.glob("*.html")} == {"index.html", "09_verdict.html", "mine.html"}


def test_a_notebook_that_did_not_finish_gets_no_page(notebooks, tmp_path):
    nb = nbformat.read(notebooks[0], 4)
    nb.cells[-2].outputs = [new_output("error", ename="ValueError", evalue="no such arm")]
    nbformat.write(nb, notebooks[0])
    with pytest.raises(FerError, match=r"03_sweep\.ipynb: the notebook did not run to its end"):
        render(notebooks, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


def test_an_equation_without_mathml_form_is_named(notebooks, tmp_path):
    nb = nbformat.read(notebooks[1], 4)
    nb.cells.append(new_markdown_cell(r"Here $\undefinedmacro x$"))
    nbformat.write(nb, notebooks[1])
    with pytest.raises(FerError, match=r"09_verdict: equation .undefinedmacro x: .undefinedmacro has no MathML"):
        render(notebooks, tmp_path / "report")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium")
def test_the_pages_open_from_disk_without_request_error_or_sideways_scroll(report):
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    requests, complaints = [], []
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_context(viewport={"width": 360, "height": 740}, offline=True).new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in sorted(report.glob("*.html")):
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path.name
        page.goto((report / "03_sweep.html").as_uri())
        assert page.locator("math").first.bounding_box()["height"] > 20
        assert page.locator("nav.pages details").get_attribute("open") is None
        page.locator("button.theme").click()
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        page.reload()
        assert page.locator("button.theme").get_attribute("aria-pressed") == "true"
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
