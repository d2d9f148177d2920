"""What a trained transformer makes of faces: arrays to arrays."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fer_lib.data.batches import GREY_MEAN, GREY_STD, normalise
from fer_lib.geometry import warp
from fer_lib.models import SpatialTransformer


@dataclass(frozen=True)
class Model:
    """A transformer and the network behind it, if there is one, with its C classes and what divides its logits."""

    transformer: SpatialTransformer
    network: nn.Module | None = None
    classes: tuple[str, ...] = ()
    temperature: float = 1.0


@dataclass(frozen=True)
class View:
    """What a transformer makes of a face.

    Attributes:
        image: the face, uint8 [48, 48].
        theta: what the localisation net says, float32 [2, 3].
        seen: what the transformer hands on, float32 [48, 48] in 0 to 255; mid-grey came from outside the image.
    """

    image: np.ndarray
    theta: np.ndarray
    seen: np.ndarray


@torch.inference_mode()
def observe(image: np.ndarray, model: Model) -> View:
    """What the transformer of `model` makes of the face uint8 [48, 48]."""
    passed, theta = model.transformer(normalise(torch.tensor(image)[None, None]))
    return View(image, theta[0].numpy(), _grey(passed)[0])


def warped(images: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """What a classifier sees of images uint8 [N, 48, 48] under thetas [N, 2, 3]: float32 [N, 48, 48] in 0 to 255."""
    normalised = normalise(torch.from_numpy(images[:, None]))
    return _grey(warp(normalised, torch.from_numpy(theta.astype(np.float32))))


def _grey(normalised: Tensor) -> np.ndarray:
    """Normalised images [B, 1, 48, 48] as [B, 48, 48] in 0 to 255: the inverse of `normalise`."""
    return ((normalised[:, 0] * GREY_STD + GREY_MEAN) * 255).clamp(0, 255).numpy()
