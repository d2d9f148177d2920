"""Why the paper's test accuracies are higher than ours: what our own runs can say of each candidate.

Each candidate is a difference in test accuracy of one arm, over seeds. Copies of test images are in the training set of
`random80`, and choosing the epoch on the test set is a choice, so both are measured; how ties between ten classes are
broken can add at most the tied images that are wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fer_lib.data.duplicates import COPIES
from fer_lib.evaluation import published, statistics
from fer_lib.evaluation.claims import SPLIT
from fer_lib.evaluation.statistics import Estimate
from fer_lib.results import Results
from fer_lib.training.record import Arrays

ARM = "ResNet50"  # the arm of all four tables
CLEAN = "grouped80"
IN_TRAINING = 2  # from this index of COPIES on, a copy is in the training set

BySeed = dict[int, float]


@dataclass(frozen=True)
class Candidate:
    """What one way to a higher number is worth, as a difference in test accuracy; a `bound` is the most it can be."""

    key: str
    text: str
    value: Estimate
    bound: bool = False


@dataclass(frozen=True)
class Gap:
    """The paper's test accuracy on a data set and ours under `random80` at the last epoch, with what lies between.

    Attributes:
        ours: accuracy over seeds.
        total: the paper's minus ours.
        left: what remains once the epoch is chosen on the test set and every tie counts as right.
    """

    role: str
    paper: float
    ours: Estimate
    candidates: list[Candidate]
    total: Estimate
    left: Estimate


def measure_gaps(results: Results) -> list[Gap]:
    """The gap on each of the paper's data sets; estimates without a run behind them have n = 0."""
    return [_gap(results.of(arm=ARM, role=role), role) for role in published.ROLES]


def _gap(runs: Results, role: str) -> Gap:
    printed = published.accuracies().query("part == 'test' and arm == @ARM and role == @role")
    paper = float(printed["published"].iloc[0])
    last = runs.by_seed(split=SPLIT)
    best = runs.by_seed("best_eval_accuracy", split=SPLIT)
    tied = _per_seed(runs, _wrong_on_ties)
    epoch = _minus(best, last)
    ways = {seed: epoch.get(seed, 0.0) + tied.get(seed, 0.0) for seed in last}
    candidates = [
        Candidate("epoch", "epoch chosen on the test set", _over(epoch)),
        Candidate("split", f"copies: {SPLIT} minus {CLEAN}", _over(_minus(last, runs.by_seed(split=CLEAN)))),
        Candidate(
            "copies", "copies: all images minus those\nwithout a copy in training", _over(_per_seed(runs, _copied))
        ),
        Candidate("epochs", "last third of the epochs minus\nthe third before", _over(_trend(runs))),
    ]
    if tied:
        candidates.append(Candidate("ties", "every tie of votes counted as right", _over(tied), bound=True))
    total = {seed: paper - value for seed, value in last.items()}
    return Gap(role, paper, _over(last), candidates, _over(total), _over(_minus(total, ways)))


def _over(values: BySeed) -> Estimate:
    return statistics.estimate(list(values.values()), overlap=statistics.overlap(SPLIT))


def _minus(first: BySeed, second: BySeed) -> BySeed:
    return {seed: first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())}


def _per_seed(runs: Results, measure: Callable[[Arrays], float | None]) -> BySeed:
    found = {seed: measure(arrays) for seed, arrays in _arrays(runs, SPLIT)}
    return {seed: value for seed, value in found.items() if value is not None}


def _arrays(runs: Results, split: str) -> Iterator[tuple[int, Arrays]]:
    for seed in runs.by_seed(split=split):
        yield from ((seed, arrays) for arrays in runs.predictions(split=split, seed=seed)[:1])


def _wrong_on_ties(arrays: Arrays) -> float | None:
    return float((arrays["tied"] & ~_right(arrays)).mean()) if "tied" in arrays else None


def _copied(arrays: Arrays) -> float | None:
    if "copies" not in arrays or (alone := arrays["copies"] < IN_TRAINING).sum() == 0:
        return None
    right = _right(arrays)
    return float(right.mean() - right[alone].mean())


def _right(arrays: Arrays) -> np.ndarray:
    return np.asarray(arrays["actual"] == arrays["predicted"])


def _trend(runs: Results) -> BySeed:
    found = {}
    for seed, run in runs.of(split=SPLIT, status="finished").history.groupby("seed"):
        accuracy = run.sort_values("epoch")["eval_accuracy"].to_numpy(float)
        if third := len(accuracy) // 3:
            found[int(str(seed))] = float(accuracy[-third:].mean() - accuracy[-2 * third : -third].mean())
    return found


def by_copies(results: Results) -> dict[tuple[str, str], list[tuple[int, Estimate]]]:
    """By data set's role and split: test images (first seed) and accuracy of each of `COPIES`, as far as recorded."""
    found = {}
    for role in published.ROLES:
        runs = results.of(arm=ARM, role=role)
        for split in runs.splits():
            arrays = [own for _, own in _arrays(runs, split) if "copies" in own]
            if arrays:
                found[role, split] = [_accuracy_where(arrays, kind, split) for kind in range(len(COPIES))]
    return found


def _accuracy_where(runs: list[Arrays], kind: int, split: str) -> tuple[int, Estimate]:
    own = [arrays["copies"] == kind for arrays in runs]
    values = [_right(arrays)[those].mean() for arrays, those in zip(runs, own, strict=True) if those.any()]
    return int(own[0].sum()), statistics.estimate(values, overlap=statistics.overlap(split))
