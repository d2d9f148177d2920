"""The notebook contract: what every notebook of the study looks like, whatever it is about."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from papermill.inspection import inspect_notebook

from fer_lib import paths
from fer_lib.campaign import expand, parse_grid, read_params

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
NAMES = [
    "01_data_exploration", "02_transformer_and_training", "03_model_comparison", "04_optimizer_sweep",
    "05_learning_rate_sweep", "06_attention_ablation", "07_what_theta_does", "08_transfer_learning",
    "09_error_analysis", "10_known_poses", "11_verdict", "12_paper_numbers", "13_beyond_the_paper",
    "14_your_own_face", "15_drawn_faces",
]  # fmt: skip
PROFILES = ("demo", "quick", "paper", "full")
ELSEWHERE = {
    *((page, "demo") for page in ("11_verdict", "12_paper_numbers", "13_beyond_the_paper")),
    ("12_paper_numbers", "quick"),
    *(("15_drawn_faces", profile) for profile in ("quick", "paper", "full")),
}  # fmt: skip  # not in the profile


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> tuple[str, nbformat.NotebookNode]:
    return request.param.stem, nbformat.read(request.param, as_version=4)


def code(nb: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in nb.cells if cell.cell_type == "code"]


def parameters(nb: nbformat.NotebookNode) -> nbformat.NotebookNode:
    (cell,) = (cell for cell in nb.cells if "parameters" in cell.metadata.get("tags", []))
    return cell


def test_these_are_the_notebooks():
    assert [path.stem for path in NOTEBOOKS] == NAMES
    assert paths.notebooks() == NOTEBOOKS


def test_it_is_clean(notebook):
    _, nb = notebook
    nbformat.validate(nb)
    assert nb.metadata.kernelspec.name == "python3"
    assert all(not cell.outputs and cell.execution_count is None for cell in nb.cells if cell.cell_type == "code")


def test_it_opens_with_title_question_method_parameters_imports(notebook):
    _, nb = notebook
    opening, cell, imports = nb.cells[:3]
    title, question, method = opening.source.split("\n\n")[:3]
    assert title.startswith("# ")
    assert question.rstrip().endswith("?")
    assert method.startswith("**Method.**")
    assert cell.metadata.tags == ["parameters"]
    assert "study.provenance()" in imports.source


def test_it_answers_before_it_explains_and_ends_with_references(notebook):
    name, nb = notebook
    assert nb.cells[-1].source.startswith("## References")
    answer = next(i for i, cell in enumerate(nb.cells) if f'show_answer(study, "{name}"' in cell.source)
    assert not any(cell.source.startswith("## ") for cell in nb.cells[:answer])


def test_its_parameters_are_annotated_literals_with_comments(notebook):
    _, nb = notebook
    cell = parameters(nb)
    tree = ast.parse(cell.source)
    assert all(isinstance(node, ast.AnnAssign) and ast.literal_eval(node.value) is not None for node in tree.body)
    declared = inspect_notebook(nb)
    assert [node.target.id for node in tree.body] == list(declared), "papermill misses one: an = in a comment or text?"
    assert all(parameter["help"] for parameter in declared.values())


def test_it_runs_on_any_machine_and_under_any_profile(notebook):
    _, nb = notebook
    for source in code(nb):
        assert not re.search(r"[\"'](/|\.\./|~)|Path\(|open\(", source), "a path"
        assert "demo" not in source.replace('profile: str = "demo"', ""), "a branch on the profile"


def test_nothing_that_one_defines_is_defined_by_another():
    """What two notebooks need is a function of the library, with a name and a docstring."""
    defined = [
        node.name for path in NOTEBOOKS for source in code(nbformat.read(path, as_version=4))
        for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]  # fmt: skip
    assert sorted(defined) == sorted(set(defined))


def test_its_cells_are_short(notebook):
    _, nb = notebook
    _, _, *rest = code(nb)  # after the parameters and the imports
    assert all(len(source.splitlines()) <= 15 for source in rest)


def test_every_figure_and_table_is_named_and_captioned(notebook):
    _, nb = notebook
    calls = [node for source in code(nb) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("figure", "diagram", "table"):
            keywords = {keyword.arg for keyword in call.keywords}
            assert {"name", "caption"} <= keywords | {"number"}
            assert call.func.attr == "table" or "alt" in keywords


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_its_params_and_no_other(notebook, profile):
    name, nb = notebook
    path = Path(__file__).parents[2] / "params" / profile / f"{name}.yaml"
    assert path.exists() == ((name, profile) not in ELSEWHERE)
    if not path.exists():
        return
    values = read_params(path)
    assert set(values) == set(inspect_notebook(nb))
    assert values["profile"] == profile


def test_its_own_values_are_the_demo_profile(notebook):
    """A notebook opened in JupyterLab runs what `make report` runs; the verdict reads the study's records."""
    name, nb = notebook
    cell = parameters(nb)
    own = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}
    profile = "paper" if (name, "demo") in ELSEWHERE else "demo"
    demo = read_params(Path(__file__).parents[2] / "params" / profile / f"{name}.yaml")
    if "arms" in own:
        assert [c.config for c in expand(parse_grid(own, where=name))] == [
            c.config for c in expand(parse_grid(demo, where=name))
        ]
    assert own == demo
