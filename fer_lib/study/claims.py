"""The paper's claims C1 to C9, each decided by comparisons over seeds.

A claim holds if every comparison that it consists of lies on the claimed side of zero, does not hold if one lies on the
other side, and is undecided otherwise: t tests at 5 % with the spread that all arms share (`pooled`), Holm-corrected
for all of the claim's comparisons, measured or not. What is tested is the direction, not the size that the paper
prints.
"""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from fer_lib.errors import FerError
from fer_lib.results import Results
from fer_lib.study import published, statistics
from fer_lib.study.pooled import Quantity, accuracy, hardly_learnt, pool_of
from fer_lib.study.statistics import Estimate, Sign

Verdict = Literal["holds", "fails", "undecided", "missing"]
SPLIT = "random80"
OTHER_OPTIMIZERS = ("NAdam", "RMSprop", "RAdam", "SGD")
OTHER_RATES = ("0.03", "0.01", "0.003", "0.0003", "0.0001")
STN = "ResNet50 + STN"  # the paper's model, whose errors section III.F is about
CONVERGED = 0.01  # within this of its highest accuracy a run counts as converged
LATE_EPOCHS = (6, 9)  # where the paper sees the transformer stumble


@dataclass(frozen=True)
class Part:
    """One comparison: a quantity that the claim says is above zero, and how far the paper has it, if it says so."""

    text: str
    value: Estimate
    paper: float = math.nan


@dataclass(frozen=True)
class Claim:
    """A claim with its comparisons, and the arms whose runs they are made from."""

    key: str
    text: str
    parts: list[Part]
    arms: tuple[str, ...] = ()

    def p_values(self) -> list[float]:
        """p of each comparison, corrected for their number; NaN for one that is not measured, or is unsteady."""
        return statistics.holm([part.value.p if part.value.steady else math.nan for part in self.parts]).tolist()

    def signs(self) -> list[Sign]:
        """Which side of zero each comparison lies on, if that is sure."""
        return [statistics.sign(part.value, p) for part, p in zip(self.parts, self.p_values(), strict=True)]

    @property
    def verdict(self) -> Verdict:
        """Whether the claim holds, by the rule at the top of this module; `missing` where nothing was measured."""
        signs = self.signs()
        if all(sign == "missing" for sign in signs):
            return "missing"
        if "less" in signs:
            return "fails"
        return "holds" if all(sign == "greater" for sign in signs) else "undecided"

    @property
    def n(self) -> int:
        """The smallest number of seeds behind a comparison that was measured."""
        return min((part.value.n for part in self.parts if part.value.n), default=0)


def decide(results: Results, *, transfer: str) -> list[Claim]:
    """All claims, from the runs of all notebooks; `transfer` names the arm that stands for ImageNet transfer.

    Raises:
        FerError: a data set only stands in for the paper's.
    """
    if results.stand_in:
        raise FerError(
            "The verdict compares with the paper, and a data set here only stands in for the paper's.\n"
            "Leave 11_verdict.yaml out of the profile; 15_drawn_faces.yaml shows what such data can."
        )
    against_sgd = [(other, "SGD") for other in OTHER_OPTIMIZERS if other != "SGD"]
    parts = {
        "C1": _above(results, ("ResNet50", "VGGFace"), ("VGGFace", "Vanilla CNN"), ("ResNet50", "Vanilla CNN")),
        "C2": _above(results, *(("Adam", other) for other in OTHER_OPTIMIZERS), *against_sgd),
        "C3": _above(results, *(("0.001", other) for other in OTHER_RATES)),
        "C4": _above(results, (STN, "ResNet50")),
        "C5": _above(results, (transfer, STN)),
        "C6": _ferplus_above(results),
        "C7": _convergence(results),
        "C8": _stability(results, transfer),
        "C9": _dominant_class(results),
    }
    texts, arms = published.facts()["claims"], arms_behind([transfer])
    return [Claim(key, texts[key], list(of_claim), arms[key]) for key, of_claim in parts.items()]


def first_measured(results: Results, arms: Sequence[str]) -> str:
    """The first of `arms` with a finished run under the claims' split, else the first."""
    runs = results.of(split=SPLIT, status="finished").runs
    return next((arm for arm in arms if arm in set(runs["arm"])), arms[0])


