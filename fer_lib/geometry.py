"""Theta, the affine map from a shown image to the image that it is read from: its parts, its grid, and the warp.

One convention throughout: theta = [A | t], float [..., 2, 3], acts on coordinates in [-1, 1] with y down, and pixel
centres lie at (2j + 1) / W - 1 (torch's `align_corners=False`).
"""

import functools
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

ALIGN_CORNERS = False
Array = NDArray[Any]


def identity_theta(n: int, *, device: torch.device | None = None) -> Tensor:
    """Theta of no transformation, float32 [n, 2, 3]."""
    return torch.eye(2, 3, dtype=torch.float32, device=device).expand(n, 2, 3)


def exact_type(device: torch.device) -> torch.dtype:
    """The widest floating type of a device: float64, but on Apple's GPUs, which have none."""
    return torch.float32 if device.type == "mps" else torch.float64


def sampling_grid(theta: Tensor, *, height: int, width: int) -> Tensor:
    """Where each output pixel is read, [B, height, width, 2] in theta's type, (x, y) in [-1, 1] of the input.

    Equation (1) of the paper: theta [B, 2, 3], float32 or float64, maps output coordinates to input coordinates. This
    is `affine_grid`, twelve times faster on a CPU, and out of autocast's reach.
    """
    exact = torch.float64 if theta.is_cuda else theta.dtype  # products in TF32 would be off by 0.006 pixels
    with torch.autocast(theta.device.type, enabled=False):
        grid = theta.to(exact) @ _pixel_centres(height, width, theta.device, exact)  # (B, 2, 3) × (3, H·W)
    return grid.to(theta.dtype).transpose(1, 2).reshape(-1, height, width, 2)


@functools.lru_cache(maxsize=32)
def _pixel_centres(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):  # whoever asks first, the others may want gradients
        y, x = ((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1 for n in (height, width))
        centres = torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width)])
        return centres.view(3, -1).to(device, dtype)


def warp(images: Tensor, theta: Tensor, *, outside: Literal["zeros", "reflection"] = "zeros") -> Tensor:
    """Images float [B, C, H, W] resampled on theta's grid, bilinear, zero or mirrored outside. Same shape and type.

    Computed in float64 if theta is, else in float32. In float32 normalised coordinates are off by up to 7e-7 pixels,
    enough for the identity to change an image by 1.7e-6; in float64 it changes nothing.
    """
    height, width = images.shape[-2:]
    theta = theta if theta.dtype == torch.float64 else theta.float()
    grid = sampling_grid(theta, height=height, width=width)
    sampled = F.grid_sample(images.to(theta.dtype), grid, padding_mode=outside, align_corners=ALIGN_CORNERS)
    return sampled.to(images.dtype)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The theta [..., 2, 3] of two warps in a row: `warp(warp(images, outer), inner)`, resampled once.

    Written out, since autocast would round a matrix product to 8 bits, a tenth of a pixel.
    """
    product = (outer[..., :2, None] * inner[..., None, :, :]).sum(-2)
    return torch.cat([product[..., :2], product[..., 2:] + outer[..., 2:]], -1)


def invert(theta: Tensor) -> Tensor:
    """The theta [..., 2, 3] that undoes `theta`: composed with it, either way round, it is the identity.

    Not finite for one that collapses the image. Written out, since `torch.linalg.inv` waits for a GPU.
    """
    a, b, x, c, d, y = theta.flatten(-2).unbind(-1)
    rows = torch.stack([d, -b, b * y - d * x, -c, a, c * x - a * y], -1) / (a * d - b * c).unsqueeze(-1)
    return rows.view_as(theta)


def compose_pose(
    *,
    rotation: Array | float = 0.0,
    log_scale: Array | float = 0.0,
    shift_x: Array | float = 0.0,
    shift_y: Array | float = 0.0,
    shear: Array | float = 0.0,
    log_stretch: Array | float = 0.0,
) -> Array:
    """Build thetas float32 [..., 2, 3] from their components; the inverse of `pose_components`.

    theta = [A | t] maps canonical to image coordinates, both in [-1, 1] with y down, as in `affine_grid`;
    A = R(rotation) · [[1, shear], [0, 1]] · exp(log_scale) · diag(exp(log_stretch), exp(-log_stretch)).
    The rotation is in degrees, clockwise as seen in the image.
    """
    parts = (rotation, log_scale, shift_x, shift_y, shear, log_stretch)
    angle, scale, x, y, shear, stretch = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in parts))
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    width, height = np.exp(scale + stretch), np.exp(scale - stretch)
    top = np.stack([cos * width, (cos * shear - sin) * height, x], axis=-1)
    bottom = np.stack([sin * width, (sin * shear + cos) * height, y], axis=-1)
    return np.stack([top, bottom], axis=-2).astype(np.float32)


def pose_components(theta: Array) -> dict[str, Array]:
    """Split thetas [..., 2, 3] into rotation (degrees), log_scale, shift_x, shift_y, shear and log_stretch.

    The convention is that of `compose_pose`; drawn poses have no stretch, a learnt theta may. A theta that
    mirrors or collapses the image has no such components: its log_scale, shear and log_stretch are NaN.
    """
    a, b, x, c, d, y = np.moveaxis(np.asarray(theta, np.float64).reshape(*theta.shape[:-2], 6), -1, 0)
    determinant = np.where(a * d > b * c, a * d - b * c, np.nan)
    width = np.hypot(a, c)
    return {
        "rotation": np.rad2deg(np.arctan2(c, a)),
        "log_scale": np.log(determinant) / 2,
        "shift_x": x,
        "shift_y": y,
        "shear": (a * b + c * d) / determinant,
        "log_stretch": np.log(width**2 / determinant) / 2,
    }
