"""The paper's claims C1 to C9, each decided by comparisons over seeds.

A claim holds if every comparison that it consists of has a 95 % interval on the claimed side of zero, does not hold
if one has it on the other side, and is undecided otherwise, always so with a single seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fer_lib.evaluation import published, statistics
from fer_lib.evaluation.metrics import confusion, rates
from fer_lib.evaluation.statistics import Estimate
from fer_lib.results import Results

Verdict = Literal["holds", "fails", "undecided", "missing"]
SPLIT = "random80"
CONVERGED = 0.01  # within this of its highest accuracy a run counts as converged
LATE_EPOCHS = (6, 9)  # where the paper sees the transformer stumble


@dataclass(frozen=True)
class Part:
    """One comparison: a quantity that the claim says is above zero."""

    text: str
    value: Estimate


@dataclass(frozen=True)
class Claim:
    """A claim with its comparisons."""

    key: str
    text: str
    parts: list[Part]

    @property
    def verdict(self) -> Verdict:
        signs = [part.value.sign for part in self.parts]
        if not signs or all(sign == "missing" for sign in signs):
            return "missing"
        if "less" in signs:
            return "fails"
        return "holds" if all(sign == "greater" for sign in signs) else "undecided"

    @property
    def n(self) -> int:
        """The smallest number of seeds behind a comparison that was measured."""
        return min((part.value.n for part in self.parts if part.value.n), default=0)


def decide(results: Results, *, transfer: str) -> list[Claim]:
    """All claims, from the runs of all notebooks; `transfer` names the arm that stands for ImageNet transfer."""
    makers: dict[str, Callable[[Results], Iterator[Part]]] = {
        "C1": _models,
        "C2": _optimizers,
        "C3": _learning_rates,
        "C4": lambda all_runs: _each_role(all_runs, "ResNet50 + STN", "ResNet50"),
        "C5": lambda all_runs: _each_role(all_runs, transfer, "ResNet50 + STN"),
        "C6": _ferplus_above,
        "C7": _convergence,
        "C8": lambda all_runs: _stability(all_runs, transfer),
        "C9": _dominant_class,
    }
    return [Claim(key, text, list(makers[key](results))) for key, text in published.facts()["claims"].items()]


def _seeds(results: Results, arm: str, role: str, metric: str = "test_accuracy") -> dict[int, float]:
    return results.by_seed(metric, arm=arm, role=role, split=SPLIT)


def _pair(results: Results, first: str, second: str, role: str) -> Part:
    gap = statistics.paired_difference(_seeds(results, first, role), _seeds(results, second, role))
    return Part(f"{first} minus {second}, {role}", gap)


def _each_role(results: Results, first: str, second: str) -> Iterator[Part]:
    for role in published.ROLES:
        yield _pair(results, first, second, role)


def _models(results: Results) -> Iterator[Part]:
    yield from _each_role(results, "ResNet50", "VGGFace")
    yield from _each_role(results, "VGGFace", "Vanilla CNN")


def _optimizers(results: Results) -> Iterator[Part]:
    for other in ("NAdam", "RMSprop", "RAdam", "SGD"):
        yield from _each_role(results, "Adam", other)
    for other in ("NAdam", "RMSprop", "RAdam"):
        yield from _each_role(results, other, "SGD")


def _learning_rates(results: Results) -> Iterator[Part]:
    for other in ("0.03", "0.01", "0.003", "0.0003", "0.0001"):
        yield from _each_role(results, "0.001", other)


def _ferplus_above(results: Results) -> Iterator[Part]:
    """FER+ minus FER2013 per arm; "about five points" is taken as 3 to 7."""
    for arm in results.arms():
        gap = statistics.paired_difference(_seeds(results, arm, "FER+"), _seeds(results, arm, "FER2013"))
        if gap.n:
            yield Part(f"{arm}: FER+ minus FER2013, above 0.03", _shifted(gap, -0.03))
            yield Part(f"{arm}: FER+ minus FER2013, below 0.07", _shifted(_negative(gap), 0.07))


def _convergence(results: Results) -> Iterator[Part]:
    for role in published.ROLES:
        adam = _converged_at(results, "Adam", role)
        by_tenth = statistics.estimate([10.5 - epoch for epoch in adam.values()])
        yield Part(f"Adam converges by epoch 10, {role}", by_tenth)
        for other in ("SGD", "NAdam", "RMSprop", "RAdam"):
            later = statistics.paired_difference(_converged_at(results, other, role), adam)
            yield Part(f"{other} converges later than Adam (epochs), {role}", later)


def _converged_at(results: Results, arm: str, role: str) -> dict[int, float]:
    history = results.of(arm=arm, role=role, split=SPLIT).history
    return {
        int(str(seed)): float(run.loc[run["eval_accuracy"] >= run["eval_accuracy"].max() - CONVERGED, "epoch"].min())
        for seed, run in history.groupby("seed")
    }


def _stability(results: Results, transfer: str) -> Iterator[Part]:
    for role in published.ROLES:
        alone, after = (_drops(results, arm, role) for arm in ("ResNet50 + STN", transfer))
        there = {seed: float(np.mean([d for e, d in drops if e in LATE_EPOCHS])) for seed, drops in alone.items()
                 if any(e in LATE_EPOCHS for e, _ in drops)}  # fmt: skip
        elsewhere = {
            seed: float(np.mean([d for e, d in drops if e not in LATE_EPOCHS])) for seed, drops in alone.items()
        }
        yield Part(
            f"STN: drop at epochs 6 and 9 minus elsewhere, {role}", statistics.paired_difference(there, elsewhere)
        )
        worst, worst_after = ({seed: max(d for _, d in drops) for seed, drops in of.items()} for of in (alone, after))
        calmer = statistics.paired_difference(worst, worst_after)
        yield Part(f"largest drop of the STN minus with transfer, {role}", calmer)


def _drops(results: Results, arm: str, role: str) -> dict[int, list[tuple[int, float]]]:
    """By seed: (epoch, fall of the test accuracy from the epoch before)."""
    history = results.of(arm=arm, role=role, split=SPLIT).history
    found = {}
    for seed, run in history.groupby("seed"):
        ordered = run.sort_values("epoch")
        falls = -ordered["eval_accuracy"].diff().iloc[1:]
        if len(falls):
            found[int(str(seed))] = list(zip(ordered["epoch"].iloc[1:].astype(int), falls.astype(float), strict=True))
    return found


def _dominant_class(results: Results) -> Iterator[Part]:
    for role, fact in published.facts()["classification_error"].items():
        chosen = results.of(arm="ResNet50", role=role, split=SPLIT)
        record = chosen.first_record()
        if record is None:
            continue
        names = tuple(record.classes)
        lead, rare = [], []
        for arrays in chosen.predictions():
            table = rates(confusion(arrays["actual"], arrays["predicted"], classes=len(names)), names).dropna(
                subset="TPR"
            )
            others = table[table["class"] != fact["class"]]
            if len(others) == len(table):
                continue  # no test image of the dominant class
            lead.append(float(table.loc[table["class"] == fact["class"], "TPR"].iloc[0] - others["TPR"].max()))
            rare.append(float(table["TPR"].mean() - others.nsmallest(2, "n")["TPR"].mean()))
        yield Part(f"TPR of {fact['class']} minus the best other class, {role}", statistics.estimate(lead))
        yield Part(f"mean TPR minus that of the two rarest classes, {role}", statistics.estimate(rare))


def _negative(value: Estimate) -> Estimate:
    return Estimate(value.n, -value.mean, value.sd, -value.high, -value.low)


def _shifted(value: Estimate, by: float) -> Estimate:
    return Estimate(value.n, value.mean + by, value.sd, value.low + by, value.high + by)
