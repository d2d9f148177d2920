"""A campaign: trains what is missing of a list of runs, in its order, in parallel, against a deadline."""

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from fer_lib import data
from fer_lib.campaign.cost import run_seconds
from fer_lib.campaign.order import with_pretraining
from fer_lib.campaign.pool import RunQueue, run_apart, run_here, run_in_threads
from fer_lib.data.duplicates import near_groups
from fer_lib.errors import FerError
from fer_lib.processes import preload
from fer_lib.training.config import RunConfig
from fer_lib.training.event import Event, State
from fer_lib.training.machine import cores, default_device, strict
from fer_lib.training.run import Report, RunContext, Task, is_complete
from fer_lib.training.store import RunStore

ON_A_GPU = 4  # runs at once: on an H100 they train twice the images of one, and eight hardly more (LOG.md)


@dataclass
class Tally:
    """How the runs of a campaign ended, by state."""

    states: dict[RunConfig, State] = field(default_factory=dict)
    reasons: dict[RunConfig, str] = field(default_factory=dict)

    def count(self, state: State) -> int:
        return sum(found == state for found in self.states.values())

    def __str__(self) -> str:
        text = ", ".join(f"{self.count(state)} {state}" for state in ("trained", "reused", "diverged", "skipped"))
        text += f", {broken} broken" if (broken := self.count("broken")) else ""
        return text + (f", {left} left" if (left := self.count("stopped")) else "")


def default_jobs(jobs: int = 0) -> int:
    """Runs at once: `jobs`, or for 0 one per CPU core, or on a GPU `ON_A_GPU`."""
    return jobs or (ON_A_GPU if default_device().type == "cuda" else cores())


def run_all(
    configs: Sequence[RunConfig], place: RunContext, *, jobs: int = 1, deadline: float | None = None,
    keep_weights: frozenset[RunConfig] = frozenset(), need_weights: bool = False, report: Report = lambda event: None,
) -> Tally:  # fmt: skip
    """Trains what is missing of `configs`, in their order, each after its pre-training; returns how each ended.

    With several `jobs`, each is a process with its share of the CPU's threads, or a stream of its own on a GPU.
    `deadline` (`time.monotonic()`) stops cleanly before it: no run starts that should not get through an epoch, as far
    as that can be guessed, and a run under way stops after one. A run that another process is training is left to
    it. One that breaks does not stop the others, but three in a row do. The weights of `keep_weights` are kept where
    such a run is trained; one that is there without them is trained again only if they are needed (`need_weights`).

    Raises:
        FerError: data missing or a wrong FER_MODE (before anything is trained), a store that cannot be written, or
            nothing but broken runs.
    """
    strict()  # a wrong FER_MODE is told once, and not as the fault of every run
    tally = Tally()

    def note(event: Event) -> None:
        if event.state:
            tally.states[event.config] = event.state
            tally.reasons[event.config] = event.reason
        report(event)

    store = RunStore(place.store)
    tasks = _missing(with_pretraining(configs), place, store, keep_weights, need_weights, note)
    _find_copies([config for config, _ in tasks], place)

    jobs = max(1, min(jobs, len(tasks)))
    seconds = run_seconds([config for config, _ in tasks], jobs=jobs) if deadline is not None else {}

    def held_back(config: RunConfig) -> str:
        if deadline is None:
            return ""
        needed, left = seconds.get(config, 0.0) / config.epochs, deadline - time.monotonic()
        late = f"its first epoch should take {needed / 60:.1f} min, and {left / 60:.1f} are left"
        return late if needed >= left else ""

    waiting = RunQueue(tasks, held_back=held_back, report=note)
    if jobs == 1:
        run_here(waiting, place, deadline=deadline)
    else:
        preload(["fer_lib.training.run", "torchvision.models"])
        worker = run_here if place.torch_device().type == "cuda" else run_apart
        run_in_threads(waiting, place, jobs=jobs, deadline=deadline, worker=worker)
    return tally


def _missing(
    ordered: Sequence[RunConfig], place: RunContext, store: RunStore, keep_weights: frozenset[RunConfig],
    need_weights: bool, report: Report,
) -> list[Task]:  # fmt: skip
    """What is to be trained, and whether its weights are to be kept; the rest is reported as reused or skipped.

    A pre-training run whose data is not here is skipped, as are then the runs that start from it. Where it is trained,
    its weights are kept; they count as missing only if such a run is.
    """
    before = {run for config in ordered for run in config.before}
    complete, absent = {}, {}
    load = functools.cache(functools.partial(data.load, data=place.data))
    for config in ordered:
        try:
            faces = load(config.dataset)
        except FerError as error:
            if config not in before:
                raise
            absent[config] = str(error).splitlines()[0]
            continue
        record = store.get(config.run_id(config.fingerprint(faces)))
        complete[config] = [
            record is not None and is_complete(record, store, keep_weights=keep) for keep in (False, True)
        ]
    started_from = {run for config, (there, _) in complete.items() if not there for run in config.before}
    tasks = []
    for config in ordered:
        needed = config in started_from or (need_weights and config in keep_weights)
        if config in absent:
            report(Event(config, state="skipped", reason=absent[config]))
        elif complete[config][needed]:
            report(Event(config, state="reused"))
        else:
            tasks.append((config, needed or config in keep_weights or config.is_for_others))
    return tasks


def _find_copies(configs: Sequence[RunConfig], place: RunContext) -> None:
    """Searches each data set for near-copies, which every run's end asks for: once here, not in every process."""
    for name in dict.fromkeys(config.dataset for config in configs):
        if name not in data.PRETRAINING_SETS:
            near_groups(data.load(name, data=place.data))
