"""Workers on a cluster: every run once, whatever happens to workers, nodes and controller; and the commands for it."""

import contextlib
import re
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest
from campaign.slurm import Slurm, slurm, wait_until
from training.test_processes import GRID
from training.tiny import assert_same_runs, fine_tuned, place, tiny
from typer.testing import CliRunner, Result

from fer_lib.campaign import cluster, run_all
from fer_lib.campaign.cluster import Worker, folder_of, submit
from fer_lib.cli import app
from fer_lib.errors import FerError
from fer_lib.training import RunStore, machine

LONG = {"train_limit": 64, "epochs": 4}  # some seconds
PATIENCE = 300  # seconds; a busy machine takes that long to start a worker


def logs_of(store: Path) -> list[str]:
    return [path.read_text() for path in folder_of(store).glob("*.out")]


def epochs_of(store: Path) -> dict[str, int]:
    """By the title of a run that a log tells of, the last epoch."""
    logs = "".join(logs_of(store))
    return {title: int(epoch) for title, epoch in re.findall(r"^\[run [^]]*\] (.*): epoch (\d+)/", logs, flags=re.M)}


@pytest.fixture
def two_nodes(monkeypatch):
    """A Slurm of two nodes, which the commands of this process talk to."""
    with tempfile.TemporaryDirectory(prefix="fer") as folder, slurm(Path(folder)) as started:  # a short path: sockets
        monkeypatch.setenv("SLURM_CONF", started.environment["SLURM_CONF"])
        yield started


def states(slurm: Slurm) -> dict[str, tuple[str, str]]:
    """By job, its state and node; only those that are not over."""
    lines = slurm.call("squeue", "--noheader", "--array", "--format=%i|%T|%N").split()
    return {job: (state, node) for job, state, node in (line.split("|") for line in lines)}


