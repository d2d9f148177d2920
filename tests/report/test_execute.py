"""Notebooks run for real: parameters arrive, a failure is three lines, nothing looks finished that is not."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fer_lib.errors import FerError
from fer_lib.report.execute import (
    Executed,
    NotebookFailed,
    Task,
    execute,
)
from fer_lib.report.parallel import execute_many
from fer_lib.report.parameters import Parameter, declared_parameters


def notebook(folder: Path, name: str, *code: str) -> Path:
    """A notebook of another author: its metadata names a kernel that this machine does not have."""
    parameters = new_code_cell("lr: float = 0.1  # step size\narm = 'sgd'", metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell(f"# {name}"), parameters, *map(new_code_cell, code)]
    kernel = {"name": "someone-elses", "display_name": "x", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def test_a_notebook_runs_with_its_parameters_in_this_interpreter(tmp_path, capfd):
    source = notebook(
        tmp_path, "run {1}", "import os, sys\nprint(lr, arm, os.environ['FER_X'])", "print(sys.executable)"
    )
    lines: list[str] = []
    done = execute(
        source,
        {"lr": 0.5},
        output=tmp_path / "out" / "run {1}.ipynb",
        env={"FER_X": "here"},
        log=lines.append,
    )
    assert lines == ["0.5 sgd here", sys.executable]
    assert done.path.exists()
    assert done.parameters == {"lr": 0.5}
    assert [path.name for path in done.path.parent.iterdir()] == ["run {1}.ipynb"]
    assert str(tmp_path) not in str(nbformat.read(done.path, 4).metadata)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_failed_notebook_is_named_in_three_lines_and_the_others_are_kept(tmp_path):
    """One notebook raises, one loses its kernel; the outcome of each is told and no output looks finished."""
    raising = notebook(tmp_path, "raising", "x = 1", "raise ValueError('no such arm:\\nadamm')", "print('never')")
    dying = notebook(tmp_path, "dying", "import os; os._exit(1)")
    out = tmp_path / "out"
    out.mkdir()
    (out / "raising.ipynb").write_text("an older result")
    said: list[str] = []
    tasks = [Task(path, {"lr": 0.5}, out / path.name) for path in (raising, dying)]
    first, second = execute_many(tasks, jobs=2, say=said.append)

    assert isinstance(first, NotebookFailed)
    assert (first.notebook, first.cell, first.partial) == ("raising", 4, out / "raising.failed.ipynb")
    lines = str(first).splitlines()
    assert lines[0] == "raising: cell 4 (In [4]) failed"
    assert lines[1] == "ValueError: no such arm: adamm"
    assert lines[2].startswith("partial notebook: ")
    assert len(lines) == 3

    assert isinstance(second, NotebookFailed)
    assert second.cell == 3
    assert "memory" in str(second)
    assert sorted(path.name for path in out.iterdir()) == ["dying.failed.ipynb", "raising.failed.ipynb"]
    assert sorted(line.split()[:2] for line in said) == [["dying", "failed"], ["raising", "failed"]]


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path):
    source = notebook(tmp_path, "sweep", "print(lr)")
    with pytest.raises(FerError, match=r"sweep\.ipynb: unknown parameter learning_rate\nits parameters: lr, arm"):
        execute(source, {"learning_rate": 0.1}, output=tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()


def test_a_file_that_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "text.ipynb").write_text("hello")
    for name, words in (("text.ipynb", "not a Jupyter notebook"), ("none.ipynb", "no such notebook")):
        with pytest.raises(FerError, match=words):
            execute(tmp_path / name, {}, output=tmp_path / "out.ipynb")


def test_many_of_nothing_is_nothing():
    outcomes: list[Executed | FerError] = execute_many([], jobs=2)
    assert outcomes == []


def test_parameters_are_read_with_their_comments():
    source = "# a heading\nlr: float = 1.0e-3  # step size\n# the arms\narms = ['a', '#b']\nn: int\nprint(lr)"
    assert declared_parameters(source) == {
        "lr": Parameter("1.0e-3", "step size"),
        "arms": Parameter("['a', '#b']", "the arms"),
        "n": Parameter("", ""),
    }
