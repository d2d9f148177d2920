"""A worker of a campaign on a cluster, as submitit runs it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_lib.campaign.progress import Progress
from fer_lib.campaign.schedule import default_jobs, run_all
from fer_lib.training.config import RunConfig
from fer_lib.training.run import RunContext


def folder_of(store: str | Path) -> Path:
    """Where the workers of a store have their logs (`<job>_0_log.out`)."""
    return Path(store) / "work" / "cluster"


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
        jobs = default_jobs(self.jobs)
        with Progress(self.configs, self.place.store, jobs=jobs, every_epoch=True) as progress:
            tally = run_all(
                self.configs, self.place, jobs=jobs, report=progress.report, keep_weights=self.keep_weights,
                need_weights=self.need_weights,
            )  # fmt: skip
        print(tally)

    def checkpoint(self) -> Any:
        """What submitit queues when the time is over: the same again, since the checkpoints are in the store."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
