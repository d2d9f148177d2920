"""The command line: what each command prints, and that a mistake is a short message and exit code 2."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from fer_lib import cli
from fer_lib.training import RunConfig, RunStore

ROOT = Path(__file__).parents[1]
GRID = """
profile: tiny
base: {model: vanilla_cnn, epochs: 1, batch_size: 8, train_limit: 8, test_limit: 4}
arms: {Adam: {}, SGD: {optimizer: sgd}}
datasets: {Faces: {dataset: toyfaces}}
seeds: [0, 1]
"""


class Told(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with one profile, `tiny`, of four runs."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "params" / "tiny").mkdir(parents=True)
    (tmp_path / "params" / "tiny" / "03.yaml").write_text(GRID)
    (tmp_path / "params" / "tiny" / "01.yaml").write_text("profile: tiny\nimages: 16\n")
    monkeypatch.setenv("FER_ROOT", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for name in ("FER_REPORT", "FER_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def fer(project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """`fer("run", …)` is `python -m fer_lib run …` within the project."""

    def call(*words: str) -> Told:
        monkeypatch.setattr(sys, "argv", ["fer_lib", *words])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Told(code, *capfd.readouterr())

    return call


def test_a_dry_run_prints_every_config_and_trains_nothing(fer, project):
    told = fer("run", "params/tiny/03.yaml", "--dry-run")
    configs = [RunConfig.model_validate_json(line) for line in told.out.splitlines()]
    assert (told.code, told.err) == (0, "")
    assert {(config.optimizer, config.seed) for config in configs} == {(o, s) for o in ("adam", "sgd") for s in (0, 1)}
    assert not (project / "reports").exists()


@pytest.mark.slow
def test_run_plan_and_runs_tell_the_same_story(fer, project):
    planned = fer("plan", "tiny").out.splitlines()
    assert [line.split()[0] for line in planned[:-1]] == ["missing"] * 4
    assert planned[-1].startswith("4 of 4 runs to train here")

    first = fer("run", "params/tiny/03.yaml", "--only", "optimizer=sgd,seed=1", "--jobs", "1")
    assert first.code == 0
    assert first.out.splitlines()[-1] == "1 trained, 0 reused, 0 diverged, 0 skipped"
    assert "sgd 0.001 on toyfaces/random80 seed 1: epoch 1/1" in first.out

    rest = fer("run", "params/tiny/03.yaml", "params/tiny/01.yaml", "--jobs", "1")
    assert rest.out.splitlines()[-1] == "3 trained, 1 reused, 0 diverged, 0 skipped"

    planned = fer("plan", "tiny").out.splitlines()
    assert [line.split()[0] for line in planned[:-1]] == ["finished"] * 4
    assert planned[-1].startswith("0 of 4 runs to train here")

    listed = fer("runs", "tiny").out.splitlines()
    assert len(listed) == 4
    assert all("finished" in line and "vanilla_cnn" in line for line in listed)
    run_id = listed[0].split()[0]
    exact, rounded = (fer("run", "params/tiny/03.yaml", "--only", f"lr={lr}", "--dry-run") for lr in ("0.001", "1e-3"))
    assert exact.out == rounded.out != ""
    again = fer("run", "params/tiny/03.yaml", "--only", run_id, "--dry-run").out.splitlines()
    shown = json.loads(fer("runs", "tiny", run_id).out)
    assert [RunConfig.model_validate_json(line) for line in again] == [RunConfig.model_validate(shown["config"])]
    assert shown["run_id"] == run_id
    assert len(shown["history"]) == 1

    verified = fer("verify", run_id, "--profile", "tiny")
    assert (verified.code, f"{run_id}: the same, bit by bit" in verified.out) == (0, True)

    other = project / "params" / "tiny" / "04.yaml"
    other.write_text(GRID.replace("epochs: 1", "epochs: 2"))
    assert fer("run", str(other), "--only", run_id).err.startswith(f"error: --only: no run has {run_id}")

    store = RunStore(project / "reports" / "tiny")
    store.record_path(run_id).write_text("{")
    assert f"{run_id}  damaged: not a readable record" in fer("runs", "tiny").out
    assert fer("runs", "tiny", run_id).code == 2


def test_the_runs_behind_a_claim_are_chosen(fer, monkeypatch):
    monkeypatch.setenv("FER_ROOT", str(ROOT))
    params = [str(path) for path in (ROOT / "params" / "paper").glob("*.yaml")]
    lines = fer("run", *params, "--claim", "C4", "--dry-run").out.splitlines()
    configs = [RunConfig.model_validate_json(line) for line in lines]
    assert {(run.attention, run.split) for run in configs} == {("none", "random80"), ("stn", "random80")}
    assert [run.seed for run in configs] == sorted(run.seed for run in configs), "seed by seed"


def test_a_deadline_that_is_over_leaves_all(fer):
    told = fer("run", "params/tiny/03.yaml", "--deadline", "0", "--jobs", "1")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "0 trained, 0 reused, 0 diverged, 0 skipped, 4 left"


MISTAKES = [
    (["run", "params/tiny/04.yaml"], ["No params file params/tiny/04.yaml", "01.yaml, 03.yaml"]),
    (["run", "params/tiny"], ["params/tiny is a folder", "params/tiny/*.yaml"]),
    (["run", "params/tiny/03.yaml", "--deadline", "-1"], ["--deadline -1.0", "minutes"]),
    (["run", "params/tiny/03.yaml", "--deadline", "nan"], ["--deadline nan"]),
    (["run", "params/tiny/03.yaml", "--workers", "2"], ["--workers", "--cluster slurm"]),
    (["run", "params/tiny/03.yaml", "--only", "optimiser=sgd"], ["--only", "'optimiser=sgd'", "optimizer"]),
    (["run", "params/tiny/03.yaml", "--only", "sgd"], ["--only", "'sgd'"]),
    (["run", "params/tiny/01.yaml"], ["0 profiles"]),
    (["run", "params/tiny/03.yaml", "--claim", "C4"], ["11_verdict.yaml", "no claim"]),
    (["plan", "tinny"], ["tinny", "tiny"]),
    (["verify", "0123456789ab", "--profile", "tiny"], ["no such run", "nothing to verify"]),
    (["runs", "tiny", "0123456789ab"], ["no such run", "`runs tiny`"]),
    (["run", "params/tiny/bad.yaml"], ["bad.yaml", "lr", "'1e-4'", "1.0e-4"]),
    (["run", "params/tiny/arm.yaml"], ["'Adamm'", "Adam, SGD"]),
    (["run", "params/tiny/data.yaml"], ["nowhere"]),
]


@pytest.fixture
def bad_files(project: Path) -> None:
    folder = project / "params" / "tiny"
    (folder / "bad.yaml").write_text(GRID.replace("arms: {Adam: {}", "arms: {Adam: {lr: 1e-4}"))
    (folder / "arm.yaml").write_text(GRID.replace("dataset: toyfaces", "dataset: toyfaces, arms: [Adamm]"))
    (folder / "data.yaml").write_text(GRID.replace("dataset: toyfaces", "dataset: fer2013"))


@pytest.mark.parametrize(("words", "names"), MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_a_mistake_is_told_shortly_and_nothing_is_written(fer, project, bad_files, monkeypatch, words, names):
    monkeypatch.setenv("FER_DATA", str(project / "nowhere"))
    told = fer(*words)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert len(told.err.splitlines()) <= 3
    assert "Traceback" not in told.err
    assert [name for name in names if name not in told.err] == [], told.err
    assert not (project / "reports").exists()


def test_a_wrong_mode_is_told_before_anything_is_trained(fer, project, monkeypatch):
    monkeypatch.setenv("FER_MODE", "fast")
    told = fer("run", "params/tiny/03.yaml", "--jobs", "1")
    assert (told.code, told.out) == (2, "")
    assert told.err == "error: FER_MODE: 'fast' is no mode; choose from strict, eager, compile, publish.\n"


def test_debug_shows_where_it_broke(fer):
    with pytest.raises(cli.FerError, match="No params file"):
        fer("--debug", "run", "params/tiny/04.yaml")


def test_an_unknown_option_is_told_shortly(fer):
    told = fer("run", "params/tiny/03.yaml", "--job", "2")
    assert told.code == 2
    assert "--job" in told.err
    assert "Traceback" not in told.err


def test_help_names_every_command(fer):
    told = fer("--help")
    assert told.code == 0
    assert {"run", "plan", "runs", "data"} <= set(told.out.split())
