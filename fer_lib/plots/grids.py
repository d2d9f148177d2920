"""Images with the grids that a transformer reads them on."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from fer_lib.data.batches import normalise
from fer_lib.errors import FerError
from fer_lib.models import Classifier, SpatialTransformer
from fer_lib.plots.drawing import Tile, sheet
from fer_lib.plots.scene import warped


def with_grids(images: np.ndarray, theta: np.ndarray, *, labels: Sequence[str]) -> Figure:
    """Images, uint8 [n, H, W] or [n, H, W, C], with the grids of thetas [n, 2, 3]; below, what is read on them."""
    if images.ndim == 3:
        read = warped(images, theta.astype(np.float32))
    else:
        channels = [warped(np.ascontiguousarray(part), theta) for part in np.moveaxis(images, 3, 0)]
        read = np.stack(channels, -1).round().astype(np.uint8)
    above = [Tile(face, own) for face, own in zip(images, theta, strict=True)]
    return sheet([above, [Tile(face) for face in read]], labels=labels)


def show_grids(model: Classifier | SpatialTransformer, images: np.ndarray) -> Figure:
    """What a transformer makes of images uint8 [n, H, W] or [n, H, W, C]: its grid on each, and below what it hands on.

    Raises:
        FerError: the model has no transformer.
    """
    transformer = model.attention if isinstance(model, Classifier) else model
    if not isinstance(transformer, SpatialTransformer):
        raise FerError("show_grids: the model has no transformer before its network; see STNClassifier.")
    seen = torch.tensor(np.asarray(images))
    seen = seen.unsqueeze(1) if seen.ndim == 3 else seen.permute(0, 3, 1, 2)
    training = transformer.training
    with torch.inference_mode():
        theta = transformer.eval().theta(normalise(seen)).float().numpy()
    transformer.train(training)
    return with_grids(np.asarray(images), theta, labels=("its grid", "as read"))
