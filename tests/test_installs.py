"""Every way of installing that is named, each in an empty folder: what works there, and whose commit a record says."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import colab
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
PACKAGES = sysconfig.get_path("purelib")  # of this environment, so that nothing is downloaded


def call(*words: object, cwd: Path) -> str:
    ended = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def pip(python: Path, *words: object, cwd: Path) -> None:
    call(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", *words, cwd=cwd)  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree without its history, so that a build leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("source") / "fer_lib_unpacked"
    ignored = shutil.ignore_patterns(".*", "reports", "tests", "__pycache__", "*.egg-info", "build", "node_modules")
    return Path(shutil.copytree(ROOT, folder, ignore=ignored))


def from_wheel(python: Path, source: Path) -> None:
    pip(python, source, cwd=source)


def from_sdist(python: Path, source: Path) -> None:
    build = "from setuptools.build_meta import build_sdist; print(build_sdist('dist'))"
    name = call(sys.executable, "-c", build, cwd=source).split()[-1]
    pip(python, source / "dist" / name, cwd=source)


def editable(python: Path, source: Path) -> None:
    """By the command that environment.yml names, after conda has installed the lock."""
    lines = (source / "environment.yml").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("#   pip install"))
    assert line.split() == ["#", "pip", "install", "--no-deps", "-e", "."]
    pip(python, "-e", source, cwd=source)


COMMANDS = {"predict faces --crop": "one.png", "data check --dataset toyfaces --fast": "dataset: toyfaces"}
OF_A_WHEEL = {
    "evaluate compact_ferplus --data faces": "compact_ferplus on 3 images",
    "export compact_ferplus face.onnx": "8 classes",
}
PROGRAM = """
import fer_lib
from fer_lib.cli import app
from fer_lib.training.machine import commit
from typer.testing import CliRunner
print(fer_lib.__file__)
for command, said in {commands}.items():
    ended = CliRunner().invoke(app, command.split())
    assert ended.exit_code == 0, (command, ended.output, ended.exception)
    assert said in ended.stdout, (command, ended.output)
print(CliRunner().invoke(app, ["plan", "nothing"]).exception)
print(commit())
"""


@pytest.mark.slow
@pytest.mark.parametrize("install", [from_wheel, from_sdist, editable])
def test_shipped_networks_work_in_an_empty_folder(
    install: Callable[[Path, Path], None], source: Path, tmp_path: Path
) -> None:
    here, environment = tmp_path / "empty", tmp_path / "environment"
    here.mkdir()
    call(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(f"{PACKAGES}\n")
    install(python, source)

    for number, name in enumerate(("happy", "sad", "neutral")):
        (here / "faces" / name).mkdir(parents=True)
        Image.linear_gradient("L").rotate(30 * number).save(here / "faces" / name / "one.png")
    for folder in (environment, source.parent):  # somebody else's repository around it
        call("git", "init", "--quiet", folder, cwd=here)
    program = PROGRAM.replace("{commands}", str(COMMANDS | (OF_A_WHEEL if install is from_wheel else {})))
    where, *no_project, commit = call(python, "-c", program, cwd=here).strip().splitlines()
    assert str(ROOT) not in where
    assert commit == "unknown"
    if install is not editable:
        assert no_project[0].startswith("No project here")


@pytest.mark.slow
def test_a_copy_for_colab_fetches_the_study_and_runs(source: Path, tmp_path: Path, monkeypatch) -> None:
    """In a folder that has nothing but the copy, and an environment that has the packages but not this one."""
    repository, environment = shutil.copytree(source, tmp_path / "repository"), tmp_path / "environment"
    for words in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        call("git", *words, cwd=repository)
    call(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(f"{PACKAGES}\n")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip's way of saying yes: nothing is downloaded
    for variable in ("FER_REPORT", "FER_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    colab.write(ROOT / "notebooks" / "14_your_own_face.ipynb", str(repository), tmp_path / "copy.ipynb")
    call(environment / "bin" / "python", "-m", "papermill", "copy.ipynb", "out.ipynb", cwd=tmp_path)
    assert (tmp_path / "fer_lib" / "reports" / "demo" / "interactive" / "figures" / "photo.png").exists()
    assert str(tmp_path) in (site / next(path.name for path in site.glob("__editable__*fer_lib*"))).read_text()
