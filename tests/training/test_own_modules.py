"""A params file that names a network and data of the user's own: runs and records serve them like the study's."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from training.tiny import assert_same_runs

from fer_lib import data, imported
from fer_lib.errors import FerError
from fer_lib.models import build
from fer_lib.report.execute import Task, execute
from fer_lib.training import RunConfig, RunStore

ROOT = Path(__file__).parents[2]
MODULE = """
import numpy as np
from torch import nn
import fer_lib as fer

def net(classes):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, classes))

def with_transformer(classes):
    return fer.STNClassifier(net(classes), transformer=fer.SpatialTransformer(channels=3))

def faces():
    rng = np.random.default_rng(0)
    return fer.FaceSet.of(rng.integers(0, 256, (40, 32, 24, 3), dtype=np.uint8), ["happy", "sad"] * 20)

number = 3
"""
GRID = """
profile: mine
base: {epochs: 3, batch_size: 8, dataset: "my_own_module:faces", model: "my_own_module:net"}
arms: {Net: {}, "Net + STN": {model: "my_own_module:with_transformer"}}
datasets: {Mine: {}}
splits: [random80, grouped80]
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {"FER_REPORT": str(folder / "report"), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **own}
    command = [sys.executable, "-m", "fer_lib", "run", "grid.yaml", *words]
    one_core = {min(os.sched_getaffinity(0))}  # one run alone would take all idle cores, and round otherwise
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250,
        preexec_fn=lambda: os.sched_setaffinity(0, one_core),
    )  # fmt: skip


@pytest.mark.slow
def test_a_network_and_data_of_ones_own_are_run_by_a_params_file(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "grid.yaml").write_text(GRID)
        (tmp_path / name / "my_own_module.py").write_text(MODULE)
    alone, beside = run(tmp_path / "one", "--jobs", "1"), run(tmp_path / "two", "--jobs", "2")
    for done in (alone, beside):
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "4 trained, 0 reused, 0 diverged, 0 skipped"
    assert "my_own_module:with_transformer" in alone.stdout
    assert_same_runs(RunStore(tmp_path / "one" / "report"), RunStore(tmp_path / "two" / "report"))

    (tmp_path / "one" / "my_own_module.py").write_text(MODULE.replace("Conv2d(3, 4, 3)", "Conv2d(3, 4, 3, stride=2)"))
    changed = run(tmp_path / "one", "--jobs", "1")
    assert changed.stdout.splitlines()[-1] == "4 trained, 0 reused, 0 diverged, 0 skipped"


@pytest.mark.slow
def test_a_notebook_compares_networks_and_data_of_ones_own(tmp_path):
    (tmp_path / "my_own_module.py").write_text(MODULE)
    grid = yaml.safe_load(GRID) | {"splits": ["random80"], "seeds": [0], "runs": []}
    grid["arms"] = {"ResNet50": grid["arms"]["Net"], "With a transformer": grid["arms"]["Net + STN"]}
    notebook = ROOT / "notebooks" / "03_model_comparison.ipynb"
    environment = {"FER_REPORT": str(tmp_path / "report"), "FER_ROOT": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    errors = execute([Task(notebook, grid, tmp_path / "page.ipynb")], env=environment)
    assert errors == []
    tables = {path.stem: pd.read_csv(path) for path in tmp_path.glob("report/**/tables/*.csv")}
    assert tables["table_1"]["Arm"].tolist() == ["ResNet50", "With a transformer"]
    assert len(RunStore(tmp_path / "report").records()) == 2


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of a module in the folder at hand, which is not imported afterwards."""
    (tmp_path / "another_module.py").write_text(MODULE)
    (tmp_path / "broken_module.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield "another_module"
    sys.modules.pop("another_module", None)


@pytest.mark.parametrize(("name", "said"), [
    ("another_module:nothing", "another_module has no function 'nothing'"),
    ("another_module:number", "has no function 'number'"),
    ("broken_module:net", "broken_module:net cannot be imported: ZeroDivisionError"),
    ("not_there:net", "not_there:net cannot be imported: ModuleNotFoundError"),
])  # fmt: skip
def test_what_cannot_be_imported_is_told(module, name, said):
    with pytest.raises(FerError, match=said):
        imported.imported(name)


def test_an_identity_changes_with_the_file_and_needs_no_import(module, tmp_path):
    config = RunConfig(dataset="another_module:faces", model="another_module:net")
    faces = data.load("toyfaces")
    before = config.fingerprint(faces)
    assert "another_module" not in sys.modules
    (tmp_path / "another_module.py").write_text(MODULE + "\n")
    assert config.fingerprint(faces) != before
    assert RunConfig(dataset="toyfaces").fingerprint(faces) == faces.fingerprint
    assert RunConfig.model_validate_json(config.canonical()) == config


def test_a_file_that_changed_after_its_import_is_not_taken_for_the_new_one(module, tmp_path, monkeypatch):
    monkeypatch.setattr(imported, "_EXECUTED", {})
    assert imported.imported("another_module:net")(classes=2) is not None
    (tmp_path / "another_module.py").write_text(MODULE + "\n")
    with pytest.raises(FerError, match="has changed since it was imported"):
        imported.imported("another_module:net")


@pytest.mark.parametrize(("changes", "said"), [
    ({"model": "another_module:with_transformer", "attention": "stn"}, "has a transformer of its own"),
    ({"model": "another_module:faces"}, "FaceSet|unexpected keyword"),
    ({"model": "own"}, "is that of `fer_lib.train`"),
])  # fmt: skip
def test_what_is_no_network_to_build_is_told(module, monkeypatch, changes, said):
    monkeypatch.setattr(imported, "_EXECUTED", {})
    with pytest.raises((FerError, TypeError), match=said):
        build(RunConfig(dataset="another_module:faces", **changes), classes=2)


@pytest.mark.parametrize("name", ["resnet", "my-module:net", "os.system", ":net", "a:b:c"])
def test_what_is_no_import_path_is_no_model(name):
    with pytest.raises(FerError, match=r"is unknown; choose one of resnet50.*, or package.module:name"):
        RunConfig(dataset="toyfaces", model=name)
