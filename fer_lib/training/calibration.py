"""How fast this device trains: a few timed steps on noise for every kind of run, kept for a day."""

import hashlib
import itertools
import json
import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np
import torch

from fer_lib.data import FER_CLASSES, FaceSet, apply_rule
from fer_lib.data.batches import DeviceData, augmentation_plan
from fer_lib.files import write_atomically
from fer_lib.paths import cache_folder
from fer_lib.training.config import RunConfig
from fer_lib.training.cost import Speed
from fer_lib.training.evaluate import evaluate
from fer_lib.training.machine import arithmetic, compiles, graphs, prepare, provenance, strict
from fer_lib.training.run import Place
from fer_lib.training.workspace import Workspace

SECONDS = 2.0  # of timed steps, at least
STEPS_ON_GPU = 20  # between two looks at the clock
EVALUATED = 256  # images
MAX_AGE = 86_400.0  # seconds; what else runs on a machine changes
UNDISTURBED = 0.9  # of a core for each thread while it was timed; with less, others were busy, and it is not kept
JOBS_TRIED = (1, 2, 4, 8)
WORTH_IT = 1.1  # more runs at once must train that much more in total


Kind = tuple[str, str, int, bool, int, str, bool, str]
Measured = tuple[Speed, float]


def calibrate(configs: Iterable[RunConfig], place: Place, *, jobs: int = 1) -> dict[RunConfig, Speed]:
    """Speed of every config on `place` with `jobs` such runs at once; one measurement for all of a kind.

    A kind is what speed depends on most: model, stem, width, attention, batch size, augmentation, arithmetic. Takes
    seconds a kind, some more for large models on a CPU; on a GPU also a capture for each.
    """
    configs = list(configs)
    device = place.torch_device()
    place = place.shared_by(jobs)
    kinds = {_kind(config, device): config for config in configs}
    paths = {kind: _cache_path(kind, place, jobs) for kind in kinds}
    found = {kind: speed for kind, path in paths.items() if (speed := _cached(path)) is not None}
    unknown = [kind for kind in kinds if kind not in found]
    time_them = _in_threads if device.type == "cuda" else _in_turns
    for kind, taken in time_them([(kind, kinds[kind]) for kind in unknown], place, jobs).items():
        found[kind] = _mean([speed for speed, _ in taken])
        if min(share for _, share in taken) > UNDISTURBED:
            write_atomically(paths[kind], json.dumps(asdict(found[kind])).encode())
    return {config: found[_kind(config, device)] for config in configs}


def _in_turns(unknown: list[tuple[Kind, RunConfig]], place: Place, jobs: int) -> dict[Kind, list[Measured]]:
    """Every kind `jobs` times, so many at once: one in every round, each of which begins with another kind.

    So neighbours differ as in a campaign.
    """
    alone = jobs == 1
    pool = ThreadPoolExecutor(1) if alone else ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    with pool:
        queue = [one for turn in range(jobs) for one in (*unknown[turn:], *unknown[:turn])]
        measured = [(kind, pool.submit(measure, config, place)) for kind, config in queue]
        return _gathered([(kind, done.result()) for kind, done in measured])


