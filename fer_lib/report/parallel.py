"""Runs several notebooks at once, each in a process of its own, and stops them all on one Ctrl-C."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from fer_lib.errors import FerError
from fer_lib.report.execute import Executed, Task, execute


def execute_many(
    tasks: Sequence[Task], *, jobs: int = 1, say: Callable[[str], None] = print, **options: Any
) -> list[Executed | FerError]:
    """Run the tasks, `jobs` at a time in processes of their own; return each one's outcome in their order.

    A failed task does not stop the others. `say` receives one line per notebook as it ends; `options` are
    those of `execute`, of which `log` needs `jobs=1`.
    """
    width = max((len(task.notebook.stem) for task in tasks), default=0)
    outcomes: dict[int, Executed | FerError] = {}

    def record(position: int, outcome: Executed | FerError, seconds: float) -> None:
        outcomes[position] = outcome
        state = "done" if isinstance(outcome, Executed) else "failed"
        say(f"{tasks[position].notebook.stem:<{width}}  {state:<6}  {seconds:6.1f} s")

    if min(jobs, len(tasks)) <= 1:
        for position, task in enumerate(tasks):
            record(position, *_attempt(task, options))
    else:
        with _pool(min(jobs, len(tasks))) as pool:
            futures = {pool.submit(_in_worker, task, options): i for i, task in enumerate(tasks)}
            for future in as_completed(futures):
                record(futures[future], *future.result())
    return [outcomes[position] for position in range(len(tasks))]


def _attempt(task: Task, options: Mapping[str, Any]) -> tuple[Executed | FerError, float]:
    started = time.monotonic()
    try:
        outcome: Executed | FerError = execute(task.notebook, task.parameters, output=task.output, **options)
    except FerError as error:
        outcome = error
    return outcome, time.monotonic() - started


_busy, _interrupted = threading.Event(), threading.Event()  # of this worker process


def _in_worker(task: Task, options: Mapping[str, Any]) -> tuple[Executed | FerError, float]:
    _busy.set()
    try:
        if _interrupted.is_set():
            raise KeyboardInterrupt
        return _attempt(task, options)
    finally:
        _busy.clear()


def _start_worker() -> None:
    """One Ctrl-C ends the running notebook and the waiting ones; the worker ends with its parent."""

    def interrupt(*_: object) -> None:
        first = not _interrupted.is_set()
        _interrupted.set()
        if first and _busy.is_set():  # a second one would cut the kernel's shutdown short
            raise KeyboardInterrupt

    def follow() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, interrupt)
    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose running notebooks are interrupted, and their kernels stopped, when the block is."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        yield pool
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            if child.pid:
                os.kill(child.pid, signal.SIGINT)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
