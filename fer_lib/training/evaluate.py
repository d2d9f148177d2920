"""What a model says of images on the device: predictions, theta, and accuracy under test-time transformations."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fer_lib.data.batches import DeviceData, normalise
from fer_lib.evaluation.theta import ROBUSTNESS, posed
from fer_lib.geometry import identity_theta, warp
from fer_lib.models import Classifier
from fer_lib.training.optim import loss_of
from fer_lib.training.record import Probe

BATCH = 512
BATCH_ON_GPU = 4096


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, and on the CPU: classes [N] predicted and actual, confidence [N], theta [N, 2, 3] or None."""

    loss: float
    predicted: np.ndarray
    actual: np.ndarray
    confidence: np.ndarray
    theta: Tensor | None

    @property
    def accuracy(self) -> float:
        return float((self.predicted == self.actual).mean())


@torch.inference_mode()
def evaluate(model: Classifier, data: DeviceData, *, autocast: torch.autocast) -> Evaluation:
    """Predictions of `model` on `data`, in evaluation mode."""
    model.eval()
    logits, thetas = [], []
    for index in data.index.split(BATCH_ON_GPU if data.index.is_cuda else BATCH):
        with autocast:
            scores, theta = model.logits_and_theta(normalise(data.images.index_select(0, index)))
        logits.append(scores.float())
        if theta is not None:
            thetas.append(theta.float())
    scores = torch.cat(logits)
    confidence, predicted = scores.softmax(1).max(1)
    actual = data.classes[data.index]
    return Evaluation(
        float(loss_of(scores, actual)),
        predicted.cpu().numpy(),
        actual.cpu().numpy(),
        confidence.cpu().numpy(),
        torch.cat(thetas).cpu() if thetas else None,
    )


@torch.inference_mode()
def probe(model: Classifier, data: DeviceData, *, images: int, autocast: torch.autocast) -> list[Probe]:
    """Accuracy on the first `images` of `data`, as they are and under each transformation of `ROBUSTNESS`."""
    model.eval()
    index = data.index[:images]
    faces, actual = data.images[index].float(), data.classes[index]
    probes = []
    for transform, strengths in ROBUSTNESS.items():
        for strength in (0.0, *strengths):
            seen = warp(faces, posed(len(faces), transform=transform, strength=strength).to(faces.device))
            with autocast:
                scores = torch.cat([model(normalise(part)) for part in seen.split(BATCH)])
            hits = (scores.argmax(1) == actual).float()
            probes.append(Probe(transform=transform, strength=strength, accuracy=float(hits.mean()), images=len(faces)))
    return probes


@torch.inference_mode()
def some_thetas(model: Classifier, data: DeviceData, *, count: int) -> Tensor:
    """Theta float16 [n, 2, 3], on the CPU, of the first `count` images of `data`."""
    model.eval()
    images = normalise(data.images[data.index[:count]])
    theta = identity_theta(len(images)) if model.attention is None else model.attention.theta(images)
    return theta.cpu().to(torch.float16)
