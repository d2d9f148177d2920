"""Fine-tuning: a trained network learns to tell the classes of one's own labelled faces."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from fer_lib.data import FaceSet
from fer_lib.data.labelled import LabelledFaces, expression
from fer_lib.evaluation import metrics
from fer_lib.faces.network import TrainedNetwork
from fer_lib.training import Record
from fer_lib.training.front import train

LR, LR_HEAD = 3e-4, 1e-2  # of Adam, at the start of a cosine to zero
_KEPT = {"model", "stem", "width_per_group", "attention", "localisation", "warps", "defaults", "pretrained",
         "pretraining"}  # fmt: skip


@dataclass(frozen=True)
class Finetuned:
    """A network, and the accuracy on the `held_out` faces of the one that it was made from, and its own.

    `before` is None where none of the classes has a name that the first network knows.
    """

    network: TrainedNetwork
    before: float | None
    after: float
    held_out: int


class _Frozen(nn.Module):
    """A module that is not trained: it has no gradients, and its normalisations stay as they are."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        return self.module(images)


def finetune(
    start: TrainedNetwork, faces: LabelledFaces, *, frozen: bool = False, epochs: int = 10, seed: int = 0
) -> Finetuned:
    """Trains a copy of `start` on four fifths of `faces` (`read_classes`) and tests it on the others.

    First its last layer alone, then all of it (Kumar et al. 2022, https://arxiv.org/abs/2202.10054). The last layer
    keeps what it knows of classes that it has a name for, such as happy or happiness, and begins at zero with the
    others. Copies of a face stay on one side. The temperature is fitted on the faces held out.

    Args:
        start: the network to start from; it stays as it is.
        faces: whatever their classes are called.
        frozen: train the last layer alone.
        epochs: passes over the faces in each part, with a batch of 32 and random affine warps.
        seed: of split, order and augmentation.

    Raises:
        FerError: too few faces for a split, or a loss that is not finite.
    """
    known = {expression(name) or name: row for row, name in enumerate(start.classes)}
    rows = np.array([known.get(expression(name) or name, -1) for name in faces.classes])
    model = deepcopy(start.classifier)
    last = [name for name, layer in model.network.named_modules() if isinstance(layer, nn.Linear)][-1]
    head: nn.Module = _head(model.network.get_submodule(last), rows)
    data = FaceSet.of(faces.images, faces.labels, faces.classes)
    for whole in (False,) if frozen else (False, True):
        model.network.set_submodule(last, head if whole else nn.Identity())
        run = train(
            model.requires_grad_() if whole else nn.Sequential(_Frozen(model), head), data, split="grouped80",
            lr=LR if whole else LR_HEAD, epochs=epochs, batch_size=32, schedule="cosine", augment="affine", seed=seed,
        )  # fmt: skip
        head = run.model.get_submodule(f"network.{last if whole else 1}")
    model.network.set_submodule(last, head)
    config = run.config.model_copy(update={key: getattr(start.record.config, key) for key in _KEPT})
    fingerprint = f"{data.fingerprint} {start.run_id}{' frozen' * frozen}"
    record = Record(
        run_id=config.run_id(fingerprint), config=config, fingerprint=fingerprint, status="finished",
        classes=list(run.classes), train_images=len(data) - len(run.test), test_images=len(run.test),
        metrics=run.metrics, provenance={"started_from": start.run_id},
    )  # fmt: skip
    network = TrainedNetwork(start.name, model if frozen else run.model, record)
    images, actual = run.test.images, run.test.labels
    before, told = start.probabilities(images).argmax(1), network.probabilities(images)
    return Finetuned(
        replace(network, temperature=round(metrics.temperature(told, actual), 4)),
        float((before == rows[actual]).mean()) if (rows >= 0).any() else None,
        float((told.argmax(1) == actual).mean()),
        len(actual),
    )


@torch.no_grad()
def _head(old: nn.Module, rows: np.ndarray) -> nn.Linear:
    """A last layer with `rows` of an `old` one, and zeros for those that are -1."""
    assert isinstance(old, nn.Linear)
    head = nn.Linear(old.in_features, len(rows))
    there = torch.from_numpy(rows >= 0)
    head.weight.copy_(old.weight[rows] * there[:, None])
    head.bias.copy_(old.bias[rows] * there)
    return head
