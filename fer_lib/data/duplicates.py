"""Exact and near duplicates, as groups of rows.

About 5 % of FER2013 are pixel-identical copies, across all official splits; more are near-copies (other crop or
compression of the same photograph).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fer_lib.data.cache import cached
from fer_lib.data.faceset import USAGES, FaceSet

NEAR = 0.95  # normalised cross-correlation from which two images count as the same picture


def exact_groups(faces: FaceSet) -> np.ndarray:
    """int64 [N]: rows with the same number are pixel-identical."""
    rows = faces.images.reshape(len(faces), -1)
    as_bytes = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).reshape(-1)
    return np.unique(as_bytes, return_inverse=True)[1].reshape(-1)


def near_groups(faces: FaceSet, *, threshold: float = NEAR) -> np.ndarray:
    """int64 [N]: rows linked by normalised cross-correlation of at least `threshold` share a number (transitively).

    No alignment is tried. Takes about N² · 2304 multiplications once, then comes from the cache.
    """
    key = hashlib.sha256(f"{faces.fingerprint}{threshold}".encode()).hexdigest()
    return np.array(cached("near", key, lambda: {"groups": _near_groups(faces, threshold)})["groups"])


def _near_groups(faces: FaceSet, threshold: float) -> np.ndarray:
    exact = exact_groups(faces)
    _, representative = np.unique(exact, return_index=True)
    pixels = torch.from_numpy(np.array(faces.images[representative])).flatten(1).float()
    pixels -= pixels.mean(1, keepdim=True)
    pixels = torch.nn.functional.normalize(pixels)  # a constant image becomes zero and has no near-copies
    first, second = [], []
    block = 2048
    for start in range(0, len(pixels), block):
        similar = pixels[start : start + block] @ pixels[start:].T >= threshold
        rows, columns = torch.nonzero(similar, as_tuple=True)
        first.append(rows + start)
        second.append(columns + start)
    one, other = torch.cat(first).numpy(), torch.cat(second).numpy()
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(len(pixels), len(pixels)))
    return connected_components(graph, directed=False)[1][exact].astype(np.int64)


def twins_in(groups: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """bool [len(rows)]: which of `rows` have a member of their group among `others` (both index arrays)."""
    return np.isin(groups[rows], groups[others])


COPIES = ("only one of its kind", "copies, none of them in training", "near-copy in training", "identical in training")


def copies_of(faces: FaceSet, rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    """uint8 [len(rows)], index into `COPIES`: where the copies of each of `rows` are, if the model learnt from `train`.

    Both are row numbers of `faces`. A training image itself counts as identical.
    """
    near, exact = near_groups(faces), exact_groups(faces)
    several = np.bincount(near)[near[rows]] > 1
    in_training = [twins_in(groups, rows, train) for groups in (near, exact)]
    return np.select([in_training[1], in_training[0], several], [3, 2, 1], 0).astype(np.uint8)


@dataclass(frozen=True)
class Copies:
    """How often pictures repeat.

    Attributes:
        redundant: images that could go without losing a picture.
        groups: pictures that occur more than once.
        across: those of them that are in more than one official split.
        twins: images of PublicTest and of PrivateTest that have a twin in Training.
        shares: the same as shares of their split, 0 to 1.
    """

    redundant: int
    groups: int
    across: int
    twins: dict[str, int]
    shares: dict[str, float]


def count_copies(groups: np.ndarray, given: np.ndarray | None, names: Sequence[str] = USAGES) -> Copies:
    """Copies among groups int64 [N], as `exact_groups` and `near_groups` number them.

    `given` has the part of each row, an index into `names` (`FaceSet.usage`, or `FaceSet.parts` with `PARTS`); the
    first part is that of training.
    """
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    splits = {} if given is None else {name: np.flatnonzero(given == part) for part, name in enumerate(names)}
    spread = sum((np.bincount(number[rows], minlength=len(sizes)) > 0).astype(int) for rows in splits.values())
    tests = {name: rows for name, rows in splits.items() if name != names[0] and rows.size}
    twins = {name: int(twins_in(groups, rows, splits[names[0]]).sum()) for name, rows in tests.items()}
    return Copies(
        redundant=len(groups) - len(sizes),
        groups=int((sizes > 1).sum()),
        across=int(np.sum(np.asarray(spread) > 1)),
        twins=twins,
        shares={name: twins[name] / len(rows) for name, rows in tests.items()},
    )
