"""What a notebook's parameters cell declares."""

import ast
import io
import tokenize
from dataclasses import dataclass

import nbformat


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell, as source text."""

    value: str
    note: str = ""


def declared_parameters(source: str) -> dict[str, Parameter]:
    """The assignments of a parameters cell, each with the comment on its line or on the line above."""
    comments = {
        token.start[0]: (token.string.lstrip("# "), not token.line[: token.start[1]].strip())
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found: dict[str, Parameter] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign):
            targets: list[ast.expr] = [node.target]
        elif isinstance(node, ast.Assign):
            targets = node.targets
        else:
            continue
        above, alone = comments.get(node.lineno - 1, ("", False))
        note = comments.get(node.end_lineno or 0, (above if alone else "", False))[0]
        value = ast.get_source_segment(source, node.value) or "" if node.value else ""
        found |= {target.id: Parameter(value, note) for target in targets if isinstance(target, ast.Name)}
    return found


def tagged(nb: nbformat.NotebookNode, tag: str) -> list[nbformat.NotebookNode]:
    """The notebook's cells that carry `tag`, in order."""
    return [cell for cell in nb.cells if tag in cell.metadata.get("tags", [])]
