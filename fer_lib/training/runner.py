"""Runs what is missing: one run (`run_one`), or a whole list of them in parallel and against a deadline (`run_all`)."""

import contextlib
import dataclasses
import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from fer_lib import data
from fer_lib.errors import FerError
from fer_lib.models import Classifier
from fer_lib.models.weights import IMAGENET, WeightsUnavailable, imagenet_file, load_imagenet, load_run
from fer_lib.training import cost
from fer_lib.training.checkpoint import Training, save_weights
from fer_lib.training.config import RunConfig
from fer_lib.training.device import arithmetic, default_device, prepare, provenance
from fer_lib.training.engine import Outcome, Stopped, train
from fer_lib.training.record import Record
from fer_lib.training.store import RunStore

CHECKPOINT_EVERY = 15.0  # seconds of training between two checkpoints; every epoch that takes longer has its own
State = Literal["trained", "reused", "diverged", "skipped", "stopped", "failed"]


@dataclass(frozen=True)
class Event:
    """What a run reports: an epoch (`state` empty) or its end."""

    config: RunConfig
    epoch: int = 0
    accuracy: float = 0.0
    images: int = 0
    seconds: float = 0.0
    state: State | Literal[""] = ""
    reason: str = ""


@dataclass
class Tally:
    """How the runs of a campaign ended, by state."""

    states: dict[RunConfig, State] = field(default_factory=dict)
    reasons: dict[RunConfig, str] = field(default_factory=dict)

    def count(self, state: State) -> int:
        return sum(found == state for found in self.states.values())

    def __str__(self) -> str:
        text = ", ".join(f"{self.count(state)} {state}" for state in ("trained", "reused", "diverged", "skipped"))
        left = self.count("stopped")
        return f"{text}, {left} left" if left else text


@dataclass(frozen=True)
class Place:
    """Where runs read and write: the store's folder, the data, the device; all the same for every worker."""

    store: Path
    data: Path | None = None
    device: str = ""
    threads: int | None = None
    checkpoint_every: float = CHECKPOINT_EVERY

    def torch_device(self) -> torch.device:
        return torch.device(self.device) if self.device else default_device()


def run_one(
    config: RunConfig,
    place: Place,
    *,
    keep_weights: bool = False,
    report: Callable[[Event], None] = lambda event: None,
    go_on: Callable[[float], bool] = lambda seconds: True,
) -> Record:
    """The record of `config`: read from the store, or trained now, from its checkpoint if there is one.

    `go_on` is asked after every epoch, with that epoch's seconds.

    Raises:
        Stopped: `go_on` said no; the checkpoint is saved.
        FerError: the data is missing or the store cannot be written.
    """
    store = RunStore(place.store)
    faces = data.load(config.dataset, data=place.data, labelling=config.labelling)
    run_id = config.run_id(faces.fingerprint)
    with store.claim(run_id):
        record = store.get(run_id)
        complete = not keep_weights or store.weights_path(run_id).is_file()
        if record and (record.status == "diverged" or (record.status == "finished" and complete)):
            report(Event(config, state="reused"))
            return record
        blank = Record(run_id=run_id, config=config, fingerprint=faces.fingerprint, status="skipped")
        try:
            start = _starting_weights(config, place, go_on)
        except WeightsUnavailable as error:
            reason = str(error).splitlines()[0]
            report(Event(config, state="skipped", reason=reason))
            return store.put(blank.model_copy(update={"reason": reason}))
        record = _train_and_store(
            blank, faces, place, store, start, keep_weights=keep_weights, report=report, go_on=go_on
        )
    report(Event(config, state="diverged" if record.status == "diverged" else "trained", reason=record.reason))
    return record


def _starting_weights(config: RunConfig, place: Place, go_on: Callable[[float], bool]) -> Callable[[Classifier], None]:
    if config.pretrained in IMAGENET:
        file = imagenet_file(config.pretrained)
        return lambda model: load_imagenet(model, file)
    if config.pretraining is None:
        return lambda model: None
    try:
        before = run_one(config.pretraining, place, keep_weights=True, go_on=go_on)
    except FerError as error:
        raise WeightsUnavailable(f"no pre-training on {config.pretrained}: {error}") from error
    if before.status != "finished":
        raise WeightsUnavailable(f"the pre-training run {before.run_id} {before.status}: {before.reason}")
    path = RunStore(place.store).weights_path(before.run_id)
    return lambda model: load_run(model, path)


