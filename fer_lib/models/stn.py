"""The spatial transformer: a network predicts an affine theta per image, and the image is sampled on theta's grid.

Jaderberg et al. 2015, "Spatial Transformer Networks" (https://arxiv.org/abs/1506.02025), with the localisation net
of the paper under study: two convolutions with 64 filters and one regression layer. `hidden` is our own variant of it,
and the warp may be applied twice, by one net whose thetas are composed (Lin and Lucey 2017, "Inverse compositional
spatial transformer networks", https://arxiv.org/abs/1612.03897).
"""

from typing import Literal, Self

import torch
from torch import Tensor, nn

from fer_lib.geometry import compose, identity_theta, warp

FILTERS = 64
HIDDEN = 64
SCALE = 0.5  # of theta's departure from the identity, see SpatialTransformer
_MAP = 6  # side of the feature map that theta is regressed from: 48 pixels, halved three times

Attention = Literal["none", "stn", "stn_frozen", "stn_no_warp"]
Localisation = Literal["paper", "paper_batch_norm", "hidden"]


def _paper_features(channels: int) -> tuple[nn.Sequential, int]:
    layers = nn.Sequential(
        nn.Conv2d(channels, FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(FILTERS, FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Flatten(),
    )  # fmt: skip
    return layers, FILTERS * _MAP**2


def _paper_batch_norm_features(channels: int) -> tuple[nn.Sequential, int]:
    """The paper's net with batch normalisation, so that no unit falls silent for all images."""
    layers = nn.Sequential(
        nn.Conv2d(channels, FILTERS, 3, padding=1, bias=False), nn.BatchNorm2d(FILTERS), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(FILTERS, FILTERS, 3, padding=1, bias=False), nn.BatchNorm2d(FILTERS), nn.ReLU(), nn.MaxPool2d(2),
        nn.AvgPool2d(2), nn.Flatten(),
    )  # fmt: skip
    return layers, FILTERS * _MAP**2


def _hidden_features(channels: int) -> tuple[nn.Sequential, int]:
    """Half the resolution, three normalised convolutions and a hidden layer: sees a face's pose, at half the cost."""
    layers: list[nn.Module] = [nn.AvgPool2d(2)]
    before = channels
    for filters, pool in ((32, True), (64, True), (64, False)):
        layers += [nn.Conv2d(before, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pool else []
        before = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * _MAP**2, HIDDEN), nn.ReLU()), HIDDEN


_FEATURES = {"paper": _paper_features, "paper_batch_norm": _paper_batch_norm_features, "hidden": _hidden_features}


class SpatialTransformer(nn.Module):
    """Localisation net → theta → warped image, [B, C, 48, 48] → the same shape.

    The regression layer gives theta's departure from the identity and starts at zero, so an untrained transformer
    changes nothing. Its output is divided by twice the root of its fan-in: Adam moves all weights by the learning rate
    at once, and without the division 0.001 is enough to throw theta out of the image within an epoch.

    Args:
        mode: `stn`; `stn_frozen` keeps the identity for ever; `stn_no_warp` trains the same parameters, whose theta
            shifts the image's brightness by a negligible amount instead of warping it (a control of capacity).
        localisation: `paper`; `paper_batch_norm`: the same with batch normalisation; or `hidden`: three normalised
            convolutions on the halved image and a hidden layer.
        warps: how often the net looks, each time at what the thetas so far make of the image.
        frozen: the localisation net keeps the weights that it is given.
    """

    def __init__(
        self, *, channels: int = 1, mode: Attention = "stn", localisation: Localisation = "paper", warps: int = 1,
        frozen: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.warps = mode, warps
        self.frozen = frozen or mode == "stn_frozen"
        self.features, width = _FEATURES[localisation](channels)
        self.regression = nn.Linear(width, 6)
        nn.init.zeros_(self.regression.weight)
        nn.init.zeros_(self.regression.bias)
        if self.frozen:
            self.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As usual; but what is frozen keeps its running statistics, too."""
        return super().train(mode and not self.frozen)

    def theta(self, images: Tensor) -> Tensor:
        """float32 [B, 2, 3] that the localisation net predicts; the identity under `stn_frozen`."""
        if self.mode == "stn_frozen":
            return identity_theta(len(images), device=images.device)
        theta = self.look(images)
        for _ in range(self.warps - 1):
            theta = compose(theta, self.look(warp(images, theta)))
        return theta

    def look(self, images: Tensor) -> Tensor:
        """float32 [B, 2, 3]: theta from one look at the images; `theta` may look again at what it makes of them."""
        features = self.features(images)
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
