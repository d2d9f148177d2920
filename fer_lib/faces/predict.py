"""From a photo to an expression: `Predictor` finds the faces and says what a trained network makes of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_lib.data.picture import read_picture
from fer_lib.errors import FerError
from fer_lib.faces.finding import Face, find_faces, whole
from fer_lib.faces.onnx_network import OnnxNetwork, graph_of
from fer_lib.paths import WEIGHTS

if TYPE_CHECKING:
    from fer_lib.faces.network import TrainedNetwork
    from fer_lib.training import RunStore

PREFERRED = ("compact_ferplus", "compact_fer2013")  # shipped networks, the one that is used without a choice first
UNSURE = "unsure"
# by run: from which probability the answer counts, so that four fifths of the PublicTest images are answered
SURE = {"e8ae37aabdea": 0.774, "155dd372aeea": 0.481}  # compact_ferplus and compact_fer2013, see docs/MODEL_CARD.md


@dataclass(frozen=True)
class Prediction:
    """What a network says of one face.

    Attributes:
        face: where it is in the photo, and the crop that the network saw.
        probabilities: of each class or group by its name, calibrated (`TrainedNetwork.temperature`); they sum to one.
        theta: float32 [2, 3], what a spatial transformer makes of the crop; None without one.
        threshold: from which probability the most probable class is the answer.
    """

    face: Face
    probabilities: dict[str, float]
    theta: np.ndarray | None
    threshold: float = 0.0

    @property
    def best(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def expression(self) -> str:
        """The most probable class, or `unsure` below the threshold."""
        return self.best if self.probabilities[self.best] >= self.threshold else UNSURE

    def as_dict(self) -> dict[str, Any]:
        """Box (left, top, width, height in pixels), angle in degrees, expression, probabilities and theta, for JSON."""
        return {
            "box": list(self.face.box), "angle": self.face.angle, "expression": self.expression,
            "probabilities": {name: round(value, 4) for name, value in self.probabilities.items()},
            "theta": None if self.theta is None else np.round(self.theta, 4).tolist(),
        }  # fmt: skip


class Predictor:
    """A trained network that looks at photos: `Predictor()("photo.jpg")` is a list with a `Prediction` per face.

    ONNX Runtime computes where it is installed and knows the network, else PyTorch. Threads may share one. So may
    processes made by `fork`: PyTorch's threads do not come along, so a child computes on one.
    """

    def __init__(
        self, model: str = "", store: "RunStore | None" = None, *, threshold: float | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:  # fmt: skip
        """Opens a network.

        Args:
            model: an ONNX file, or what `TrainedNetwork.open` takes; without a name the best of the package.
            store: where a run's id is looked for.
            threshold: below which probability the answer is `unsure`; usually that of `SURE`, or 0.
            groups: classes that are summed, by the name of their sum, such as positive=["happiness", "surprise"].

        Raises:
            FerError: there is no such network, or a group is of other classes than the network's.
        """
        name = model or _best()
        graph = graph_of(name)
        self.network = OnnxNetwork.open(graph) if graph else _by_pytorch(name, store)
        self.threshold = SURE.get(self.network.run_id, 0.0) if threshold is None else threshold
        self._sum_of: dict[str, str] = {}
        for group, parts in (groups or {}).items():
            for part in parts:
                if part not in self.network.classes:
                    known = f"{self.network.name}, which tells {', '.join(self.network.classes)}"
                    raise FerError(f"{part}: no class of {known}.")
                if self._sum_of.setdefault(part, group) != group:
                    raise FerError(f"{part} is in two groups, {self._sum_of[part]} and {group}.")
            if group in self.network.classes and group not in parts:
                raise FerError(f"The group {group} has a class's name, and that class is not in it.")

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes and groups, in the order of its probabilities."""
        return tuple(dict.fromkeys(self._sum_of.get(name, name) for name in self.network.classes))

    def __call__(self, photo: Any, *, crop: bool = False, channels: str = "") -> list[Prediction]:
        """What it says of each face in a photo, the largest first.

        Args:
            photo: a path, bytes, an open file, a PIL image, an array or a tensor (see `read_picture`).
            crop: the picture is a face already, so none is looked for.
            channels: the order in an array of three or four channels: RGB, or BGR as OpenCV reads one.

        Raises:
            FerError: it is no picture, or OpenCV is not installed.
        """
        image = read_picture(photo, channels=channels)
        return self.faces([whole(image)] if crop else find_faces(image))

    def faces(self, faces: Sequence[Face]) -> list[Prediction]:
        """What it says of faces that were found before, in their order."""
        if not faces:
            return []
        crops = np.stack([face.crop for face in faces])
        thetas = self.network.thetas(crops)
        found = []
        for i, (face, own) in enumerate(zip(faces, self.network.probabilities(crops), strict=True)):
            summed: dict[str, float] = {}
            for name, value in zip(self.network.classes, map(float, own), strict=True):
                group = self._sum_of.get(name, name)
                summed[group] = summed.get(group, 0.0) + value
            found.append(Prediction(face, summed, None if thetas is None else thetas[i], self.threshold))
        return found


def _by_pytorch(name: str, store: "RunStore | None") -> "TrainedNetwork":
    from fer_lib.faces.network import TrainedNetwork  # PyTorch takes seconds to import

    return TrainedNetwork.open(name, store)


def _best() -> str:
    for name in PREFERRED:
        if (WEIGHTS / f"{name}.safetensors").is_file():
            return name
    raise FerError("No network that tells expressions comes with the package.\nName a run whose weights are kept.")
