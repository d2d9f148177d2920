"""The runs of a campaign: one after the other here, each in a process on a CPU, or in threads that share a GPU.

A process is heard of through a pipe. A thread has a CUDA stream of its own: one small run cannot fill a GPU, and
replaying a captured step needs the interpreter for microseconds only.
"""

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from multiprocessing.connection import Connection

from fer_lib.errors import Fatal, FerError
from fer_lib.processes import exit_code, start
from fer_lib.training.config import RunConfig
from fer_lib.training.event import Event
from fer_lib.training.run import Report, RunContext, Task, attempt, broken
from fer_lib.training.session import DeviceSession

BUSY_WAIT = 5.0  # seconds before a campaign looks again at a run that another process has
LISTEN = 0.2  # seconds between two looks at whether to halt
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


def run_apart(
    waiting: RunQueue, place: RunContext, *, deadline: float | None, slot: int = 0, halt: threading.Event
) -> None:
    """As `run_here`, each run in a process of its own; none is left when this returns or raises."""
    while not halt.is_set() and (task := waiting.next()):
        if not _in_process(task, place, waiting.tell, deadline=deadline, halt=halt) and waiting.put_back(task):
            halt.wait(BUSY_WAIT)


def run_in_threads(
    waiting: RunQueue, place: RunContext, *, jobs: int, deadline: float | None, worker: Callable[..., None] = run_here
) -> None:
    """Trains what waits, `jobs` runs at a time, by as many threads that call `worker`; none is left afterwards.

    Raises:
        FerError: no run can be trained here (any more); those under way are stopped, and go on from their checkpoints
            next time.
    """
    halt, part = threading.Event(), place.shared_by(jobs)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            work = [pool.submit(worker, waiting, part, deadline=deadline, slot=slot, halt=halt) for slot in range(jobs)]
            for finished in as_completed(work):
                finished.result()
        except BaseException:
            halt.set()
            raise


def _in_process(
    task: Task, place: RunContext, report: Report, *, deadline: float | None, halt: threading.Event
) -> bool:
    """`attempt` in a process; one that dies is told as a run that broke."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    try:
        process = start(_attempt, theirs, place, *task, deadline)
    except (EOFError, OSError) as error:  # what it is forked from was killed just then, or memory is short
        broken(task[0], place, f"its process could not be started ({type(error).__name__}: {error})", report)
        return True
    theirs.close()  # so that the pipe ends when the process does
    try:
        while not halt.is_set():
            if not ours.poll(LISTEN):
                continue
            try:
                message = ours.recv()
            except (EOFError, OSError):
                broken(task[0], place, f"its process ended unexpectedly (exit code {exit_code(process)})", report)
                break
            if isinstance(message, FerError):
                raise message
            if not isinstance(message, Event):
                return message
            report(message)
    finally:
        process.kill()
        exit_code(process)
        ours.close()
    return True


def _attempt(parent: Connection, place: RunContext, config: RunConfig, keep: bool, deadline: float | None) -> None:
    for number in {"SIGTERM", "SIGUSR2"} & {*dir(signal)}:  # Slurm sends them to all; the parent ends this one
        signal.signal(getattr(signal, number), signal.SIG_IGN)
    try:
        with DeviceSession(place.torch_device()) as workspace:
            done = attempt(config, place, workspace=workspace, keep_weights=keep, deadline=deadline, report=parent.send)
        parent.send(done)
    except FerError as error:
        parent.send(error)
