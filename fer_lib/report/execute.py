"""Executes notebooks through papermill, several at once, each in a kernel of its own.

What papermill leaves to its caller is done here: an unknown parameter is an error, a failed notebook leaves no output
that looks finished, the kernel is the running interpreter whatever kernels and settings the machine has, one Ctrl-C
stops all notebooks, and the terminal stays quiet.
"""

import json
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, ClassVar

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.execute import remove_error_markers
from papermill.inspection import inspect_notebook
from traitlets.config import Config

from fer_lib.errors import FerError
from fer_lib.files import write_atomically
from fer_lib.report.kernels import StudyKernelManager, preload_imports

LIVE = ("application/vnd.jupyter.widget-", "application/javascript")  # outputs that need a kernel or JupyterLab
INJECTED = "injected-parameters"  # papermill's tag for the cell that it adds

# Without a handler of their own these loggers write to the terminal.
for _name in ("papermill", "traitlets"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Task:
    """A notebook to run, its parameters and where the executed notebook goes."""

    notebook: Path
    parameters: Mapping[str, Any]
    output: Path


class NotebookFailed(FerError):
    """A notebook stopped at `cell`, counted from 1 in the source; 0 if its kernel did not even start."""

    def __init__(self, message: str, *, notebook: str, cell: int):
        super().__init__(message)
        self.notebook, self.cell = notebook, cell


def execute(
    tasks: Sequence[Task], *, jobs: int = 1, env: Mapping[str, str] | None = None, say: Callable[[str], None] = print
) -> list[FerError]:
    """Run the notebooks, `jobs` at a time, and write each one's executed copy once all its cells have run.

    A kernel starts in the folder of its task's output, with `env` on top of the environment. `say` receives a line per
    notebook as it ends. A notebook that fails does not stop the others: its older output is removed, and what there is
    of the new one stays as `<name>.failed.ipynb`.

    Returns:
        What went wrong, in the order of the tasks: NotebookFailed for a failing cell or a dead kernel, FerError for an
        unknown parameter or a file that is no notebook.
    """
    width = max((len(task.notebook.stem) for task in tasks), default=0)
    errors: dict[int, FerError] = {}

    class Kernels(StudyKernelManager):
        """Those of this call: the next one starts anew, whatever became of these."""

        started: ClassVar[list[StudyKernelManager]] = []
        killed: ClassVar[bool] = False

    def attempt(task: Task) -> tuple[FerError | None, float]:
        started = time.monotonic()
        try:
            _execute(task, env or {}, Kernels)
        except FerError as error:
            return error, time.monotonic() - started
        return None, time.monotonic() - started

    preload_imports((task.notebook for task in tasks), env or {})
    with ThreadPoolExecutor(jobs) as pool:  # the kernels are processes, so threads are enough to wait for them
        waiting = {pool.submit(attempt, task): place for place, task in enumerate(tasks)}
        try:
            for future in as_completed(waiting):
                error, seconds = future.result()
                name, state = tasks[waiting[future]].notebook.stem, "failed" if error else "done"
                say(f"{name:<{width}}  {state:<6}  {seconds:6.1f} s")
                if error:
                    errors[waiting[future]] = error
        except BaseException:
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would leave kernels behind
            for future in waiting:
                future.cancel()
            while wait(waiting, timeout=0.1).not_done:
                Kernels.kill_all()
            signal.signal(signal.SIGINT, before)
            raise
    return [errors[place] for place in sorted(errors)]


def _execute(task: Task, env: Mapping[str, str], kernels: type[StudyKernelManager]) -> None:
    nb = _checked(task)
    folder = task.output.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    failed = task.output.with_name(f"{task.output.stem}.failed.ipynb")
    with tempfile.TemporaryDirectory(prefix="fer-kernel-") as scratch:
        ran = Path(scratch) / "notebook.ipynb"
        problem = _run(nb, dict(task.parameters), ran, folder, env, kernels)
        if kernels.killed:  # by Ctrl-C, so there is nothing to keep
            return
        if ran.is_file():
            nb = _tidied(nbformat.read(ran, as_version=4), task.parameters)
    kept, gone = (failed, task.output) if problem else (task.output, failed)
    write_atomically(kept, (nbformat.writes(nb) + "\n").encode())
    gone.unlink(missing_ok=True)
    if problem:
        cell, place, what = problem
        message = f"{task.notebook.stem}: {place}\n{shorten(what, 300, placeholder=' …')}\npartial notebook: {failed}"
        raise NotebookFailed(message, notebook=task.notebook.stem, cell=cell)


def _checked(task: Task) -> nbformat.NotebookNode:
    """The notebook, which declares all of the task's parameters."""
    try:
        nb = nbformat.read(task.notebook, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, json.JSONDecodeError):
        raise FerError(f"{task.notebook}: not a Jupyter notebook (expected nbformat 4 JSON)") from None
    declared = inspect_notebook(nb)
    if unknown := sorted(task.parameters.keys() - declared):
        names = ", ".join(declared) or "none, it has no cell tagged `parameters`"
        raise FerError(f"{task.notebook.name}: unknown parameter {', '.join(unknown)}\nits parameters: {names}")
    return nb


def _run(
    nb: nbformat.NotebookNode,
    parameters: dict[str, Any],
    ran: Path,
    folder: Path,
    env: Mapping[str, str],
    kernels: type[StudyKernelManager],
) -> tuple[int, str, str] | None:
    """Run the cells in `folder`, the notebook as far as it ran into `ran`.

    Returns:
        None, or the failing cell's number, where and what in a line each.
    """
    console = ran.with_name("kernel.log")
    quiet = {"IPYTHONDIR": str(ran.parent), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    settings = {
        "kernel_name": "python3",
        "folder": str(folder),
        "extra_env": {**quiet, **env},
        "console": str(console),
        "connection_file": str(ran.with_name("kernel.json")),
        "transport_encryption": "auto",  # ipykernel warns about plain TCP at each start otherwise
    }
    try:
        papermill.execute_notebook(
            nb, str(ran), parameters, kernel_name="python3", language="python", progress_bar=False,
            kernel_manager_class=kernels, config=Config({"StudyKernelManager": settings}),
        )  # fmt: skip
    except PapermillExecutionError as error:
        return *_place(ran, "failed"), f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        hint = "usually memory: lower batch_size or the limits of the profile, or run fewer notebooks at once"
        return *_place(ran, "ended the kernel"), hint + _last_words(console)
    except RuntimeError as error:
        if "Kernel" not in str(error):
            raise
        return 0, f"the kernel of {sys.executable} did not start", f"{error}{_last_words(console)}"
    if nbformat.read(ran, as_version=4).metadata.papermill.get("exception"):
        return *_place(ran, "stopped the notebook"), "SystemExit: the cells after it did not run"
    return None


def _place(ran: Path, verb: str) -> tuple[int, str]:
    """The last cell that has begun: its number in the source notebook, and a line that names it."""
    nb = remove_error_markers(nbformat.read(ran, as_version=4))
    own = [cell for cell in nb.cells if INJECTED not in cell.metadata.get("tags", [])]
    begun = [(i, cell) for i, cell in enumerate(own, start=1) if cell.metadata.papermill.get("start_time")]
    number, cell = begun[-1] if begun else (0, nbformat.NotebookNode())
    count = cell.get("execution_count")
    return number, f"cell {number}{f' (In [{count}])' if count else ''} {verb}"


def _tidied(nb: nbformat.NotebookNode, parameters: Mapping[str, Any]) -> nbformat.NotebookNode:
    """The notebook without papermill's marks, the machine's paths, times, and what is dead without a kernel."""
    nb = remove_error_markers(nb)
    nb.metadata.papermill = {"parameters": dict(parameters)}
    nb.metadata.pop("widgets", None)
    for cell in nb.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if INJECTED in cell.metadata.get("tags", []):
            cell.id = INJECTED  # papermill draws one at random
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not any(kind.startswith(LIVE) for kind in o.get("data", {}))]
    return nb


def _last_words(console: Path) -> str:
    lines = console.read_text("utf-8", "replace").splitlines() if console.exists() else []
    words = [line.strip() for line in lines if line.strip()]
    return f" (its last words: {words[-1]})" if words else ""
