"""`train`: any module on any images, by the loop of the study."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from fer_lib.data import DATASETS, FaceSet, apply_rule
from fer_lib.data.batches import normalise
from fer_lib.data.faceset import OWN
from fer_lib.errors import FerError
from fer_lib.models import Classifier, classifier
from fer_lib.models.networks import Dropout
from fer_lib.training.checkpoint import Training
from fer_lib.training.config import RunConfig
from fer_lib.training.engine import train as run_engine
from fer_lib.training.live import Live
from fer_lib.training.machine import default_device, prepare
from fer_lib.training.session import DeviceSession

if TYPE_CHECKING:
    import pandas as pd

_OF_NETWORKS_BY_NAME = ("model", "stem", "width_per_group", "attention", "localisation", "warps", "pretrained",
                        "pretraining", "shown_poses", "defaults", "teacher", "teacher_weight", "temperature",
                        "loss", "dataset", "preparation")  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """What `train` gives.

    Attributes:
        model: trained, on the CPU, in evaluation mode; with `official` and `folders`, as it was in the best epoch.
        history: a row for each epoch: loss and accuracy in training and of the watched images, learning rate, seconds.
        metrics: of the test images: `test_accuracy`, `test_macro_f1`, `test_calibration_error` and so on.
        predictions: a row for each test image: its row in the data, class, predicted class and confidence.
        classes: in the order of the module's numbers.
        test: the test images.
        config: the settings of the run, defaults included.
    """

    model: Classifier
    history: "pd.DataFrame"
    metrics: dict[str, float]
    predictions: "pd.DataFrame"
    classes: tuple[str, ...]
    test: FaceSet
    config: RunConfig


def train(
    model: nn.Module, data: FaceSet, /, *, split: str = "random80", device: str = "", threads: int | None = None,
    **settings: Any,
) -> Trained:  # fmt: skip
    """Trains a copy of `model` on `data` and tests it; the same call gives the same numbers on as many threads.

    Images reach the module as float32 [B, C, H, W], (x / 255 - 0.5) / 0.25; it gives logits [B, classes].

    Args:
        model: any module; one with a transformer is a `STNClassifier`.
        data: of `load`, or one's own (`FaceSet.of`).
        split: `random80`, `grouped80` (copies stay on one side), `official` (FER2013), `folders` (class folders).
        device: such as `cuda:1`; empty: a GPU if there is one.
        threads: of the CPU; None: as many cores as are idle. Their number changes how sums are rounded.
        settings: of `RunConfig`, such as lr, epochs, batch_size, optimizer, schedule, augment, mixup, ema, seed.

    Raises:
        FerError: an unknown setting, a split that the data lacks, a module that does not take the images or does not
            give a number for each class, or a loss that is not finite.
    """
    config = _config(model, data, split, settings)
    classes = apply_rule(data, config.label_rule).classes
    target = torch.device(device) if device else default_device()
    prepare(target, threads=threads)
    with _seeded(config.seed, target):
        model = _checked(model, data, classes=classes)
        bar = Live(total=config.epochs, line=lambda: told[-1])
        told = [f"0 of {config.epochs} epochs"]

        def after_epoch(training: Training, images: int) -> bool:
            line = training.history[-1]
            told.append(f"epoch {line.epoch} of {config.epochs}, accuracy {line.eval_accuracy:.3f}")
            bar.advance(1)
            return True

        with bar, DeviceSession(target, model=model) as workspace, workspace.stream():
            outcome = run_engine(config, data, workspace=workspace, after_epoch=after_epoch)
    if outcome.status == "diverged":
        raise FerError(f"train: {outcome.reason}.\nA smaller lr usually helps; it was {config.lr:g}.")
    return _trained(config, data, outcome)


def _config(model: nn.Module, data: FaceSet, split: str, settings: dict[str, Any]) -> RunConfig:
    if wrong := [key for key in settings if key in _OF_NETWORKS_BY_NAME]:
        raise FerError(f"train: {wrong[0]} is for networks that a params file names; here module and data say it.")
    attention = getattr(model, "attention", None) if isinstance(model, Classifier) else None
    values = {
        "dataset": data.name if data.name in DATASETS else OWN, "model": "own", "split": split,
        "attention": getattr(attention, "mode", "none"), **settings,
    }  # fmt: skip
    return RunConfig.parse(values, where="train")


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """A module's own dropout draws from `seed`; afterwards the caller's random numbers go on as if nothing had been."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _checked(model: nn.Module, data: FaceSet, *, classes: tuple[str, ...]) -> Classifier:
    """A copy that takes the images and gives a number for each class, in training as afterwards."""
    images = torch.tensor(np.asarray(data.images[:2]))
    images = normalise(images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2))
    for training in (True, False):
        copy = classifier(model).cpu().train(training)
        try:
            with torch.no_grad():
                logits = copy(images)
        except Exception as error:  # a stranger raises what it likes
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise FerError(f"train: the module does not take images {[*images.shape]}: {why}") from error
        if not isinstance(logits, torch.Tensor) or logits.shape != (len(images), len(classes)):
            found = [*logits.shape] if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise FerError(
                f"train: the module gives {found} for two images{' in training' if training else ''}; "
                f"expected [2, {len(classes)}], a number a class."
            )
    return copy


def _trained(config: RunConfig, data: FaceSet, outcome: Any) -> Trained:
    import pandas as pd

    arrays = outcome.arrays
    rows, names = arrays["rows"].astype(np.int64), np.array(outcome.classes)
    model = outcome.model.cpu().eval()
    for layer in model.modules():
        if isinstance(layer, Dropout):
            layer.generator = None  # it was the device's
    lines = [line.model_dump(exclude={"theta", "collapse"}) for line in outcome.history]
    predictions = {
        "row": rows, "actual": names[arrays["actual"]], "predicted": names[arrays["predicted"]],
        "confidence": arrays["confidence"].astype(np.float64),
    }  # fmt: skip
    return Trained(
        model=model, history=pd.DataFrame(lines).set_index("epoch"), metrics=outcome.metrics,
        predictions=pd.DataFrame(predictions), classes=outcome.classes, test=data.take(rows), config=config,
    )  # fmt: skip
