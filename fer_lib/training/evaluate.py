"""What a model says of images on the device: predictions, theta, and accuracy under test-time transformations."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fer_lib.data.batches import DeviceData, apply_augmentation, augmentation_plan, normalise
from fer_lib.data.faceset import SIZE
from fer_lib.evaluation import metrics
from fer_lib.evaluation.theta import ROBUSTNESS, pose_r2, pose_r2_by_part, posed
from fer_lib.geometry import identity_theta, invert, warp
from fer_lib.models import Classifier
from fer_lib.training.config import RunConfig
from fer_lib.training.optim import loss_of, pose_loss
from fer_lib.training.record import Arrays, Probe

BATCH = 512  # images of 48×48 at once
BATCH_ON_GPU = 4096
FINAL_THETAS = 1000  # test images whose theta is kept at the end


@dataclass(frozen=True)
class Classes:
    """Mean loss, and on the CPU: classes [N] predicted and actual, confidence [N], theta [N, 2, 3] or None."""

    loss: float
    predicted: np.ndarray
    actual: np.ndarray
    confidence: np.ndarray
    theta: Tensor | None

    @property
    def accuracy(self) -> float:
        """Share of the images that were predicted right, 0 to 1."""
        return float((self.predicted == self.actual).mean())

    def metrics(self) -> dict[str, float]:
        return metrics.summary(self.actual, self.predicted, self.confidence)

    def arrays(self) -> Arrays:
        arrays = {
            "actual": self.actual.astype(np.uint8),
            "predicted": self.predicted.astype(np.uint8),
            "confidence": np.nan_to_num(self.confidence).astype(np.float16),
        }
        return arrays | _some(final_theta=self.theta)


@dataclass(frozen=True)
class Poses:
    """Mean squared error, theta [N, 2, 3] and the thetas that undo the poses, on the CPU.

    `accuracy` is the share of the poses' variance that theta undoes (R²).
    """

    loss: float
    theta: Tensor
    wanted: Tensor

    @property
    def accuracy(self) -> float:
        return pose_r2(self.theta, self.wanted)

    def metrics(self) -> dict[str, float]:
        return {"accuracy": self.accuracy, **pose_r2_by_part(self.theta.numpy(), self.wanted.numpy())}

    def arrays(self) -> Arrays:
        return _some(final_theta=self.theta, wanted_theta=self.wanted)


Evaluation = Classes | Poses  # what a run's test images say of it


def _some(**thetas: Tensor | None) -> Arrays:
    return {name: theta[:FINAL_THETAS].to(torch.float16).numpy() for name, theta in thetas.items() if theta is not None}


def evaluate(model: Classifier, data: DeviceData, config: RunConfig, *, autocast: torch.autocast) -> Evaluation:
    """What `model` says of `data`, in evaluation mode: classes, or the poses that the run's seed shows it."""
    if config.loss == "pose":
        return _evaluate_poses(model, data, autocast=autocast, seed=config.seed)
    return _evaluate_classes(model, data, autocast=autocast)


@torch.inference_mode()
def _evaluate_poses(model: Classifier, data: DeviceData, *, autocast: torch.autocast, seed: int) -> Poses:
    theta, pose = thetas_under_poses(model, data, images=len(data), seed=seed, autocast=autocast)
    return Poses(float(pose_loss(theta, pose)), theta, pose)


@torch.inference_mode()
def thetas_under_poses(
    model: Classifier, data: DeviceData, *, images: int, seed: int, autocast: torch.autocast
) -> tuple[Tensor, Tensor]:
    """Theta that the transformer predicts for `data`'s first images under random poses, and the theta that undoes each.

    Both float32 [n, 2, 3] on the CPU. The poses are those that `augment: poses` shows, drawn from `seed`.
    """
    assert model.attention is not None
    model.eval()
    index = data.index[:images]
    plan = augmentation_plan("poses", len(index), seed=seed, epoch=0, purpose="response")
    assert plan is not None
    plan = plan.to(index.device)
    thetas = []
    for rows, poses in zip(index.split(_batch(data.images)), plan.split(_batch(data.images)), strict=True):
        with autocast:
            thetas.append(model.attention.theta(normalise(apply_augmentation(data.images[rows], poses))).float())
    return torch.cat(thetas).cpu(), invert(plan[:, 0]).cpu()


@torch.inference_mode()
def _evaluate_classes(model: Classifier, data: DeviceData, *, autocast: torch.autocast) -> Classes:
    model.eval()
    logits, thetas = [], []
    for index in data.index.split(_batch(data.images, BATCH_ON_GPU if data.index.is_cuda else BATCH)):
        with autocast:
            scores, theta = model.logits_and_theta(normalise(data.images.index_select(0, index)))
        logits.append(scores.float())
        if theta is not None:
            thetas.append(theta.float())
    scores = torch.cat(logits)
    confidence, predicted = scores.softmax(1).max(1)
    actual = data.classes[data.index]
    return Classes(
        float(loss_of(scores, actual)),
        predicted.cpu().numpy(),
        actual.cpu().numpy(),
        confidence.cpu().numpy(),
        torch.cat(thetas).cpu() if thetas else None,
    )


@torch.inference_mode()
def probabilities(model: Classifier, data: DeviceData, *, autocast: torch.autocast, mirrored: bool) -> np.ndarray:
    """Class probabilities float16 [n, C] of `data`'s images, or of their mirror images."""
    model.eval()
    parts = []
    for index in data.index.split(_batch(data.images)):
        images = data.images[index]
        with autocast:
            scores = model(normalise(images.flip(3) if mirrored else images))
        parts.append(scores.float().softmax(1).half().cpu())
    return torch.cat(parts).numpy()


@torch.inference_mode()
def accuracy_under_warps(model: Classifier, data: DeviceData, *, images: int, autocast: torch.autocast) -> list[Probe]:
    """Accuracy on the first `images` of `data`, as they are and under each transformation of `ROBUSTNESS`."""
    model.eval()
    index = data.index[:images]
    faces, actual = data.images[index].float(), data.classes[index]
    probes = []
    for transform, strengths in ROBUSTNESS.items():
        for strength in (0.0, *strengths):
            seen = warp(faces, posed(len(faces), transform=transform, strength=strength).to(faces.device))
            with autocast:
                scores = torch.cat([model(normalise(part)) for part in seen.split(_batch(seen))])
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


def _batch(images: Tensor, of_faces: int = BATCH) -> int:
    """How many images [N, C, H, W] are looked at together: as many numbers as `of_faces` images of 48×48 have."""
    return max(1, of_faces * SIZE**2 // images[0].numel())
