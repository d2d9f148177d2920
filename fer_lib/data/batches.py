"""The data set on the device as one uint8 tensor: a batch is an index, and augmentation works on whole batches.

Order and augmentation are drawn on the CPU from generators keyed by (seed, purpose, epoch), so they are the same on
every device and a resumed run meets the same batches.
"""

import math
import warnings
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from fer_lib.data.faceset import FaceSet
from fer_lib.data.labels import Labels
from fer_lib.geometry import compose_pose, invert, sampling_grid, warp

GREY_MEAN, GREY_STD = 0.5, 0.25  # what `normalise` takes off and divides by, the same for every data set

Augment = Literal["none", "flip", "crop_flip", "affine", "poses"]
Purpose = Literal["order", "augment", "dropout", "response", "mixup", "copies"]
_PURPOSES: tuple[Purpose, ...] = ("order", "augment", "dropout", "response", "mixup", "copies")
_PAD = 4  # pixels that `crop_flip` shifts by, at most
POSES = {"rotation": 45.0, "log_scale": 0.25, "shift_x": 0.2, "shift_y": 0.2}  # most of each, either way, in `poses`


@dataclass(frozen=True)
class DeviceData:
    """Some rows of a FaceSet, on a device together with all of its images: several selections share one copy.

    Attributes:
        images: uint8 [N, C, H, W], the whole FaceSet.
        classes: int64 [N].
        targets: int64 [N], or float32 [N, C] under a soft label rule; what the loss takes.
        index: int64 [n], the rows meant, on the device.
        rows: int64 [n], the same in numpy.
    """

    images: Tensor
    classes: Tensor
    targets: Tensor
    index: Tensor
    rows: np.ndarray

    @classmethod
    def of(cls, images: Tensor, labels: Labels, rows: np.ndarray) -> Self:
        """`rows` of the FaceSet whose images `images_on` put on a device."""
        device = images.device
        classes = torch.from_numpy(labels.hard).to(device)
        targets = classes if labels.soft is None else torch.from_numpy(labels.soft).to(device)
        return cls(images, classes, targets, torch.from_numpy(rows).to(device), rows)

    def __len__(self) -> int:
        return len(self.rows)


def images_on(faces: FaceSet, device: torch.device) -> Tensor:
    """The FaceSet's images, uint8 [N, C, H, W].

    On the CPU this shares the FaceSet's read-only memory; elsewhere it is a copy.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        images = torch.from_numpy(faces.images)
    return (images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)).to(device)


def key(seed: int, purpose: Purpose, epoch: int) -> int:
    """A 63-bit seed of its own for each (seed, purpose, epoch)."""
    state = np.random.SeedSequence([seed, _PURPOSES.index(purpose), epoch]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator(seed: int, purpose: Purpose, epoch: int) -> torch.Generator:
    """CPU generator of `key(seed, purpose, epoch)`."""
    return torch.Generator().manual_seed(key(seed, purpose, epoch))


def normalise(images: Tensor) -> Tensor:
    """uint8 [B, C, H, W] → float32, (x / 255 - GREY_MEAN) / GREY_STD."""
    return images.float().mul_(1 / (255 * GREY_STD)).sub_(GREY_MEAN / GREY_STD)


def augmentation_plan(
    augment: Augment, n: int, *, seed: int, epoch: int, purpose: Purpose = "augment"
) -> Tensor | None:
    """One epoch's augmentation, a row of numbers for each of `n` images; None where there is none.

    `flip`: int64 [n, 1]. `crop_flip`: int64 [n, 3], (flip, dx, dy). `affine`: theta float32 [n, 2, 3] with rotation up
    to 10°, scale 0.9 to 1.1, shift up to 8 % and flip. `poses`: float32 [n, 2, 2, 3], two of
    `random_poses`: of the face, and of a frame that is none of its own.
    """
    if augment == "none":
        return None
    rng = generator(seed, purpose, epoch)
    if augment == "poses":
        return random_poses(2 * n, rng=rng).view(n, 2, 2, 3)
    flip = torch.randint(0, 2, (n, 1), generator=rng)
    if augment == "flip":
        return flip
    if augment == "crop_flip":
        return torch.cat([flip, torch.randint(-_PAD, _PAD + 1, (n, 2), generator=rng)], 1)
    angle, scale, dx, dy = (torch.rand(4, n, generator=rng) * 2 - 1) * torch.tensor(
        [[math.pi / 18], [0.1], [0.16], [0.16]]
    )
    cos, sin = (1 + scale) * angle.cos(), (1 + scale) * angle.sin()
    mirror = 1.0 - 2.0 * flip[:, 0]
    return torch.stack([cos * mirror, -sin, dx, sin * mirror, cos, dy], 1).view(n, 2, 3)


def mixing_plan(alpha: float, steps: int, *, seed: int, epoch: int) -> Tensor | None:
    """What the greater part of each batch's mixture weighs, float32 [steps], 0.5 to 1, from Beta(alpha, alpha).

    None where `alpha` is zero. Images of a batch are mixed with those of the same batch backwards, so that which of
    the two parts is the greater does not matter.
    """
    if not alpha:
        return None
    drawn = np.random.default_rng(key(seed, "mixup", epoch)).beta(alpha, alpha, steps)
    return torch.from_numpy(np.maximum(drawn, 1 - drawn).astype(np.float32))


def random_poses(n: int, *, rng: torch.Generator) -> Tensor:
    """Thetas float32 [n, 2, 3] that turn, scale and shift an upright face, each part uniform within `POSES`.

    The inverse of each is the pose that a transformer has to predict to undo it.
    """
    drawn = (torch.rand(len(POSES), n, generator=rng, dtype=torch.float64) * 2 - 1).numpy()
    parts = {part: most * values for (part, most), values in zip(POSES.items(), drawn, strict=True)}
    return invert(torch.from_numpy(compose_pose(**parts)))


def apply_augmentation(images: Tensor, plan: Tensor | None) -> Tensor:
    """uint8 images [B, C, H, W] under their rows of an `augmentation_plan`; zeros come in from outside.

    Under `poses` the image is mirrored outside, and black outside of a frame that another pose would leave. With its
    own frame, a localisation net would read the pose off the black corners and never look at the face.
    """
    if plan is None:
        return images
    if plan.ndim == 4:
        pose, other = plan.unbind(1)
        frame = sampling_grid(other, height=images.shape[-2], width=images.shape[-1]).abs().amax(-1) <= 1
        return warp(images.float(), pose, outside="reflection").round().to(torch.uint8) * frame.unsqueeze(1)
    if plan.ndim == 3:
        return warp(images.float(), plan).round().to(torch.uint8)
    height, width = images.shape[-2:]
    x, y = torch.arange(width, device=images.device), torch.arange(height, device=images.device)
    column = torch.where(plan[:, :1] == 1, width - 1 - x, x)  # (B, W)
    if plan.shape[1] == 1:
        return images.gather(3, column[:, None, None].expand(-1, images.shape[1], height, -1))
    column, line = column + plan[:, 1:2], y + plan[:, 2:3]
    padded = torch.nn.functional.pad(images, (_PAD,) * 4)
    index = (line + _PAD)[:, :, None] * (width + 2 * _PAD) + (column + _PAD)[:, None, :]  # (B, H, W)
    index = index.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return padded.flatten(2).gather(2, index).view(images.shape)
