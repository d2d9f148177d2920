"""Means, intervals and comparisons over seeds. One seed gives a mean and nothing else.

Arms that share seeds are compared in pairs, since a seed fixes split, initial weights and order for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

Sign = Literal["greater", "less", "undecided", "missing"]


@dataclass(frozen=True)
class Estimate:
    """Mean over n seeds, its standard deviation and 95 % t interval; NaN where n is too small for them."""

    n: int
    mean: float
    sd: float
    low: float
    high: float

    @property
    def sign(self) -> Sign:
        """Whether the interval lies above or below zero."""
        if self.n == 0:
            return "missing"
        return "greater" if self.low > 0 else "less" if self.high < 0 else "undecided"


def estimate(values: Sequence[float] | np.ndarray, *, level: float = 0.95) -> Estimate:
    """Estimate from one value per seed; NaN values are left out."""
    sample = np.asarray(values, float)
    sample = sample[np.isfinite(sample)]
    n = len(sample)
    if n == 0:
        return Estimate(0, *[float("nan")] * 4)
    mean = float(sample.mean())
    if n == 1:
        return Estimate(1, mean, *[float("nan")] * 3)
    sd = float(sample.std(ddof=1))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * sd / np.sqrt(n)
    return Estimate(n, mean, sd, mean - half, mean + half)


def paired_difference(first: dict[int, float], second: dict[int, float]) -> Estimate:
    """Estimate of first - second over the seeds that both have (values by seed)."""
    seeds = sorted(first.keys() & second.keys())
    return estimate([first[seed] - second[seed] for seed in seeds])


def paired_p(first: dict[int, float], second: dict[int, float]) -> float:
    """Two-sided p of the paired t test over shared seeds; NaN below two seeds or where all differences agree."""
    difference = paired_difference(first, second)
    if difference.n < 2 or difference.sd == 0:
        return float("nan")
    return float(2 * stats.t.sf(abs(difference.mean) * np.sqrt(difference.n) / difference.sd, difference.n - 1))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values corrected for their number (Holm 1979); NaN stays NaN and does not count."""
    from statsmodels.stats.multitest import multipletests  # statsmodels takes seconds to import

    values = np.asarray(p_values, float)
    finite = np.isfinite(values)
    corrected = np.full(len(values), np.nan)
    if finite.any():
        corrected[finite] = multipletests(values[finite], method="holm")[1]
    return corrected


def mcnemar_p(first_correct: np.ndarray, second_correct: np.ndarray) -> float:
    """Exact McNemar p for two models on the same test images (bool [N] each)."""
    from statsmodels.stats.contingency_tables import mcnemar

    table = [[0, int((first_correct & ~second_correct).sum())], [int((~first_correct & second_correct).sum()), 0]]
    return float(mcnemar(table, exact=True).pvalue)


def smallest_detectable(sd: float, *, n: int, power: float = 0.8) -> float:
    """The paired difference that `n` seeds with this standard deviation of differences find with `power`."""
    if n < 2 or not sd > 0:
        return float("nan")
    from statsmodels.stats.power import TTestPower

    return float(TTestPower().solve_power(nobs=n, alpha=0.05, power=power)) * sd
