"""The paper's claims C1 to C9, each decided by comparisons over seeds.

A claim holds if every comparison that it consists of lies on the claimed side of zero, does not hold if one lies on the
other side (t tests at 5 %, Holm-corrected for the claim's comparisons), and is undecided otherwise, always so with a
single seed. What is tested is the direction, not the size that the paper prints.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from fer_lib.errors import FerError
from fer_lib.evaluation import published, statistics
from fer_lib.evaluation.metrics import confusion, rates
from fer_lib.evaluation.statistics import Estimate, Sign
from fer_lib.results import Results

Verdict = Literal["holds", "fails", "undecided", "missing"]
SPLIT = "random80"
OVERLAP = statistics.overlap(SPLIT)
MODELS = ("ResNet50", "VGGFace", "Vanilla CNN")
OTHER_OPTIMIZERS = ("NAdam", "RMSprop", "RAdam", "SGD")
OTHER_RATES = ("0.03", "0.01", "0.003", "0.0003", "0.0001")
BEST_MODEL = "ResNet50 + STN"  # whose errors section III.F is about
CONVERGED = 0.01  # within this of its highest accuracy a run counts as converged
LATE_EPOCHS = (6, 9)  # where the paper sees the transformer stumble


@dataclass(frozen=True)
class Part:
    """One comparison: a quantity that the claim says is above zero."""

    text: str
    value: Estimate


@dataclass(frozen=True)
class Claim:
    """A claim with its comparisons, and the arms whose runs they are made from."""

    key: str
    text: str
    parts: list[Part]
    arms: tuple[str, ...] = ()

    def signs(self) -> list[Sign]:
        """Where each comparison lies, corrected for their number."""
        p_values = statistics.holm([part.value.p for part in self.parts])
        return [_sign(part.value, p) for part, p in zip(self.parts, p_values, strict=True)]

    @property
    def verdict(self) -> Verdict:
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
            "Leave 08_verdict.yaml out of the profile; 09_drawn_faces.yaml shows what such data can."
        )
    makers: dict[str, Callable[[Results], Iterator[Part]]] = {
        "C1": _models,
        "C2": _optimizers,
        "C3": _learning_rates,
        "C4": lambda found: _each_role(found, "ResNet50 + STN", "ResNet50"),
        "C5": lambda found: _each_role(found, transfer, "ResNet50 + STN"),
        "C6": _ferplus_above,
        "C7": _convergence,
        "C8": lambda found: _stability(found, transfer),
        "C9": _dominant_class,
    }
    texts, arms = published.facts()["claims"], arms_behind([transfer])
    return [Claim(key, texts[key], list(parts(results)), arms[key]) for key, parts in makers.items()]


def first_measured(results: Results, arms: Sequence[str]) -> str:
    """The first of `arms` with a finished run under the claims' split, else the first."""
    runs = results.of(split=SPLIT, status="finished").runs
    return next((arm for arm in arms if arm in set(runs["arm"])), arms[0])


