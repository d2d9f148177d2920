"""Executed notebooks to a report that opens from `file://` without a network.

nbconvert turns each notebook into a fragment (`templates/cells`), one pass over the fragment makes it safe
and linkable, and the layout templates put pages and index around it. Equations become MathML, scripts and widgets
are dropped. The same notebooks and provenance give the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from bs4 import BeautifulSoup
from nbformat.v4 import new_notebook

from fer_lib.errors import FerError
from fer_lib.explorer import player
from fer_lib.files import write_atomically
from fer_lib.report.fragment import TEMPLATES, fragment

PLAYER = ".fer-player"  # a face to turn
WORDS = "the-words"  # the glossary, if the index has one
GENERATOR = '<meta name="generator" content="fer_lib report">'


def render_report(
    pages: Sequence[Path], *, folder: Path, title: str, profile: str, provenance: Mapping[str, object],
    incomplete: str = "",
) -> Path:  # fmt: skip
    """Write `index.html` and a page per executed notebook, which lie in `folder/notebooks`; return the index.

    The index opens with the cells tagged `index`, and those tagged `front`, which stand on no page. The first three
    items of `provenance` stand in every footer, all of them on the index. `incomplete` says, at the foot of every page,
    what the report lacks. Pages of an earlier rendering whose notebook is no longer in `pages` are removed.

    Raises:
        FerError: a notebook did not run to its end, or an equation has no MathML form; nothing is written then.
    """
    notebooks = {path.stem: _read(path) for path in pages}
    slugs = list(notebooks)
    bodies = {}
    for slug, nb in notebooks.items():
        try:
            bodies[slug] = fragment(new_notebook(cells=_without("front", nb), metadata=nb.metadata), folder, slugs)
        except FerError as error:
            raise FerError(f"{slug}: {error}") from None
    facts: dict[str, Any] = {
        "title": title, "profile": profile, "incomplete": incomplete,
        "pages": [_page(slug, body) for slug, body in bodies.items()], "provenance": list(provenance.items()),
    }  # fmt: skip
    files = {"assets/style.css": (TEMPLATES / "style.css").read_text("utf-8")}
    tagged = [
        cell for nb in notebooks.values() for cell in nb.cells if {"front", "index"} & {*cell.metadata.get("tags", [])}
    ]
    opening = fragment(new_notebook(cells=tagged), folder, slugs, code=False)
    for heading in opening.find_all("h1"):
        heading.name = "h2"
    facts["words"] = WORDS if opening.find(id=WORDS) else ""
    for page in facts["pages"]:
        slug, body = page["slug"], bodies[page["slug"]]
        files[f"{slug}.html"] = _render("page", page=page, current=slug, body=body, toc=_contents(body), **facts)
    own = [{"level": 2, "anchor": part.lower(), "text": part} for part in ("Pages", "Provenance")]
    files["index.html"] = _render("home", current="index", body=opening, toc=[*_contents(opening), *own], **facts)
    if any(body.select_one(PLAYER) for body in (opening, *bodies.values())):
        files |= {f"assets/{name}": text for name, text in player.files().items()}
    _write(folder, files)
    return folder / "index.html"


def _without(tag: str, nb: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in nb.cells if tag not in cell.metadata.get("tags", [])]


def _read(path: Path) -> nbformat.NotebookNode:
    """The executed notebook; refused when it did not run to its end."""
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        failed = any(output.output_type == "error" for output in cell.get("outputs", []))
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            raise FerError(f"{path}: the notebook did not run to its end, so it gets no page; execute it again")
    return nb


def _page(slug: str, soup: BeautifulSoup) -> dict[str, str]:
    """What the templates say of a page: its title is its first heading, its question the first paragraph after it."""
    heading = soup.find("h1")
    if heading is None:
        heading = soup.new_tag("h1", string=slug.replace("_", " ").strip().capitalize())
        soup.insert(0, heading)
    paragraph = heading.find_next("p")
    question = " ".join(paragraph.get_text().split()) if paragraph else ""
    return {"slug": slug, "title": " ".join(heading.get_text().split()), "question": question}


def _contents(soup: BeautifulSoup) -> list[dict[str, object]]:
    """The lines of a page's table of contents."""
    return [
        {"level": heading.name[1], "anchor": heading["id"], "text": heading.get_text().removesuffix("#")}
        for heading in soup.select("h2[id], h3[id]")
    ]


def _render(template: str, *, body: BeautifulSoup, **facts: Any) -> str:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    return (
        environment.get_template(f"{template}.html.j2").render(
            body=body, player=body.select_one(PLAYER) is not None, **facts
        )
        + "\n"
    )


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Replace the report's files one by one and remove pages that are no longer part of it."""
    for name, text in files.items():
        write_atomically(folder / name, text.encode())
    for path in folder.glob("*.html"):
        if path.name not in files and GENERATOR in path.read_text("utf-8", "replace")[:2000]:
            path.unlink()
