"""Simulated studies of the shape of ours, and how often what is said of them is true (LOG.md, 2026-11-28).

A value is arm + seed + error; an arm's error may be its own, one arm may be wild, and the errors of an arm's runs may
correlate, as those of overlapping splits do. In truth no arm differs from another.
"""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from fer_lib.paper.rule import Claim, Part
from fer_lib.results.additive import LAST, UNSTEADY, AdditiveModel, unsteadiness

SEEDS = (5, 5, 5, 5, 5, 4, 3, 3, 3, 3, 3, 2, 2, 2)  # of each of fourteen arms
WILD = 8  # the arm that may be wild
ERROR, OF_SEEDS, OF_EPOCHS, TIMES = 0.011, 0.006, 0.008, 3.0
ARMS = [str(arm) for arm in range(len(SEEDS))]
PAIRS = list(itertools.combinations(ARMS, 2))
COMPARED = 12  # pairs of a study, drawn anew: to take all would say the same in eight times the time

RANKINGS = {"C1": [("0", "6"), ("6", "7"), ("0", "7")], "C4": [("1", "0")], "C5": [("2", "1")]}
BEST = {"C2": ("0", ("6", "3", str(WILD))), "C3": ("0", ("11", "9", "5", "12", "13"))}


@dataclass(frozen=True)
class Scenario:
    """What the simulated studies are like.

    Attributes:
        wild: `none`, `betrayed` by its last epochs, or `hidden`.
        unlike: standard deviation of the logarithm of an arm's own error.
        correlation: of the errors of an arm's runs.
        overlap: what the intervals assume of it, see `statistics.overlap`.
    """

    wild: str = "none"
    unlike: float = 0.25
    correlation: float = 0.0
    overlap: float = 0.0


SCENARIOS = [
    Scenario(wild, unlike, correlation, overlap)
    for wild in ("none", "betrayed", "hidden")
    for unlike in (0.0, 0.25)
    for correlation, overlap in ((0.0, 0.0), (0.0, 0.25), (0.1, 0.25), (0.2, 0.25))
]


def draw(rng: np.random.Generator, scenario: Scenario) -> tuple[AdditiveModel, np.ndarray]:
    """The model of one study, and each arm's true standard deviation."""
    sd = ERROR * np.exp(rng.normal(0, scenario.unlike, len(ARMS)))
    of_epochs = OF_EPOCHS * np.exp(rng.normal(0, 0.2, len(ARMS)))
    sd[WILD] *= TIMES if scenario.wild != "none" else 1
    of_epochs[WILD] *= TIMES if scenario.wild == "betrayed" else 1
    of_seeds, shared = rng.normal(0, OF_SEEDS, max(SEEDS)), math.sqrt(scenario.correlation) * rng.normal(size=len(ARMS))
    own = math.sqrt(1 - scenario.correlation)
    values = {
        arm: {seed: of_seeds[seed] + sd[place] * (shared[place] + own * rng.normal()) for seed in range(SEEDS[place])}
        for place, arm in enumerate(ARMS)
    }
    last = {arm: rng.normal(0, of_epochs[place], (SEEDS[place], LAST)).tolist() for place, arm in enumerate(ARMS)}
    unsteady = [arm for arm, ratio in unsteadiness(last).items() if ratio > UNSTEADY]
    return AdditiveModel(values, unsteady=unsteady, overlap=scenario.overlap), sd


def coverage(scenario: Scenario, *, studies: int, seed: int = 0) -> dict[str, float]:
    """Shares of 95 % intervals with the truth in them: of differences between other arms, with the wild one, of means.

    `width`: of differences between other arms, the median over that of an oracle that knows each arm's error.
    """
    rng, hits, widths = np.random.default_rng(seed), defaultdict(list), []
    for _ in range(studies):
        model, sd = draw(rng, scenario)
        chosen = [PAIRS[place] for place in rng.choice(len(PAIRS), COMPARED, replace=False)]
        if scenario.wild != "none":
            chosen.append((ARMS[WILD], str(rng.choice([arm for arm in ARMS if arm != ARMS[WILD]]))))
        for first, second in chosen:
            found, kind = model.difference(first, second), "others"
            if scenario.wild != "none" and ARMS[WILD] in (first, second):
                kind = "wild"
            hits[kind].append(found.low <= 0 <= found.high)
            if kind == "others":
                known = math.sqrt(
                    sum(sd[int(arm)] ** 2 * (1 / SEEDS[int(arm)] + scenario.overlap) for arm in (first, second))
                )
                widths.append((found.high - found.low) / (2 * 1.96 * known))
        mean = model.mean(str(rng.choice([arm for arm in ARMS if arm != ARMS[WILD]])))
        hits["means"].append(mean.low <= 0 <= mean.high)
    return {kind: float(np.mean(found)) for kind, found in hits.items()} | {"width": float(np.median(widths))}


def decided(scenario: Scenario, *, studies: int, boundary: bool = False, seed: int = 1) -> dict[str, float]:
    """How often claims of all kinds are decided on two data sets without a difference.

    At the `boundary` every comparison of a claim but one lies far on the claimed side, so that the one decides.
    """
    rng, wrong = np.random.default_rng(seed), defaultdict(list)
    for _ in range(studies):
        models = [draw(rng, scenario)[0] for _ in range(2)]
        for key, pairs in RANKINGS.items():
            parts = [Part("", "", model.difference(*pair)) for model in models for pair in pairs]
            wrong[key].append(_wrong(Claim(key, "", parts), boundary=boundary))
        for key, (best, rivals) in BEST.items():
            parts = [Part("", "", model.difference(best, arm), rival=arm) for arm in rivals for model in models]
            wrong[key].append(_wrong(Claim(key, "", parts, best=True), boundary=boundary))
        parts = [Part("", "", model.mean(arm)) for model in models for arm in ("1", "6")]
        wrong["means"].append(_wrong(Claim("C9", "", parts), boundary=boundary))
    return {key: float(np.mean(found)) for key, found in wrong.items()}


def _wrong(claim: Claim, *, boundary: bool) -> bool:
    if not boundary:
        return claim.verdict in ("holds", "fails")
    first, *others = claim.parts
    far = [Part(part.text, part.role, _far(part.value), rival=part.rival) for part in others]
    return Claim(claim.key, "", [first, *far], best=claim.best).verdict == "holds"


def _far(value):
    """The estimate moved a hundred of its standard errors to the claimed side."""
    return type(value)(**{**vars(value), "mean": value.mean + 100 * value.se})
