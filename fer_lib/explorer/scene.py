"""What one picture of the explorer shows: a disturbed face, theta on it, the warped face and the class probabilities.

Arrays to arrays: no widget, no drawing, no file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_lib.data.batches import GREY_MEAN, GREY_STD, normalise
from fer_lib.data.canvas import pixel_centres
from fer_lib.geometry import ALIGN_CORNERS, compose_pose, sampling_grid, warp
from fer_lib.models import SpatialTransformer


@dataclass(frozen=True)
class Disturbance:
    """What is done to a face before the transformer sees it; the defaults do nothing.

    Attributes:
        rotation: degrees, clockwise.
        scale: factor, above 1 enlarges the face.
        shift_x, shift_y: half-widths, right and down.
        light: a gradient from the left edge (dark if positive) to the right, as a fraction of the grey value.
    """

    rotation: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    light: float = 0.0

    def motion(self) -> np.ndarray:
        """How the face moves, float64 [2, 3]: original to new coordinates, both in [-1, 1]."""
        return compose_pose(
            rotation=self.rotation, log_scale=np.log(self.scale), shift_x=self.shift_x, shift_y=self.shift_y
        ).astype(float)


NOTHING = Disturbance()


@dataclass(frozen=True)
class Model:
    """A transformer and the network behind it, if there is one, with its C classes and what divides its logits."""

    transformer: SpatialTransformer
    network: nn.Module | None = None
    classes: tuple[str, ...] = ()
    temperature: float = 1.0

    @classmethod
    def fresh(cls) -> "Model":
        """A transformer that nothing has trained: the identity, and no classifier behind it."""
        return cls(SpatialTransformer().eval())


@dataclass(frozen=True)
class View:
    """Everything that the explorer shows of one face.

    Attributes:
        image: the input, uint8 [48, 48].
        theta: what the localisation net says, float32 [2, 3].
        seen: what the transformer hands on, float32 [48, 48] in 0 to 255; mid-grey came from outside the image.
        probabilities: by class name, summing to one; empty without a classifier.
        pose: the theta that would undo pose and disturbance, float32 [2, 3]; None where the pose is unknown.
        label: the class name that the data set gives.
    """

    image: np.ndarray
    theta: np.ndarray
    seen: np.ndarray
    probabilities: dict[str, float]
    pose: np.ndarray | None = None
    label: str = ""


def disturb(image: np.ndarray, disturbance: Disturbance) -> np.ndarray:
    """The face uint8 [48, 48] moved and lit, the same type; its edge goes on outside."""
    tones: np.ndarray = image.astype(np.float32)
    if not np.array_equal(motion := disturbance.motion(), np.eye(2, 3)):
        back = torch.from_numpy(np.linalg.inv(_square(motion))[None, :2].astype(np.float32))
        grid = sampling_grid(back, height=image.shape[0], width=image.shape[1])
        moved = F.grid_sample(torch.from_numpy(tones)[None, None], grid, padding_mode="border",
                              align_corners=ALIGN_CORNERS)  # fmt: skip
        tones = moved[0, 0].numpy()
    tones = tones * (1 + disturbance.light * pixel_centres()[0])
    return np.rint(np.clip(tones, 0, 255)).astype(np.uint8)


def disturbed_pose(pose: np.ndarray | None, disturbance: Disturbance) -> np.ndarray | None:
    """The pose [2, 3] after the face has moved; None stays None."""
    return None if pose is None else (_square(disturbance.motion()) @ _square(pose))[:2].astype(np.float32)


@torch.inference_mode()
def observe(
    image: np.ndarray,
    model: Model,
    *,
    disturbance: Disturbance = NOTHING,
    pose: np.ndarray | None = None,
    label: str = "",
) -> View:
    """What `model` makes of the face uint8 [48, 48] after `disturbance`."""
    probabilities = {}
    with _one_thread():
        disturbed = disturb(np.asarray(image), disturbance)
        passed, theta = model.transformer(normalise(torch.from_numpy(disturbed)[None, None]))
        if model.network is not None:
            chances = (model.network(passed)[0].float() / model.temperature).softmax(0).tolist()
            probabilities = dict(zip(model.classes, chances, strict=True))
    return View(disturbed, theta[0].numpy(), _grey(passed)[0], probabilities, disturbed_pose(pose, disturbance), label)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One image is too little work to share: a second thread gains nothing, and on a busy core it costs a second."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def warped(images: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """What a classifier sees of images uint8 [N, 48, 48] under thetas [N, 2, 3]: float32 [N, 48, 48] in 0 to 255."""
    normalised = normalise(torch.from_numpy(images[:, None]))
    return _grey(warp(normalised, torch.from_numpy(theta.astype(np.float32))))


def _grey(normalised: Tensor) -> np.ndarray:
    """Normalised images [B, 1, 48, 48] as [B, 48, 48] in 0 to 255: the inverse of `normalise`."""
    return ((normalised[:, 0] * GREY_STD + GREY_MEAN) * 255).clamp(0, 255).numpy()


def _square(theta: np.ndarray) -> np.ndarray:
    return np.vstack([theta, (0.0, 0.0, 1.0)])
