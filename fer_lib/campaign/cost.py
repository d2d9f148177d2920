"""What a run costs: counted in FLOPs to put runs in order, guessed in seconds from the speed of a matrix product."""

import heapq
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import torch

from fer_lib.data import FIXED
from fer_lib.data.preparation import WARPS
from fer_lib.training.config import RunConfig
from fer_lib.training.engine import PROBE_SHARE
from fer_lib.training.machine import arithmetic, cores, default_device

# Training GFLOP per 48×48 image (three times the forward pass), counted over convolutions and linear layers.
_GFLOP = {"resnet50": 1.26, "vggface": 4.3, "vanilla_cnn": 0.9, "compact": 0.77, "tiny": 0.072, "none": 0.0}
_GFLOP_SMALL_STEM = 17.5
_GFLOP_STN = {"paper": 0.13, "paper_batch_norm": 0.13, "hidden": 0.026}  # of one look at an image
_LAYERS = {
    "resnet50": 4.5e-3, "vggface": 1.5e-3, "vanilla_cnn": 0.5e-3, "compact": 0.8e-3, "tiny": 0.4e-3, "none": 0.45e-3,
}  # fmt: skip
_LAYERS_STN = 0.9e-3  # these: seconds an image between the products, on a core of `_CORE` GFLOP/s in fp32
_CORE = 96.0
_SHARE = 0.75  # of a core's speed at one large product that a network's products reach
_START = 1.0  # seconds of a run that are no training
_EVALUATED = 0.25  # what looking at an image costs, of what training on it does
_PROBES = 16  # transformations and strengths (`Probe`)
_ROWS = {"fer2013": 35_887, "ferplus": 35_887, "tiny_imagenet": 110_000, "digits": 1_797}
_TOY_ROWS = 3_000


def images(config: RunConfig) -> tuple[int, int]:
    """About how many images a run trains on in an epoch, and how many it evaluates after each and at its end."""
    rows = _ROWS.get(config.dataset, _TOY_ROWS)
    held_out = rows // 10 if config.split in FIXED else rows // 5
    held_out *= 1 + WARPS if config.preparation == "warps_then_split" else 1
    return min(rows * 4 // 5, config.train_limit or rows), min(held_out, config.test_limit or rows)


def gflop(config: RunConfig) -> float:
    """Work of a whole run in GFLOP, evaluation included."""
    return _per_image(config) * _looks(config)


def _per_image(config: RunConfig) -> float:
    network = _GFLOP_SMALL_STEM if config.stem == "small" else _GFLOP.get(config.model, _GFLOP["compact"])
    thin = config.width_per_group / 64
    # of ResNet50's work 46 % is between two inner layers, 42 % from or to one; VGGFace has inner layers only
    network *= thin**2 if config.model == "vggface" else 0.12 + 0.42 * thin + 0.46 * thin**2
    looks = config.warps if config.attention != "none" else 0
    network *= 2 if config.unwarped_loss else 1
    return network + looks * _GFLOP_STN[config.localisation]


def _looks(config: RunConfig) -> float:
    """Images of a whole run, as if trained on."""
    train, held_out = images(config)
    probed = _PROBES * max(100, config.epochs * train // PROBE_SHARE)
    return config.epochs * (train + _EVALUATED * held_out) + _EVALUATED * (held_out + probed)


def run_seconds(configs: Iterable[RunConfig], *, jobs: int) -> dict[RunConfig, float]:
    """Seconds that each run should take, `jobs` at a time, by the speed of one matrix product here; empty on a GPU.

    An image costs its products and what lies between them, which was timed once, and is scaled by the product's speed
    in fp32. Takes a tenth of a second; pre-training that a run needs is not counted.
    """
    configs = list(configs)
    if default_device().type != "cpu" or not configs:
        return {}
    jobs = max(1, min(jobs, cores(), len(configs)))
    speed = {kind: _product_speed(kind, jobs=jobs) for kind in {"fp32", *map(_arithmetic, configs)}}
    between = _CORE / speed["fp32"]

    def seconds(config: RunConfig) -> float:
        layers = _LAYERS.get(config.model, _LAYERS["compact"]) + (_LAYERS_STN if config.attention != "none" else 0.0)
        products = _per_image(config) / (_SHARE * speed[_arithmetic(config)])
        return _START + _looks(config) * (products + layers * between)

    return {config: seconds(config) for config in configs}


def _arithmetic(config: RunConfig) -> str:
    return arithmetic(config, torch.device("cpu"))


def _product_speed(kind: str, *, jobs: int) -> float:
    """GFLOP/s of a core at one matrix product, while `jobs` cores are busy."""
    side, before = 1024, torch.get_num_threads()
    pairs = [torch.rand(2, side, side).to(torch.bfloat16 if kind == "bf16" else torch.float32) for _ in range(jobs)]

    def product(pair: torch.Tensor) -> float:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            pair[0] @ pair[1]
            times.append(time.perf_counter() - began)
        return min(times)

    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(jobs) as pool:
            slowest = max(pool.map(product, pairs))
    finally:
        torch.set_num_threads(before)
    return 2e-9 * side**3 / slowest


def makespan(seconds: Iterable[float], *, jobs: int) -> float:
    """Seconds until runs that take `seconds` have ended, begun in their order, `jobs` at a time."""
    free_at = [0.0] * jobs
    for duration in seconds:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return max(free_at)
