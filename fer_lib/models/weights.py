"""Pre-trained weights: torchvision's ImageNet-1k files, and the study's own pre-training runs.

torchvision's files are looked up in `TORCH_HOME` first and downloaded with a hash check otherwise.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from torch import nn

from fer_lib.errors import FerError
from fer_lib.files import file_hash
from fer_lib.models.build import Classifier, build
from fer_lib.tensors import read_tensors

# `torchvision.models.ResNet50_Weights`, spelt out since importing it takes seconds; a test compares.
IMAGENET = {
    "imagenet1k_v1": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
    "imagenet1k_v2": "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
}


class WeightsUnavailable(FerError):
    """Weights that are neither on this machine nor to be had from it; a run that needs them is skipped."""


def imagenet_file(name: str) -> Path:
    """Path of torchvision's ResNet50 weights `name` (a key of `IMAGENET`), downloaded if need be.

    Raises:
        WeightsUnavailable: the file is not in `TORCH_HOME` and cannot be downloaded.
        FerError: the file there is damaged.
    """
    url = IMAGENET[name]
    file_name = Path(urlparse(url).path).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / file_name
    wanted = path.stem.rsplit("-", 1)[-1]  # torchvision puts the start of the sha256 into the name
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), hash_prefix=wanted, progress=False)
    except (OSError, RuntimeError) as error:
        raise WeightsUnavailable(
            f"{file_name} is not here and cannot be downloaded ({getattr(error, 'reason', error)}).\n"
            f"Download {url} on another machine and put it into {path.parent}, or use `pretrained: none`."
        ) from error
    found = file_hash(path)
    if not found.startswith(wanted):
        raise FerError(f"{path} has sha256 {found[:8]}…, expected {wanted}…: damaged.\nDelete it and run again.")
    return path


def load_imagenet(model: Classifier, path: Path) -> None:
    """Puts the torchvision weights at `path` into `model`, its head excepted."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    _load_body(model, {f"1.{key}": value for key, value in state.items()}, source=str(path))


def load_run(model: Classifier, path: Path) -> None:
    """Puts the network of a pre-training run (safetensors) into `model`, its head excepted.

    Raises:
        FerError: the file is missing or damaged.
    """
    try:
        state, _ = read_tensors(path)
    except (OSError, ValueError) as error:
        raise FerError(
            f"{path}: no readable weights ({error}).\nDelete the file and run the pre-training again."
        ) from error
    prefix = "network."
    _load_body(model, {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)},
               source=str(path))  # fmt: skip


def load_localisation(model: Classifier, path: Path) -> None:
    """Puts the localisation net of a run (safetensors) into `model`'s transformer.

    Raises:
        FerError: the file is missing, damaged or of another localisation net.
    """
    assert model.attention is not None
    try:
        state, _ = read_tensors(path)
        model.attention.load_state_dict(
            {key.removeprefix("attention."): value for key, value in state.items() if key.startswith("attention.")}
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise FerError(
            f"{path}: no localisation net of this kind ({reason}).\nDelete the file and show the poses again."
        ) from error


def open_network(config: Any, path: Path, *, classes: int) -> Classifier:
    """What a run of `config` trained, from its weights (safetensors): on the CPU, in evaluation mode.

    Raises:
        FerError: the file is missing, damaged or of another model.
    """
    model = build(config, classes=classes).eval()
    try:
        model.load_state_dict(read_tensors(path)[0])
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise FerError(
            f"{path}: no weights of this run ({reason}).\nDelete the file and train the run again."
        ) from error
    return model


def _load_body(model: Classifier, state: dict[str, torch.Tensor], *, source: str) -> None:
    head = _head_names(model.network)
    body = {key: value for key, value in state.items() if key not in head}
    try:
        missing, unexpected = model.network.load_state_dict(body, strict=False)
    except RuntimeError as error:
        raise FerError(f"{source} does not fit the model: {str(error).splitlines()[-1].strip()}.") from error
    if set(missing) - head or unexpected:
        wrong = sorted((set(missing) - head) | set(unexpected))
        raise FerError(f"{source} does not fit the model: {len(wrong)} names differ, such as {wrong[0]}.")


def _head_names(network: nn.Module) -> set[str]:
    last = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    return {f"{last}.weight", f"{last}.bias"}
