"""Faults of a machine: processes that are killed, disks that fill up, clocks and locks that cannot be relied on.

Each function makes its fault `times` times and returns a line for each time that it did not go well.
"""

import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import psutil
from training.test_processes import group_is_gone
from training.tiny import FORKS, assert_same_runs, fine_tuned, outcome, place, tiny

from fer_lib import data
from fer_lib.campaign import run_all
from fer_lib.data.duplicates import near_groups
from fer_lib.paths import project_root
from fer_lib.training import RunConfig, RunContext, RunStore

GRID = """
profile: tiny
base: {model: vanilla_cnn, batch_size: 8, train_limit: 32, test_limit: 8, precision: fp32}
arms:
  Adam: {epochs: %(epochs)d}
  STN: {epochs: %(epochs)d, attention: stn, augment: affine}
  Tuned: {epochs: %(epochs)d, pretrained: digits, pretraining: {dataset: digits, model: vanilla_cnn, epochs: 2,
    batch_size: 8, train_limit: 16, test_limit: 8, precision: fp32}}
  Compact: {epochs: %(epochs)d, model: compact, ema: 0.9, mixup: 0.2}
  Diverging: {epochs: 2, optimizer: sgd, lr: 1.0e+30}
datasets: {Faces: {dataset: toyfaces}}
seeds: [0, 1]
"""


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder of its own, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="faults") as name:
        yield Path(name)


def start(where: Path, *, epochs: int = 4) -> subprocess.Popen[str]:
    """`fer_lib run --jobs 2` on a grid of eleven small runs, its store in `where`, at the head of a process group.

    Always with two jobs: alone, a run takes the threads that are idle, and the number of threads is seen in the bits.
    """
    (where / "grid.yaml").write_text(GRID % {"epochs": epochs})
    return subprocess.Popen(
        [sys.executable, "-m", "fer_lib", "run", str(where / "grid.yaml"), "--jobs", "2"], cwd=where, text=True,
        env={**os.environ, "FER_REPORT": str(where / "report"), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: [signal.signal(kind, signal.SIG_DFL) for kind in (signal.SIGINT, signal.SIGHUP)],
    )  # fmt: skip


def undisturbed(where: Path) -> RunStore:
    """The runs of `start`, trained in peace."""
    process = start(where)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return RunStore(where / "report")


def trouble(wanted: RunStore, store: RunStore) -> str:
    """What is wrong with a store whose campaign has ended, or nothing."""
    try:
        assert_same_runs(wanted, store)
    except AssertionError:
        ours, theirs = ({record.run_id: outcome(record) for record in part.records()} for part in (wanted, store))
        return f"other records: {[run_id for run_id in ours | theirs if ours.get(run_id) != theirs.get(run_id)]}"
    scraps = [path.name for path in store.folder.rglob(".*")]
    return f"scraps: {scraps}" if scraps else ""


def kills(times: int, *, seed: int) -> list[str]:
    """`kill -9` of the campaign or of one of its processes, until it ends; then it is compared, and another begins.

    A campaign that loses a process goes on, and may lose more; its own death is the end of all of them.
    """
    moments, done, found = random.Random(seed), 0, []
    with folder() as peace:
        wanted = undisturbed(peace)
        while done < times:
            with folder() as where:
                store = RunStore(where / "report")
                while len(store.records()) < len(wanted.records()):
                    process = start(where)
                    while process.poll() is None:
                        with contextlib.suppress(subprocess.TimeoutExpired):
                            process.wait(moments.uniform(1.0, 9.0) if done < times else None)
                        with contextlib.suppress(psutil.NoSuchProcess):
                            head = psutil.Process(process.pid)
                            if process.poll() is None:
                                moments.choice([head, *head.children(recursive=True)]).kill()
                                done += 1
                    if not group_is_gone(process.pid, within=30):
                        found.append("a process is left")
                    process.communicate()
                process = start(where)
                out, err = process.communicate()
                if process.returncode or (what := trouble(wanted, store)):
                    found.append(f"after {done} kills: {what if not process.returncode else out + err}")
    return found


def full_disk(times: int, *, seed: int) -> list[str]:
    """Store, caches and temporary files where space is short: the records, or a clear line and then the records."""
    sizes, found = random.Random(seed), []
    with folder() as peace:
        wanted = undisturbed(peace)
        for _ in range(times):
            with folder() as mount:
                size = sizes.randrange(20_000, 40_000_000)
                options = f"size={size},nr_inodes=10000"
                subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mount], check=True)
                try:
                    environment = {"FER_CACHE": str(mount / "cache"), "TMPDIR": str(mount)}
                    with mock.patch.dict(os.environ, environment):
                        first = start(mount)
                        out, err = first.communicate()
                        if first.returncode not in (0, 2) or "Traceback" in err or len(err.splitlines()) > 2:
                            found.append(f"{size:,} bytes: exit code {first.returncode}: {err or out}")
                        subprocess.run(["mount", "-o", "remount,size=2G", mount], check=True)
                        again = start(mount)
                        out, err = again.communicate()
                    what = trouble(wanted, RunStore(mount / "report"))
                    if again.returncode or what:
                        found.append(f"{size:,} bytes, then more: {what or out + err}")
                finally:
                    subprocess.run(["umount", "-l", mount], check=True)
    return found


