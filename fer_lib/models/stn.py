"""The spatial transformer: a network predicts an affine theta per image, and the image is sampled on theta's grid.

Jaderberg et al. 2015, "Spatial Transformer Networks" (https://arxiv.org/abs/1506.02025), with the localisation net
of the paper under study: two convolutions with 64 filters and one regression layer. `hidden` is our own variant of it,
and the warp may be applied twice, by one net whose thetas are composed (Lin and Lucey 2017, "Inverse compositional
spatial transformer networks", https://arxiv.org/abs/1612.03897).
"""

from typing import Literal, Self, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_lib.geometry import compose, exact_type, identity_theta, warp

FILTERS = 64
HIDDEN = 64
SCALE = 0.5  # of theta's departure from the identity, see SpatialTransformer
_MAP = 6  # side of the feature map that theta is regressed from: 48 pixels, halved three times
SMALLEST = 8  # pixels of the shorter side of an image, which is halved three times

Attention = Literal["none", "stn", "stn_frozen", "stn_no_warp"]
Localisation = Literal["paper", "paper_batch_norm", "hidden"]


class FlattenedMap(nn.Module):
    """Feature maps [B, C, H, W] → [B, C · 36]: averaged to 6×6, which those of a 48-pixel image have already."""

    side = _MAP

    def forward(self, maps: Tensor) -> Tensor:
        return (maps if maps.shape[-2:] == (_MAP, _MAP) else F.adaptive_avg_pool2d(maps, _MAP)).flatten(1)


def paper_features(channels: int) -> tuple[nn.Sequential, int]:
    """The paper's localisation net up to its regression layer, and how many features it gives."""
    layers = nn.Sequential(
        nn.Conv2d(channels, FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(FILTERS, FILTERS, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2), FlattenedMap(),
    )  # fmt: skip
    return layers, FILTERS * _MAP**2


def _paper_batch_norm_features(channels: int) -> tuple[nn.Sequential, int]:
    """The paper's net with batch normalisation, so that no unit falls silent for all images."""
    layers = nn.Sequential(
        nn.Conv2d(channels, FILTERS, 3, padding=1, bias=False), nn.BatchNorm2d(FILTERS), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(FILTERS, FILTERS, 3, padding=1, bias=False), nn.BatchNorm2d(FILTERS), nn.ReLU(), nn.MaxPool2d(2),
        nn.AvgPool2d(2), FlattenedMap(),
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
    return nn.Sequential(*layers, FlattenedMap(), nn.Linear(before * _MAP**2, HIDDEN), nn.ReLU()), HIDDEN


_FEATURES = {"paper": paper_features, "paper_batch_norm": _paper_batch_norm_features, "hidden": _hidden_features}


class SpatialTransformer(nn.Module):
    """Localisation net → theta → warped image, [B, C, H, W] → the same shape; H and W of at least 8 pixels.

    Images have the type of its weights (`half()`, `double()`); theta is computed in float32 at least.

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

    Raises:
        ValueError: a `mode` or `localisation` that is none of these, or a number below one.
    """

    def __init__(
        self, *, channels: int = 1, mode: Attention = "stn", localisation: Localisation = "paper", warps: int = 1,
        frozen: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        modes = [name for name in get_args(Attention) if name != "none"]
        for key, value, known in (("mode", mode, modes), ("localisation", localisation, list(_FEATURES))):
            if value not in known:
                raise ValueError(f"{key}: {value!r} is unknown; choose one of {', '.join(known)}.")
        if channels < 1 or warps < 1:
            raise ValueError(f"channels: {channels}, warps: {warps}; both are at least one.")
        self.mode, self.warps, self.channels = mode, warps, channels
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
        """[B, 2, 3] that the localisation net predicts, float32 or wider; the identity under `stn_frozen`.

        Raises:
            ValueError: the images are no batch of the transformer's channels, of whole numbers, or under 8 pixels.
        """
        fits = images.ndim == 4 and images.shape[1] == self.channels and min(images.shape[2:]) >= SMALLEST
        if not fits or not images.is_floating_point():
            wanted = f"numbers of a float type, [B, {self.channels}, H, W] of at least {SMALLEST} pixels"
            raise ValueError(f"images: found {images.dtype} {[*images.shape]}; expected {wanted}.")
        if self.mode == "stn_frozen":
            return identity_theta(len(images), device=images.device)
        theta = self.predict_theta(images)
        for _ in range(self.warps - 1):
            theta = compose(theta, self.predict_theta(warp(images, theta)))
        return theta

    def predict_theta(self, images: Tensor) -> Tensor:
        """[B, 2, 3]: theta from one look at the images; `theta` may look again at what it makes of them."""
        features, layer = self.features(images), self.regression
        wide = torch.promote_types(layer.weight.dtype, torch.float32)
        with torch.autocast(images.device.type, enabled=False):  # coordinates need more than bf16's 8 bits
            departure = F.linear(features.to(wide), layer.weight.to(wide), layer.bias.to(wide))
            departure = departure * SCALE * layer.in_features**-0.5
        return identity_theta(1, device=images.device) + departure.view(-1, 2, 3)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(image for the classifier [B, C, H, W], theta [B, 2, 3])."""
        theta = self.theta(images)
        if self.mode == "stn_no_warp":
            return self._tint(images, theta), theta
        return warp(images, theta.to(exact_type(images.device))), theta

    @staticmethod
    def _tint(images: Tensor, theta: Tensor) -> Tensor:
        # the gradient reaches the localisation net, yet no pixel moves
        departure = (theta - identity_theta(1, device=theta.device)).mean((1, 2)).tanh()
        return images + 1e-3 * departure.view(-1, 1, 1, 1).to(images.dtype)
