"""A worker of a campaign on a cluster, as submitit runs it: what it trains, and what it says of itself."""

import json
import signal
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_lib.campaign.cost import gflop
from fer_lib.campaign.progress import Progress
from fer_lib.campaign.schedule import default_jobs, run_all
from fer_lib.files import write_atomically
from fer_lib.training.config import RunConfig
from fer_lib.training.event import Event, title
from fer_lib.training.run import RunContext


def folder_of(store: str | Path) -> Path:
    """Where the workers of a store have their logs (`<job>_0_log.out`) and say what they do (`<job>.json`)."""
    return Path(store) / "work" / "cluster"


@dataclass
class WorkerStatus:
    """What a worker last said of itself; a file that it writes after every epoch.

    Attributes:
        runs: of each run under way its title, last epoch, their number, and images and GFLOP a second; by its config.
        end: its tally, once it has come to its end.
    """

    runs: dict[str, tuple[str, int, int, float, float]] = field(default_factory=dict)
    end: str = ""

    def take(self, event: Event) -> None:
        """Notes an event of a run."""
        config, seconds = event.config, max(event.seconds, 1e-9)
        if event.state:
            self.runs.pop(config.canonical(), None)
        elif event.epoch:
            speeds = event.images / seconds, gflop(config) / config.epochs / seconds
            self.runs[config.canonical()] = (title(config), event.epoch, config.epochs, *speeds)


@dataclass(frozen=True)
class Worker:
    """One job of the array; submitit calls it, and queues it again (`checkpoint`) when its time is over.

    `jobs` runs at once, 0 for one per core or as many as a GPU likes; the rest is as `run_all` has it.
    """

    configs: tuple[RunConfig, ...]
    place: RunContext
    jobs: int = 0
    keep_weights: frozenset[RunConfig] = frozenset()
    need_weights: bool = False

    def __call__(self) -> None:
        from submitit import JobEnvironment

        job = JobEnvironment()
        if job.cluster == "local":  # on Slurm submitit does without SIGTERM, which comes before the signal to go
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's, which all that it started hear
        doing = WorkerStatus()
        jobs = default_jobs(self.jobs)

        def note() -> None:
            path = folder_of(self.place.store) / f"{job.job_id}.json"
            write_atomically(path, json.dumps(asdict(doing)).encode())

        note()
        with Progress(self.configs, self.place.store, jobs=jobs, every_epoch=True) as progress:

            def report(event: Event) -> None:
                progress.report(event)
                doing.take(event)
                note()

            tally = run_all(
                self.configs, self.place, jobs=jobs, report=report, keep_weights=self.keep_weights,
                need_weights=self.need_weights,
            )  # fmt: skip
        print(tally)
        doing.end = str(tally)
        note()

    def checkpoint(self) -> Any:
        """What submitit queues when the time is over: the same again, since the checkpoints are in the store."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
