"""`make gpu-check` itself, on the CPU: its checks pass there, and one that fails, dies or hangs is told."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from gpu_check.__main__ import passes
from gpu_check.checks import CHECKS, Check

TESTS = Path(__file__).parents[1]


def dies(device: str, folder: Path) -> str:
    os._exit(7)


def hangs(device: str, folder: Path) -> str:
    time.sleep(60)
    return "woken"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["geometry", "speed"])
def test_a_check_passes_on_the_cpu(name, capfd):
    (check,) = (check for check in CHECKS if check.what.__name__ == name)
    assert passes(Check(check.what, 280, check.otherwise), "cpu"), capfd.readouterr()
    assert capfd.readouterr().out.startswith(f"ok     {name} (")


@pytest.mark.parametrize(
    ("what", "seconds", "said"), [(dies, 60, "ended unexpectedly (exit code 7)"), (hangs, 4, "not done after 4 s")]
)
def test_a_check_that_does_not_come_back_is_told(what, seconds, said, capfd):
    assert not passes(Check(what, seconds, "look for another GPU"), "cpu")
    first, second = capfd.readouterr().out.splitlines()
    assert first.startswith(f"FAILED {what.__name__} (")
    assert first.endswith(said)
    assert second.strip() == "what to do: look for another GPU"


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_without_a_gpu_it_says_so():
    words = [sys.executable, "-m", "gpu_check", "--only", "machine"]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(TESTS)})
    assert done.returncode == 1
    assert "AssertionError: torch finds no GPU" in done.stdout
    assert done.stdout.endswith("0 of 1 checks passed.\n")


def test_it_is_bounded():
    assert sum(check.seconds for check in CHECKS) <= 600
