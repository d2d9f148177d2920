"""Executes notebooks, several at once: papermill sets the parameters, nbclient runs the cells in a kernel for each.

What these leave to their caller is done here: an unknown parameter is an error, a failed notebook leaves no output that
looks finished, the kernel is the running interpreter whatever kernels and settings the machine has, one Ctrl-C stops
all notebooks, and the terminal stays quiet.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, NoReturn

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.inspection import inspect_notebook

from fer_lib.errors import FerError
from fer_lib.files import write_atomically

WIDGETS = "application/vnd.jupyter.widget-"
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
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    env: Mapping[str, str] | None = None,
    say: Callable[[str], None] = print,
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

    async def all_of_them() -> list[FerError | None]:
        places = asyncio.Semaphore(jobs)

        async def one(task: Task) -> FerError | None:
            async with places:
                started, error = time.monotonic(), None
                try:
                    await _execute(task, env or {})
                except FerError as found:
                    error = found
                state = "failed" if error else "done"
                say(f"{task.notebook.stem:<{width}}  {state:<6}  {time.monotonic() - started:6.1f} s")
                return error

        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(task)) for task in tasks]
        return [task.result() for task in running]

    with asyncio.Runner(loop_factory=_Loop) as runner:
        return [error for error in runner.run(all_of_them()) if error]


class _Loop(asyncio.SelectorEventLoop):
    """Leaves Ctrl-C to asyncio, which cancels all notebooks; nbclient would stop the kernel that started last."""

    def add_signal_handler(self, *_: object) -> NoReturn:
        raise RuntimeError("as in a thread, where nbclient does without")


async def _execute(task: Task, env: Mapping[str, str]) -> None:
    nb = _with_parameters(task)
    task.output.parent.mkdir(parents=True, exist_ok=True)
    failed = task.output.with_name(f"{task.output.stem}.failed.ipynb")
    with tempfile.TemporaryDirectory(prefix="fer-kernel-") as scratch:
        problem = await _run(nb, task.output.parent, env, Path(scratch))
    _strip_widgets(nb)
    kept, gone = (failed, task.output) if problem else (task.output, failed)
    write_atomically(kept, (nbformat.writes(nb) + "\n").encode())
    gone.unlink(missing_ok=True)
    if problem:
        cell, place, what = problem
        message = f"{task.notebook.stem}: {place}\n{shorten(what, 300, placeholder=' …')}\npartial notebook: {failed}"
        raise NotebookFailed(message, notebook=task.notebook.stem, cell=cell)


def _with_parameters(task: Task) -> nbformat.NotebookNode:
    try:
        nb = nbformat.read(task.notebook, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, json.JSONDecodeError):
        raise FerError(f"{task.notebook}: not a Jupyter notebook (expected nbformat 4 JSON)") from None
    declared = inspect_notebook(nb)
    if unknown := sorted(task.parameters.keys() - declared):
        names = ", ".join(declared) or "none, it has no cell tagged `parameters`"
        raise FerError(f"{task.notebook.name}: unknown parameter {', '.join(unknown)}\nits parameters: {names}")
    given = dict(task.parameters)
    nb = papermill.execute_notebook(nb, None, given, prepare_only=True, kernel_name="python3", language="python")
    nb.metadata.papermill = {"parameters": given}  # without the machine's paths and variables
    for cell in nb.cells:
        cell.metadata.pop("papermill", None)
        if INJECTED in cell.metadata.tags:
            cell.id = INJECTED  # papermill draws one at random
    return nb


async def _run(
    nb: nbformat.NotebookNode, folder: Path, env: Mapping[str, str], scratch: Path
) -> tuple[int, str, str] | None:
    """Run the cells in `folder`; None, or the failing cell's number, where and what in a line each."""
    begun: list[nbformat.NotebookNode] = []
    kernel = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # none registered: `python3` is this interpreter
        connection_file=str(scratch / "kernel.json"),
        transport_encryption="auto",  # ipykernel warns about plain TCP at each start otherwise
    )
    client = NotebookClient(
        nb, km=kernel, record_timing=False, on_cell_execute=lambda cell, cell_index: begun.append(cell)
    )
    quiet = {"IPYTHONDIR": str(scratch), "PYTHONSTARTUP": "", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    console = scratch / "kernel.log"  # what the kernel process itself prints
    try:
        with console.open("wb") as file:
            await client.async_execute(
                cleanup_kc=True, cwd=str(folder), env={**os.environ, **quiet, **env}, stdout=file, stderr=file
            )
    except CellExecutionError as error:
        return *_place(nb, begun, "failed"), f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        if (running := asyncio.current_task()) and running.cancelling():  # nbclient takes Ctrl-C for a dead kernel
            raise asyncio.CancelledError from None
        hint = "usually memory: lower batch_size or the limits of the profile, or run fewer notebooks at once"
        return *_place(nb, begun, "ended the kernel"), hint + _last_words(console)
    except RuntimeError as error:
        if "Kernel" not in str(error):
            raise
        return 0, f"the kernel of {sys.executable} did not start", f"{error}{_last_words(console)}"
    finally:
        if kernel.has_kernel:  # interrupted while it started
            await kernel.shutdown_kernel(now=True)
    return None


def _place(nb: nbformat.NotebookNode, begun: list[nbformat.NotebookNode], verb: str) -> tuple[int, str]:
    """The last cell that has begun: its number in the source notebook, and a line that names it."""
    number = [cell.id for cell in nb.cells if cell.id != INJECTED].index(begun[-1].id) + 1
    count = begun[-1].execution_count
    return number, f"cell {number}{f' (In [{count}])' if count else ''} {verb}"


def _last_words(console: Path) -> str:
    words = [line.strip() for line in console.read_text("utf-8", "replace").splitlines() if line.strip()]
    return f" (its last words: {words[-1]})" if words else ""


def _strip_widgets(nb: nbformat.NotebookNode) -> None:
    """Takes widgets and their state out of `nb`: without a kernel they are dead, and large."""
    nb.metadata.pop("widgets", None)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not any(kind.startswith(WIDGETS) for kind in o.get("data", {}))]
