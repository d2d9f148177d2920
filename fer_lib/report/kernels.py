"""Kernels for notebooks, started at once (`processes`): half of a short notebook's time went into its imports."""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar

import nbformat
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Dict, Unicode, default

from fer_lib.processes import exit_code, preload, start

IMPORT = re.compile(r"^(?:from|import) ([\w.]+)", re.M)
CODE = Path(__file__).resolve().parents[2]
PLOTS = "module://matplotlib_inline.backend_inline"  # where a kernel draws; matplotlib reads it when it is imported


def preload_imports(notebooks: Iterable[Path], environment: Mapping[str, str]) -> None:
    """Lets kernels be forked from a process that has imported what these notebooks import, in this environment."""
    modules = [__name__]
    for path in notebooks:
        with suppress(OSError, ValueError, nbformat.ValidationError):  # who executes it says so
            for cell in nbformat.read(path, as_version=4).cells:
                modules += IMPORT.findall(cell.source) if cell.cell_type == "code" else []
    if "torch" in modules:
        modules.append("torchvision.models")  # a network's layers, imported when it is built
    preload(modules, {"MPLBACKEND": PLOTS, **environment})


class StudyKernelManager(AsyncKernelManager):
    """Starts the interpreter that runs this module, never a kernel registered on the machine."""

    folder = Unicode(help="where the kernel starts").tag(config=True)
    extra_env = Dict(help="variables set for the kernel on top of the environment").tag(config=True)
    console = Unicode(help="file for what the kernel process itself prints").tag(config=True)
    started: ClassVar[list["StudyKernelManager"]]
    killed: ClassVar[bool]

    @default("kernel_spec_manager")
    def _own_interpreter_only(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])  # nothing registered

    async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
        self.started.append(self)
        self.provisioner = _Provisioner(parent=self, kernel_id="", kernel_spec=self.kernel_spec)
        await super().start_kernel(**kwargs)

    @classmethod
    def kill_all(cls) -> None:
        """Ends every kernel that is running; the threads that wait for them end, too."""
        cls.killed = True
        for kernel in cls.started:
            if process := getattr(kernel.provisioner, "process", None):
                process.kill()


class _Provisioner(LocalProvisioner):
    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        manager: Any = self.parent
        self.process = _Process(manager.connection_file, manager.folder, manager.extra_env, manager.console)  # type: ignore[assignment]
        return self.connection_info


class _Process:
    """A kernel's process, with what jupyter_client asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, *place: Any) -> None:
        self._process: BaseProcess = start(_kernel, *place)
        self.kill, self.terminate = self._process.kill, self._process.terminate

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        return exit_code(self._process)

    def send_signal(self, number: int) -> None:
        os.kill(self._process.pid or 0, number)


def _kernel(connection: str, folder: str, extra_env: dict[str, str], console: str) -> None:
    if hasattr(os, "setsid"):
        os.setsid()  # out of the terminal's reach: ipykernel would answer to Ctrl-C
    with open(console, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    code = os.pathsep.join(filter(None, (str(CODE), os.environ.get("PYTHONPATH"))))
    os.environ.update({"PYTHONSTARTUP": "", "PYTHONPATH": code, **extra_env})
    os.chdir(folder)
    IPKernelApp.launch_instance(argv=["-f", connection])
