"""Runs notebooks through papermill: this interpreter's kernel, checked parameters, atomic output.

What papermill leaves to its caller is done here: an unknown parameter is an error, a failed notebook leaves
no output that looks finished, the kernel is the running interpreter whatever kernels and settings the machine
has, and the terminal stays quiet.
"""

import io
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets import Dict, Unicode, default
from traitlets.config import Config

from fer_lib.errors import FerError
from fer_lib.report.parameters import declared_parameters, tagged

WIDGETS = "application/vnd.jupyter.widget-"

# Without a handler of their own these loggers write to the terminal.
for _name in ("papermill", "traitlets"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Task:
    """A notebook to run, its parameters and where the executed notebook goes."""

    notebook: Path
    parameters: Mapping[str, Any]
    output: Path


@dataclass(frozen=True)
class Executed:
    """A notebook that ran to its end; `path` is the executed copy."""

    name: str
    path: Path
    seconds: float
    parameters: dict[str, Any] = field(default_factory=dict)


class NotebookFailed(FerError):
    """A notebook stopped at `cell` (counted from 1 in the source); the partial copy is kept."""

    def __init__(self, message: str, notebook: str = "", cell: int = 0, partial: Path | None = None):
        super().__init__(message)
        self.notebook, self.cell, self.partial = notebook, cell, partial


def execute(
    notebook: Path,
    parameters: Mapping[str, Any],
    *,
    output: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Callable[[str], None] | None = None,
) -> Executed:
    """Run `notebook` with `parameters` and write the executed copy to `output` once every cell has run.

    The kernel starts in `cwd` (the notebook's folder by default, as in JupyterLab) with `env` on top of the
    environment; `log` receives each printed line while the cells run. Raises FerError for an unknown
    parameter, NotebookFailed for a failing cell or a dead kernel; then the partial copy stays as
    `<name>.failed.ipynb` and an older `output` is removed. Not for threads (papermill changes the working
    directory): see `parallel`.
    """
    nb = _read(notebook)
    _check_parameters(notebook, nb, parameters)
    output = output.resolve()
    output.parent.mkdir(parents=True, exist_ok=True)
    part, failed = (output.with_name(f"{output.stem}.{state}.ipynb") for state in ("part", "failed"))
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="fer-kernel-") as scratch:
            problem = _run(nb, dict(parameters), part, cwd or notebook.resolve().parent, env or {}, log, Path(scratch))
        if problem is not None:
            output.unlink(missing_ok=True)
            _finish(part, failed, notebook)
            cell, place, what = problem
            message = f"{notebook.stem}: {place}\n{what}\npartial notebook: {_short(failed)}"
            raise NotebookFailed(message, notebook.stem, cell, failed)
        _finish(part, output, notebook)
        failed.unlink(missing_ok=True)
    finally:
        part.unlink(missing_ok=True)
    return Executed(notebook.stem, output, time.monotonic() - started, dict(parameters))


class StudyKernelManager(AsyncKernelManager):
    """Starts the interpreter that runs this module, never a kernel registered on the machine."""

    extra_env = Dict(help="variables set for the kernel on top of the environment").tag(config=True)
    console = Unicode(help="file for what the kernel process itself prints").tag(config=True)

    @default("kernel_spec_manager")
    def _own_interpreter_only(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])  # nothing registered: `python3` is sys.executable -m ipykernel

    async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
        environment = {**os.environ, **self.extra_env}
        environment.pop("PYTHONSTARTUP", None)
        with open(self.console, "wb") as console:
            await super().start_kernel(**{**kwargs, "env": environment, "stdout": console, "stderr": console})


class _Lines(io.TextIOBase):
    """A text file for papermill that hands each complete line to a function."""

    def __init__(self, log: Callable[[str], None]):
        self._log, self._rest = log, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._log(line.rsplit("\r", 1)[-1])
        return len(text)


def _read(notebook: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(notebook, as_version=4)
    except FileNotFoundError:
        raise FerError(f"{notebook}: no such notebook") from None
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, json.JSONDecodeError):
        raise FerError(f"{notebook}: not a Jupyter notebook (expected nbformat 4 JSON)") from None


