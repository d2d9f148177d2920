"""A line of HTML above a picture, and what goes wrong as such a line."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import ipywidgets as widgets

from fer_lib.errors import FerError
from fer_lib.plots.style import RED


def message(text: str, *, problem: bool = False) -> str:
    """A line above the picture; a problem is announced and framed."""
    lines = escape(text).replace("\n", "<br>")
    frame = f"border-left:4px solid {RED};padding:4px 10px;background:rgba(213,94,0,.1)" if problem else ""
    return f'<div role="{"alert" if problem else "status"}" style="line-height:1.45;{frame}">{lines}</div>'


@contextmanager
def told_in(status: widgets.HTML) -> Iterator[None]:
    """A mistake is told in `status`; what is broken is told there, too, and raised."""
    try:
        yield
    except FerError as error:
        status.value = message(str(error), problem=True)
    except Exception as error:
        status.value = message(f"{type(error).__name__}: {error}", problem=True)
        raise