def process_of(job: str) -> psutil.Process:
    """The Python process of a worker of an array."""
    array, _, task = job.partition("_")
    for process in psutil.process_iter(["cmdline"]):
        if "submitit.core._submit" in (process.info["cmdline"] or []):
            environment = process.environ()
            if (environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")) == (array, task):
                return process
    raise ProcessLookupError(job)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_slurm_trains_every_run_once_whatever_happens(two_nodes: Slurm, tmp_path, monkeypatch):
    """A worker is killed, the controller restarted, a node drained, and the other worker put back into the queue."""
    monkeypatch.setenv("FER_MODE", "strict")
    configs = [
        *(tiny(seed=seed, attention="stn", **LONG) for seed in range(4)), tiny(optimizer="sgd", lr=1e30),
        tiny(model="compact", ema=0.9, mixup=0.2, **LONG), fine_tuned(**LONG),
    ]  # fmt: skip
    alone, where = place(tmp_path / "alone"), place(tmp_path / "slurm")
    array = submit(Worker(tuple(configs), where, jobs=1), workers=2)
    first, other = f"{array}_0", f"{array}_1"
    store = RunStore(where.store)
    wait_until(lambda: sum("epoch" in log for log in logs_of(where.store)) == 2, within=PATIENCE)
    assert states(two_nodes) == {first: ("RUNNING", "n1"), other: ("RUNNING", "n2")}

    process_of(first).kill()
    wait_until(lambda: [*states(two_nodes)] == [other], within=PATIENCE)
    two_nodes.stop_controller()
    two_nodes.start_controller()
    wait_until(lambda: states(two_nodes).get(other, ("",))[0] == "RUNNING", within=PATIENCE)
    before = len(store.records())
    wait_until(lambda: len(store.records()) > before, within=PATIENCE)
    node = states(two_nodes)[other][1]
    two_nodes.call("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    two_nodes.call("scontrol", "requeue", other)
    wait_until(lambda: states(two_nodes)[other][0] == "PENDING", within=PATIENCE)
    wait_until(lambda: states(two_nodes)[other][0] == "RUNNING", within=PATIENCE)
    assert states(two_nodes)[other][1] != node, "it went back to a node that is drained"
    wait_until(lambda: not states(two_nodes), within=PATIENCE)

    run_all(configs, alone)
    assert_same_runs(RunStore(alone.store), store)
    ended = re.findall(r"^\[run [^]]*\] (?:trained|diverged) (.*)$", "".join(logs_of(where.store)), flags=re.M)
    assert len(ended) == len(set(ended)) == len(store.records()) == len(configs) + 1, "lost, or trained twice"


def processes_of(job: str) -> list[int]:
    """All processes that Slurm started for a worker that was sent alone, and those that they started."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("SLURM_JOB_ID") == job:
                found.append(process.pid)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_slurm_worker_of_several_runs_is_put_back_and_ended_with_all_of_them(two_nodes, tmp_path):
    """By the signal that comes before its time is over, which all its processes hear; then for good."""
    where = place(tmp_path)
    endless = tuple(tiny(seed=seed, epochs=100_000) for seed in (0, 1))
    job, store = submit(Worker(endless, where, jobs=2), workers=1), where.store
    gone_on: dict[str, int] = {}

    def when_both_go_on(*words: str) -> None:
        def both() -> bool:
            return sum(epoch > gone_on.get(title, 0) + 1 for title, epoch in epochs_of(store).items()) == 2

        wait_until(both, within=PATIENCE)
        before = processes_of(job)
        assert len(before) > 3
        two_nodes.call(*words, job)
        wait_until(lambda: not {*before} & {*processes_of(job)}, within=PATIENCE)
        gone_on.update(epochs_of(store))

    when_both_go_on("scancel", "--signal=USR2")
    when_both_go_on("scancel")
    wait_until(lambda: not processes_of(job) and not states(two_nodes), within=PATIENCE)
    (log,) = logs_of(store)
    assert log.count("Calling checkpoint method") == 1
    assert log.count("epoch 1/100000") <= 2, "it began again"


def command(folder: Path, *words: str) -> Result:
    """`python -m fer_lib run` on a grid in `folder`."""
    (folder / "grid.yaml").write_text(GRID % 1)
    return CliRunner().invoke(app, ["run", str(folder / "grid.yaml"), *words])


def test_the_command_sends_workers_and_says_how_to_ask_for_them_and_end_them(tmp_path, monkeypatch):
    sent = []
    monkeypatch.setenv("FER_REPORT", str(tmp_path / "report"))
    monkeypatch.setattr(cluster, "submit", lambda worker, **options: sent.append((worker, options)) or "7")
    done = command(tmp_path, "--cluster", "slurm", "--workers", "3", "--jobs", "2", "--cluster-option", "time=5")
    assert done.exit_code == 0, done.exception
    ((worker, options),) = sent
    assert (len(worker.configs), worker.jobs) == (4, 2)
    assert options == {"workers": 3, "options": ["time=5"]}
    assert f"as job 7 of Slurm; their logs are in {folder_of(tmp_path / 'report')}." in done.output
    assert "`squeue -j 7` shows them, `scancel 7` ends them, `plan tiny` lists" in done.output


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--cluster", "moon"], "'moon' is unknown"),
        (["--cluster", "slurm"], "There is no Slurm here"),
        (["--cluster", "slurm", "--deadline", "5"], "--deadline is for one machine"),
        (["--workers", "2"], "Add --cluster slurm"),
    ],
)
def test_what_cannot_be_is_an_error_of_one_line_and_what_to_do(tmp_path, monkeypatch, words, wanted):
    monkeypatch.setenv("FER_REPORT", str(tmp_path / "report"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    done = command(tmp_path, *words)
    assert isinstance(done.exception, FerError)
    assert wanted in str(done.exception)


def test_a_job_of_slurm_has_the_cores_that_it_was_given(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    assert (machine.cores(), machine.idle_cores()) == (1, 1)


def test_what_submitit_does_not_know_goes_to_sbatch(monkeypatch):
    with pytest.raises(FerError, match="'gpu' is not name=value"):
        cluster._parameters(["gpu"])
    given = cluster._parameters(["partition=gpu", "gpus-per-node=1", "reservation=ours", "time=60"])
    assert given["partition"] == "gpu"
    assert (given["gpus_per_node"], given["time"]) == (1, 60)
    assert given["additional_parameters"] == {"reservation": "ours"}
