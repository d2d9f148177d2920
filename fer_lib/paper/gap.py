"""Why the paper's test accuracies are higher than ours: what our own runs can say of each candidate.

Each candidate is a difference in test accuracy of one arm, over seeds. Copies of test images are in the training set of
`random80`, and choosing the epoch on the test set is a choice, so both are measured; how ties between ten classes are
broken can add at most the tied images that are wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fer_lib.paper import published
from fer_lib.paper.claims import SPLIT
from fer_lib.paper.verdict import names_by_role
from fer_lib.results import Results, statistics
from fer_lib.results.pooled import accuracy_of
from fer_lib.results.statistics import Estimate
from fer_lib.results.wording import N
from fer_lib.training.record import Arrays

ARM = "ResNet50"  # the arm of all four tables
CLEAN = "grouped80"
IN_TRAINING = 2  # from this index of COPIES on, a copy is in the training set
BySeed = dict[int, float]
TOTAL, LEFT = "the paper's number minus ours", "what remains unexplained"


@dataclass(frozen=True)
class Candidate:
    """A possible reason for a higher number, and what it adds to test accuracy; where `bound`, it adds at most that."""

    key: str
    text: str
    value: Estimate
    bound: bool = False


@dataclass(frozen=True)
class Gap:
    """The paper's test accuracy on a data set, ours under `random80` after the last epoch, and what may lie between.

    Attributes:
        role: which of the paper's data sets.
        paper: the accuracy that it prints.
        ours: accuracy over seeds, with the spread that all arms share.
        total: the paper's minus ours.
        left: what remains once the epoch is chosen on the test set and every tie counts as right, with the interval
            of `total`.
    """

    role: str
    paper: float
    ours: Estimate
    candidates: list[Candidate]
    total: Estimate
    left: Estimate

    @property
    def lines(self) -> list[Candidate]:
        """The gap, each candidate and what remains."""
        return [Candidate("total", TOTAL, self.total), *self.candidates, Candidate("left", LEFT, self.left)]


def measure_gaps(results: Results) -> list[Gap]:
    """The gap on each of the paper's data sets; estimates without a run behind them have n = 0."""
    return [_gap(results.of(arm=ARM, role=role), role) for role in published.ROLES]


def _gap(runs: Results, role: str) -> Gap:
    paper = float(published.of_tests()[ARM, role])
    last = runs.by_seed(split=SPLIT)
    epoch = _minus(runs.by_seed("best_eval_accuracy", split=SPLIT), last)
    arrays = runs.predictions(split=SPLIT)
    tied = {seed: float((own["tied"] & ~_right(own)).mean()) for seed, own in arrays.items() if "tied" in own}
    ways = {seed: epoch.get(seed, 0.0) + tied.get(seed, 0.0) for seed in last}
    candidates = [
        Candidate("epoch", "epoch chosen on the test set", _over(epoch)),
        Candidate("split", f"copies: {SPLIT} minus {CLEAN}", _over(_minus(last, runs.by_seed(split=CLEAN)))),
        Candidate("copies", "copies: all images minus those\nwithout a copy in training", _over(_copied(arrays))),
        Candidate("epochs", "last third of the epochs minus\nthe third before", _over(_trend(runs))),
    ]
    if tied:
        candidates.append(Candidate("ties", "every tie of votes counted as right", _over(tied), bound=True))
    ours = accuracy_of(runs, arm=ARM, role=role, split=SPLIT)
    total = replace(ours, mean=paper - ours.mean)
    return Gap(role, paper, ours, candidates, total, replace(total, mean=total.mean - _over(ways).mean))


def _over(values: BySeed) -> Estimate:
    return statistics.estimate(list(values.values()), overlap=statistics.overlap(SPLIT))


def _minus(first: BySeed, second: BySeed) -> BySeed:
    return {seed: first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())}


def _copied(runs: Mapping[int, Arrays]) -> BySeed:
    found = {}
    for seed, arrays in runs.items():
        if "copies" in arrays and (alone := arrays["copies"] < IN_TRAINING).any():
            right = _right(arrays)
            found[seed] = float(right.mean() - right[alone].mean())
    return found


def _right(arrays: Arrays) -> np.ndarray:
    return np.asarray(arrays["actual"] == arrays["predicted"])


def _trend(runs: Results) -> BySeed:
    found = {}
    for seed, curve in runs.curves(split=SPLIT).items():
        accuracy = curve.to_numpy(float)
        if third := len(accuracy) // 3:
            found[seed] = float(accuracy[-third:].mean() - accuracy[-2 * third : -third].mean())
    return found


def listed(gaps: Sequence[Gap], results: Results) -> pd.DataFrame:
    """Every candidate of every gap that was measured: data set, n, mean and interval, and whether it is a bound."""
    named = names_by_role(results)
    return pd.DataFrame([
        {"Data set": named[gap.role], "What": line.text.replace("\n", " "), "at most": line.bound, N: line.value.n,
         "mean": line.value.mean, "low": line.value.low, "high": line.value.high}
        for gap in gaps for line in gap.lines if line.value.n
    ])  # fmt: skip
