"""Runs in parallel processes: a campaign hands each worker one run at a time and hears of it through a pipe."""

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from fer_lib.errors import FerError
from fer_lib.training.config import RunConfig
from fer_lib.training.event import Event, title
from fer_lib.training.machine import cores
from fer_lib.training.run import Place, Report, Task, attempt
from fer_lib.training.step import Workspace


def run_in_processes(
    tasks: Iterable[Task],
    place: Place,
    *,
    jobs: int,
    deadline: float | None,
    may_start: Callable[[RunConfig], bool],
    report: Report,
) -> None:
    """Trains `tasks`, `jobs` at a time; no process is left when this returns or raises.

    Raises:
        FerError: a run broke or its process died; the others are ended, and go on from their checkpoints next time.
    """
    waiting = deque(tasks)
    under_way: dict[Connection, Task] = {}
    workers: dict[Connection, BaseProcess] = {}

    def hand_out(worker: Connection) -> None:
        while waiting:
            task = waiting.popleft()
            if may_start(task[0]):
                under_way[worker] = task
                with contextlib.suppress(OSError):  # it died: `listen` finds its pipe closed
                    worker.send(task)
                return
            report(Event(task[0], state="stopped"))

    def listen(worker: Connection) -> None:
        try:
            message = worker.recv()
        except (EOFError, OSError):
            raise _death(workers[worker], under_way[worker][0]) from None
        if isinstance(message, FerError):
            raise message
        if isinstance(message, Event):
            report(message)
        else:
            task, done = under_way.pop(worker), message
            if not done:
                waiting.insert(1, task)  # it keeps its place, behind one that can go on
            hand_out(worker)

    try:
        _start(workers, jobs, place, deadline)
        for worker in workers:
            hand_out(worker)
        while under_way:
            ready = wait(list(under_way))
            for worker in [worker for worker in under_way if worker in ready]:
                listen(worker)
    finally:
        for process in workers.values():
            process.terminate()
        for process in workers.values():
            process.join()


def _start(workers: dict[Connection, BaseProcess], jobs: int, place: Place, deadline: float | None) -> None:
    context = multiprocessing.get_context("spawn")
    place = dataclasses.replace(place, threads=place.threads or max(1, cores() // jobs))
    # Ctrl-C reaches the whole group; workers are born deaf to it, and the parent ends them. The tracker would start
    # with the first of them, and undo the block.
    multiprocessing.resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for _ in range(jobs):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, place, deadline), daemon=True)
            process.start()
            workers[ours] = process
            theirs.close()  # so that the pipe ends when the worker does
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _death(process: BaseProcess, config: RunConfig) -> FerError:
    process.join()
    return FerError(
        f"{title(config)}: its process ended unexpectedly (exit code {process.exitcode}).\n"
        "Out of memory? Try fewer jobs (JOBS=1); what is finished is kept."
    )


def _work(parent: Connection, place: Place, deadline: float | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    workspace = Workspace(place.torch_device())
    while True:
        config, keep = parent.recv()
        try:
            done = attempt(config, place, workspace=workspace, keep_weights=keep, deadline=deadline, report=parent.send)
            parent.send(done)
        except FerError as error:
            if error.__cause__ is not None:  # lost on the way through the pipe, unlike a note
                error.add_note("".join(traceback.format_exception(error.__cause__)))
            parent.send(error)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
