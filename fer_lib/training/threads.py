"""Runs side by side on one GPU: a thread and a CUDA stream for each, since one small run cannot fill the device.

Replaying a captured step needs the interpreter for microseconds only, so threads do not wait for each other.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed

import torch

from fer_lib.training.config import RunConfig
from fer_lib.training.event import Event
from fer_lib.training.run import Place, Report, Task, attempt
from fer_lib.training.step import Workspace


def run_in_threads(
    tasks: Iterable[Task],
    place: Place,
    *,
    jobs: int,
    deadline: float | None,
    may_start: Callable[[RunConfig], bool],
    report: Report,
) -> None:
    """Trains `tasks`, `jobs` at a time; no thread is left when this returns or raises.

    Raises:
        FerError: a run broke; the others stop after their epoch, and go on from their checkpoints next time.
    """
    waiting = deque(tasks)
    lock = threading.RLock()
    halt = threading.Event()

    def tell(event: Event) -> None:
        with lock:
            report(event)

    def next_task() -> Task | None:
        with lock:
            while waiting and not halt.is_set():
                task = waiting.popleft()
                if may_start(task[0]):
                    return task
                tell(Event(task[0], state="stopped"))
        return None

    def work() -> None:
        workspace = Workspace(place.torch_device())
        with own_stream(workspace.device):
            while task := next_task():
                config, keep = task
                if not attempt(
                    config, place, workspace=workspace, keep_weights=keep, deadline=deadline, report=tell, halt=halt
                ):
                    waiting.insert(1, task)  # it keeps its place, behind one that can go on

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for finished in as_completed([pool.submit(work) for _ in range(jobs)]):
                finished.result()
        except BaseException:
            halt.set()
            raise


def own_stream(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """A CUDA stream of its own for what this thread does; nothing on the CPU."""
    return torch.cuda.stream(torch.cuda.Stream(device)) if device.type == "cuda" else contextlib.nullcontext()