def arms_behind(transfer: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The arms that each claim rests on, all under `SPLIT`; those of `transfer` may stand for ImageNet transfer."""
    optimizers = ("Adam", *OTHER_OPTIMIZERS)
    return {
        "C1": MODELS,
        "C2": optimizers,
        "C3": ("0.001", *OTHER_RATES),
        "C4": ("ResNet50 + STN", "ResNet50"),
        "C5": ("ResNet50 + STN", *transfer),
        "C6": tuple(dict.fromkeys(published.accuracies()["arm"])),
        "C7": optimizers,
        "C8": ("ResNet50 + STN", *transfer),
        "C9": (BEST_MODEL,),
    }


def _sign(value: Estimate, p: float) -> Sign:
    if value.n == 0:
        return "missing"
    return "undecided" if not p < 1 - statistics.LEVEL else "greater" if value.mean > 0 else "less"


def _difference(first: dict[int, float], second: dict[int, float]) -> Estimate:
    return statistics.paired_difference(first, second, overlap=OVERLAP)


def _seeds(results: Results, arm: str, role: str, metric: str = "test_accuracy") -> dict[int, float]:
    return results.by_seed(metric, arm=arm, role=role, split=SPLIT)


def _pair(results: Results, first: str, second: str, role: str) -> Part:
    gap = _difference(_seeds(results, first, role), _seeds(results, second, role))
    return Part(f"{first} minus {second}, {role}", gap)


def _each_role(results: Results, first: str, second: str) -> Iterator[Part]:
    for role in published.ROLES:
        yield _pair(results, first, second, role)


def _models(results: Results) -> Iterator[Part]:
    yield from _each_role(results, "ResNet50", "VGGFace")
    yield from _each_role(results, "VGGFace", "Vanilla CNN")


def _optimizers(results: Results) -> Iterator[Part]:
    for other in OTHER_OPTIMIZERS:
        yield from _each_role(results, "Adam", other)
    for other in OTHER_OPTIMIZERS[:-1]:
        yield from _each_role(results, other, "SGD")


def _learning_rates(results: Results) -> Iterator[Part]:
    for other in OTHER_RATES:
        yield from _each_role(results, "0.001", other)


def _ferplus_above(results: Results) -> Iterator[Part]:
    """FER+ minus FER2013 for every arm of the paper; "about five points" is taken as 3 to 7."""
    paper = published.accuracies().drop_duplicates("published")
    arms = [arm for arm in dict.fromkeys(paper["arm"]) if arm in results.arms()]
    for arm in arms:
        gap = _difference(_seeds(results, arm, "FER+"), _seeds(results, arm, "FER2013"))
        raw = f"{arm}: FER+ minus FER2013 is {gap.mean:+.4f}" if gap.n else f"{arm}: FER+ minus FER2013"
        yield Part(f"{raw}; its excess over 0.03", _shifted(gap, -0.03))
        yield Part(f"{raw}; what it lacks of 0.07", _shifted(_negative(gap), 0.07))


def _convergence(results: Results) -> Iterator[Part]:
    for role in published.ROLES:
        adam = _converged_at(results, "Adam", role)
        yield Part(f"epochs that Adam converges before the 11th, {role}", statistics.estimate(
            [11 - epoch for epoch in adam.values()], overlap=OVERLAP))  # fmt: skip
        for other in OTHER_OPTIMIZERS:
            later = _difference(_converged_at(results, other, role), adam)
            yield Part(f"epochs that {other} converges after Adam, {role}", later)


def _histories(results: Results, arm: str, role: str) -> Iterator[tuple[int, pd.DataFrame]]:
    """(seed, history by epoch) of every finished run that is long enough for what the paper says of epoch 10."""
    history = results.of(arm=arm, role=role, split=SPLIT, status="finished").history
    for seed, run in history.groupby("seed"):
        if run["epoch"].max() > 10:
            yield int(str(seed)), run.sort_values("epoch")


def _converged_at(results: Results, arm: str, role: str) -> dict[int, float]:
    return {
        seed: float(run.loc[run["eval_accuracy"] >= run["eval_accuracy"].max() - CONVERGED, "epoch"].min())
        for seed, run in _histories(results, arm, role)
    }


def _stability(results: Results, transfer: str) -> Iterator[Part]:
    for role in published.ROLES:
        alone, after = (_drops(results, arm, role) for arm in ("ResNet50 + STN", transfer))
        late, late_after, elsewhere = (
            _mean_drop(alone, late=True),
            _mean_drop(after, late=True),
            _mean_drop(alone, late=False),
        )
        yield Part(f"fall of the STN into epochs 6 and 9 minus into others, {role}", _difference(late, elsewhere))
        yield Part(f"fall into epochs 6 and 9 of the STN minus with transfer, {role}", _difference(late, late_after))


def _mean_drop(drops: dict[int, list[tuple[int, float]]], *, late: bool) -> dict[int, float]:
    return {
        seed: float(np.mean([fall for epoch, fall in run if (epoch in LATE_EPOCHS) == late]))
        for seed, run in drops.items()
    }


def _drops(results: Results, arm: str, role: str) -> dict[int, list[tuple[int, float]]]:
    """By seed: (epoch, fall of the test accuracy from the epoch before)."""
    found = {}
    for seed, run in _histories(results, arm, role):
        falls = -run["eval_accuracy"].diff().iloc[1:]
        found[seed] = list(zip(run["epoch"].iloc[1:].astype(int), falls.astype(float), strict=True))
    return found


def _dominant_class(results: Results) -> Iterator[Part]:
    for role, fact in published.facts()["classification_error"].items():
        chosen = results.of(arm=BEST_MODEL, role=role, split=SPLIT)
        record = chosen.first_record()
        if record is None:
            yield Part(f"TPR of {fact['class']} minus the best other class, {role}", statistics.estimate([]))
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
        yield Part(
            f"TPR of {fact['class']} minus the best other class, {role}", statistics.estimate(lead, overlap=OVERLAP)
        )
        yield Part(f"mean TPR minus that of the two rarest classes, {role}", statistics.estimate(rare, overlap=OVERLAP))


def _negative(value: Estimate) -> Estimate:
    return Estimate(value.n, -value.mean, value.sd, value.se)


def _shifted(value: Estimate, by: float) -> Estimate:
    return Estimate(value.n, value.mean + by, value.sd, value.se)
