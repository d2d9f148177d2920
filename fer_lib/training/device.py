"""Which device a run uses, how it computes there, and what the record says of it."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from fer_lib.training.config import RunConfig


def default_device() -> torch.device:
    """`FER_DEVICE`, else CUDA where there is one, else the CPU."""
    return torch.device(os.environ.get("FER_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def default_jobs(jobs: int = 0) -> int:
    """Runs at once: `jobs`, or for 0 one per CPU core, or one on a GPU."""
    return jobs or (1 if default_device().type == "cuda" else os.cpu_count() or 1)


def arithmetic(config: RunConfig, device: torch.device) -> str:
    """`fp32` or `bf16`: what `config.precision` means on `device`."""
    if config.precision != "auto":
        return config.precision
    return "bf16" if device.type == "cuda" or _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    # without these instructions bf16 autocast is about twice as slow as fp32
    flags = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, flag, bool)() for flag in flags)


def prepare(device: torch.device, *, threads: int | None = None) -> None:
    """Process-wide settings for training: thread count, flushed denormals, and on CUDA the fastest convolutions."""
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True


def provenance(device: torch.device, *, computed_in: str) -> dict[str, Any]:
    """Device, versions and commit, as they go into a record; none of it is part of a run's identity."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    return {
        "device": name,
        "arithmetic": computed_in,
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "commit": commit(),
    }


@cache
def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def commit() -> str:
    """Commit of the library's checkout, `-dirty` appended if its code differs from it; `unknown` outside of one."""
    if given := os.environ.get("FER_COMMIT"):
        return given
    here = Path(__file__).resolve().parents[2]
    try:
        head = _git(here, "rev-parse", "HEAD")
        return head[:12] + ("-dirty" if _git(here, "status", "--porcelain", "--", "fer_lib", "params") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
