"""The protocols: which rows a run trains on, selects on and reports on.

`random80`: a stratified random 80 % to train on, the rest to report on, by seed (the paper's words).
`grouped80`: the same with whole groups of duplicates on one side.
`official`: train on Training, select the epoch on PublicTest, report PrivateTest once (what the field compares).
`folders`: the split that class folders come with: train on `train`, select the epoch on `validation`, or on a
stratified tenth of `train` by seed where there is none, report `test` once. It is FER2013's official one only if
whoever made the folders kept to that, so no table mixes the two.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from fer_lib.data.cache import cached
from fer_lib.data.duplicates import near_groups
from fer_lib.data.faceset import FaceSet, digest
from fer_lib.data.labels import Labels
from fer_lib.errors import FerError

PROTOCOLS = ("random80", "grouped80", "official", "folders")
_NEEDS = {"official": "FER2013's Usage column (fer2013.tar.gz, icml_face_data.csv)",
          "folders": "class folders in train/ and test/"}  # fmt: skip
TENTH = 10  # of the training images, one part selects the epoch where class folders have no validation part
WATCHED = {"random80": "test", "grouped80": "test", "official": "PublicTest", "folders": "validation"}  # every epoch
FIXED = ("official", "folders")  # the same test images for every seed, and an epoch selected on others


@dataclass(frozen=True)
class Split:
    """Sorted row numbers (int64) of a FaceSet; the three are disjoint. `select` may be empty."""

    train: np.ndarray
    select: np.ndarray
    report: np.ndarray


def split_rows(
    faces: FaceSet,
    labels: Labels,
    *,
    protocol: str,
    seed: int,
    train_limit: int | None = None,
    test_limit: int | None = None,
) -> Split:
    """Rows of each part under `protocol`; limits keep a random subset of a part, drawn by `seed`.

    Training rows have a training target, the others a class.

    Raises:
        FerError: an unknown protocol, one that the data has no split for, or an empty part.
    """
    if protocol in FIXED:
        given = faces.usage if protocol == "official" else faces.parts
        if given is None:
            raise FerError(
                f"split: {protocol!r} needs {_NEEDS[protocol]}, and {faces.name} has none here.\n"
                "Use a source that has them, or another split, such as random80."
            )
        train, select, report = (np.flatnonzero(given == part) for part in range(3))
        if protocol == "folders" and not len(select):
            folds = max(2, min(TENTH, _largest_class(labels.hard[train])))  # a few images give a larger part
            train, select = _fold(train, labels.hard[train], None, seed, folds=folds)
    elif protocol in PROTOCOLS:
        train, report = _eighty_twenty(faces, labels, grouped=protocol == "grouped80", seed=seed)
        select = np.empty(0, np.int64)
    else:
        raise FerError(f"split: {protocol!r} is unknown; choose one of {', '.join(PROTOCOLS)}.")
    rng = np.random.default_rng([seed, 80])
    parts = Split(
        _limited(train[labels.trainable[train]], train_limit, rng),
        _limited(select[labels.hard[select] >= 0], test_limit, rng),
        _limited(report[labels.hard[report] >= 0], test_limit, rng),
    )
    if not len(parts.train) or not len(parts.report):
        raise FerError(f"split: {protocol!r} leaves {faces.name} without images to train or to report on.")
    return parts


def _eighty_twenty(faces: FaceSet, labels: Labels, *, grouped: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.flatnonzero(labels.trainable | (labels.hard >= 0))
    strata = labels.hard[rows]
    if not grouped:
        return _fold(rows, strata, None, seed)
    groups = near_groups(faces)[rows]
    key = digest(rows, strata, groups, np.array(seed))
    # grouping takes seconds, and every arm of a campaign needs the same few folds
    parts = cached(
        "grouped80", key, lambda: dict(zip(("train", "report"), _fold(rows, strata, groups, seed), strict=True))
    )
    return np.array(parts["train"]), np.array(parts["report"])


def _fold(
    rows: np.ndarray, strata: np.ndarray, groups: np.ndarray | None, seed: int, *, folds: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """All but one fold of `rows`, and that fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # slow to import

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    if (largest := _largest_class(strata)) < folds:
        raise FerError(f"split: the largest class has {largest} images, too few for {folds} parts of equal classes.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of fewer images than folds cannot be in each of them
        train, report = next(kind(folds, shuffle=True, random_state=seed).split(rows, strata, groups))
    return rows[np.sort(train)], rows[np.sort(report)]


def _largest_class(labels: np.ndarray) -> int:
    return int(np.unique(labels, return_counts=True)[1].max(initial=0))


def _limited(rows: np.ndarray, limit: int | None, rng: np.random.Generator) -> np.ndarray:
    return rows if limit is None or limit >= len(rows) else np.sort(rng.permutation(rows)[:limit])
