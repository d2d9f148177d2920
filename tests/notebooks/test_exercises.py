"""Each page ends with an exercise: its answer runs after the page's first cells, and shows what the page says."""

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


CHECKS = {
    "01_data_exploration": lambda share: 1 / 7 < share["fer7"] < 0.3 and 1 / 10 < share["plurality10"] < 0.3,
    "02_transformer_and_training": lambda apart: apart < 0.01,
    "03_model_comparison": lambda runs: (
        runs["train_accuracy"].iloc[1] < runs["train_accuracy"].iloc[0] - 0.1
        and runs["test_accuracy"].iloc[1] > runs["test_accuracy"].iloc[0]
    ),
    "04_optimizer_sweep": lambda test: test["SGD"] < 0.2 and test["SGD, as usual"] > test["Adam"] + 0.1,
    "05_learning_rate_sweep": lambda runs: (runs.iloc[1] > runs.iloc[0]).all(),
    "06_attention_ablation": lambda at: (
        at.loc["upright faces", 0.0] > at.loc["turned faces", 0.0] + 0.1
        and (at.loc["turned faces", 30.0:] > at.loc["upright faces", 30.0:]).all()
        and at.loc["turned faces", 30.0] > at.loc["turned faces", 0.0] - 0.1
    ),
    "07_what_theta_does": lambda levels: levels[1] < levels[0] / 3,
    "08_transfer_learning": lambda runs: (runs.loc["from digits"] > runs.loc["shorter steps"] * [1.5, 1.0]).all(),
    "09_error_analysis": lambda said: said.loc["confidence", "smoothed"] < said.loc["confidence", "plain"] - 0.05,
    "10_known_poses": lambda table: (
        table["R²"].iloc[0] < 0.2 and table["R²"].iloc[4] > 0.7 and (table["R²"].iloc[5:] < 0.5).all()
    ),
    "11_verdict": lambda interval: 0 < interval[0] < interval[1] < 0.1,
    "12_paper_numbers": lambda off: (
        {*off.index[:2]} == {"warps, then split", "split again halfway"} and 0.1 < off.iloc[1] < 0.155
    ),
    "13_beyond_the_paper": lambda right: (
        right["alone"] < right["with the mirror image"] < right["with a second network"]
    ),
    "14_your_own_face": lambda said: all("neutral" in one for one in said) and said[0] != said[1],
    "15_drawn_faces": lambda degrees: 20 < degrees < 26,
}


def asks_for_results(source: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "results" for node in ast.walk(ast.parse(source)))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_answer_shows_what_the_page_says(path, tmp_path_factory, monkeypatch):
    nb = nbformat.read(path, as_version=4)
    cells = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    before = cells[: next(i for i, source in enumerate(cells) if "show_answer(study" in source)]
    of_records = 'profile: str = "paper"' in cells[0]
    monkeypatch.setenv("FER_MODE", "publish" if of_records else "")
    if of_records:
        monkeypatch.delenv("FER_REPORT", raising=False)
    else:  # what it trains is its own; the page's runs are not asked for
        monkeypatch.setenv("FER_REPORT", str(tmp_path_factory.getbasetemp() / "exercises"))
        before = [source for source in before if not asks_for_results(source)]
    (exercise,) = (cell.source for cell in nb.cells if cell.source.startswith("## Exercise"))
    assert nb.cells[-2].source == exercise, "it is the last thing before the references"
    (answer,) = re.findall(r"<summary>An answer</summary>\n\n```python\n(.*?)```\n\n\S", exercise, re.DOTALL)
    *steps, shown = ast.parse(answer).body
    names: dict[str, Any] = {}
    for source in (*before, ast.unparse(steps)):
        exec(source, names)
    assert isinstance(shown, ast.Expr)
    assert CHECKS[path.stem](eval(ast.unparse(shown), names))
