"""A campaign on a Slurm cluster: an array of workers on a shared folder, through submitit.

A worker is a campaign of its own. It takes the runs that are missing by the store's claims, so that workers need not
know of each other, come and go at any time, and leave at most an epoch to be trained again.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import yaml

from fer_lib.campaign.worker import Worker, folder_of
from fer_lib.errors import FerError
from fer_lib.files import write_atomically
from fer_lib.training.config import RunConfig
from fer_lib.training.store import RunStore

AGAIN = 10_000  # times that a worker is queued again after its time was over
LOOK_EVERY = 10.0  # seconds between two looks at the workers
MINUTES = 240  # that a worker may train before it is queued again, unless it is told otherwise


def submit(worker: Worker, *, workers: int, options: Sequence[str] = ()) -> list[str]:
    """Starts the workers, and returns the names of their jobs; earlier ones of the store that are not over come first.

    Args:
        options: `name=value`, of sbatch, such as `partition=gpu`.

    Raises:
        FerError: submitit or Slurm is not here or does not take an option.
    """
    try:
        import submitit
    except ImportError:
        raise FerError("A cluster needs submitit.\nInstall it with `pip install 'fer_lib[cluster]'`.") from None
    store = Path(worker.place.store).absolute()
    data = None if worker.place.data is None else Path(worker.place.data).absolute()
    worker = replace(worker, place=replace(worker.place, store=store, data=data))
    folder = folder_of(store)
    if shutil.which("sbatch") is None:
        raise FerError("There is no Slurm here: sbatch is not found.\nWithout --cluster this machine trains.")
    earlier = [*Workers.of(store).states()] if (folder / "jobs.json").is_file() else []
    executor = submitit.SlurmExecutor(folder, max_num_timeout=AGAIN)
    try:
        executor.update_parameters(**_parameters(options))
        with _detached():
            jobs = earlier + [job.job_id for job in executor.submit_array([worker] * workers)]
            write_atomically(folder / "jobs.json", json.dumps({"jobs": jobs}).encode())
    except (submitit.core.utils.FailedJobError, ValueError) as error:
        raise FerError(f"The workers could not be started: {str(error).splitlines()[0]}") from error
    return jobs


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


@contextlib.contextmanager
def _detached() -> Iterator[None]:
    """What is started meanwhile does not hear Ctrl-C or the terminal's end, and holds no pipe that this process has."""
    signals, ours = {signal.SIGINT, signal.SIGHUP}, (1, 2)
    kept = [os.dup(number) for number in ours]
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        with open(os.devnull, "wb") as nowhere:
            for number in ours:
                os.dup2(nowhere.fileno(), number)
            yield
    finally:
        for number, copy in zip(ours, kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)  # last: what waits is raised here


@dataclass(frozen=True)
class Workers:
    """The workers that were sent to work on a store."""

    store: RunStore
    jobs: list[str]

    @classmethod
    def of(cls, store: str | Path) -> Self:
        """Those that were last sent there, and earlier ones that were not over then.

        Raises:
            FerError: none was sent.
        """
        try:
            found = json.loads((folder_of(store) / "jobs.json").read_bytes())
        except FileNotFoundError:
            raise FerError(f"No workers have been sent to {store}.\n`run … --cluster slurm` sends some.") from None
        return cls(RunStore(store), found["jobs"])

    def states(self) -> dict[str, str]:
        """By job, what Slurm says of it (`RUNNING on node3`); only those that are not over."""
        if shutil.which("squeue") is None:
            raise FerError("There is no Slurm here: squeue is not found.\nAsk where the workers were sent from.")
        arrays = ",".join(dict.fromkeys(job.partition("_")[0] for job in self.jobs))
        done = subprocess.run(
            ["squeue", "--noheader", "--array", "--format=%i|%T|%R", f"--jobs={arrays}"], capture_output=True, text=True
        )
        if done.returncode and "Invalid job id" not in done.stderr:  # it has forgotten them: they are over
            return dict.fromkeys(self.jobs, "UNKNOWN, since Slurm does not answer")
        lines = [line.split("|", 2) for line in done.stdout.splitlines()]
        known = {job: f"{state} {'on ' if state == 'RUNNING' else ''}{where}" for job, state, where in lines}
        return {job: known[job] for job in self.jobs if job in known}  # COMPLETING, too: it may be queued again

    def said(self, job: str) -> str:
        """The last line of a worker's log that is not submitit's: a run's last epoch, or how all ended."""
        with contextlib.suppress(FileNotFoundError):
            lines = (folder_of(self.store.folder) / f"{job}_0_log.out").read_text().splitlines()
            return next((line for line in reversed(lines) if line and not line.startswith("submitit ")), "")
        return ""

    def cancel(self) -> int:
        """Ends those that are not over, and returns their number; at most an epoch of each run is lost."""
        left = [*self.states()]
        if left:
            done = subprocess.run(["scancel", *left], capture_output=True, text=True)
            if done.returncode:
                raise FerError(f"Slurm does not end them: {done.stderr.strip().splitlines()[0]}\nTry again later.")
        return len(left)

    def told(self, configs: Sequence[RunConfig]) -> list[str]:
        """A line for each worker, and one for the runs among `configs`: how many are there."""
        states = self.states()
        lines = [f"{job}  {states.get(job, 'OVER')}  {self.said(job)}".rstrip() for job in self.jobs]
        there = len(configs) - len(self.left(configs))
        return [*lines, f"{there} of {len(configs)} runs are there; logs are in {folder_of(self.store.folder)}"]

    def left(self, configs: Sequence[RunConfig]) -> list[RunConfig]:
        """Those of `configs` without a record."""
        there = {record.config for record in self.store.records()}
        return [config for config in configs if config not in there]

    def follow(self, configs: Sequence[RunConfig]) -> None:
        """Prints what `told` says whenever it has changed, until all workers are over."""
        before: list[str] = []
        while True:
            over, lines = not self.states(), self.told(configs)
            if lines != before:
                print("\n".join(lines), flush=True)
            if over:
                return
            before = lines
            time.sleep(LOOK_EVERY)
