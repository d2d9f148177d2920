"""Workers on a cluster: every run once, whatever happens to workers, nodes and controller; and the commands for it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from campaign.slurm import Slurm, slurm, wait_until
from training.test_processes import GRID
from training.tiny import assert_same_runs, fine_tuned, place, tiny

from fer_lib.campaign import cluster, run_all
from fer_lib.campaign.cluster import Workers, submit
from fer_lib.campaign.worker import Worker, folder_of
from fer_lib.errors import FerError
from fer_lib.training import RunStore, machine

LONG = {"train_limit": 64, "epochs": 4}  # some seconds
PATIENCE = 300  # seconds; a busy machine takes that long to start a worker


def epochs_of(store: Path) -> dict[str, int]:
    """By the title of a run that a log tells of, the last epoch."""
    logs = "".join(path.read_text() for path in folder_of(store).glob("*.out"))
    return {title: int(epoch) for title, epoch in re.findall(r"^\[run [^]]*\] (.*): epoch (\d+)/", logs, flags=re.M)}


@pytest.fixture
def two_nodes(monkeypatch):
    """A Slurm of two nodes, which the commands of this process talk to."""
    with tempfile.TemporaryDirectory(prefix="fer") as folder, slurm(Path(folder)) as started:  # a short path: sockets
        monkeypatch.setenv("SLURM_CONF", started.environment["SLURM_CONF"])
        yield started


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
    jobs = submit(Worker(tuple(configs), where, jobs=1), workers=2)
    workers = Workers.of(where.store)
    assert workers.jobs == jobs
    store = RunStore(where.store)
    wait_until(lambda: sum("epoch" in workers.said(job) for job in jobs) == 2, within=PATIENCE)
    assert {state.rpartition(" ")[2] for state in workers.states().values()} == {"n1", "n2"}

    process_of(jobs[0]).kill()
    wait_until(lambda: [*workers.states()] == [jobs[1]], within=PATIENCE)
    two_nodes.stop_controller()
    assert workers.states()[jobs[1]] == "UNKNOWN, since Slurm does not answer"
    two_nodes.start_controller()
    wait_until(lambda: workers.states().get(jobs[1], "").startswith("RUNNING"), within=PATIENCE)
    before = len(store.records())
    wait_until(lambda: len(store.records()) > before, within=PATIENCE)
    node = workers.states()[jobs[1]].rpartition(" ")[2]
    two_nodes.call("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    two_nodes.call("scontrol", "requeue", jobs[1])
    wait_until(lambda: workers.states()[jobs[1]].startswith("PENDING"), within=PATIENCE)
    wait_until(lambda: workers.states()[jobs[1]].startswith("RUNNING"), within=PATIENCE)
    assert workers.states()[jobs[1]].rpartition(" ")[2] != node, "it went back to a node that is drained"
    wait_until(lambda: not workers.states(), within=PATIENCE)

    run_all(configs, alone)
    assert_same_runs(RunStore(alone.store), store)
    logs = "".join(path.read_text() for path in folder_of(where.store).glob("*.out"))
    ended = re.findall(r"^\[run [^]]*\] (?:trained|diverged) (.*)$", logs, flags=re.M)
    assert len(ended) == len(set(ended)) == len(store.records()) == len(configs) + 1, "lost, or trained twice"
    told = workers.told(configs)
    assert [line.split()[1] for line in told[:2]] == ["OVER", "OVER"]
    assert "trained" in told[1]
    assert told[2].startswith(f"{len(configs)} of {len(configs)} runs are there; logs are in ")


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
    (job,) = submit(Worker(endless, where, jobs=2), workers=1)
    gone_on: dict[str, int] = {}

    def when_both_go_on(*words: str) -> None:
        def both() -> bool:
            return sum(epoch > gone_on.get(title, 0) + 1 for title, epoch in epochs_of(where.store).items()) == 2

        wait_until(both, within=PATIENCE)
        before = processes_of(job)
        assert len(before) > 3
        two_nodes.call(*words, job)
        wait_until(lambda: not {*before} & {*processes_of(job)}, within=PATIENCE)
        gone_on.update(epochs_of(where.store))

    when_both_go_on("scancel", "--signal=USR2")
    when_both_go_on("scancel")
    wait_until(lambda: not processes_of(job) and not Workers.of(where.store).states(), within=PATIENCE)
    log = (folder_of(where.store) / f"{job}_0_log.out").read_text()
    assert log.count("Calling checkpoint method") == 1
    assert log.count("epoch 1/100000") <= 2, "it began again"


def cli(folder: Path, *words: str, **options) -> subprocess.Popen:
    """`python -m fer_lib run` on the grid in `folder`."""
    own = {"FER_REPORT": str(folder / "report"), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **own}
    return subprocess.Popen(
        [sys.executable, "-m", "fer_lib", "run", str(folder / "grid.yaml"), *words], cwd=folder, env=environment,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **options,
    )  # fmt: skip


def said(folder: Path, *words: str) -> str:
    process = cli(folder, *words)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_workers_outlive_ctrl_c_and_are_asked_and_ended_by_the_same_command(two_nodes, tmp_path):
    (tmp_path / "grid.yaml").write_text(GRID % 100_000)

    def under_way() -> int:
        return len(epochs_of(tmp_path / "report"))

    sent = cli(tmp_path, "--cluster", "slurm", "--workers", "1", "--jobs", "2")
    try:
        assert any("RUNNING" in line for line in sent.stdout)
        wait_until(lambda: under_way() > 0, within=PATIENCE)
        os.killpg(sent.pid, signal.SIGINT)  # as a terminal does: to the whole group
        out, err = sent.communicate(timeout=PATIENCE)
        assert (sent.returncode, err) == (0, "")
        assert "The workers go on" in out
        wait_until(lambda: under_way() == 2, within=PATIENCE)
        told = said(tmp_path, "--status").splitlines()
        assert re.fullmatch(r"\d+  RUNNING on n\d  \[run 0/4\] .*: epoch \d+/100000, .* images/s, .* to go", told[0])
        assert told[1].startswith("0 of 4 runs are there; logs are in ")
    finally:
        assert said(tmp_path, "--cancel") == "1 workers ended; what is finished is kept.\n"
    wait_until(lambda: not Workers.of(tmp_path / "report").states(), within=PATIENCE)
    (tmp_path / "grid.yaml").write_text(GRID % 2)
    assert said(tmp_path, "--cluster", "slurm", "--jobs", "1").splitlines()[-1].startswith("4 of 4 runs are there")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--cluster", "moon"], "'moon' is unknown"),
        (["--cluster", "slurm"], "There is no Slurm here"),
        (["--cluster", "slurm", "--deadline", "5"], "--deadline is for one machine"),
        (["--workers", "2"], "Add --cluster slurm"),
        (["--status"], "No workers have been sent"),
        (["--cancel"], "No workers have been sent"),
    ],
)
def test_what_cannot_be_is_an_error_of_one_line_and_what_to_do(tmp_path, monkeypatch, words, wanted):
    from typer.testing import CliRunner

    from fer_lib.cli import app

    (tmp_path / "grid.yaml").write_text(GRID % 1)
    monkeypatch.setenv("FER_REPORT", str(tmp_path / "report"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    done = CliRunner().invoke(app, ["run", str(tmp_path / "grid.yaml"), *words])
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
