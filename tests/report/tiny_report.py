"""A tiny real report: the demo profile with the smallest runs."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TINY = {"batch_size": 8, "epochs": 2, "train_limit": 32, "test_limit": 60, "model": "vanilla_cnn"}
PRETRAINING = {"dataset": "digits", "split": "official", **TINY, "epochs": 1}


def write_tiny_params(folder: Path) -> None:
    """The demo profile with the smallest runs: one small network in the place of all three, and two seeds."""
    folder.mkdir(parents=True)
    for path in sorted((ROOT / "params" / "demo").glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        values["profile"] = "tiny"
        if "base" in values:
            values |= {"base": TINY, "seeds": [0, 1] if path.stem.startswith("06") else [0]}
            for overrides in (*values["arms"].values(), *values["datasets"].values()):
                for key in ("epochs", "train_limit", "model", "width_per_group"):
                    overrides.pop(key, None)
                if "pretraining" in overrides:
                    overrides["pretraining"] = PRETRAINING
        (folder / path.name).write_text(yaml.safe_dump(values, sort_keys=False))


def run_report(folder: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    (folder / "notebooks").exists() or (folder / "notebooks").symlink_to(ROOT / "notebooks")
    own = {"FER_ROOT": folder, "FER_REPORT": folder / "report", "CUDA_VISIBLE_DEVICES": "", **extra}
    environment = {**os.environ, **{name: str(value) for name, value in own.items()}}
    command = [sys.executable, "-m", "fer_lib", "report", "--profile", "tiny", "--jobs", "2"]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=800)
