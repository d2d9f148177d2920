"""Executed notebooks to a report that opens from `file://` without a network.

nbconvert turns each notebook into a fragment (`templates/cells`), one pass over the fragment makes it safe
and linkable, and the layout templates put pages, index and single file around it. Equations become MathML,
scripts and widgets are dropped. The same notebooks and provenance give the same bytes.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from bs4 import BeautifulSoup

from fer_lib.errors import FerError
from fer_lib.report.execute import strip_widgets
from fer_lib.report.fragment import TEMPLATES, fragment, parse

GENERATOR = '<meta name="generator" content="fer_lib report">'


@dataclass(frozen=True)
class Page:
    """One notebook's page; `title` is its first heading, `question` the first paragraph after it."""

    slug: str
    title: str
    path: Path
    question: str = ""


@dataclass(frozen=True)
class Entry:
    """A line of a page's table of contents."""

    level: int
    anchor: str
    text: str


def render_report(
    pages: Sequence[Path],
    *,
    folder: Path,
    title: str,
    profile: str,
    provenance: Mapping[str, Any],
    incomplete: str = "",
) -> Path:
    """Write `index.html`, a page per executed notebook and the one-file `report.html`; return the index.

    The index body is the cells tagged `index`, of the one notebook that has any. The first three
    items of `provenance` stand in every footer, all of them on the index. `incomplete` says, at the top of every page,
    what the report lacks. Pages of an earlier rendering whose
    notebook is no longer in `pages` are removed. Raises FerError, before anything is written, for a notebook
    that did not run to its end or an equation that has no MathML form.
    """
    notebooks = {path.stem: _read(path) for path in pages}
    slugs = list(notebooks)
    if len(slugs) < len(pages):
        raise FerError(f"{folder}: two notebooks of the report have the same name")
    fragments = {}
    for slug, nb in notebooks.items():
        try:
            fragments[slug] = fragment(nb, folder, slugs)
        except FerError as error:
            raise FerError(f"{slug}: {error}") from None
    listed = [_page(path, fragments[path.stem]) for path in pages]
    facts = {
        "title": title,
        "profile": profile,
        "incomplete": incomplete,
        "pages": listed,
        "provenance": [(str(key), str(value)) for key, value in provenance.items()],
        "early_script": _asset("early.js"),
        "late_script": _asset("late.js"),
    }
    files = {"assets/style.css": _asset("style.css") + "\n"}
    for i, page in enumerate(listed):
        around = {
            "previous": listed[i - 1] if i else None,
            "next": listed[i + 1] if page != listed[-1] else None,
        }
        body = fragments[page.slug]
        files[f"{page.slug}.html"] = _render(
            "page", page=page, current=page.slug, body=body, toc=_contents(body), **around, **facts
        )
    opening = parse("")
    front = next((slug for slug in slugs if _only(notebooks[slug], index=True).cells), None)
    if front:
        opening = fragment(_only(notebooks[front], index=True), folder, slugs, code=False)
        for heading in opening.find_all("h1"):
            heading.name = "h2"
        fragments[front] = fragment(_only(notebooks[front], index=False), folder, slugs)
    toc = [*_contents(opening), Entry(2, "pages", "Pages"), Entry(2, "provenance", "Provenance")]
    files["index.html"] = _render("home", current="index", body=opening, toc=toc, **facts)
    files["report.html"] = _single(opening, fragments, facts)
    _write(folder, files, pages)
    return folder / "index.html"


def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8").strip()


def _read(path: Path) -> nbformat.NotebookNode:
    """The executed notebook without widgets; refused when it did not run to its end."""
    if not path.exists():
        raise FerError(f"{path}: no such executed notebook")
    nb = nbformat.read(path, as_version=4)
    broken = nb.metadata.get("papermill", {}).get("exception") or any(
        output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", [])
        for cell in nb.cells
        for output in cell.get("outputs", [])
    )
    if broken:
        raise FerError(f"{path}: the notebook did not run to its end, so it gets no page; execute it again")
    strip_widgets(nb)
    return nb


def _only(nb: nbformat.NotebookNode, *, index: bool) -> nbformat.NotebookNode:
    """The notebook with only the cells tagged `index`, or without them."""
    part = nbformat.from_dict(nb)
    part.cells = [cell for cell in nb.cells if ("index" in cell.metadata.get("tags", [])) == index]
    return part


def _page(path: Path, soup: BeautifulSoup) -> Page:
    heading = soup.find("h1")
    if heading is None:
        title = path.stem.replace("_", " ").strip().capitalize()
        soup.insert(0, soup.new_tag("h1", string=title))
        return Page(path.stem, title, path)
    paragraph = heading.find_next("p")
    question = " ".join(paragraph.get_text().split()) if paragraph else ""
    return Page(path.stem, " ".join(heading.get_text().split()), path, question)


def _contents(soup: BeautifulSoup) -> list[Entry]:
    return [
        Entry(int(heading.name[1]), str(heading["id"]), heading.get_text().removesuffix("#"))
        for heading in soup.select("h2[id], h3[id]")
    ]


def _single(opening: BeautifulSoup, fragments: Mapping[str, BeautifulSoup], facts: Mapping[str, Any]) -> str:
    """All pages in one file: ids carry their page's name, headings go one level down, links stay inside."""
    sections = []
    for page in facts["pages"]:
        soup = parse(str(fragments[page.slug]))
        if soup.find("h1") is None:  # it stands among the cells of the index
            soup.insert(0, soup.new_tag("h1", string=page.title))
        for tag in soup.select("[id]"):
            tag["id"] = f"{page.slug}--{tag['id']}"
        for anchor in soup.select('a[href^="#"]'):
            anchor["href"] = f"{page.slug}.html{anchor['href']}"
        for level in (5, 4, 3, 2, 1):
            for heading in soup.find_all(f"h{level}"):
                heading.name = f"h{level + 1}"
        sections.append((page, soup))
    parts = [parse(str(opening)), *(soup for _, soup in sections)]
    known = {str(tag["id"]) for soup in parts for tag in soup.select("[id]")}
    slugs = [page.slug for page in facts["pages"]]
    for soup in parts:
        for files in soup.select(".files"):
            files.decompose()
        for anchor in soup.select("a[href]"):
            slug, _, target = str(anchor["href"]).partition(".html")
            target = target.removeprefix("#")
            if slug in slugs:
                anchor["href"] = "#" + next((i for i in (f"{slug}--{target}", target) if i in known), slug)
            elif slug == "index":
                anchor["href"] = "#" + (target if target in known else "main")
            elif not re.match(r"#|https?:|mailto:", str(anchor["href"])):
                anchor.unwrap()  # a file that lies beside the report
    return _render("single", body=parts[0], sections=sections, style=_asset("style.css"), **facts)


def _render(template: str, **facts: Any) -> str:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    return environment.get_template(f"{template}.html.j2").render(**facts) + "\n"


def _write(folder: Path, files: Mapping[str, str], notebooks: Sequence[Path]) -> None:
    """Replace the report's files one by one and remove pages that are no longer part of it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(text, "utf-8")
        part.replace(path)
    for path in folder.glob("*.html"):
        if path.name not in files and GENERATOR in path.read_text("utf-8", "replace")[:2000]:
            path.unlink()
    (folder / "notebooks").mkdir(exist_ok=True)
    for path in notebooks:
        if path.resolve().parent != (folder / "notebooks").resolve():
            shutil.copyfile(path, folder / "notebooks" / path.name)