def full_report(times: int, *, seed: int) -> list[str]:
    """A page of the committed report where space is short: no file is half there, a line says so; then the page."""
    sizes, found = random.Random(seed), []
    study = project_root()
    for _ in range(times):
        with folder() as mount, folder() as beside:
            (beside / "params" / "paper").mkdir(parents=True)
            (beside / "notebooks").symlink_to(study / "notebooks")
            shutil.copy(study / "params" / "paper" / "03_model_comparison.yaml", beside / "params" / "paper")
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1G", "tmpfs", mount], check=True)
            try:
                shutil.copytree(study / "reports" / "paper" / "runs", mount / "runs")
                size = shutil.disk_usage(mount).used + sizes.randrange(200_000)  # the page and its files need more
                for space in (size, 2**30):
                    subprocess.run(["mount", "-o", f"remount,size={space}", mount], check=True)
                    words = ["--profile", "paper", "--no-train", "--data", str(beside)]
                    done = subprocess.run(
                        [sys.executable, "-m", "fer_lib", "report", *words], cwd=study,
                        env={**os.environ, "FER_REPORT": str(mount), "FER_ROOT": str(beside)},
                        text=True, capture_output=True,
                    )  # fmt: skip
                    halves = [str(path.relative_to(mount)) for path in mount.rglob("*") if not _is_whole(path)]
                    said = done.stdout + done.stderr
                    clear = "No space left on device" in done.stderr and "Traceback" not in said
                    if halves or not (done.returncode == 2 and clear if space == size else done.returncode == 0):
                        found.append(f"{size:,} bytes, {space:,} free: exit code {done.returncode}, {halves}: {said}")
                if not (mount / "03_model_comparison.html").is_file():
                    found.append(f"{size:,} bytes, then more: no page")
            finally:
                subprocess.run(["umount", "-l", mount], check=True)
    return found


def _is_whole(path: Path) -> bool:
    """Whether a report's file has its end; what lies about under a hidden name has not."""
    if path.is_dir():
        return True
    if path.name.startswith("."):
        return False
    if path.suffix in (".json", ".ipynb"):
        with contextlib.suppress(ValueError):
            return bool(json.loads(path.read_bytes()))
        return False
    if path.suffix == ".png":
        return path.read_bytes().endswith(b"IEND\xaeB`\x82")
    ends = {".html": "</html>", ".svg": "</svg>"}
    return path.suffix == ".npz" or path.read_bytes().endswith(f"{ends.get(path.suffix, '')}\n".encode())