def _in_threads(unknown: list[tuple[Kind, RunConfig]], place: Place, jobs: int) -> dict[Kind, list[Measured]]:
    """Every kind once, `jobs` at once in threads that share a GPU; kinds that fill up the last round twice.

    Captures come one after the other. So all wait for the last one's before any is timed, else each would have had
    the GPU for itself.
    """
    found: list[tuple[Kind, Measured]] = []
    with ThreadPoolExecutor(jobs) as pool:
        for begin in range(0, len(unknown), jobs):
            chosen = list(itertools.islice(itertools.cycle(unknown[begin:] + unknown[:begin]), jobs))
            together = threading.Barrier(jobs)

            def timed(slot: int, config: RunConfig, together: threading.Barrier = together) -> Measured:
                try:
                    return measure(config, place, slot=slot, together=together.wait)
                except BaseException:
                    together.abort()  # the others would wait for ever
                    raise

            done = [pool.submit(timed, slot, config) for slot, (_, config) in enumerate(chosen)]
            broke = [error for task in done if (error := task.exception()) is not None]
            for error in sorted(broke, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
                raise error  # the first that is more than the end of somebody's wait
            found += [(kind, task.result()) for (kind, _), task in zip(chosen, done, strict=True)]
    return _gathered(found)


def _gathered(measured: list[tuple[Kind, Measured]]) -> dict[Kind, list[Measured]]:
    found: dict[Kind, list[Measured]] = {}
    for kind, taken in measured:
        found.setdefault(kind, []).append(taken)
    return found


def best_jobs(device: torch.device) -> int:
    """Runs at once that train the most images a second in total on a GPU, for the model that most runs train."""
    config, place = RunConfig(dataset="toyfaces"), Place(Path(), device=str(device))

    def images_per_second(jobs: int) -> float:
        try:
            return jobs / calibrate([config], place, jobs=jobs)[config].train
        except torch.OutOfMemoryError:
            return 0.0

    return choose_jobs(images_per_second)


def choose_jobs(images_per_second: Callable[[int], float]) -> int:
    """The fewest of `JOBS_TRIED` after which the next larger number gains less than `WORTH_IT`."""
    best = images_per_second(JOBS_TRIED[0])
    for jobs, more in itertools.pairwise(JOBS_TRIED):
        before, best = best, images_per_second(more)
        if best < WORTH_IT * before:
            return jobs
    return JOBS_TRIED[-1]


def measure(
    config: RunConfig, place: Place, *, slot: int = 0, together: Callable[[], object] = lambda: None
) -> Measured:
    """Speed of one run of `config` that has the place, or its slot, for itself, timed on noise for `SECONDS` or more.

    Also the CPU's share: CPU seconds over wall-clock seconds and threads; 1 on a GPU, whose work is not the CPU's.
    `together` is called when all is ready to be timed.
    """
    device = place.torch_device()
    prepare(device, threads=place.threads)
    config = config.model_copy(update={"dataset": "toyfaces", "label_rule": "fer7"})
    faces = _noise(max(EVALUATED, config.batch_size))
    labels = apply_rule(faces, "fer7")
    with Workspace(device, slot=slot) as workspace, workspace.stream():
        began = time.perf_counter()
        data = DeviceData.of(workspace.images(faces), labels, np.arange(len(faces)))
        step = workspace.step(config, data, labels, lambda model: None)
        rows = data.index[: config.batch_size].repeat(STEPS_ON_GPU if device.type == "cuda" else 1)
        plan = augmentation_plan(config.augment, len(rows), seed=0, epoch=0)
        plan = None if plan is None else plan.to(device)

        def timed_pass() -> float:
            started = time.perf_counter()
            step.epoch(rows, plan, dropout_seed=0, lr=lambda number: 1e-6)
            return time.perf_counter() - started

        timed_pass()
        ready = time.perf_counter() - began
        together()
        # of this thread alone, which waits for none that it starts: a busy machine shows as a share below one
        cpu = time.thread_time()
        passes = [timed_pass()]
        while sum(passes) < SECONDS:
            passes.append(timed_pass())
        train, cpu = statistics.median(passes), time.thread_time() - cpu
        started = time.perf_counter()
        evaluate(step.model, data, config, autocast=step.autocast)
        evaluated = time.perf_counter() - started
    share = cpu / sum(passes) if device.type == "cpu" else 1.0
    return Speed(max(0.0, ready - train), train / len(rows), evaluated / len(data)), share


def _noise(n: int) -> FaceSet:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (n, 48, 48), dtype=np.uint8), (np.arange(n) % len(FER_CLASSES))
    return FaceSet("toyfaces", images, labels.astype(np.uint8), FER_CLASSES)


def _kind(config: RunConfig, device: torch.device) -> Kind:
    stn = config.attention not in ("none", "stn_frozen")
    return (
        config.model, config.stem, config.width_per_group, stn, config.batch_size, config.augment,
        bool(config.unwarped_loss), arithmetic(config, device),
    )  # fmt: skip


def _mean(speeds: list[Speed]) -> Speed:
    return Speed(*(statistics.mean(values) for values in zip(*map(astuple, speeds), strict=True)))


def _cache_path(kind: Kind, place: Place, jobs: int) -> Path:
    here = provenance(place.torch_device(), computed_in="")
    key = repr((kind, jobs, place.threads, here["device"], here["torch"], strict(), graphs(), compiles()))
    return cache_folder() / "calibration" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _cached(path: Path) -> Speed | None:
    try:
        if time.time() - path.stat().st_mtime > MAX_AGE:
            return None
        return Speed(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
