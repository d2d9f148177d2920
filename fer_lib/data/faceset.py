"""FaceSet: the one interface through which every data set is seen."""

import hashlib
from dataclasses import dataclass, field

import numpy as np

SIZE = 48
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
        images: uint8 [N, 48, 48], possibly memory-mapped.
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
