"""The runs of a campaign: one after the other here, in processes that share a CPU, or in threads that share a GPU.

A process is handed one run at a time, and is heard of through a pipe. A thread has a CUDA stream of its own: one small
run cannot fill a GPU, and replaying a captured step needs the interpreter for microseconds only.
"""

import contextlib
import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from fer_lib.errors import Fatal, FerError
from fer_lib.training.config import RunConfig
from fer_lib.training.event import Event
from fer_lib.training.run import Report, RunContext, Task, attempt, broken
from fer_lib.training.session import DeviceSession

BUSY_WAIT = 5.0  # seconds before a campaign looks again at a run that another process has
NEAR = 16  # runs among which one that spares a capture may go first: half of the captures of `paper` on two jobs
ENOUGH = 3  # runs that broke one after the other end a campaign: what broke them would break the others, too


class RunQueue:
    """The runs that nobody has begun, in their order; threads may share it.

    `held_back` is asked before a run starts: why it must not, or nothing.
    """

    def __init__(self, tasks: Iterable[Task], *, held_back: Callable[[RunConfig], str], report: Report) -> None:
        self._tasks, self._held_back, self._report = deque(tasks), held_back, report
        self._elsewhere: deque[Task] = deque()
        self._lock = threading.RLock()
        self._broke = 0

    def tell(self, event: Event) -> None:
        """Reports an event; one at a time."""
        with self._lock:
            if event.state:
                self._broke = self._broke + 1 if event.state == "broken" else 0
            self._report(event)

    def next(self, suits: Callable[[RunConfig], bool] = lambda config: False) -> Task | None:
        """The first run, or the first of the next few that `suits`; None where all are begun or held back.

        Those that are held back are reported as stopped.

        Raises:
            Fatal: some runs one after the other broke.
        """
        with self._lock:
            if self._broke >= ENOUGH:
                raise Fatal(
                    f"{ENOUGH} runs in a row broke; the remaining ones were not started.\n"
                    "Out of memory? Try fewer jobs (JOBS=1). What is finished is kept."
                )
            if not self._tasks:
                self._tasks, self._elsewhere = self._elsewhere, self._tasks
            while self._tasks:
                near = (index for index, (config, _) in enumerate(islice(self._tasks, NEAR)) if suits(config))
                index = next(near, 0)
                task = self._tasks[index]
                del self._tasks[index]
                reason = self._held_back(task[0])
                if not reason:
                    return task
                self._report(Event(task[0], state="stopped", reason=reason))
        return None

    def put_back(self, task: Task) -> bool:
        """Takes back a run that another process is training: it comes again after all others.

        Returns whether all that wait are elsewhere: nothing is gained by asking for them at once.
        """
        with self._lock:
            self._elsewhere.append(task)
            return not self._tasks


def run_here(
    waiting: RunQueue, place: RunContext, *, deadline: float | None, slot: int = 0, halt: threading.Event | None = None
) -> None:
    """Trains what waits, one run after the other, until nothing does or `halt` is set.

    Raises:
        FerError: no run can be trained here (any more).
    """
    halt = halt or threading.Event()
    with DeviceSession(place.torch_device(), slot=slot) as workspace:
        while not halt.is_set() and (task := waiting.next(workspace.suits)):
            config, keep = task
            if not attempt(
                config, place, workspace=workspace, keep_weights=keep, deadline=deadline, report=waiting.tell, halt=halt
            ) and waiting.put_back(task):
                halt.wait(BUSY_WAIT)


def run_in_threads(waiting: RunQueue, place: RunContext, *, jobs: int, deadline: float | None) -> None:
    """Trains what waits, `jobs` runs at a time; no thread is left when this returns or raises.

    Raises:
        FerError: no run can be trained here (any more); those under way stop after their epoch, and go on from their
            checkpoints next time.
    """
    halt = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            work = [
                pool.submit(run_here, waiting, place, deadline=deadline, slot=slot, halt=halt) for slot in range(jobs)
            ]
            for finished in as_completed(work):
                finished.result()
        except BaseException:
            halt.set()
            raise


def run_in_processes(waiting: RunQueue, place: RunContext, *, jobs: int, deadline: float | None) -> None:
    """Trains what waits, `jobs` runs at a time; no process is left when this returns or raises.

    Raises:
        FerError: no run can be trained here (any more); those under way are ended, and go on from their checkpoints
            next time.
    """
    under_way: dict[Connection, Task | None] = {}  # None: it waits for a while
    workers: dict[Connection, BaseProcess] = {}
    part = place.shared_by(jobs)

    def hand_out(worker: Connection) -> None:
        if task := waiting.next():
            under_way[worker] = task
            with contextlib.suppress(OSError):  # it died: `listen` finds its pipe closed
                worker.send(task)

    def listen(worker: Connection) -> None:
        try:
            message = worker.recv()
        except (EOFError, OSError):
            task, process = under_way.pop(worker), workers.pop(worker)
            process.join()
            if task is not None:
                what = f"its process ended unexpectedly (exit code {process.exitcode})"
                broken(task[0], place, what, waiting.tell)
            hand_out(_start(workers, part, deadline))
            return
        if isinstance(message, FerError):
            raise message
        if isinstance(message, Event):
            waiting.tell(message)
        else:
            task, done = under_way.pop(worker), message
            if task is not None and not done and waiting.put_back(task):
                under_way[worker] = None
                worker.send(None)
            else:
                hand_out(worker)

    try:
        for worker in [_start(workers, part, deadline) for _ in range(jobs)]:
            hand_out(worker)
        while under_way:
            ready = wait(list(under_way))
            for worker in [worker for worker in under_way if worker in ready]:
                listen(worker)
    finally:
        for process in workers.values():
            process.kill()
        for process in workers.values():
            process.join()


def _start(workers: dict[Connection, BaseProcess], place: RunContext, deadline: float | None) -> Connection:
    context = multiprocessing.get_context("spawn")
    with _born_deaf():
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, place, deadline), daemon=True)
        process.start()
        workers[ours] = process
        theirs.close()  # so that the pipe ends when the worker does
        return ours


@contextlib.contextmanager
def _born_deaf() -> Iterator[None]:
    """Ctrl-C reaches the whole group; workers that start within this do not hear it, and the parent ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    multiprocessing.resource_tracker.ensure_running()  # it would start with the first worker, and undo the block
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(parent: Connection, place: RunContext, deadline: float | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for number in {"SIGTERM", "SIGUSR2"} & {*dir(signal)}:  # Slurm sends them to all; the parent ends this one
        signal.signal(getattr(signal, number), signal.SIG_IGN)
    workspace = DeviceSession(place.torch_device())
    while True:
        task = parent.recv()
        if task is None:
            time.sleep(BUSY_WAIT)
            parent.send(False)
            continue
        config, keep = task
        try:
            done = attempt(config, place, workspace=workspace, keep_weights=keep, deadline=deadline, report=parent.send)
            parent.send(done)
        except FerError as error:
            parent.send(error)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
