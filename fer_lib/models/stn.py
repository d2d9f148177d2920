"""The spatial transformer: a network predicts an affine theta per image, and the image is sampled on theta's grid.

Jaderberg et al. 2015, "Spatial Transformer Networks" (https://arxiv.org/abs/1506.02025), with the localisation net
of the paper under study: two convolutions with 64 filters and one regression layer.
"""

import functools
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ALIGN_CORNERS = False  # one convention for grid and sampler: pixel centres at (2j + 1) / W - 1
FILTERS = 64
SCALE = 0.5  # of theta's departure from the identity, see SpatialTransformer
_MAP = 6  # side of the feature map that theta is regressed from: 48 pixels, halved three times

Attention = Literal["none", "stn", "stn_frozen", "stn_no_warp"]


def identity_theta(n: int, *, device: torch.device | None = None) -> Tensor:
    """Theta of no transformation, float32 [n, 2, 3]."""
    return torch.eye(2, 3, device=device).expand(n, 2, 3)


def sampling_grid(theta: Tensor, *, height: int, width: int) -> Tensor:
    """Where each output pixel is read, [B, height, width, 2] in theta's type, (x, y) in [-1, 1] of the input.

    Equation (1) of the paper: theta [B, 2, 3], float32 or float64, maps output coordinates to input coordinates. This
    is `affine_grid`, twelve times faster on a CPU, and out of autocast's reach.
    """
    with torch.autocast(theta.device.type, enabled=False):
        grid = theta @ _pixel_centres(height, width, theta.device, theta.dtype)  # (B, 2, 3) × (3, H·W)
    return grid.transpose(1, 2).reshape(-1, height, width, 2)


@functools.cache
def _pixel_centres(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):  # whoever asks first, the others may want gradients
        y, x = ((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1 for n in (height, width))
        centres = torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width)])
        return centres.view(3, -1).to(device, dtype)


def warp(images: Tensor, theta: Tensor) -> Tensor:
    """Images float [B, C, H, W] resampled on theta's grid, bilinear, zero outside. Same shape and type.

    Computed in float64 if theta is, else in float32. In float32 normalised coordinates are off by up to 7e-7 pixels,
    enough for the identity to change an image by 1.7e-6; in float64 it changes nothing.
    """
    height, width = images.shape[-2:]
    theta = theta if theta.dtype == torch.float64 else theta.float()
    grid = sampling_grid(theta, height=height, width=width)
    sampled = F.grid_sample(images.to(theta.dtype), grid, padding_mode="zeros", align_corners=ALIGN_CORNERS)
    return sampled.to(images.dtype)


class SpatialTransformer(nn.Module):
    """Localisation net → theta → warped image, [B, C, 48, 48] → the same shape.

    The regression layer gives theta's departure from the identity and starts at zero, so an untrained transformer
    changes nothing. Its output is divided by twice the root of its fan-in: Adam moves all weights by the learning rate
    at once, and without the division 0.001 is enough to throw theta out of the image within an epoch.

    Args:
        mode: `stn`; `stn_frozen` keeps the identity for ever; `stn_no_warp` trains the same parameters, whose theta
            shifts the image's brightness by a negligible amount instead of warping it (a control of capacity).
    """

    def __init__(self, *, channels: int = 1, mode: Attention = "stn") -> None:
        super().__init__()
        self.mode = mode
        self.features = nn.Sequential(
            nn.Conv2d(channels, FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(FILTERS, FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2),
        )  # fmt: skip
        self.regression = nn.Linear(FILTERS * _MAP**2, 6)
        nn.init.zeros_(self.regression.weight)
        nn.init.zeros_(self.regression.bias)
        if mode == "stn_frozen":
            self.requires_grad_(False)

    def theta(self, images: Tensor) -> Tensor:
        """float32 [B, 2, 3] that the localisation net predicts; the identity under `stn_frozen`."""
        if self.mode == "stn_frozen":
            return identity_theta(len(images), device=images.device)
        features = self.features(images).flatten(1)
        with torch.autocast(images.device.type, enabled=False):  # coordinates need more than bf16's 8 bits
            departure = self.regression(features.float()) * SCALE * self.regression.in_features**-0.5
        return identity_theta(1, device=images.device) + departure.view(-1, 2, 3)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(image for the classifier [B, C, H, W], theta [B, 2, 3])."""
        theta = self.theta(images)
        if self.mode == "stn_no_warp":
            return self._tint(images, theta), theta
        return warp(images, theta.double()), theta

    @staticmethod
    def _tint(images: Tensor, theta: Tensor) -> Tensor:
        # the gradient reaches the localisation net, yet no pixel moves
        departure = (theta - identity_theta(1, device=theta.device)).mean((1, 2)).tanh()
        return images + 1e-3 * departure.view(-1, 1, 1, 1).to(images.dtype)
