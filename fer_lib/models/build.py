"""build(config): the classifier of a run, its attention in front, its pre-trained weights in place."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from fer_lib.errors import FerError
from fer_lib.imported import imported, is_import_path
from fer_lib.models.convolution import fast_convolutions
from fer_lib.models.networks import Dropout, compact, keras_defaults, resnet50, tiny, vanilla_cnn, vggface
from fer_lib.models.stn import SpatialTransformer

MODELS = ("resnet50", "vggface", "vanilla_cnn", "compact", "tiny", "none")


_SMALL = {"vanilla_cnn": vanilla_cnn, "compact": compact, "tiny": tiny}  # they need no more than their classes
NETWORKS = {"resnet50": resnet50, "vggface": vggface, **_SMALL}


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


class STNClassifier(Classifier):
    """A spatial transformer before any network: images [B, C, H, W] → logits [B, classes].

    Args:
        network: a module that takes images of the transformer's channels, or the name of one of `NETWORKS`.
        classes: how many, for a network that is named.
        transformer: `SpatialTransformer()` for grey images, unless one is given.
    """

    def __init__(
        self, network: nn.Module | str = "resnet50", *, classes: int = 7, transformer: SpatialTransformer | None = None
    ) -> None:
        if isinstance(network, str):
            if network not in NETWORKS:
                raise ValueError(f"network: {network!r} is unknown; choose one of {', '.join(NETWORKS)}.")
            network = NETWORKS[network](classes=classes)
        super().__init__(fast_convolutions(network), transformer or SpatialTransformer())


def classifier(model: nn.Module) -> Classifier:
    """A copy of any module from images to logits, as a `Classifier`."""
    copy = deepcopy(model)
    for parent in copy.modules():
        for name, layer in parent.named_children():
            if type(layer) is nn.Dropout:  # torch's own draws from one stream for all runs
                setattr(parent, name, Dropout(layer.p))
    return copy if isinstance(copy, Classifier) else Classifier(copy)


def build(config: Any, *, classes: int) -> Classifier:
    """Classifier of a `RunConfig` with initial weights drawn from its seed, on the CPU.

    The network is drawn before the attention, so that arms with and without it start from the same network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network: nn.Module
        if config.model == "resnet50":
            network = resnet50(
                classes=classes, stem=config.stem, width_per_group=config.width_per_group,
                imagenet_input=config.pretrained.startswith("imagenet"),
            )  # fmt: skip
        elif config.model == "vggface":
            network = vggface(classes=classes, width_per_group=config.width_per_group)
        elif config.model in _SMALL:
            network = _SMALL[config.model](classes=classes)
        elif is_import_path(config.model):
            network = imported(config.model)(classes=classes)
            if not isinstance(network, nn.Module):
                raise FerError(f"{config.model} gives a {type(network).__name__}; expected a torch module.")
            network = classifier(network)
        elif config.model == "own":
            raise FerError("model: 'own' is that of `fer_lib.train`; a params file names it as package.module:name.")
        else:
            network = nn.Sequential()  # a run that trains the localisation net alone
        if config.defaults == "keras":
            keras_defaults(network)
        attention = None
        if config.attention != "none":
            attention = SpatialTransformer(
                mode=config.attention, localisation=config.localisation, warps=config.warps,
                frozen=config.localisation_lr == 0,
            )  # fmt: skip
    if isinstance(network, Classifier):  # from an import path
        if attention is None:
            return network
        if network.attention is not None:
            raise FerError(f"{config.model} has a transformer of its own, so attention is left out.")
        return Classifier(network.network, attention)
    return Classifier(fast_convolutions(network), attention)
