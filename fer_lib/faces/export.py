"""A trained network as an ONNX file: from a grey face to calibrated probabilities, transformer included."""

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fer_lib import __version__, data
from fer_lib.data.batches import GREY_MEAN, GREY_STD, normalise
from fer_lib.data.faceset import SIZE
from fer_lib.errors import FerError
from fer_lib.faces.network import TrainedNetwork
from fer_lib.faces.onnx_network import OnnxNetwork

OPSET = 20  # the first whose GridSample has the names that torch's exporter writes
CLOSE = 1e-4  # largest difference of a probability between ONNX Runtime and PyTorch
LICENCE = "Weights: MIT, trained on images with terms of their own (docs/DATASHEET.md)"


class _FromFaces(nn.Module):
    """Faces uint8 [N, 48, 48] → `TrainedNetwork.probabilities` [N, C], and theta [N, 2, 3] if there is one."""

    def __init__(self, network: TrainedNetwork) -> None:
        super().__init__()
        self.classifier, self.temperature = network.classifier, network.temperature

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        images = normalise(faces.unsqueeze(1))
        logits, theta = self.classifier.logits_and_theta(torch.cat([images, images.flip(3)]))
        probabilities = (logits / self.temperature).softmax(1).unflatten(0, (2, -1)).mean(0)
        return (probabilities,) if theta is None else (probabilities, theta.unflatten(0, (2, -1))[0])


def faces_to_compare(dataset: str) -> np.ndarray:
    """512 faces uint8 [N, 48, 48]: of a data set where it is here, else drawn ones."""
    try:
        return data.load(dataset).images[:512]
    except FerError:  # it is not here, or was somebody's own
        return data.load("toyfaces").images[:512]


def checked(network: TrainedNetwork, faces: np.ndarray) -> tuple[bytes, float]:
    """`network` as an ONNX file, after ONNX Runtime has computed it on `faces`, one by one and 64 at once.

    Its input `faces` is uint8 [N, 48, 48] for any N, its outputs `probabilities` float32 [N, C] and, behind a
    transformer, `theta` float32 [N, 2, 3]. Its metadata say what the classes are called, how a face is made, and which
    run it is from.

    Args:
        network: what to export.
        faces: uint8 [N, 48, 48] to compare on.

    Returns:
        The file's content, and the largest difference of a probability from PyTorch's.

    Raises:
        FerError: the packages for it are not here, or ONNX Runtime says something else.
    """
    content = as_onnx(network).SerializeToString()
    again = OnnxNetwork(network.name, content)
    wanted, difference = network.probabilities(faces), 0.0
    for size in (1, 64):
        for start in range(0, len(faces), size):
            found = again.probabilities(faces[start : start + size])
            difference = max(difference, float(np.abs(found - wanted[start : start + size]).max()))
    if not difference < CLOSE:
        raise FerError(f"{network.name}: ONNX Runtime differs from PyTorch by {difference:.1e}; nothing was written.")
    return content, difference


def metadata(network: TrainedNetwork) -> dict[str, str]:
    """What the file says of itself, names to texts."""
    config = network.record.config
    return {
        "classes": ",".join(network.classes), "run_id": network.record.run_id, "dataset": config.dataset,
        "label_rule": config.label_rule, "temperature": str(network.temperature), "licence": LICENCE,
        "input": f"uint8 [N, {SIZE}, {SIZE}], a grey face as FER2013 crops it",
        "normalisation": f"inside: (pixel / 255 - {GREY_MEAN}) / {GREY_STD}",
        "output": "mean over the face and its mirror image of softmax(logits / temperature)",
        "version": f"fer_lib {__version__}",
    }  # fmt: skip


def as_onnx(network: TrainedNetwork, *, folded: bool = True) -> Any:
    """`network` as an ONNX model (`onnx.ModelProto`), with normalisations folded into convolutions unless not `folded`.

    Raises:
        FerError: the packages for it are not here.
    """
    try:
        packages = ("onnx", "onnxruntime", "onnxscript", "onnxscript.optimizer")
        *_, optimizer = [importlib.import_module(name) for name in packages]
    except ImportError as error:
        raise FerError(f"{error.name} is not here.\nInstall it: pip install 'fer_lib[export]'.") from error
    with _quiet():
        example = torch.zeros(2, SIZE, SIZE, dtype=torch.uint8)
        names = ["probabilities"] if network.classifier.attention is None else ["probabilities", "theta"]
        program = torch.onnx.export(
            _FromFaces(network).eval(), (example,), dynamo=True, opset_version=OPSET, verbose=False, optimize=folded,
            input_names=["faces"], output_names=names, dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
        )  # fmt: skip
        assert program is not None
        if not folded:
            for step in (optimizer.inline, optimizer.fold_constants, optimizer.remove_unused_nodes):
                step(program.model)
        model = program.model_proto
    for key, value in metadata(network).items():
        model.metadata_props.add(key=key, value=value)
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells its steps and its packages' deprecations, which nobody here can change."""
    logger: Any = logging.getLogger("torch.onnx")
    level = logger.level
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