def on_one_store(times: int, *, seed: int) -> list[str]:
    """Two and four campaigns at once, in turns: every run is trained once."""
    found = []
    with folder() as peace:
        wanted = undisturbed(peace)
        for number in range(times):
            with folder() as where:
                several = [start(where) for _ in range(2 + 2 * (number % 2))]
                told = [process.communicate() for process in several]
                ended = re.findall(
                    r"^\[run [^]]*\] (?:trained|diverged) (.*)$", "\n".join(out for out, _ in told), re.M
                )
                what = trouble(wanted, RunStore(where / "report"))
                if len(ended) != len(set(ended)):
                    what = f"trained twice: {sorted(ended)}"
                if what or any(process.returncode for process in several):
                    found.append(f"{len(several)} processes: {what or told}")
    return found


def wrong_clock(times: int, *, seed: int) -> list[str]:
    """`time.time` goes back and forth while a run trains; a second campaign finds its record."""
    jumps, found = random.Random(seed), []
    right = time.time
    with folder() as where:
        near_groups(data.load("toyfaces"))
        run_all([tiny(), fine_tuned()], place(where / "peace"))
        for number in range(times):
            disturbed = place(where / str(number))
            with mock.patch.object(time, "time", side_effect=lambda: right() + jumps.uniform(-86_400, 86_400)):
                try:
                    run_all([tiny(), fine_tuned()], disturbed, deadline=time.monotonic() + 600)
                    again = run_all([tiny(), fine_tuned()], disturbed)
                except Exception as error:
                    found.append(f"{type(error).__name__}: {error}")
                    continue
            what = trouble(RunStore(where / "peace" / "store"), RunStore(disturbed.store))
            if what or again.count("reused") != 3:
                found.append(what or str(again))
    return found


def no_locks(times: int, *, seed: int) -> list[str]:
    """`flock` is not implemented: two campaigns at once, one of them killed, and the runs are there all the same."""
    moments, found = random.Random(seed), []
    configs = [tiny(seed=number, epochs=4) for number in range(6)]
    with folder() as where:
        run_all(configs, place(where / "peace"))
        for number in range(times):
            disturbed = place(where / str(number))
            both = [FORKS.Process(target=_without_flock, args=(configs, disturbed)) for _ in range(2)]
            for process in both:
                process.start()
            both[0].join(moments.uniform(0.5, 3.0))
            both[0].kill()
            both[1].join(120)
            if both[1].exitcode != 0:
                found.append(f"not done, exit code {both[1].exitcode}")
                both[1].kill()
            elif what := trouble(RunStore(where / "peace" / "store"), RunStore(disturbed.store)):
                found.append(what)
    return found


def _without_flock(configs: list[RunConfig], where: RunContext) -> None:
    warnings.filterwarnings("ignore", message="flock not supported")
    with mock.patch.object(fcntl, "flock", side_effect=OSError(38, "Function not implemented")):
        run_all(configs, where)


def signals(times: int, *, seed: int) -> list[str]:
    """A campaign that is told to end does so at once, says how it goes on, leaves no process, and goes on."""
    moments, found = random.Random(seed), []
    with folder() as peace:
        wanted = undisturbed(peace)
        for number in range(times):
            kind = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[number % 3]
            with folder() as where:
                process = start(where)
                assert process.stdout is not None
                any("epoch 1/" in line for line in process.stdout)
                time.sleep(moments.uniform(0, 3))
                (os.killpg if kind != signal.SIGTERM else os.kill)(process.pid, kind)
                _, err = process.communicate()
                if process.returncode != 130 or "Traceback" in err or "the same command goes on" not in err:
                    found.append(f"{kind.name}: exit code {process.returncode}: {err}")
                if not group_is_gone(process.pid, within=30):
                    found.append(f"{kind.name}: a process is left")
                start(where).communicate()
                if what := trouble(wanted, RunStore(where / "report")):
                    found.append(f"{kind.name}: {what}")
    return found
