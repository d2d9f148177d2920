"""Several processes, killed ones and interrupted ones: every run is trained once, whole, and no process is left."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training.tiny import FORKS, assert_same_runs, fine_tuned, place, tiny

from fer_lib.campaign import run_all
from fer_lib.training import RunStore

GRID = """
profile: tiny
base: {model: vanilla_cnn, epochs: %d, batch_size: 8, train_limit: 16, test_limit: 8}
arms: {Adam: {}, SGD: {optimizer: sgd}}
datasets: {Faces: {dataset: toyfaces}}
seeds: [0, 1]
"""


def start_cli(folder: Path, *, epochs: int, jobs: int) -> subprocess.Popen:
    """`python -m fer_lib run` on four runs, as the head of a process group of its own."""
    (folder / "grid.yaml").write_text(GRID % epochs)
    words = [sys.executable, "-m", "fer_lib", "run", str(folder / "grid.yaml"), "--jobs", str(jobs)]
    own = {"FER_REPORT": str(folder / "report"), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **own}
    return subprocess.Popen(
        words, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background do not hear Ctrl-C
    )  # fmt: skip


@pytest.mark.slow
def test_two_processes_on_one_store_train_each_run_once(tmp_path):
    both = [start_cli(tmp_path, epochs=2, jobs=1) for _ in range(2)]
    told = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    tallies = [re.search(r"(\d+) trained, (\d+) reused, 0 diverged, 0 skipped$", out.strip()) for out, _ in told]
    trained, reused = (sum(int(tally[group]) for tally in tallies) for group in (1, 2))
    assert (trained, reused) == (4, 4)
    epochs = [re.findall(r"epoch \d/2", out) for out, _ in told]
    assert sum(map(len, epochs)) == 8
    assert len(RunStore(tmp_path / "report").records()) == 4
    assert [err for _, err in told] == ["", ""]


def group_is_gone(group: int, *, within: float) -> bool:
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_an_ended_campaign_leaves_no_process_behind(tmp_path):
    """Ctrl-C reaches the whole group, as in a terminal; `kill -9` only the parent."""
    folders = [tmp_path / name for name in ("interrupted", "killed")]
    for folder in folders:
        folder.mkdir()
    interrupted, killed = (start_cli(folder, epochs=100_000, jobs=2) for folder in folders)
    try:
        for process in (interrupted, killed):
            assert process.stdout is not None
            assert "4 of 4 runs to train" in process.stdout.readline()
            assert any("epoch 1/100000" in line for line in process.stdout)
        os.killpg(interrupted.pid, signal.SIGINT)
    finally:
        killed.kill()
    errors = [process.communicate(timeout=60)[1] for process in (interrupted, killed)]
    assert [process.returncode for process in (interrupted, killed)] == [130, -9]
    assert group_is_gone(interrupted.pid, within=30)
    assert group_is_gone(killed.pid, within=30)
    assert "Traceback" not in "".join(errors)


@pytest.mark.slow
def test_killed_five_times_the_campaign_ends_with_the_records_of_an_undisturbed_one(tmp_path):
    configs = [tiny(attention="stn", split="official"), fine_tuned(), tiny(optimizer="sgd", lr=1e30), tiny(epochs=4)]
    undisturbed, where = place(tmp_path / "undisturbed"), place(tmp_path / "killed")
    run_all(configs, undisturbed)
    moments, kills = random.Random(48), 0

    def to_the_end() -> None:
        last = FORKS.Process(target=run_all, args=(configs, where))
        last.start()
        last.join()
        assert last.exitcode == 0
        assert_same_runs(RunStore(undisturbed.store), RunStore(where.store))
        assert not list(where.store.rglob(".*")), "scraps of killed processes are left"

    while kills < 5:
        process = FORKS.Process(target=run_all, args=(configs, where))
        process.start()
        process.join(moments.uniform(0.05, 1.0))
        if process.is_alive():
            process.kill()
            kills += 1
            process.join()
        else:
            to_the_end()
            shutil.rmtree(where.store)
    to_the_end()
