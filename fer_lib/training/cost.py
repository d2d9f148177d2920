"""What a run costs, predicted: from finished runs on the same device where there are some, from FLOPs otherwise."""

import statistics
from collections.abc import Iterable

import torch

from fer_lib.training.config import RunConfig
from fer_lib.training.device import provenance
from fer_lib.training.record import Record

# Training GFLOP per 48×48 image (three times the forward pass), counted over convolutions and linear layers.
_GFLOP = {"resnet50": 1.26, "vggface": 4.3, "vanilla_cnn": 0.9}
_GFLOP_SMALL_STEM = 17.5
_GFLOP_STN = 0.13
_GFLOPS = {
    "cpu": 60.0,
    "cuda": 8_000.0,
}  # reached per CPU core, per GPU; before the first run on a device has shown
_TRAIN_ROWS = {"fer2013": 28_709, "ferplus": 28_709, "tiny_imagenet": 101_000}
_TOY_ROWS = 2_400


def gflop(config: RunConfig) -> float:
    """Work of a whole run in GFLOP, evaluation included."""
    network = _GFLOP_SMALL_STEM if config.stem == "small" else _GFLOP[config.model]
    per_image = network + (_GFLOP_STN if config.attention != "none" else 0.0)
    rows = _TRAIN_ROWS.get(config.dataset, _TOY_ROWS)
    train = min(rows, config.train_limit or rows)
    test = min(rows // 4, config.test_limit or rows)
    return config.epochs * per_image * (train + test / 3)


def measured_speed(config: RunConfig, *, device: torch.device, records: Iterable[Record]) -> float | None:
    """GFLOP/s that runs of the same model (of any, where there is none) reached on `device`; None without records."""
    name = provenance(device, computed_in="")["device"]
    here = [record for record in records if record.seconds > 0 and record.provenance.get("device") == name]
    alike = [record for record in here if record.config.model == config.model] or here
    return statistics.median(_gflop_done(record) / record.seconds for record in alike) if alike else None


def predicted_seconds(config: RunConfig, *, device: torch.device, records: Iterable[Record] = ()) -> float:
    """Seconds that one run should take alone on `device`; pre-training that it needs is not counted."""
    speed = measured_speed(config, device=device, records=records)
    return gflop(config) / (speed or _GFLOPS.get(device.type, _GFLOPS["cpu"]))


def _gflop_done(record: Record) -> float:
    return gflop(record.config) * len(record.history) / record.config.epochs  # a diverged run ends early