def arms_behind(transfer: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The arms that each claim rests on, all under `SPLIT`; those of `transfer` may stand for ImageNet transfer."""
    optimizers = ("Adam", *OTHER_OPTIMIZERS)
    return {
        "C1": ("ResNet50", "VGGFace", "Vanilla CNN"),
        "C2": optimizers,
        "C3": ("0.001", *OTHER_RATES),
        "C4": (STN, "ResNet50"),
        "C5": (STN, *transfer),
        "C6": tuple(dict.fromkeys(published.accuracies()["arm"])),
        "C7": optimizers,
        "C8": (STN, *transfer),
        "C9": (STN,),
    }


def _pair(results: Results, first: str, second: str, role: str, *, of: Quantity = accuracy) -> Estimate:
    return pool_of(results).difference(first, second, dataset=results.standing_for(role), split=SPLIT, of=of)


def _mean(results: Results, arm: str, role: str, *, of: Quantity) -> Estimate:
    return pool_of(results).mean(arm, dataset=results.standing_for(role), split=SPLIT, of=of)


def _above(results: Results, *pairs: tuple[str, str]) -> Iterator[Part]:
    """Test accuracy of the first arm of each pair minus that of the second, on each of the paper's data sets."""
    paper = published.of_tests()
    for (first, second), role in itertools.product(pairs, published.ROLES):
        size = paper.get((first, role), math.nan) - paper.get((second, role), math.nan)
        yield Part(f"{first} minus {second}, {role}", _pair(results, first, second, role), paper=size)


def _ferplus_above(results: Results) -> Iterator[Part]:
    """FER+ minus FER2013 for every arm of the paper; "about five points" is taken as 3 to 7."""
    paper = published.accuracies().drop_duplicates("published")
    first, second = (results.standing_for(role) for role in ("FER+", "FER2013"))
    for arm in [arm for arm in dict.fromkeys(paper["arm"]) if arm in results.arms()]:
        gap = pool_of(results).between(first, second, arm=arm, split=SPLIT)
        raw = f"{arm}: FER+ minus FER2013 is {gap.mean:+.4f}" if gap.n else f"{arm}: FER+ minus FER2013"
        yield Part(f"{raw}; that minus 0.03", _shifted(gap, -0.03), paper=0.02)
        yield Part(f"{raw}; 0.07 minus that", _shifted(_negative(gap), 0.07), paper=0.02)


def _convergence(results: Results) -> Iterator[Part]:
    for role in published.ROLES:
        adam = _negative(_mean(results, "Adam", role, of=converged_at))
        yield Part(f"epochs that Adam converges before the 11th, {role}", _shifted(adam, 11))
        idle = hardly_learnt(results, dataset=results.standing_for(role), split=SPLIT)
        for other in OTHER_OPTIMIZERS:
            later = _pair(results, other, "Adam", role, of=converged_at)
            who = f"{other}, which learnt nothing," if other in idle else other
            yield Part(f"epochs that {who} converges after Adam, {role}", later)


def _curves(results: Results) -> dict[int, pd.Series]:
    """Test accuracy by epoch of the runs that are long enough for what the paper says of epoch 10, by seed."""
    return {seed: curve for seed, curve in results.curves().items() if curve.index.max() > 10}


def converged_at(results: Results) -> dict[int, float]:
    """The first epoch within `CONVERGED` of the highest test accuracy, as a quantity; of `_curves` alone."""
    return {
        seed: float(curve.index[curve >= curve.max() - CONVERGED].min()) for seed, curve in _curves(results).items()
    }


def _stability(results: Results, transfer: str) -> Iterator[Part]:
    for role in published.ROLES:
        into_others = _mean(results, STN, role, of=_late_minus_other_falls)
        yield Part(f"fall of the STN into epochs 6 and 9 minus into others, {role}", into_others)
        with_transfer = _pair(results, STN, transfer, role, of=_late_fall)
        yield Part(f"fall into epochs 6 and 9 of the STN minus with transfer, {role}", with_transfer)


def _late_fall(results: Results) -> dict[int, float]:
    """Mean fall of the test accuracy into the epochs where the paper sees the transformer stumble."""
    return {seed: late for seed, late, _ in _falls(results)}


def _late_minus_other_falls(results: Results) -> dict[int, float]:
    return {seed: late - other for seed, late, other in _falls(results)}


def _falls(results: Results) -> Iterator[tuple[int, float, float]]:
    """(seed, mean fall of the test accuracy into `LATE_EPOCHS` from the epochs before, mean fall into all others)."""
    for seed, curve in _curves(results).items():
        fall = -curve.diff().iloc[1:]
        late = fall.index.isin(LATE_EPOCHS)
        yield seed, float(fall[late].mean()), float(fall[~late].mean())


def _dominant_class(results: Results) -> Iterator[Part]:
    for role, fact in published.facts()["classification_error"].items():
        for text, number in ((f"TPR of {fact['class']} minus the best other class", 0),
                             ("mean TPR minus that of the two rarest classes", 1)):  # fmt: skip
            quantity = functools.partial(_class_rates, dominant=fact["class"], number=number)
            yield Part(f"{text}, {role}", _mean(results, STN, role, of=quantity))


def _class_rates(results: Results, *, dominant: str, number: int) -> dict[int, float]:
    """By seed: (0) TPR of the dominant class minus the best other; (1) mean TPR minus that of the two rarest."""
    found = {}
    for seed, table in results.rates().items():
        table = table.dropna(subset="TPR")
        others = table[table["class"] != dominant]
        if len(others) == len(table):
            continue  # no test image of the dominant class
        lead = table.loc[table["class"] == dominant, "TPR"].iloc[0] - others["TPR"].max()
        rare = table["TPR"].mean() - others.nsmallest(2, "n")["TPR"].mean()
        found[seed] = float((lead, rare)[number])
    return found


def _negative(value: Estimate) -> Estimate:
    return replace(value, mean=-value.mean, pairs=tuple(-pair for pair in value.pairs))


def _shifted(value: Estimate, by: float) -> Estimate:
    return replace(value, mean=value.mean + by, pairs=tuple(pair + by for pair in value.pairs))
