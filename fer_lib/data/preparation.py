"""What is done with the images around the split: nothing, or one of the slips that make a test accuracy too high.

Each slip is one that published work has made, here made on purpose so that its size can be measured; `split_then_warps`
is no slip but the same enlargement done right, the control of `warps_then_split`.

| preparation | what it does |
| --- | --- |
| `warps_then_split` | every image four times, as it is and under three random warps; then all are split |
| `split_then_warps` | the split; then every training image four times |
| `balance_then_split` | images drawn again until all classes have as many; then all are split |
| `split_again_halfway` | half of the epochs under the split of one seed, the others under that of the next |
| `test_in_training` | the test images are in training, too: a ceiling |

An epoch takes as many training images as without, drawn anew from all there are, so that steps stay the same in number.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from fer_lib.data.batches import apply_augmentation, augmentation_plan
from fer_lib.data.faceset import FaceSet
from fer_lib.data.labels import Labels
from fer_lib.data.splits import Split, split_rows

Preparation = Literal[
    "none", "warps_then_split", "split_then_warps", "balance_then_split", "split_again_halfway", "test_in_training"
]
WARPS = 3  # of every image, beside the image itself
_CHUNK = 4096  # images warped at once


@dataclass(frozen=True)
class Prepared:
    """What a run trains and reports on.

    Attributes:
        faces: the images; more of them than the data set has where copies were made.
        labels: a target for each of `faces`.
        split: rows of `faces`.
        first_half: the split of the first half of the epochs, if it is another one.
        epoch_images: training images of an epoch.
    """

    faces: FaceSet
    labels: Labels
    split: Split
    epoch_images: int
    first_half: Split | None = None


def prepare(
    faces: FaceSet,
    labels: Labels,
    *,
    protocol: str,
    seed: int,
    preparation: Preparation = "none",
    train_limit: int | None = None,
    test_limit: int | None = None,
) -> Prepared:
    """Images, labels and rows of a run under `protocol` and `preparation`, all drawn from `seed`.

    Raises:
        FerError: as `split_rows`.
    """

    def split(faces: FaceSet, labels: Labels, seed: int) -> Split:
        limits = {"train_limit": train_limit, "test_limit": test_limit}
        return split_rows(faces, labels, protocol=protocol, seed=seed, **limits)

    plain = split(faces, labels, seed)
    size = len(plain.train)
    if preparation == "none":
        return Prepared(faces, labels, plain, size)
    if preparation == "test_in_training":
        both = replace(plain, train=np.union1d(plain.train, plain.report))
        return Prepared(faces, labels, both, size)
    if preparation == "split_again_halfway":
        return Prepared(faces, labels, split(faces, labels, seed + 1), size, first_half=plain)
    everything = np.arange(len(faces))
    if preparation == "balance_then_split":
        sources, images = np.concatenate([everything, _drawn_again(labels, seed)]), None
    else:
        warped = everything if preparation == "warps_then_split" else plain.train
        sources, images = np.concatenate([everything, *[warped] * WARPS]), _warped(faces, warped, seed)
    images = np.asarray(faces.images)[sources[len(faces) :]] if images is None else images
    enlarged = replace(
        faces, images=np.concatenate([faces.images, images]), labels=faces.labels[sources], usage=None, votes=None,
        pose=None, parts=None, fingerprint=f"{faces.fingerprint} {preparation} {protocol} {seed}",
    )  # fmt: skip
    of_all = replace(labels, hard=labels.hard[sources], soft=None if labels.soft is None else labels.soft[sources])
    if preparation == "split_then_warps":
        copies = np.arange(len(faces), len(sources))
        return Prepared(enlarged, of_all, replace(plain, train=np.concatenate([plain.train, copies])), size)
    return Prepared(enlarged, of_all, split(enlarged, of_all, seed), size)


def _warped(faces: FaceSet, rows: np.ndarray, seed: int) -> np.ndarray:
    """`WARPS` warps of each of `rows`, uint8 [WARPS · n, 48, 48], one set of all rows after the other."""
    plan = augmentation_plan("affine", WARPS * len(rows), seed=seed, epoch=0, purpose="copies")
    assert plan is not None
    found = []
    for part, thetas in zip(torch.from_numpy(np.tile(rows, WARPS)).split(_CHUNK), plan.split(_CHUNK), strict=True):
        images = torch.from_numpy(np.asarray(faces.images[part.numpy()])).unsqueeze(1)
        found.append(apply_augmentation(images, thetas).squeeze(1).numpy())
    return np.concatenate(found)


def _drawn_again(labels: Labels, seed: int) -> np.ndarray:
    """Rows, with repeats, that make every class as large as the largest."""
    rng = np.random.default_rng([seed, 81])
    classes = [np.flatnonzero(labels.hard == label) for label in range(len(labels.classes))]
    most = max(map(len, classes))
    return np.concatenate([rng.choice(rows, most - len(rows)) for rows in classes if len(rows)])
