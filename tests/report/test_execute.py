"""Notebooks run for real: parameters arrive, a failure is three lines, nothing looks finished that is not."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fer_lib.errors import FerError
from fer_lib.report.execute import NotebookFailed, Task, execute


def notebook(folder: Path, name: str, *code: str) -> Path:
    """A notebook of another author: its metadata names a kernel that this machine does not have."""
    parameters = new_code_cell("lr: float = 0.1  # step size\narm = 'sgd'", metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell(f"# {name}"), parameters, *map(new_code_cell, code)]
    kernel = {"name": "someone-elses", "display_name": "x", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def run(source: Path, folder: Path, env: dict[str, str] | None = None, **parameters: object) -> nbformat.NotebookNode:
    """Its executed copy, or the error."""
    errors = execute([Task(source, parameters, folder / source.name)], env=env, say=lambda line: None)
    if errors:
        raise errors[0]
    return nbformat.read(folder / source.name, as_version=4)


def test_a_notebook_runs_with_its_parameters_in_this_interpreter(tmp_path, capfd):
    source = notebook(
        tmp_path, "run {1}", "import os, sys\nprint(lr, arm, os.environ['FER_X'])", "print(sys.executable, os.getcwd())"
    )
    done = run(source, tmp_path / "out", env={"FER_X": "here"}, lr=0.5)
    printed = [output.text for cell in done.cells for output in cell.get("outputs", [])]
    assert printed == ["0.5 sgd here\n", f"{sys.executable} {tmp_path / 'out'}\n"]
    assert done.metadata.papermill == {"parameters": {"lr": 0.5}}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run {1}.ipynb"]
    assert str(tmp_path) not in str(done.metadata)
    assert capfd.readouterr() == ("", "")


def test_widgets_are_left_out_since_they_are_dead_without_a_kernel(tmp_path):
    done = run(notebook(tmp_path, "explorer", "import ipywidgets", "ipywidgets.FloatSlider()"), tmp_path / "out")
    assert "widget" not in str(done.metadata)
    assert not done.cells[-1].outputs


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
    first, second = execute(tasks, jobs=2, say=said.append)

    assert isinstance(first, NotebookFailed)
    assert (first.notebook, first.cell) == ("raising", 4)
    lines = str(first).splitlines()
    assert lines[0] == "raising: cell 4 (In [4]) failed"
    assert lines[1] == "ValueError: no such arm: adamm"
    assert lines[2] == f"partial notebook: {out / 'raising.failed.ipynb'}"
    assert len(lines) == 3

    assert isinstance(second, NotebookFailed)
    assert second.cell == 3
    assert "memory" in str(second)
    assert sorted(path.name for path in out.iterdir()) == ["dying.failed.ipynb", "raising.failed.ipynb"]
    assert sorted(line.split()[:2] for line in said) == [["dying", "failed"], ["raising", "failed"]]


@pytest.fixture
def two_of_three(tmp_path):
    """A process that executes three notebooks, two at a time, which wait; and its children: the kernels among them."""
    for name in ("one", "two", "waiting"):
        told = f"import sys; open('../{name}.begun', 'w').write(str('wave' in sys.modules))"
        notebook(tmp_path, name, told, "import wave\nimport time; time.sleep(60)")
    program = (
        "import sys; from pathlib import Path; from fer_lib.report.execute import Task, execute\n"
        "execute([Task(p, {}, p.parent / 'out' / p.name) for p in map(Path, sys.argv[1:])], jobs=2)"
    )
    command = [sys.executable, "-c", program, *map(str, sorted(tmp_path.glob("*.ipynb")))]
    hears = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}  # tests in the background do not
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **hears) as running:
        while len(list(tmp_path.glob("*.begun"))) < 2:
            assert running.poll() is None, running.communicate()
            time.sleep(0.1)
        kernels = psutil.Process(running.pid).children(recursive=True)
        assert len(kernels) >= 2
        yield running, kernels
        running.kill()


@pytest.mark.slow
def test_one_ctrl_c_stops_all_notebooks_and_their_kernels(tmp_path, two_of_three):
    running, kernels = two_of_three
    running.send_signal(signal.SIGINT)
    said, complaints = running.communicate(timeout=200)
    assert complaints.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert said == ""
    assert psutil.wait_procs(kernels, timeout=5)[1] == []
    assert not (tmp_path / "waiting.begun").exists()
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
def test_kernels_have_imported_what_their_notebooks_import_and_end_with_their_parent(tmp_path, two_of_three):
    running, kernels = two_of_three
    assert [path.read_text() for path in tmp_path.glob("*.begun")] == ["True", "True"]
    running.kill()
    assert psutil.wait_procs(kernels, timeout=5)[1] == []


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path):
    source = notebook(tmp_path, "sweep", "print(lr)")
    with pytest.raises(FerError, match=r"sweep\.ipynb: unknown parameter learning_rate\nits parameters: lr, arm"):
        run(source, tmp_path / "out", learning_rate=0.1)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "text.ipynb").write_text("hello")
    with pytest.raises(FerError, match="not a Jupyter notebook"):
        run(tmp_path / "text.ipynb", tmp_path / "out")


def test_many_of_nothing_is_nothing():
    assert execute([], jobs=2) == []


@pytest.mark.slow
def test_after_ctrl_c_the_next_call_runs(tmp_path, monkeypatch):
    task = Task(notebook(tmp_path, "late", "print(1)"), {}, tmp_path / "out" / "late.ipynb")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("fer_lib.report.execute.as_completed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            execute([task])
    assert not task.output.exists()
    assert execute([task], say=lambda line: None) == []
    assert task.output.exists()
