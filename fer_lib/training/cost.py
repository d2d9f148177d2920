"""What a run costs: counted in FLOPs to put runs in order, predicted in seconds from a calibration of the device."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from fer_lib.training.config import RunConfig

# Training GFLOP per 48×48 image (three times the forward pass), counted over convolutions and linear layers.
_GFLOP = {"resnet50": 1.26, "vggface": 4.3, "vanilla_cnn": 0.9}
_GFLOP_SMALL_STEM = 17.5
_GFLOP_STN = 0.13
_ROWS = {"fer2013": 35_887, "ferplus": 35_887, "tiny_imagenet": 110_000, "toyshapes": 3_000}
_TOY_ROWS = 3_000


@dataclass(frozen=True)
class Speed:
    """Seconds on a device: `start` before a run's first step, `train` and `evaluate` per image."""

    start: float
    train: float
    evaluate: float


def images(config: RunConfig) -> tuple[int, int]:
    """Images that a run trains on in an epoch, and that it evaluates after each and at its end; near enough."""
    rows = _ROWS.get(config.dataset, _TOY_ROWS)
    held_out = rows // 10 if config.split == "official" else rows // 5
    return min(rows * 4 // 5, config.train_limit or rows), min(held_out, config.test_limit or rows)


def gflop(config: RunConfig) -> float:
    """Work of a whole run in GFLOP, evaluation included."""
    network = _GFLOP_SMALL_STEM if config.stem == "small" else _GFLOP[config.model]
    per_image = network + (_GFLOP_STN if config.attention != "none" else 0.0)
    train, held_out = images(config)
    return per_image * (config.epochs * (train + held_out / 3) + held_out / 3)


def epoch_seconds(config: RunConfig, speed: Speed) -> float:
    """Seconds of one epoch, evaluation included."""
    train, held_out = images(config)
    return train * speed.train + held_out * speed.evaluate


def run_seconds(config: RunConfig, speed: Speed) -> float:
    """Seconds of a whole run; pre-training that it needs is not counted."""
    return speed.start + config.epochs * epoch_seconds(config, speed) + images(config)[1] * speed.evaluate


def makespan(seconds: Iterable[float], *, jobs: int) -> float:
    """Seconds until runs that take `seconds` have ended, begun in their order, `jobs` at a time."""
    free_at = [0.0] * jobs
    for duration in seconds:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)
