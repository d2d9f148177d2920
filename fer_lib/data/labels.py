"""Label rules: from a data set's labels and votes to training targets.

The eight-class rules follow the FER+ authors' trainer (Barsoum et al. 2016, https://github.com/microsoft/FERPlus):
a class with a single vote is dropped first, and whatever ends as `unknown` or `NF` is left out.
"""

from dataclasses import dataclass

import numpy as np

from fer_lib.data.faceset import FER_CLASSES, VOTE_COLUMNS, FaceSet
from fer_lib.errors import FerError

RULES = ("fer7", "plurality10", "plurality8", "majority8", "votes8", "given")


@dataclass(frozen=True)
class Labels:
    """Targets of every row of a FaceSet.

    Attributes:
        classes: C names.
        hard: int64 [N], -1 where the rule leaves the image out; what evaluation uses.
        soft: float32 [N, C], rows that sum to one or, where left out, to zero; None for hard-label rules.
    """

    classes: tuple[str, ...]
    hard: np.ndarray
    soft: np.ndarray | None = None

    @property
    def trainable(self) -> np.ndarray:
        """bool [N]: rows that have a training target."""
        return self.hard >= 0 if self.soft is None else self.soft.sum(1) > 0

    def counts(self, rows: np.ndarray) -> dict[str, int]:
        """Images per class among `rows` (bool or index array)."""
        picked = self.hard[rows]
        counts = np.bincount(picked[picked >= 0], minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))


def apply_rule(faces: FaceSet, rule: str) -> Labels:
    """Targets under `rule` (one of `RULES`).

    `fer7`, `given`: the set's own labels. `plurality10`: the most voted of the ten columns, the first column
    wins ties. `plurality8`: the same, unknown and NF left out. `majority8`: more than half of the votes.
    `votes8`: the vote distribution as soft target, evaluated on the majority.

    Raises:
        FerError: the rule is unknown, or needs labels or votes that the set lacks.
    """
    if rule == "given" or (rule == "fer7" and faces.classes == FER_CLASSES):
        return Labels(faces.classes, faces.labels.astype(np.int64))
    if rule not in RULES or rule == "fer7":
        raise FerError(f"label_rule: {rule!r} does not fit {faces.name}; known rules: {', '.join(RULES)}.")
    if faces.votes is None:
        raise FerError(
            f"label_rule {rule!r} needs FER+ votes, and {faces.name} has none here.\n"
            "Put fer2013new.csv (https://github.com/microsoft/FERPlus) beside FER2013."
        )
    if rule == "plurality10":
        return Labels(VOTE_COLUMNS, _plurality(faces.votes))
    if rule == "plurality8":
        return Labels(VOTE_COLUMNS[:8], _only_emotions(_plurality(faces.votes)))
    majority = _majority(faces.votes)
    if rule == "majority8":
        return Labels(VOTE_COLUMNS[:8], majority)
    return Labels(VOTE_COLUMNS[:8], majority, _distribution(faces.votes))


def tied(votes: np.ndarray) -> np.ndarray:
    """bool [N]: rows of [N, 10] votes whose top is shared, so that the column order decides the plurality."""
    top = np.sort(votes, axis=1)
    return top[:, -1] == top[:, -2]


def _plurality(votes: np.ndarray) -> np.ndarray:
    return np.where(votes.sum(1) > 0, votes.argmax(1), -1).astype(np.int64)


def _only_emotions(classes: np.ndarray) -> np.ndarray:
    return np.where(classes < 8, classes, -1)


def _without_single_votes(votes: np.ndarray) -> np.ndarray:
    return np.where(votes == 1, 0, votes).astype(np.int64)


def _majority(votes: np.ndarray) -> np.ndarray:
    kept = _without_single_votes(votes)
    clear = 2 * kept.max(1) > kept.sum(1)
    return _only_emotions(np.where(clear, kept.argmax(1), -1))


def _distribution(votes: np.ndarray) -> np.ndarray:
    patterns, which = np.unique(_without_single_votes(votes), axis=0, return_inverse=True)
    targets = np.stack([_distribution_of(row) for row in patterns])
    return targets[which.reshape(-1)].astype(np.float32)


def _distribution_of(votes: np.ndarray) -> np.ndarray:
    """Soft target [8] of one row: top classes, ties together, until 75 % of the votes or three classes.

    Unknown or NF among the top end the search and are cut out. The image is left out (zeros) if what was found holds
    half of the votes or less, or is more than three classes.
    """
    target = np.zeros(8)
    remaining = votes.copy()
    while target.sum() < 0.75 * votes.sum() and np.count_nonzero(target) < 3:
        top = np.flatnonzero(remaining == remaining.max())
        emotions = top[top < 8]
        target[emotions], remaining[top] = votes[emotions], 0
        if len(emotions) < len(top):
            break
    left_out = 2 * target.sum() <= votes.sum() or np.count_nonzero(target) > 3
    return np.zeros(8) if left_out else target / target.sum()
