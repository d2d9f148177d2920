"""What a run costs: counted in FLOPs to put runs in order, predicted in seconds from a calibration of the device."""

import heapq
import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from fer_lib.data import FIXED
from fer_lib.data.preparation import WARPS
from fer_lib.training.config import RunConfig
from fer_lib.training.machine import arithmetic, cores, default_device

# Training GFLOP per 48×48 image (three times the forward pass), counted over convolutions and linear layers.
_GFLOP = {"resnet50": 1.26, "vggface": 4.3, "vanilla_cnn": 0.9, "compact": 0.77, "none": 0.0}
_GFLOP_SMALL_STEM = 17.5
_GFLOP_STN = {"paper": 0.13, "paper_batch_norm": 0.13, "hidden": 0.026}  # of one look at an image
_ROWS = {"fer2013": 35_887, "ferplus": 35_887, "tiny_imagenet": 110_000}
_TOY_ROWS = 3_000


@dataclass(frozen=True)
class Speed:
    """Seconds on a device: `start` before a run's first step, `train` and `evaluate` per image."""

    start: float
    train: float
    evaluate: float


def images(config: RunConfig) -> tuple[int, int]:
    """About how many images a run trains on in an epoch, and how many it evaluates after each and at its end."""
    rows = _ROWS.get(config.dataset, _TOY_ROWS)
    held_out = rows // 10 if config.split in FIXED else rows // 5
    held_out *= 1 + WARPS if config.preparation == "warps_then_split" else 1
    return min(rows * 4 // 5, config.train_limit or rows), min(held_out, config.test_limit or rows)


def gflop(config: RunConfig) -> float:
    """Work of a whole run in GFLOP, evaluation included."""
    network = _GFLOP_SMALL_STEM if config.stem == "small" else _GFLOP[config.model]
    thin = config.width_per_group / 64
    # of ResNet50's work 46 % is between two inner layers, 42 % from or to one; VGGFace has inner layers only
    network *= thin**2 if config.model == "vggface" else 0.12 + 0.42 * thin + 0.46 * thin**2
    looks = config.warps if config.attention != "none" else 0
    network *= 2 if config.unwarped_loss else 1
    per_image = network + looks * _GFLOP_STN[config.localisation]
    train, held_out = images(config)
    return per_image * (config.epochs * (train + held_out / 3) + held_out / 3)


def epoch_seconds(config: RunConfig, speed: Speed) -> float:
    """Seconds of one epoch, evaluation included."""
    train, held_out = images(config)
    return train * speed.train + held_out * speed.evaluate


def run_seconds(config: RunConfig, speed: Speed) -> float:
    """Seconds of a whole run; pre-training that it needs is not counted."""
    return speed.start + config.epochs * epoch_seconds(config, speed) + images(config)[1] * speed.evaluate


def guess_seconds(configs: Iterable[RunConfig], *, jobs: int) -> float | None:
    """Seconds that runs should take, `jobs` at a time, by the speed of one matrix product here; None on a GPU.

    On a CPU a step of a wide network on large batches reaches 0.85 of that speed, one of a thin network or on small
    batches 0.35 (one core of an AMD EPYC, fp32). Takes a tenth of a second; `calibration` times real steps.
    """
    if default_device().type != "cpu":
        return None
    configs = list(configs)
    bf16 = any(arithmetic(config, torch.device("cpu")) == "bf16" for config in configs)
    side = 1024
    one, other = torch.rand(2, side, side).to(torch.bfloat16 if bf16 else torch.float32)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        one @ other
        times.append(time.perf_counter() - began)
    speed = 2e-9 * side**3 / min(times) / torch.get_num_threads()  # GFLOP/s of a core
    share = {config: 0.35 if config.width_per_group < 64 or config.batch_size < 64 else 0.85 for config in configs}
    jobs = max(1, min(jobs, cores(), len(configs)))
    return makespan((gflop(config) / (share[config] * speed) for config in configs), jobs=jobs)


def makespan(seconds: Iterable[float], *, jobs: int) -> float:
    """Seconds until runs that take `seconds` have ended, begun in their order, `jobs` at a time."""
    free_at = [0.0] * jobs
    for duration in seconds:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)
