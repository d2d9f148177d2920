"""The spatial transformer: a network predicts an affine theta per image, and the image is sampled on theta's grid.

Jaderberg et al. 2015, "Spatial Transformer Networks" (https://arxiv.org/abs/1506.02025), with the localisation net
of the paper under study: two convolutions with 64 filters and one regression layer.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from fer_lib.geometry import identity_theta, warp

FILTERS = 64
SCALE = 0.5  # of theta's departure from the identity, see SpatialTransformer
_MAP = 6  # side of the feature map that theta is regressed from: 48 pixels, halved three times

Attention = Literal["none", "stn", "stn_frozen", "stn_no_warp"]


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
