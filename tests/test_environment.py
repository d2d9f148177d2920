"""One source of truth for what is installed, and a tree that is fit to publish."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fer_lib import paths
from fer_lib.errors import FerError

ROOT = Path(__file__).parents[1]
LOCKS = {
    name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock")
}


def test_conda_installs_the_same_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (line["pip"] for line in environment["dependencies"] if isinstance(line, dict))
    assert pip == ["-r requirements.lock"]
    python = next(line for line in environment["dependencies"] if str(line).startswith("python="))
    assert tuple(map(int, python.removeprefix("python=").split("."))) >= (3, 11)


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_a_lock_is_pinned_hashed_and_names_no_host(lock):
    packages = re.findall(r"^(\S+?)==(\S+)", lock, flags=re.M)
    assert packages
    assert lock.count("--hash=sha256:") >= len(packages)
    assert "://" not in lock


def test_the_locks_have_every_dependency_and_what_only_tests_need_is_apart():
    import tomllib

    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    locked = {
        name: dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.lower().replace("_", "-"), flags=re.M))
        for name, lock in LOCKS.items()
    }
    used, dev = locked["requirements.lock"], locked["requirements-dev.lock"]
    for lines, lock in (
        ([line for group in groups for line in group], used),
        (pyproject["dependency-groups"]["dev"], dev),
    ):
        assert {re.split(r"[<>=\[;, ]", line)[0].lower().replace("_", "-") for line in lines} <= lock.keys()
    assert "playwright" not in used
    assert not [name for name in used.keys() & dev.keys() if used[name] != dev[name]]


def test_make_without_a_target_shows_help():
    shown = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    for target in ("setup", "data", "report", "docs", "lab", "test", "lint", "clean"):
        assert f"make {target}" in shown


def test_the_variables_that_are_read_are_documented():
    read = set()
    for path in (ROOT / "fer_lib").rglob("*.py"):
        read |= set(re.findall(r"""(?:environ(?:\.get\(|\[)|named\()["'](FER_\w+)""", path.read_text()))
    table = re.findall(r"^\| `(FER_\w+)`", (ROOT / "docs" / "study.md").read_text(), flags=re.M)
    assert set(table) == read
    assert len(table) == 5
    (modes,) = re.findall(r"^\| `FER_MODE` \| .*$", (ROOT / "docs" / "study.md").read_text(), flags=re.M)
    assert re.findall(r"`(\w+)`", modes)[1:] == list(paths.MODES)


def test_a_mode_is_one_of_those_words_and_others_are_refused(monkeypatch):
    monkeypatch.setenv("FER_MODE", "strict,eager")
    assert [paths.mode(word) for word in paths.MODES] == [True, True, False, False]
    monkeypatch.setenv("FER_MODE", paths.with_mode("publish"))
    assert paths.mode("publish")
    monkeypatch.setenv("FER_MODE", "strict,fast")
    with pytest.raises(FerError, match=r"FER_MODE: 'fast' is no mode; choose from strict, eager, compile, publish\.$"):
        paths.mode("strict")


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_a_source_archive_knows_its_commit(tmp_path):
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "x"], cwd=tmp_path, input=archive, check=True)
    ask = [sys.executable, "-c", "from fer_lib.training.machine import commit; print(commit())"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    told = subprocess.run(ask, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told.strip() == head[:12]


@pytest.mark.slow
def test_training_needs_no_notebook_packages():
    """A campaign runs on a machine that has neither Jupyter nor papermill nor matplotlib."""
    blocked = [
        "papermill",
        "IPython",
        "jupyterlab",
        "nbconvert",
        "matplotlib",
        "seaborn",
        "ipywidgets",
        "statsmodels",
        "kagglehub",
        "pooch",
    ]
    script = (
        f"import sys\nfor name in {blocked}: sys.modules[name] = None\n"
        "import fer_lib\nfrom fer_lib.cli import app\nsys.argv = ['fer_lib', 'run', '--dry-run', sys.argv[1]]\napp()"
    )
    params = ROOT / "params" / "paper" / "04_optimizer_sweep.yaml"
    shown = subprocess.run([sys.executable, "-c", script, str(params)], capture_output=True, text=True, cwd=ROOT)
    assert shown.returncode == 0, shown.stderr
    assert len(shown.stdout.splitlines()) == 42


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_tree_holds_no_pickles_archives_or_data():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    allowed = [name for name in tracked if re.fullmatch(r"fer_lib/weights/\w+\.safetensors", name)]
    heavy = [name for name in tracked if re.search(r"\.(pt|pth|pkl|zip|gz|safetensors|csv\.gz)$", name)]
    assert set(heavy) == set(allowed)
    assert sum((ROOT / name).stat().st_size for name in allowed) < 10e6
    assert not [name for name in tracked if Path(name).name in ("fer2013.csv", "fer2013new.csv", "icml_face_data.csv")]
