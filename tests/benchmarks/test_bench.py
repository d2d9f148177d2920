"""`make bench` runs and writes what it says; how fast is not asked here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_quick_benchmark_runs(tmp_path):
    out, tests = tmp_path / "bench.json", Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--out", str(out)],
        cwd=tests.parent, env={**os.environ, "PYTHONPATH": str(tests), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert {case["task"] for case in found["cases"]} == {"load", "train", "evaluate"}
    ratios = {(case["case"], case["augment"], pair): values
              for case in found["cases"] for pair, values in case["ratios"].items()}  # fmt: skip
    assert {pair for _, _, pair in ratios} == {
        f"ours / {other}" for other in ("naive", "skorch", "limit", "torch", "matmul")
    }
    assert all(0 < values["least"] <= values["median"] <= values["most"] for values in ratios.values())
    assert all(value > 0 for case in found["cases"] for value in case["memory_mb"].values())
    assert found["machine"]["torch"]
    for _, _, pair in ratios:
        assert pair in done.stdout