def _check_parameters(notebook: Path, nb: nbformat.NotebookNode, parameters: Mapping[str, Any]) -> None:
    cells = tagged(nb, "parameters")
    allowed = declared_parameters(cells[0].source) if cells else {}
    unknown = sorted(set(parameters) - set(allowed))
    if unknown:
        names = ", ".join(allowed) or "none, it has no cell tagged `parameters`"
        raise FerError(f"{notebook.name}: unknown parameter {', '.join(unknown)}\nits parameters: {names}")


def _run(
    nb: nbformat.NotebookNode,
    parameters: dict[str, Any],
    part: Path,
    cwd: Path,
    env: Mapping[str, str],
    log: Callable[[str], None] | None,
    scratch: Path,
) -> tuple[int, str, str] | None:
    """Execute into `part`; None, or the failing cell's number, where and what in a line each."""
    console = scratch / "kernel.log"
    quiet = {"IPYTHONDIR": str(scratch), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    settings = {
        "kernel_name": "python3",
        "extra_env": {**quiet, **env},
        "console": str(console),
        "connection_file": str(scratch / "kernel.json"),
        "transport_encryption": "auto",  # ipykernel warns about plain TCP at each start otherwise
    }
    sink = _Lines(log) if log else None
    try:
        papermill.execute_notebook(
            nb,
            str(part).replace("{", "{{").replace("}", "}}"),  # papermill treats a path as a format string
            parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=cwd,
            kernel_manager_class=StudyKernelManager,
            config=Config({"StudyKernelManager": settings}),
            stdout_file=sink,
            stderr_file=sink,
        )
    except PapermillExecutionError as error:
        return *_place(part, "failed"), _one_line(f"{error.ename}: {error.evalue}")
    except DeadKernelError:
        hint = "usually memory: lower batch_size or the limits of the profile, or run fewer notebooks at once"
        return *_place(part, "ended the kernel"), _one_line(hint + _last_words(console))
    except RuntimeError as error:
        if "Kernel" not in str(error):
            raise
        return 0, f"the kernel of {sys.executable} did not start", _one_line(f"{error}{_last_words(console)}")
    if json.loads(part.read_text("utf-8"))["metadata"]["papermill"].get("exception"):
        return *_place(part, "stopped the notebook"), "SystemExit: the cells after it did not run"
    return None


def _place(part: Path, verb: str) -> tuple[int, str]:
    """The last cell that started: its number in the source notebook, and a line that names it."""
    nb = nbformat.read(part, as_version=4)
    own = [
        cell
        for cell in nb.cells
        if not {"injected-parameters", "papermill-error-cell-tag"} & set(cell.metadata.get("tags", []))
    ]
    begun = [(i, cell) for i, cell in enumerate(own, start=1) if cell.metadata.papermill.get("start_time")]
    number, cell = begun[-1] if begun else (0, nbformat.NotebookNode())
    count = cell.get("execution_count")
    return number, f"cell {number}{f' (In [{count}])' if count else ''} {verb}"


def _last_words(console: Path) -> str:
    lines = console.read_text("utf-8", "replace").split("\n") if console.exists() else []
    words = [line.strip() for line in lines if line.strip()]
    return f" (its last words: {words[-1]})" if words else ""


def _one_line(text: str, limit: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def strip_widgets(nb: nbformat.NotebookNode) -> None:
    """Takes widgets and their state out of `nb`: without a kernel they are dead, and large."""
    nb.metadata.pop("widgets", None)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not any(kind.startswith(WIDGETS) for kind in o.get("data", {}))]


def _finish(part: Path, final: Path, notebook: Path) -> None:
    """Rename the notebook into place, without the machine's paths and the time in its metadata."""
    if not part.exists():
        return
    nb = nbformat.read(part, as_version=4)
    strip_widgets(nb)
    for cell in nb.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"  # papermill draws one at random
    for key in ("start_time", "end_time", "duration"):
        nb.metadata.papermill.pop(key, None)
    nb.metadata.papermill |= {"input_path": notebook.name, "output_path": final.name}
    nbformat.write(nb, part)
    part.replace(final)
