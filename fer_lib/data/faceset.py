"""FaceSet: the one interface through which every data set is seen."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from fer_lib.errors import FerError

SIZE = 48
OWN = "own"  # the name of images and labels that a caller has in memory
USAGES = ("Training", "PublicTest", "PrivateTest")
PARTS = ("train", "validation", "test")  # of class folders
FER_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
VOTE_COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip
VOTE_COLUMN = (4, 5, 6, 1, 3, 2, 0)  # where each of FER_CLASSES stands in VOTE_COLUMNS


@dataclass(frozen=True)
class FaceSet:
    """Images with everything known about them, rows in the order of their source.

    Attributes:
        name: the data set's key, as in `RunConfig.dataset`.
        images: uint8 [N, 48, 48], possibly memory-mapped; a caller's own may be [N, H, W] or [N, H, W, C].
        labels: uint8 [N], index into `classes`.
        classes: names of the data set's own labels.
        usage: uint8 [N], index into `USAGES`; None where the source has no official splits.
        votes: uint8 [N, 10], columns `VOTE_COLUMNS`; None where there are none. A row of zeros has no votes.
        pose: float32 [N, 2, 3], the theta that undoes the pose (`affine_grid` convention); None if unknown.
        parts: uint8 [N], index into `PARTS`: the split of class folders with `train/` and `test/`, else None.
        fingerprint: sha256 over everything above that a run can depend on.
        warnings: what a user should know about the source, a sentence each.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    usage: np.ndarray | None = None
    votes: np.ndarray | None = None
    pose: np.ndarray | None = None
    parts: np.ndarray | None = None
    fingerprint: str = ""
    warnings: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray) -> Self:
        """Some rows of it, with a fingerprint of their own."""
        parts = {name: getattr(self, name) for name in ("images", "labels", "usage", "votes", "pose", "parts")}
        own = hashlib.sha256(f"{self.fingerprint}{digest(np.asarray(rows))}".encode()).hexdigest()
        return replace(self, fingerprint=own, **{name: part[rows] for name, part in parts.items() if part is not None})

    @classmethod
    def of(cls, images: Any, labels: Any, classes: Sequence[str] = ()) -> Self:
        """Images and labels of one's own.

        Args:
            images: uint8 [N, H, W], or [N, H, W, C] with the channels last.
            labels: [N], names of classes, or whole numbers that count them from 0.
            classes: their names in order; without them, the labels themselves, sorted.

        Raises:
            FerError: shapes or types that do not fit, or a label outside of `classes`.
        """
        images, labels = np.ascontiguousarray(images), np.asarray(np.asarray(labels).tolist())
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or not len(images):
            raise FerError(f"images: found {images.dtype} {[*images.shape]}; expected uint8 [N, H, W] or [N, H, W, C].")
        if labels.shape != (len(images),) or labels.dtype.kind not in "iuU":
            raise FerError(
                f"labels: found {labels.dtype} {[*labels.shape]}; expected [{len(images)}], numbers or names."
            )
        if labels.dtype.kind == "U":
            names = tuple(classes) or tuple(np.unique(labels).tolist())
            if unknown := sorted({*labels.tolist()} - {*names}):
                raise FerError(f"labels: {unknown[0]!r} is none of the classes {', '.join(names)}.")
            labels = np.array([names.index(label) for label in labels.tolist()])
        else:
            names = tuple(classes) or tuple(map(str, range(int(labels.max()) + 1)))
            if labels.min() < 0 or labels.max() >= len(names):
                raise FerError(f"labels: from {labels.min()} to {labels.max()}; expected 0 to {len(names) - 1}.")
        if len(names) > 256:
            raise FerError(f"classes: found {len(names)}; expected 256 at most.")
        labels = labels.astype(np.uint8)
        return cls(OWN, images, labels, names, fingerprint=digest(images, labels, np.array(names)))


def digest(*arrays: np.ndarray | None) -> str:
    """Hex sha256 over the arrays' shapes, types and bytes; None counts as absent."""
    total = hashlib.sha256()
    for array in arrays:
        if array is None:
            total.update(b"absent")
        else:
            total.update(f"{array.dtype.str}{array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
