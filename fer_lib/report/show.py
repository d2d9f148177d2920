"""Puts a result on the page and its files beside it.

A figure or table is displayed as one finished piece of HTML (picture, alt text, caption, links to the files),
so JupyterLab and the static report show the same thing. The machine-readable half travels as output metadata
under the key `fer`, from which tests count figures, captions and alt texts.
"""

import base64
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from fer_lib.files import write_atomically

Format = str | Callable[[Any], Any]

CSS_DPI = 96
SHORT, LONG = 28, 60  # characters: a column of short texts keeps them on one line, one of long texts gets more room
ON_A_PHONE, ON_A_DESK = 2, 5  # columns that a reader sees at first; the others stand behind "all columns"
PIXEL_RATIO = 2  # the picture is drawn at twice its size on the page and stays crisp on a dense screen
WORDS = {
    "holds": "holds", "fails": "does not hold", "undecided": "cannot tell", "untestable": "not testable here",
    "missing": "not measured",
}  # fmt: skip
NUMBER = re.compile(r"[\s\d.,:;%+±×<>≤≥≈=/()\[\]–−-]*(e[+-]?\d+)?[\s\d.,:;%+±×/()\[\]–−-]*")


@dataclass(frozen=True)
class Inline:
    """HTML that is safe to place in a cell, and the plain text that stands for it in a CSV."""

    html: str
    text: str

    def __str__(self) -> str:
        return self.text


def file_link(text: str, path: Path) -> Inline:
    """A link that works from the notebook's own folder; `data-file` lets the report point it at its own copy."""
    href, copy = Path(os.path.relpath(path)).as_posix(), f"{path.parent.name}/{path.name}"
    return Inline(f'<a href="{escape(href)}" data-file="{escape(copy)}">{escape(text)}</a>', text)


def badge(verdict: str, text: str | None = None) -> Inline:
    """A verdict as a coloured label; the words carry the meaning, the colour repeats it."""
    words = text or WORDS[verdict]
    return Inline(f'<span class="badge {verdict}">{escape(words)}</span>', words)


def show_figure(
    fig: Figure, *, folder: Path, name: str, caption: str, alt: str, data: pd.DataFrame | None = None,
    number: str | None = None,
) -> None:  # fmt: skip
    """Write `folder/name.svg`, `.png` and, with `data`, `.csv`; display the picture; close the figure.

    `caption` states the finding, `alt` describes what is drawn, `number` is the paper's own ("Fig. 6"). On a dark page
    a plot's colours are turned around (style.css), but not those of photographs, which would become negatives. Drawn
    twice from the same data, the files are identical byte for byte.

    Raises:
        ValueError: `caption` or `alt` is empty, or `name` cannot name a file.
    """
    _check(name, folder, caption=caption, alt=alt)
    files = {"SVG": folder / f"{name}.svg"}
    drawn, png = io.BytesIO(), io.BytesIO()
    options: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.1, "dpi": CSS_DPI * PIXEL_RATIO}
    with plt.rc_context({"svg.hashsalt": name}):
        fig.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white", **options)
        fig.savefig(png, format="png", metadata={"Software": None}, facecolor="white", **options)
    write_atomically(files["SVG"], drawn.getvalue())
    write_atomically(folder / f"{name}.png", png.getvalue())
    plt.close(fig)
    if data is not None:
        files["CSV"] = _write_csv(data, folder / f"{name}.csv")
    look = " photographs" if any(axes.images for axes in fig.axes) else ""
    _display_figure(_picture(png, alt), files, look, name=name, caption=caption, alt=alt, number=number)


def show_drawing(svg: Path, *, folder: Path, name: str, caption: str, alt: str, number: str | None = None) -> None:
    """Copy a drawing made by hand to `folder/name.svg` and display it; otherwise as `show_figure`."""
    _check(name, folder, caption=caption, alt=alt)
    write_atomically(copy := folder / f"{name}.svg", svg.read_bytes())
    picture = _image("svg+xml", svg.read_bytes(), alt)
    _display_figure(picture, {"SVG": copy}, name=name, caption=caption, alt=alt, number=number)


def show_table(
    table: pd.DataFrame, *, folder: Path, name: str, caption: str, number: str | None = None,
    formats: Mapping[Any, Format] | None = None, fold: bool = False,
) -> None:  # fmt: skip
    """Write `folder/name.csv` and display the table, folded away under its caption if `fold`.

    An index that is not a plain count becomes the leading columns; the first column heads its row. The report shows the
    first `ON_A_DESK` columns, on a phone `ON_A_PHONE`, and the others at a click. `formats` maps a column to a format
    string such as "{:.1%}" or to a function of the value that returns text or `Inline`. Missing values show as a dash.
    The CSV keeps the unformatted values.

    Raises:
        ValueError: `caption` is empty, or `name` cannot name a file.
    """
    _check(name, folder, caption=caption)
    if not _is_counted(table):
        table = table.reset_index()
    path = _write_csv(table, folder / f"{name}.csv")
    markup = (
        f'<div class="fer-table" id="table-{name}"><div class="scroll" role="group" tabindex="0" '
        f'aria-label="{escape(f"{number}: {caption}" if number else caption)}"><table>'
        f'<caption><span class="caption">{_caption(number, caption)}</span></caption>'
        f"{_rows(table, formats or {})}</table></div>{_all_columns(table.shape[1])}{_links({'CSV': path})}</div>"
    )
    if fold:
        markup = f'<details class="fold"><summary>{escape(caption)}</summary>{markup}</details>'
    _display(markup, kind="table", name=name, caption=caption, number=number)


