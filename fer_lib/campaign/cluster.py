"""A campaign on a Slurm cluster: an array of workers on a shared folder, through submitit.

A worker is a campaign of its own. It takes the runs that are missing by the store's claims, so that workers need not
know of each other, come and go at any time, and leave at most an epoch to be trained again.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from fer_lib.campaign.progress import Progress
from fer_lib.campaign.schedule import default_jobs, run_all
from fer_lib.errors import FerError
from fer_lib.training.config import RunConfig
from fer_lib.training.run import RunContext

AGAIN = 10_000  # times that a worker is queued again after its time was over
MINUTES = 240  # that a worker may train before it is queued again, unless it is told otherwise


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


def folder_of(store: str | Path) -> Path:
    """Where the workers of a store have their logs (`<job>_0_log.out`)."""
    return Path(store) / "work" / "cluster"


def submit(worker: Worker, *, workers: int, options: Sequence[str] = ()) -> str:
    """Sends the workers to Slurm, and returns the number of their job.

    Args:
        options: `name=value`, of sbatch, such as `partition=gpu`.

    Raises:
        FerError: submitit or Slurm is not here or does not take an option.
    """
    try:
        import submitit
    except ImportError:
        raise FerError("A cluster needs submitit.\nInstall it with `pip install 'fer_lib[cluster]'`.") from None
    if shutil.which("sbatch") is None:
        raise FerError("There is no Slurm here: sbatch is not found.\nWithout --cluster this machine trains.")
    store = Path(worker.place.store).absolute()
    data = None if worker.place.data is None else Path(worker.place.data).absolute()
    worker = replace(worker, place=replace(worker.place, store=store, data=data))
    executor = submitit.SlurmExecutor(folder_of(store), max_num_timeout=AGAIN)
    try:
        executor.update_parameters(**_parameters(options))
        first, *_ = executor.submit_array([worker] * workers)
    except (submitit.core.utils.FailedJobError, ValueError) as error:
        raise FerError(f"The workers could not be started: {str(error).splitlines()[0]}") from error
    return str(first.job_id).partition("_")[0]


def _parameters(options: Sequence[str]) -> dict[str, Any]:
    import submitit

    given: dict[str, Any] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise FerError(f"--cluster-option: {option!r} is not name=value, such as partition=gpu.")
        given[name.replace("-", "_")] = yaml.safe_load(value)
    known = submitit.SlurmExecutor._valid_parameters()
    further = {name.replace("_", "-"): given.pop(name) for name in [*given] if name not in known}
    given |= {"additional_parameters": further} if further else {}
    return {"job_name": "fer_lib", "time": MINUTES, "stderr_to_stdout": True} | given
