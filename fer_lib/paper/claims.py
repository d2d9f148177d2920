"""Claims C1 to C9: their comparisons. `rule` decides; texts are in `published.yaml`, notebooks in `verdict`."""

import functools
import itertools
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from fer_lib.data import DATASETS
from fer_lib.data.catalogue import PRETRAINING_SETS
from fer_lib.errors import FerError
from fer_lib.paper import published
from fer_lib.paper.rule import Claim, Part
from fer_lib.results import Results
from fer_lib.results.pooled import Quantity, accuracy, hardly_learnt, pool_of
from fer_lib.results.statistics import Estimate

SPLIT = "random80"
OTHER_OPTIMIZERS = ("NAdam", "RMSprop", "RAdam", "SGD")
OTHER_RATES = ("0.03", "0.01", "0.003", "0.0003", "0.0001")
STN = "ResNet50 + STN"  # the paper's model, whose errors section III.F is about
CONVERGED = 0.01  # within this of its highest accuracy a run counts as converged
LATE_EPOCHS = (6, 9)  # where the paper sees the transformer stumble


@functools.lru_cache(maxsize=1)
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
    idle = {
        role: set(hardly_learnt(results, dataset=results.standing_for(role), split=SPLIT)) for role in published.ROLES
    }
    best = {"C2": ("Adam", OTHER_OPTIMIZERS), "C3": ("0.001", OTHER_RATES)}
    parts = {
        "C1": _above(results, idle, ("ResNet50", "VGGFace"), ("VGGFace", "Vanilla CNN"), ("ResNet50", "Vanilla CNN")),
        **{key: _better_than(results, idle, arm, others) for key, (arm, others) in best.items()},
        "C4": _above(results, idle, (STN, "ResNet50")),
        "C5": _above(results, idle, (transfer, STN)),
        "C6": _ferplus_above(results, idle),
        "C7": _convergence(results, idle),
        "C8": _stability(results, transfer),
        "C9": _classes(results),
    }
    started = results.first_record(arm=transfer)
    other = started is not None and started.config.pretrained in PRETRAINING_SETS  # not ImageNet's weights
    scopes = {"C5": f"for {DATASETS[started.config.pretrained].title}"} if started and other else {}
    texts, arms = published.facts()["claims"], arms_behind([transfer])
    return [
        Claim(key, texts[key], list(of_claim), arms[key], best=key in best, scope=scopes.get(key, ""))
        for key, of_claim in parts.items()
    ]


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


Idle = Mapping[str, Container[str]]  # the arms that learnt nothing, by role


def _above(results: Results, idle: Idle, *pairs: tuple[str, str]) -> Iterator[Part]:
    """Test accuracy of the first arm of each pair minus that of the second, on each of the paper's data sets."""
    paper = published.of_tests()
    for (first, second), role in itertools.product(pairs, published.ROLES):
        size = paper.get((first, role), math.nan) - paper.get((second, role), math.nan)
        lost = next((arm for arm in (first, second) if arm in idle[role]), "")
        value = _pair(results, first, second, role)
        yield Part(f"{first} minus {second}, {role}", role, value, paper=size, idle=lost)


def _better_than(results: Results, idle: Idle, arm: str, others: Sequence[str]) -> Iterator[Part]:
    for other in others:
        yield from (replace(part, rival=other) for part in _above(results, idle, (arm, other)))


def _ferplus_above(results: Results, idle: Idle) -> Iterator[Part]:
    """FER+ minus FER2013 for every arm of the paper; "about five points" is taken as 3 to 7."""
    paper = published.accuracies().drop_duplicates("published")
    first, second = (results.standing_for(role) for role in ("FER+", "FER2013"))
    for arm in [arm for arm in dict.fromkeys(paper["arm"]) if arm in results.arms()]:
        gap = pool_of(results).between(first, second, arm=arm, split=SPLIT)
        lost = arm if any(arm in idle[role] for role in published.ROLES) else ""
        raw = f"{arm}: FER+ minus FER2013 is {gap.mean:+.4f}" if gap.n else f"{arm}: FER+ minus FER2013"
        yield Part(f"{raw}; that minus 0.03", "both", _shifted(gap, -0.03), paper=0.02, idle=lost, at_least=True)
        above = _shifted(_negative(gap), 0.07)
        yield Part(f"{raw}; 0.07 minus that", "both", above, paper=0.02, idle=lost)


def _convergence(results: Results, idle: Idle) -> Iterator[Part]:
    for role in published.ROLES:
        adam = _negative(_mean(results, "Adam", role, of=converged_at))
        yield Part(f"epochs that Adam converges before the 11th, {role}", role, _shifted(adam, 11))
        for other in OTHER_OPTIMIZERS:
            later = _pair(results, other, "Adam", role, of=converged_at)
            lost = other if other in idle[role] else ""
            yield Part(f"epochs that {other} converges after Adam, {role}", role, later, idle=lost)


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
        yield Part(f"fall of the STN into epochs 6 and 9 minus into others, {role}", role, into_others)
        with_transfer = _pair(results, STN, transfer, role, of=_late_fall)
        yield Part(f"fall into epochs 6 and 9 of the STN minus with transfer, {role}", role, with_transfer)


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


def _classes(results: Results) -> Iterator[Part]:
    """The dominant class is recognised better than the mean class, the paper's minority classes worse."""
    for role, fact in published.facts()["classification_error"].items():
        dominant = functools.partial(_rate_above_mean, classes=(fact["class"],), sign=1)
        yield Part(f"TPR of {fact['class']} minus mean TPR, {role}", role, _mean(results, STN, role, of=dominant))
        rare = functools.partial(_rate_above_mean, classes=tuple(fact["minority"]), sign=-1)
        names = ", ".join(fact["minority"])
        yield Part(f"mean TPR minus that of {names}, {role}", role, _mean(results, STN, role, of=rare))


def _rate_above_mean(results: Results, *, classes: Sequence[str], sign: int) -> dict[int, float]:
    """By seed: mean true positive rate of `classes` minus that of all, times `sign`; without them, no value."""
    found = {}
    for seed, table in results.rates().items():
        rates = table.dropna(subset="TPR").set_index("class")["TPR"]
        if own := [name for name in classes if name in rates.index]:
            found[seed] = sign * float(rates[own].mean() - rates.mean())
    return found


def _negative(value: Estimate) -> Estimate:
    return replace(value, mean=-value.mean)


def _shifted(value: Estimate, by: float) -> Estimate:
    return replace(value, mean=value.mean + by)