TO_TURN = "Here the report has a face to turn; it needs JavaScript. In JupyterLab the explorer further down does it."


def show_answer(answer: str, bullets: Sequence[tuple[str, str]], *, picture: str = "", player: str = "") -> None:
    """Display a page's answer, and bullets of a verdict and a sentence; the report moves it to the page's top.

    `picture` is the name of a figure that goes there, too; `player` is the transformer with which a face to turn
    opens there (see `fer_lib.explorer.player`).
    """
    lead = f'<p class="lead">{escape(answer)}</p>' if answer else ""
    if player:
        lead += f'<div class="fer-player" data-straighten="{escape(player)}">{TO_TURN}</div>'
    points = "".join(f"<li>{f'<b>{escape(word)}.</b> ' if word else ''}{escape(say)}</li>" for word, say in bullets)
    beside = f' data-picture="fig-{escape(picture)}"' if picture else ""
    listed = f"<ul>{points}</ul>" if points else ""
    _display(
        f'<div class="fer-answer"{beside}>{lead}{listed}</div>',
        kind="answer",
        caption=answer or " ".join(say for _, say in bullets) or picture,
    )


def show_note(text: str) -> None:
    """Display a plain notice: what is missing on this page and what to do about it."""
    _display(f'<p class="fer-note" role="note">{escape(text)}</p>', kind="note", caption=text)


def _display_figure(
    pictures: str, files: Mapping[str, Path], look: str = "", *, caption: str, **facts: str | None
) -> None:
    markup = (
        f'<figure class="fer-figure{look}" id="fig-{facts["name"]}">{pictures}'
        f"<figcaption>{_caption(facts['number'], caption)} {_links(files)}</figcaption></figure>"
    )
    _display(markup, kind="figure", caption=caption, **facts)


def _picture(png: io.BytesIO, alt: str) -> str:
    """An `<img>` with the picture in it, in 256 colours, which is half the bytes and looks the same."""
    small = io.BytesIO()
    with Image.open(png) as image:
        width, height = (side // PIXEL_RATIO for side in image.size)
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "png")
    return _image("png", small.getvalue(), alt, f' width="{width}" height="{height}"')


def _image(kind: str, content: bytes, alt: str, more: str = "") -> str:
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return f'<img src="{source}" alt="{escape(alt)}"{more}>'


def _check(name: str, folder: Path, **texts: str) -> None:
    """Refuses an unusable name and empty texts; makes the folder."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ValueError(f"name {name!r}: expected lower-case letters, digits, _ and -, since it names files")
    for what, text in texts.items():
        if not text.strip():
            raise ValueError(f"{name}: {what} is empty")
    folder.mkdir(parents=True, exist_ok=True)


def _html(value: object) -> str:
    return value.html if isinstance(value, Inline) else escape(str(value))


def _caption(number: str | None, caption: str) -> str:
    lead = f'<b class="number">{escape(number)}</b> ' if number else ""
    return lead + escape(caption)


def _links(files: Mapping[str, Path]) -> str:
    return f'<span class="files">{" ".join(file_link(kind, path).html for kind, path in files.items())}</span>'


def _all_columns(count: int) -> str:
    """The switch that shows the columns which the report hides at first; JupyterLab shows all, and no switch."""
    if count <= ON_A_PHONE:
        return ""
    narrow = "" if count > ON_A_DESK else " narrow"
    return f'<label class="columns{narrow}" hidden><input type="checkbox"> all columns</label> '


def _is_counted(table: pd.DataFrame) -> bool:
    """Whether the index is a plain count, which says nothing."""
    return isinstance(table.index, pd.RangeIndex) and table.index.name is None


def _write_csv(table: pd.DataFrame, path: Path) -> Path:
    write_atomically(path, table.to_csv(index=not _is_counted(table), lineterminator="\n").encode())
    return path


def _rows(table: pd.DataFrame, formats: Mapping[Any, Format]) -> str:
    """`<thead>` and `<tbody>` of the table: numbers to the right, short texts on one line, long ones wide."""
    columns, kinds = [], []
    for place, label in enumerate(table.columns):
        values = [_format(value, formats.get(label)) for value in table.iloc[:, place]]
        columns.append([_html(value) for value in values])
        hidden = "more" if place >= ON_A_DESK else "wide" if place >= ON_A_PHONE else ""
        kinds.append(f' class="{_kind([str(value) for value in values])} {hidden}"')
    head = "".join(f'<th scope="col"{kind}>{_html(label)}</th>' for label, kind in zip(table, kinds, strict=True))
    body = []
    for first, *rest in zip(*columns, strict=True):
        cells = [f"<td{kind}>{cell}</td>" for cell, kind in zip(rest, kinds[1:], strict=True)]
        body.append(f'<tr><th scope="row"{kinds[0]}>{first}</th>{"".join(cells)}</tr>')
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"


def _kind(texts: Sequence[str]) -> str:
    """The class of a column's cells."""
    longest = max(map(len, texts), default=0)
    if all(NUMBER.fullmatch(text) for text in texts):
        return "num"
    return "short" if longest <= SHORT else "long" if longest > LONG else "text"


def _format(value: Any, how: Format | None) -> object:
    if isinstance(value, Inline):
        return value
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return "–"
    if how is not None:
        return how(value) if callable(how) else how.format(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _display(markup: str, **facts: str | None) -> None:
    plain = f"{facts['number']}: {facts['caption']}" if facts.get("number") else str(facts["caption"])
    metadata = {"fer": {key: value for key, value in facts.items() if value is not None}}
    display({"text/html": markup, "text/plain": plain}, raw=True, metadata=metadata)
