"""Processes that start at once: forked from one that has imported what they need.

PyTorch and pandas take seconds to import, which each process would pay anew. Only Linux forks safely after that;
elsewhere a process is a new interpreter.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.process import BaseProcess
from typing import Any

_FORKS = sys.platform == "linux"
_LOCK = threading.Lock()  # of two threads that wait for one process, the second would not learn its exit code
_modules: dict[str, None] = {}
_environment: dict[str, str] = {}


def preload(modules: Iterable[str], environment: Mapping[str, str] = {}) -> None:
    """What the process that others are forked from imports, and in which environment; no use once it runs."""
    _modules.update(dict.fromkeys(modules))
    _environment.update(environment)


def start(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that calls `target` in the environment of this one; it ends with this one, and Ctrl-C is not for it."""
    context: Any = multiprocessing.get_context("forkserver" if _FORKS else "spawn")
    process: BaseProcess = context.Process(target=_begin, args=(dict(os.environ), target, arguments))
    with _LOCK:
        if _FORKS:
            context.set_forkserver_preload([*_modules])
            _ensure_server()
        process.start()
    return process


def exit_code(process: BaseProcess) -> int | None:
    """Waits for the end of a process; negative: the signal that ended it."""
    with _LOCK:
        process.join()
        return process.exitcode


def _ensure_server() -> None:
    from multiprocessing import forkserver, resource_tracker  # not everywhere

    resource_tracker.ensure_running()  # it would start with the server, and undo the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}), dict(os.environ)
    os.environ.update(_environment)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before[1])
        signal.pthread_sigmask(signal.SIG_SETMASK, before[0])


def _begin(environment: dict[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where nothing is forked, it was not blocked before
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
