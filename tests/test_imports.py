"""The package has no circles of imports, and its folders stand one above the other."""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ORDER = [
    "cli",
    "study",
    "paper",
    "report",
    "explorer",
    "faces",
    "plots",
    "results",
    "campaign",
    "training",
    "evaluation",
    "models",
    "data",
    "geometry",
    "tensors",
    "files",
    "imported",
    "validation",
    "processes",
    "paths",
    "errors",
]


def name(path: Path) -> str:
    parts = path.relative_to(TOP).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name(path): path for path in (TOP / "fer_lib").rglob("*.py")}


def imports(module: str) -> dict[str, list[str]]:
    """The package's modules that one imports anywhere in its text, and the names that it takes from each."""
    found = defaultdict(list)
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fer_lib":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found[whole if whole in MODULES else node.module].append(alias.name)
    return {target: names for target, names in found.items() if target != "fer_lib"}


IMPORTS = {module: imports(module) for module in MODULES if module != "fer_lib"}


def folder(module: str) -> str:
    return module.split(".")[1]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The members of a circle, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def told(circle: list[str], imports: dict[str, dict[str, list[str]]]) -> str:
    pairs = [(one, other) for one in circle for other in circle if other in imports.get(one, {})]
    return "\n".join(f"{one} takes {', '.join(imports[one][other])} from {other}" for one, other in pairs)


def test_no_circle_ties_modules():
    found = circle({module: set(targets) for module, targets in IMPORTS.items()})
    assert not found, told(found, IMPORTS)


def test_no_circle_ties_folders():
    between = defaultdict(lambda: defaultdict(list))
    for module, targets in IMPORTS.items():
        for target, names in targets.items():
            if folder(module) != folder(target):
                between[folder(module)][folder(target)] += names
    found = circle({one: set(others) for one, others in between.items()})
    assert not found, told(found, between)


@pytest.mark.parametrize("upper", ORDER)
def test_imports_point_down(upper):
    above = set(ORDER[: ORDER.index(upper)])
    upwards = [
        f"{module} takes {', '.join(names)} from {target}"
        for module, targets in IMPORTS.items()
        for target, names in targets.items()
        if folder(module) == upper and folder(target) in above
    ]
    assert not upwards, "\n".join(upwards)


def test_a_circle_is_told_by_its_names():
    tied = {"a": {"b": ["x"]}, "b": {"a": ["y", "z"]}, "c": {"a": ["w"]}}
    found = circle({module: set(targets) for module, targets in tied.items()})
    assert told(found[:-1], tied).splitlines() in (
        ["a takes x from b", "b takes y, z from a"], ["b takes y, z from a", "a takes x from b"],
    )  # fmt: skip
