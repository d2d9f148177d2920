"""Small FER2013 and FER+ files for tests."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_lib.data.faceset import USAGES, VOTE_COLUMN, VOTE_COLUMNS

FER_HEADER = ("emotion", "pixels", "Usage")
VOTE_HEADER = ("Usage", "Image name", *VOTE_COLUMNS)


@dataclass(frozen=True)
class Table:
    """A small FER2013 in memory, to be written in any form; rows that are no longer valid are welcome."""

    images: np.ndarray  # uint8 [N, 48, 48]
    labels: np.ndarray  # uint8 [N]
    usage: np.ndarray  # uint8 [N], sorted as in the original
    votes: np.ndarray  # uint8 [N, 10]

    def rows(self) -> list[list[str]]:
        """emotion, pixels, Usage of every row."""
        return [
            [str(label), " ".join(map(str, image.ravel())), USAGES[part]]
            for label, image, part in zip(self.labels, self.images, self.usage, strict=True)
        ]

    def vote_rows(self) -> list[list[str]]:
        """Usage, Image name, ten votes of every row."""
        return [
            [USAGES[part], f"fer{row:07}.png", *map(str, votes)]
            for row, (part, votes) in enumerate(zip(self.usage, self.votes, strict=True))
        ]


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def make_table(n: int = 40, *, seed: int = 0) -> Table:
    """Random images; every class and every usage occurs if n is at least 35."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 7).astype(np.uint8)
    votes = np.zeros((n, 10), np.uint8)
    votes[np.arange(n), np.array(VOTE_COLUMN)[labels]] = 8
    votes[:, VOTE_COLUMNS.index("contempt")] += 2
    usage = np.searchsorted([0.6 * n, 0.8 * n], np.arange(n), side="right").astype(np.uint8)
    return Table(rng.integers(0, 256, (n, 48, 48), dtype=np.uint8), labels, usage, votes)
