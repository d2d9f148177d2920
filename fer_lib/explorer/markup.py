"""A line of HTML above a picture."""

from html import escape

from fer_lib.report.style import RED


def message(text: str, *, problem: bool = False) -> str:
    """A line above the picture; a problem is announced and framed."""
    lines = escape(text).replace("\n", "<br>")
    frame = f"border-left:4px solid {RED};padding:4px 10px;background:rgba(213,94,0,.1)" if problem else ""
    return f'<div role="{"alert" if problem else "status"}" style="line-height:1.45;{frame}">{lines}</div>'
