"""One run: read from the store, or trained now, from its checkpoint if there is one."""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch

from fer_lib import data
from fer_lib.errors import DataMissing, Fatal, FerError
from fer_lib.files import write_atomically
from fer_lib.models import Classifier
from fer_lib.models.weights import WeightsUnavailable
from fer_lib.tensors import is_whole
from fer_lib.training.checkpoint import Training, save_weights
from fer_lib.training.config import RunConfig
from fer_lib.training.engine import Outcome, Stopped, train
from fer_lib.training.event import Event, title
from fer_lib.training.machine import cores, default_device, prepare, provenance
from fer_lib.training.record import Record
from fer_lib.training.session import DeviceSession
from fer_lib.training.sources import starting_weights, teachers
from fer_lib.training.store import Busy, RunStore

CHECKPOINT_EVERY = 15.0  # seconds of training between two checkpoints; every epoch that takes longer has its own
CHECKPOINT_SHARE = 0.1  # of the time goes into writing them, at most

Report = Callable[[Event], None]
ShouldContinue = Callable[[float], bool]
Task = tuple[RunConfig, bool]  # a run, and whether its weights are kept


@dataclass(frozen=True)
class RunContext:
    """Where runs read and write: the store's folder, the data, the device; all the same for every worker.

    `data` is a folder or file with FER2013 (None: `FER_DATA`, or `data/`), `device` a name such as `cuda:1` (empty: the
    default one), `threads` for the CPU (None: as many as are idle).
    """

    store: str | Path
    data: str | Path | None = None
    device: str = ""
    threads: int | None = None
    checkpoint_every: float = CHECKPOINT_EVERY

    def torch_device(self) -> torch.device:
        """`device`, or `default_device()`."""
        return torch.device(self.device) if self.device else default_device()

    def shared_by(self, jobs: int) -> Self:
        """The place for one of `jobs` runs at once: unless `threads` is given, each has an equal part of the cores."""
        if jobs == 1 or self.torch_device().type != "cpu":
            return self
        return replace(self, threads=self.threads or max(1, cores() // jobs))


def run_one(
    config: RunConfig, place: RunContext, *, workspace: DeviceSession | None = None, keep_weights: bool = False,
    report: Report = lambda event: None, should_continue: ShouldContinue = lambda seconds: True, wait: bool = True,
) -> Record:  # fmt: skip
    """The record of `config`: read from the store, or trained now, from its checkpoint if there is one.

    The runs that this one starts from are trained first where they are missing.

    Args:
        workspace: that of earlier runs in the same thread, which saves time; None: a new one.
        keep_weights: also leave the weights in the store.
        report: told of every epoch and of the run's end.
        should_continue: asked after every epoch, with that epoch's seconds, whether to go on.
        wait: wait for a run that another process has.

    Raises:
        Stopped: `should_continue` said no; the checkpoint is saved.
        Busy: another process has the run, or one that it starts from, and `wait` is False.
        FerError: the data is missing or the store cannot be written.
    """
    store = RunStore(place.store)
    workspace = workspace or DeviceSession(place.torch_device())
    faces = data.load(config.dataset, data=place.data)
    run_id = config.run_id(config.fingerprint(faces))

    def train_before(other: RunConfig) -> Record:
        return run_one(
            other, place, workspace=workspace, keep_weights=True, should_continue=should_continue, wait=wait,
            report=lambda event: None if event.state == "reused" else report(event),
        )  # fmt: skip

    with store.claim(run_id, wait=wait):
        record = store.get(run_id)
        if record is not None and is_complete(record, store, keep_weights=keep_weights):
            report(Event(config, state="reused"))
            return record
        unreadable = keep_weights and store.weights_path(run_id).is_file()
        store.trouble_path(run_id).unlink(missing_ok=True)
        blank = Record(run_id=run_id, config=config, fingerprint=config.fingerprint(faces), status="skipped")
        try:
            start = starting_weights(config, store, train=train_before)
            taught_by = teachers(config, faces, store, train=train_before)
        except WeightsUnavailable as error:
            blank = blank.model_copy(update={"reason": str(error).splitlines()[0]})
            # a finished run stays, even if its own weights are gone and cannot be had again
            record = record if record is not None and record.status == "finished" else store.put(blank)
            report(Event(config, state="skipped", reason=blank.reason))
            return record
        record = _train_and_store(
            blank, faces, place, store, workspace, start, taught_by, keep_weights=keep_weights, report=report,
            should_continue=should_continue,
        )  # fmt: skip
    reason = record.reason
    if damage := store.damaged.get(run_id):
        reason = reason or f"its record was damaged ({damage})"
    elif unreadable:
        reason = reason or "its weights were damaged"
    report(Event(config, state="diverged" if record.status == "diverged" else "trained", reason=reason))
    return record


def is_complete(record: Record, store: RunStore, *, keep_weights: bool) -> bool:
    """Whether a run need not be trained (again): it ended, and its weights are there, whole, if they are wanted."""
    wanting = keep_weights and not is_whole(store.weights_path(record.run_id))
    return record.status == "diverged" or (record.status == "finished" and not wanting)


def attempt(
    config: RunConfig, place: RunContext, *, workspace: DeviceSession, keep_weights: bool, deadline: float | None,
    report: Report, halt: threading.Event | None = None,
) -> bool:  # fmt: skip
    """Trains a run of a campaign and reports how it ended; False if another process has the run just now.

    `halt` stops it after the epoch under way, `deadline` (`time.monotonic()`) before an epoch that would not end by it.
    One that breaks is reported as broken, and the store keeps what was said (`RunStore.trouble_path`).

    Raises:
        FerError: no run can be trained here (any more).
    """

    def should_continue(seconds: float) -> bool:
        halted = halt is not None and halt.is_set()
        return not halted and (deadline is None or time.monotonic() + 1.5 * seconds <= deadline)

    try:
        run_one(
            config, place, workspace=workspace, keep_weights=keep_weights, report=report,
            should_continue=should_continue, wait=False,
        )  # fmt: skip
    except Busy:
        report(Event(config, reason="another process trains it"))
        return False
    except Stopped:
        report(Event(config, state="stopped"))
    except (Fatal, DataMissing):
        raise
    except torch.AcceleratorError as error:  # every later call of this process to the GPU ends so, too
        raise Fatal(
            f"The GPU failed while {title(config)} was trained, or by a run beside it: {str(error).splitlines()[0]}.\n"
            "This process can train no more; what is finished is kept. --jobs 1 tells which run it is."
        ) from error
    except Exception as error:
        kind = "" if isinstance(error, FerError) else f"{type(error).__name__}: "
        where = "".join(traceback.format_exception(error))
        traceback.clear_frames(error.__traceback__)  # they hold the step
        workspace.clear()
        broken(config, place, " ".join(f"{kind}{error}".split())[:300], report, where=where)
    return True


def broken(config: RunConfig, place: RunContext, what: str, report: Report, *, where: str = "") -> None:
    """Reports a run that broke, and leaves what is known of it in the store, to be read there."""
    faces = data.load(config.dataset, data=place.data)
    path = RunStore(place.store).trouble_path(config.run_id(config.fingerprint(faces)))
    write_atomically(path, f"{title(config)}\n{config.canonical()}\n{what}\n{where}".encode())
    report(Event(config, state="broken", reason=f"{what} (see {path})"))


def _train_and_store(
    blank: Record, faces: data.FaceSet, place: RunContext, store: RunStore, workspace: DeviceSession,
    start: Callable[[Classifier], None], teachers: list[Classifier], *, keep_weights: bool, report: Report,
    should_continue: ShouldContinue,
) -> Record:  # fmt: skip
    config, run_id = blank.config, blank.run_id
    prepare(workspace.device, threads=place.threads)
    checkpoint = store.checkpoint_path(run_id)
    save_at = time.monotonic() + place.checkpoint_every

    def after_epoch(training: Training, images: int) -> bool:
        nonlocal save_at
        line = training.history[-1]
        report(Event(config, line.epoch, line.eval_accuracy, images, line.seconds))
        goes_on = line.epoch == config.epochs or should_continue(line.seconds + line.eval_seconds)
        began = time.monotonic()
        if line.epoch < config.epochs and (not goes_on or began >= save_at):
            training.save(checkpoint, run_id=run_id)
            ended = time.monotonic()
            save_at = ended + max(place.checkpoint_every, (ended - began) / CHECKPOINT_SHARE)
        return goes_on

    with workspace.stream():
        outcome = train(
            config, faces, workspace=workspace, start=start, teachers=teachers, after_epoch=after_epoch,
            resume=lambda training: training.restore(checkpoint, run_id=run_id),
        )  # fmt: skip
        if keep_weights:
            save_weights(outcome.model, store.weights_path(run_id))
    record = store.put(_record(blank, outcome, workspace.device), outcome.arrays)
    checkpoint.unlink(missing_ok=True)
    return record


def _record(blank: Record, outcome: Outcome, device: torch.device) -> Record:
    trained = sum(line.seconds for line in outcome.history)
    images = outcome.train_images * len(outcome.history)
    return blank.model_copy(
        update={
            "status": outcome.status,
            "reason": outcome.reason,
            "classes": list(outcome.classes),
            "train_images": outcome.train_images,
            "test_images": len(outcome.arrays["rows"]),
            "history": outcome.history,
            "metrics": outcome.metrics,
            "robustness": outcome.robustness,
            "seconds": round(trained + sum(line.eval_seconds for line in outcome.history), 2),
            "images_per_second": round(images / max(trained, 1e-9), 1),
            "provenance": provenance(device, computed_in=outcome.arithmetic, step=outcome.step),
        }
    )
