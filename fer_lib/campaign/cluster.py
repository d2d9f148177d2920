"""A campaign on a cluster: an array of workers on a shared folder, through submitit.

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

import psutil
import torch
import yaml

from fer_lib.campaign.worker import Worker, folder_of
from fer_lib.errors import FerError
from fer_lib.files import write_atomically
from fer_lib.training.config import RunConfig
from fer_lib.training.machine import cores
from fer_lib.training.store import RunStore

AGAIN = 10_000  # times that a worker is queued again after its time was over
LOOK_EVERY = 10.0  # seconds between two looks at the workers
# A worker that is not told otherwise may train for four hours before it is queued again.
DEFAULTS: dict[str, dict[str, Any]] = {
    "slurm": {"job_name": "fer_lib", "time": 240, "stderr_to_stdout": True},
    "local": {"timeout_min": 10**6, "stderr_to_stdout": True},
}


def submit(worker: Worker, *, cluster: str, workers: int, options: Sequence[str] = ()) -> list[str]:
    """Starts the workers, and returns the names of their jobs; earlier ones of the store that are not over come first.

    Args:
        options: `name=value`, of sbatch on Slurm, such as `partition=gpu`.

    Raises:
        FerError: no such cluster, submitit or Slurm is not here or does not take an option, or the store has workers
            on another cluster.
    """
    if cluster not in DEFAULTS:
        raise FerError(f"--cluster: {cluster!r} is neither slurm nor local.")
    try:
        import submitit
    except ImportError:
        raise FerError("A cluster needs submitit.\nInstall it with `pip install 'fer_lib[cluster]'`.") from None
    store = Path(worker.place.store).absolute()
    data = None if worker.place.data is None else Path(worker.place.data).absolute()
    worker = replace(worker, place=replace(worker.place, store=store, data=data))
    if cluster == "local":
        worker = _one_of(worker, workers)
    folder = folder_of(store)
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise FerError("There is no Slurm here: sbatch is not found.\n`--cluster local` starts the workers here.")
    earlier: list[str] = []
    if (folder / "jobs.json").is_file():
        sent = Workers.of(store)
        earlier = [*sent.states()]
        if earlier and sent.cluster != cluster:
            raise FerError(f"There are workers on {sent.cluster}.\nEnd them first: the same command with --cancel.")
    executor = (submitit.SlurmExecutor if cluster == "slurm" else submitit.LocalExecutor)(folder, max_num_timeout=AGAIN)
    try:
        executor.update_parameters(**_parameters(cluster, options))
        with _detached():
            jobs = earlier + [job.job_id for job in executor.submit_array([worker] * workers)]
            write_atomically(folder / "jobs.json", json.dumps({"cluster": cluster, "jobs": jobs}).encode())
    except (submitit.core.utils.FailedJobError, ValueError) as error:
        raise FerError(f"The workers could not be started: {str(error).splitlines()[0]}") from error
    return jobs


def _one_of(worker: Worker, workers: int) -> Worker:
    """The worker as one of several on this machine, of whose cores each run has an equal part."""
    if worker.place.torch_device().type != "cpu":
        return worker
    jobs = worker.jobs or max(1, cores() // workers)
    return replace(worker, jobs=jobs, place=worker.place.shared_by(jobs * workers))


def _parameters(cluster: str, options: Sequence[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise FerError(f"--cluster-option: {option!r} is not name=value, such as partition=gpu.")
        given[name.replace("-", "_")] = yaml.safe_load(value)
    if cluster == "slurm":
        import submitit

        known = submitit.SlurmExecutor._valid_parameters()
        further = {name.replace("_", "-"): given.pop(name) for name in [*given] if name not in known}
        given |= {"additional_parameters": further} if further else {}
    else:
        given.setdefault("gpus_per_node", torch.cuda.device_count())  # without it, a worker sees no GPU
    return DEFAULTS[cluster] | given


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
    cluster: str
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
        return cls(RunStore(store), found["cluster"], found["jobs"])

    def states(self) -> dict[str, str]:
        """By job, what the cluster says of it (`RUNNING on node3`); only those that are not over."""
        if self.cluster == "local":
            return {job: "RUNNING" for job in self.jobs if _controller(job) is not None}
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
        if self.cluster == "slurm" and left:
            done = subprocess.run(["scancel", *left], capture_output=True, text=True)
            if done.returncode:
                raise FerError(f"Slurm does not end them: {done.stderr.strip().splitlines()[0]}\nTry again later.")
        for job in left if self.cluster == "local" else ():
            controller = _controller(job)
            for process in controller.children(recursive=True) if controller is not None else ():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
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


def _controller(job: str) -> psutil.Process | None:
    """The process that watches over a worker of submitit's local executor; None once it is over."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(int(job))
        if process.status() != psutil.STATUS_ZOMBIE and "submitit.local._local" in process.cmdline():
            return process
    return None
