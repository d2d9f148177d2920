"""Classifiers, each from grey images [B, 1, 48, 48] to logits [B, classes]: the paper's three, and a small one."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from fer_lib.data.batches import GREY_MEAN, GREY_STD

Stem = Literal["imagenet", "small"]

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class GreyToRGB(nn.Module):
    """Repeats the grey channel three times, [B, 1, H, W] → [B, 3, H, W]; `imagenet` re-normalises for its weights."""

    scale: Tensor
    shift: Tensor

    def __init__(self, *, imagenet: bool = False) -> None:
        super().__init__()
        self.imagenet = imagenet
        mean = torch.tensor(_IMAGENET_MEAN).view(3, 1, 1)
        std = torch.tensor(_IMAGENET_STD).view(3, 1, 1)
        self.register_buffer("scale", GREY_STD / std, persistent=False)
        self.register_buffer("shift", (GREY_MEAN - mean) / std, persistent=False)

    def forward(self, grey: Tensor) -> Tensor:
        if not self.imagenet:
            return grey.expand(-1, 3, -1, -1)  # a view: `Conv2d` sees that its channels are the same
        return grey * self.scale.to(grey.dtype) + self.shift.to(grey.dtype)


def resnet50(
    *, classes: int, stem: Stem = "imagenet", imagenet_input: bool = False, width_per_group: int = 64
) -> nn.Sequential:
    """torchvision's ResNet50 (He et al. 2016, https://arxiv.org/abs/1512.03385), 23.5 M parameters, 5.9 M at width 16.

    `stem`: `imagenet` is 7×7 stride 2 and max-pool (the paper's, 2×2 last map); `small` is 3×3 stride 1, no pool.
    """
    from torchvision import models  # takes seconds, which readers of records need not wait

    network = models.resnet50(weights=None, num_classes=classes, width_per_group=width_per_group)
    if stem == "small":
        network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    return nn.Sequential(GreyToRGB(imagenet=imagenet_input), network)


class Dropout(nn.Dropout):
    """`nn.Dropout` that draws from `generator`, so that runs side by side each have a stream of their own."""

    generator: torch.Generator | None = None  # None: the device's

    def forward(self, values: Tensor) -> Tensor:
        if not self.training:
            return values
        keep = torch.empty_like(values).bernoulli_(1 - self.p, generator=self.generator)
        return values * keep / (1 - self.p)


class _PoolToSeven(nn.AdaptiveAvgPool2d):
    """Any map to 7×7; the 1×1 map of a 48-pixel input is repeated, which is the same and has a repeatable gradient."""

    def __init__(self) -> None:
        super().__init__(7)

    def forward(self, maps: Tensor) -> Tensor:
        return maps.expand(-1, -1, 7, 7) if maps.shape[-2:] == (1, 1) else super().forward(maps)


def vggface(*, classes: int, width_per_group: int = 64) -> nn.Sequential:
    """The VGG-16 of Parkhi et al. 2015, "Deep face recognition": 145,002,878 parameters with its 2,622-way head.

    The last map is pooled to 7×7, so that the layers keep their shapes on 48×48 input. `width_per_group` under 64
    makes every layer that much thinner.
    """
    from torchvision import models

    network = models.vgg16(weights=None, num_classes=classes)
    network.avgpool = _PoolToSeven()
    network.classifier[2] = Dropout(0.5)
    network.classifier[5] = Dropout(0.5)
    if width_per_group != 64:
        _thin(network, share=width_per_group / 64)
    return nn.Sequential(GreyToRGB(), network)


def _thin(network: nn.Module, *, share: float) -> None:
    """Cuts every hidden layer to the first `share` of its channels, the weights scaled to keep the signal's size."""
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for number, layer in enumerate(layers):
        outs = layer.weight.shape[0] if layer is layers[-1] else int(layer.weight.shape[0] * share)
        ins = layer.weight.shape[1] if number == 0 else int(layer.weight.shape[1] * share)
        scale = (layer.weight.shape[1] / ins) ** 0.5
        layer.weight = nn.Parameter(layer.weight[:outs, :ins].clone() * scale)
        assert layer.bias is not None  # VGG's layers have one
        layer.bias = nn.Parameter(layer.bias[:outs].clone())
        if isinstance(layer, nn.Conv2d):
            layer.in_channels, layer.out_channels = ins, outs
        else:
            layer.in_features, layer.out_features = ins, outs


def vanilla_cnn(*, classes: int) -> nn.Sequential:
    """The baseline: three blocks of three 3×3 convolutions, one hidden layer, 2 M parameters.

    The paper gives only blocks and size; batch normalisation and the widths are our choice.
    """
    layers: list[nn.Module] = []
    before = 1
    for width in (32, 64, 128):
        for _ in range(3):
            layers += _convolved(before, width)
            before = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(before * 6 * 6, 328), nn.ReLU(True), Dropout(0.5), nn.Linear(328, classes)]
    return _drawn(nn.Sequential(*layers))


def compact(*, classes: int) -> nn.Sequential:
    """A residual network for 48-pixel faces: ResNet's basic blocks behind a thin stem, 1.6 M parameters.

    The stem is one 3×3 convolution at full size, so that no detail of a face is lost before the first block.
    """
    return _residual(24, (48, 96, 192), classes=classes, dropout=0.2)


def tiny(*, classes: int) -> nn.Sequential:
    """As `compact`, a third as wide: 0.13 M parameters, for browsers and cameras."""
    return _residual(8, (14, 28, 56), classes=classes)


def _residual(stem: int, widths: Sequence[int], *, classes: int, dropout: float = 0.0) -> nn.Sequential:
    """Two of ResNet's basic blocks for each of `widths`, the first of which halves the map; then mean and classes."""
    from torchvision.models.resnet import BasicBlock

    layers, before = _convolved(1, stem), stem
    for width in widths:
        shortcut = nn.Sequential(nn.Conv2d(before, width, 1, 2, bias=False), nn.BatchNorm2d(width))
        layers += [BasicBlock(before, width, 2, shortcut), BasicBlock(width, width)]
        before = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    layers += [*([Dropout(dropout)] if dropout else []), nn.Linear(before, classes)]
    return _drawn(nn.Sequential(*layers))


def keras_defaults(network: nn.Module) -> None:
    """Puts Keras' defaults in the place of torch's: Glorot's uniform weights, normalisation with momentum 0.99 (torch
    writes 0.01) and epsilon 1e-3 (https://keras.io/api/layers/).
    """
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum, layer.eps = 0.01, 1e-3
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _convolved(before: int, width: int) -> list[nn.Module]:
    return [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)]


def _drawn(network: nn.Sequential) -> nn.Sequential:
    """`network` with convolutions drawn as ResNet's are (He et al. 2015, https://arxiv.org/abs/1502.01852)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return network
