"""One executed notebook as a fragment of HTML: nothing that runs or loads, equations as MathML, anchored headings."""

import ast
import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any
from unicodedata import category

import jinja2
import nbformat
from bs4 import BeautifulSoup
from latex2mathml.converter import convert as to_mathml
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from papermill.inspection import inspect_notebook
from traitlets.config import Config

from fer_lib.errors import FerError
from fer_lib.report.execute import INJECTED

TEMPLATES = Path(__file__).parent / "templates"
UNWANTED = "script, link, iframe, object, embed, style, audio, video, img[src^=http], img[src^='//']"
PRIORITY = ["text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "text/plain"]


class _Renderer(IPythonRenderer):
    """nbconvert's markdown renderer with equations as MathML."""

    def block_math(self, body: str) -> str:
        return f'<span class="equation">{_mathml(body, "block")}</span>'

    def inline_html(self, html: str) -> str:
        return html  # the base class would parse, and so close, each half of a pair of tags on its own

    block_html = inline_html

    def inline_math(self, body: str) -> str:
        return _mathml(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


class _Exporter(HTMLExporter):
    """nbconvert's HTML exporter with the project's cell template."""

    def markdown2html(self, context: Any, source: str) -> str:
        renderer = _Renderer(
            escape=False,
            embed_images=True,
            exclude_anchor_links=True,
            attachments=context.get("cell", {}).get("attachments", {}),
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
        )
        return MarkdownWithMath(renderer=renderer).render(source)

    markdown2html = jinja2.pass_context(markdown2html)


def _mathml(latex: str, display: str) -> str:
    markup = to_mathml(latex.strip(), display=display)
    unknown = re.search(r">\\(\w+)", markup)
    if unknown:
        raise FerError(f"equation {' '.join(latex.split())[:80]}: \\{unknown[1]} has no MathML form")

    # latex2mathml calls \pm and its like identifiers, which get no space around them.
    def operator(match: re.Match[str]) -> str:
        return f"<mo>{match[1]}</mo>" if category(unescape(match[1])) == "Sm" else match[0]

    return re.sub(r"<mi>(&#x\w+;)</mi>", operator, markup)


def fragment(nb: nbformat.NotebookNode, folder: Path, slugs: Sequence[str], *, code: bool = True) -> BeautifulSoup:
    """A notebook's cells as HTML, without code if not `code`: nothing that runs or loads, anchored headings.

    A link to a notebook among `slugs` (names without `.ipynb`) leads to its page; a link to a file that the report's
    `folder` lacks is left out.

    Raises:
        FerError: an equation has no MathML form.
    """
    exporter = _Exporter(
        template_name="cells",
        extra_template_basedirs=[str(TEMPLATES)],
        config=Config({"NbConvertBase": {"display_data_priority": PRIORITY}}),
        exclude_input=not code,
    )
    markup, _ = exporter.from_notebook_node(nb, {"parameters": _parameters(nb)})
    soup = BeautifulSoup(markup, "html.parser")
    for unwanted in soup.select(UNWANTED):
        unwanted.decompose()
    for extra in soup.find_all("h1")[1:]:
        extra.name = "h2"
    _answer_first(soup)
    _anchor_headings(soup)
    for table in soup.find_all("table"):
        if not table.find_parent(class_="scroll"):
            region = {"class": "scroll", "role": "group", "aria-label": "Table", "tabindex": "0"}
            table.wrap(soup.new_tag("div", attrs=region))
        del table["border"]
        for header in table.select("th:not([scope]):not(:empty)"):
            header["scope"] = "row" if header.find_parent("tbody") else "col"
    for corner in soup.select("th:empty"):
        corner.name = "td"
    for scrolls in soup.select("pre, .equation"):
        scrolls["tabindex"] = "0"
    for anchor in soup.select("a[data-file]"):
        anchor["href"] = anchor.attrs.pop("data-file")
        if not (folder / str(anchor["href"])).exists():
            anchor.decompose()
    for anchor in soup.select('a[href*=".ipynb"]'):
        slug, _, rest = str(anchor["href"]).rpartition("/")[2].partition(".ipynb")
        if slug in slugs:
            anchor["href"] = f"{slug}.html{rest}"
    return soup


def _answer_first(soup: BeautifulSoup) -> None:
    """The order of a reader: title, question, answer with its picture; then, folded, how it was found."""
    answer, title = soup.select_one(".fer-answer"), soup.find("h1")
    if answer is not None:
        figure = soup.find(id=str(answer.attrs.pop("data-picture", "")))
        if figure is not None:
            bullets = answer.find("ul", recursive=False)
            if bullets is None:
                answer.append(figure.extract())
            else:
                bullets.insert_before(figure.extract())
    question = title.find_next("p") if title else None
    if question is None:
        return
    method = [part for part in question.find_next_siblings() if part.name != "h2"]
    if method:
        fold = soup.new_tag("details", attrs={"class": "fold method"})
        fold.append(soup.new_tag("summary", string="Method"))
        question.insert_after(fold)
        for part in method:
            fold.append(part.extract())
    if answer is not None:
        question.insert_after(answer.extract())


def _parameters(nb: nbformat.NotebookNode) -> list[tuple[str, str, str]]:
    """Name, value and meaning of each parameter: the value that the notebook was run with, or its own."""
    given: dict[str, str | None] = {}
    for cell in nb.cells:
        if INJECTED in cell.metadata.get("tags", []):
            lines = [node for node in ast.parse(cell.source).body if isinstance(node, ast.Assign)]
            given = {ast.unparse(line.targets[0]): ast.get_source_segment(cell.source, line.value) for line in lines}
    return [
        (name, given.get(name) or declared["default"], declared["help"])
        for name, declared in inspect_notebook(nb).items()
    ]


def _anchor_headings(soup: BeautifulSoup) -> None:
    taken: set[str] = {str(tag["id"]) for tag in soup.select("[id]")} | {"main", "pages", "provenance"}
    for heading in soup.select("h1, h2, h3, h4"):
        base = re.sub(r"[^\w]+", "-", heading.get_text().lower()).strip("-") or "section"
        anchor, copies = base, 1
        while anchor in taken:
            copies += 1
            anchor = f"{base}-{copies}"
        taken.add(anchor)
        heading["id"] = anchor
        if heading.name != "h1":
            mark = {"class": "anchor", "href": f"#{anchor}", "aria-hidden": "true", "tabindex": "-1"}
            heading.append(soup.new_tag("a", attrs=mark, string="#"))