def _train_and_store(
    blank: Record,
    faces: data.FaceSet,
    place: Place,
    store: RunStore,
    start: Callable[[Classifier], None],
    *,
    keep_weights: bool,
    report: Callable[[Event], None],
    go_on: Callable[[float], bool],
) -> Record:
    config, run_id = blank.config, blank.run_id
    device = place.torch_device()
    prepare(device, threads=place.threads)
    checkpoint = store.checkpoint_path(run_id)
    saved_at = time.monotonic()

    def after_epoch(training: Training, images: int) -> bool:
        nonlocal saved_at
        line = training.history[-1]
        report(Event(config, line.epoch, line.eval_accuracy, images, line.seconds))
        goes_on = line.epoch == config.epochs or go_on(line.seconds)
        if line.epoch < config.epochs and (not goes_on or time.monotonic() - saved_at >= place.checkpoint_every):
            training.save(checkpoint, run_id=run_id)
            saved_at = time.monotonic()
        return goes_on

    outcome = train(
        config, faces, device=device, start=start, after_epoch=after_epoch,
        resume=lambda training: training.restore(checkpoint, run_id=run_id),
    )  # fmt: skip
    if keep_weights:
        save_weights(outcome.model, store.weights_path(run_id))
    record = store.put(_record(blank, outcome, device), outcome.arrays)
    checkpoint.unlink(missing_ok=True)
    return record


def _record(blank: Record, outcome: Outcome, device: torch.device) -> Record:
    seconds = sum(line.seconds for line in outcome.history)
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
            "seconds": round(seconds, 2),
            "images_per_second": round(images / max(seconds, 1e-9), 1),
            "provenance": provenance(device, computed_in=arithmetic(blank.config, device)),
        }
    )


def in_order(configs: Iterable[RunConfig]) -> list[RunConfig]:
    """Distinct configs with the pre-training runs they need, in the order to train them.

    Pre-training first, what starts from it last, the longest first in between, so that parallel jobs end together.
    """
    wanted = list(dict.fromkeys(configs))
    before = list(dict.fromkeys(config.pretraining for config in wanted if config.pretraining is not None))
    rest = [config for config in wanted if config not in before]
    return before + sorted(rest, key=lambda config: (config.pretraining is not None, -cost.gflop(config)))


def run_all(
    configs: Sequence[RunConfig],
    place: Place,
    *,
    jobs: int = 1,
    deadline: float | None = None,
    keep_weights: frozenset[RunConfig] = frozenset(),
    report: Callable[[Event], None] = lambda event: None,
) -> Tally:
    """Trains what is missing of `configs` and returns how each ended.

    With several `jobs`, each is a process with its share of the CPU's threads. `deadline` (`time.monotonic()`) stops
    cleanly before it: no run starts that should not get through an epoch, and a run under way stops after one.

    Raises:
        FerError: data missing, or a store that cannot be written.
    """
    tally = Tally()

    def note(event: Event) -> None:
        if event.state:
            tally.states[event.config] = event.state
            tally.reasons[event.config] = event.reason
        report(event)

    ordered = in_order(configs)
    if jobs <= 1 or len(ordered) <= 1:
        for config in ordered:
            _run_or_stop(config, place, config in keep_weights, deadline, note)
    else:
        _run_in_processes(ordered, place, min(jobs, len(ordered)), deadline, keep_weights, note)
    return tally


def _run_or_stop(
    config: RunConfig,
    place: Place,
    keep_weights: bool,
    deadline: float | None,
    report: Callable[[Event], None],
) -> None:
    parent = os.getppid()

    def go_on(seconds: float) -> bool:
        late = deadline is not None and time.monotonic() + 1.5 * seconds > deadline
        return not late and os.getppid() == parent  # a worker whose parent was killed stops as well

    try:
        if deadline is not None and time.monotonic() >= deadline:
            raise Stopped
        run_one(config, place, keep_weights=keep_weights, report=report, go_on=go_on)
    except Stopped:
        report(Event(config, state="stopped"))


def _run_in_processes(
    configs: Sequence[RunConfig],
    place: Place,
    jobs: int,
    deadline: float | None,
    keep_weights: frozenset[RunConfig],
    report: Callable[[Event], None],
) -> None:
    context = multiprocessing.get_context("spawn")
    tasks: Any = context.Queue()
    events: Any = context.Queue()
    for config in configs:
        tasks.put((config.canonical(), config in keep_weights))
    for _ in range(jobs):
        tasks.put(None)
    share = max(1, (os.cpu_count() or 1) // jobs)
    here = dataclasses.replace(place, threads=place.threads or share)
    workers = [context.Process(target=_work, args=(tasks, events, here, deadline), daemon=True) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    try:
        ended = 0
        while ended < len(configs):
            try:
                event = events.get(timeout=1.0)
            except queue.Empty:
                if all(not worker.is_alive() for worker in workers) and events.empty():
                    raise FerError(
                        "The training processes ended unexpectedly; out of memory? Try fewer jobs (JOBS=1)."
                    ) from None
                continue
            if isinstance(event, FerError):
                raise event
            ended += bool(event.state)
            report(event)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _work(tasks: Any, events: Any, place: Place, deadline: float | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    with contextlib.suppress(KeyboardInterrupt):
        while (task := tasks.get()) is not None:
            text, keep_weights = task
            try:
                _run_or_stop(RunConfig.model_validate_json(text), place, keep_weights, deadline, events.put)
            except FerError as error:
                events.put(error)
                return
