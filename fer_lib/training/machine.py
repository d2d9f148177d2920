"""Which device a run uses, how it computes there, and what the record says of it."""

import contextlib
import ctypes
import os
import platform
import subprocess
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from fer_lib.paths import mode
from fer_lib.training.config import RunConfig


def default_device() -> torch.device:
    """CUDA where there is one, else the CPU; `CUDA_VISIBLE_DEVICES` chooses a GPU, or none if it is empty."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def arithmetic(config: RunConfig, device: torch.device) -> str:
    """`fp32` or `bf16`: what `config.precision` means on `device`."""
    if config.precision != "auto":
        return config.precision
    return "bf16" if device.type == "cuda" or _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    # without these instructions bf16 autocast is about twice as slow as fp32
    flags = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, flag, bool)() for flag in flags)


def strict() -> bool:
    """Whether runs are to be bitwise repeatable (`FER_MODE=strict`), at some cost in speed on a GPU."""
    return mode("strict")


def graphs() -> bool:
    """Whether a GPU's steps are captured; `FER_MODE=eager` runs them kernel by kernel, to find or go around a fault."""
    return not mode("eager")


def compiles() -> bool:
    """Whether the network of a captured step is compiled (`FER_MODE=compile`): faster, and rounded otherwise."""
    return mode("compile")


def prepare(device: torch.device, *, threads: int | None = None) -> None:
    """Process-wide settings for training: threads, allocator, denormals, and which algorithms a GPU may use.

    `threads` is for the CPU; None takes as many as are idle. The caching of freed memory is glibc's (`mallopt(3)`).
    """
    _keep_freed_memory()
    torch.set_flush_denormal(True)
    if device.type == "cpu":
        torch.set_num_threads(threads or idle_cores())
    else:
        if strict():
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first stream multiplies
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = False  # trying algorithms out waits for the device, which breaks a capture
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # A guard stands before grid_sample's backward for its input gradient, which images do not need: warn, do not raise.
    torch.use_deterministic_algorithms(strict(), warn_only=True)
    warnings.filterwarnings("ignore", message="grid_sampler_2d_backward_cuda does not have a deterministic")


def own_stream(device: torch.device, slot: int) -> contextlib.AbstractContextManager[object]:
    """The CUDA stream of one of the runs side by side, for what this thread does; nothing on the CPU."""
    return torch.cuda.stream(_stream(device, slot)) if device.type == "cuda" else contextlib.nullcontext()


@cache
def _stream(device: torch.device, slot: int) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # torch has 32 and hands them out in turn: asked for once, no two slots share one


def cores() -> int:
    """CPU cores that this process may use: in a job of Slurm those that it was given, bound to them or not."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, int(os.environ.get("SLURM_CPUS_ON_NODE") or bound))


def idle_cores() -> int:
    """Cores that nobody used for 0.2 seconds, at least one: two threads on one free core are slower than one."""
    busy = sum(psutil.cpu_percent(0.2, percpu=True)) / 100
    return max(1, min(cores(), round((os.cpu_count() or 1) - busy)))


@cache
def _keep_freed_memory() -> None:
    # by default every step gives its activations back to the system and faults them in again
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    with contextlib.suppress(OSError, AttributeError):  # no glibc
        for option in (trim_threshold, mmap_threshold):
            ctypes.CDLL("libc.so.6").mallopt(option, 2**31 - 1)


def provenance(device: torch.device, *, computed_in: str, step: str = "eager") -> dict[str, Any]:
    """Device, versions and commit, as they go into a record; none of it is part of a run's identity."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name()
    threads = torch.get_num_threads() if device.type == "cpu" else None
    return {
        "device": name, "arithmetic": computed_in, "level": "strict" if strict() else "fast", "step": step,
        "threads": threads, "python": platform.python_version(), "torch": torch.__version__,
        "torchvision": version("torchvision"), "commit": commit(),
    }  # fmt: skip


@cache
def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def commit() -> str:
    """Commit of the library's checkout, `-dirty` appended if its code differs from it.

    Outside of one, what `git archive` wrote into `.git_archival.txt` beside the library, or else `unknown`.
    """
    here = Path(__file__).resolve().parents[2]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if Path(_git(here, "rev-parse", "--show-toplevel")).resolve() == here:  # and not in somebody else's repository
            dirty = _git(here, "status", "--porcelain", "--", "fer_lib", "params")
            return _git(here, "rev-parse", "HEAD")[:12] + ("-dirty" if dirty else "")
    with contextlib.suppress(OSError):
        archived = (here / ".git_archival.txt").read_text().strip()
        return "unknown" if "$" in archived else archived[:12]
    return "unknown"


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
