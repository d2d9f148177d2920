"""build(config): the classifier of a run, its attention in front, its pre-trained weights in place."""

from typing import Protocol

import torch
from torch import Tensor, nn

from fer_lib.models.convolution import fast_convolutions
from fer_lib.models.networks import compact, keras_defaults, resnet50, vanilla_cnn, vggface
from fer_lib.models.stn import SpatialTransformer

MODELS = ("resnet50", "vggface", "vanilla_cnn", "compact", "none")


class ModelConfig(Protocol):
    """The part of a `RunConfig` that a model depends on."""

    @property
    def model(self) -> str: ...
    @property
    def stem(self) -> str: ...
    @property
    def width_per_group(self) -> int: ...
    @property
    def attention(self) -> str: ...
    @property
    def localisation(self) -> str: ...
    @property
    def warps(self) -> int: ...
    @property
    def localisation_lr(self) -> float: ...
    @property
    def pretrained(self) -> str: ...
    @property
    def defaults(self) -> str: ...
    @property
    def seed(self) -> int: ...


class Classifier(nn.Module):
    """An optional spatial transformer before a network: grey images [B, 1, 48, 48] → logits [B, classes]."""

    def __init__(self, network: nn.Module, attention: SpatialTransformer | None = None) -> None:
        super().__init__()
        self.attention = attention
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.logits_and_theta(images)[0]

    def logits_and_theta(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits [B, classes] and, with a transformer, its theta [B, 2, 3]."""
        if self.attention is None:
            return self.network(images), None
        warped, theta = self.attention(images)
        return self.network(warped), theta


def build(config: ModelConfig, *, classes: int) -> Classifier:
    """Classifier of `config` with initial weights drawn from its seed, on the CPU.

    The network is drawn before the attention, so that arms with and without it start from the same network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if config.model == "resnet50":
            network = resnet50(
                classes=classes, stem=config.stem, width_per_group=config.width_per_group,  # type: ignore[arg-type]
                imagenet_input=config.pretrained.startswith("imagenet"),
            )  # fmt: skip
        elif config.model == "vggface":
            network = vggface(classes=classes, width_per_group=config.width_per_group)
        elif config.model == "vanilla_cnn":
            network = vanilla_cnn(classes=classes)
        elif config.model == "compact":
            network = compact(classes=classes)
        else:
            network = nn.Sequential()  # a run that trains the localisation net alone
        if config.defaults == "keras":
            keras_defaults(network)
        attention = None
        if config.attention != "none":
            attention = SpatialTransformer(
                mode=config.attention, localisation=config.localisation, warps=config.warps,  # type: ignore[arg-type]
                frozen=config.localisation_lr == 0,
            )  # fmt: skip
    return Classifier(fast_convolutions(network), attention)
