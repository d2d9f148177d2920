"""Means, intervals and comparisons over seeds.

Random 80/20 splits overlap from seed to seed, so accuracies under them are not independent; the variance of a mean is
then sd² · (1/n + test/train) (Nadeau and Bengio 2003, "Inference for the generalization error",
https://doi.org/10.1023/A:1024068626366). Seeds are few, so `pooled` moderates each arm's spread by that of all arms of
a data set.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

from fer_lib.data import FIXED

Sign = Literal["greater", "less", "undecided", "missing", "idle"]  # idle: an arm that learnt nothing
Source = Literal["own", "shared", "borrowed"]
LEVEL = 0.95
POWER = 0.8
MOST_SEEDS = 100  # beyond this many, `seeds_needed` says that seeds do not help
_NO_SPREAD = 1e-12  # a standard deviation of rounding errors


def overlap(split: str) -> float:
    """Number of test images over that of training images where every seed draws its own split, else zero."""
    return 0.0 if split in FIXED else 0.25


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of two, over n seeds, with its 95 % t interval; NaN where no spread is known.

    Attributes:
        sd: standard deviation of one run.
        se: standard error of the mean.
        df: degrees of freedom of `sd`.
        source: whose spread it is: that of the runs in question (own), moderated by all arms of the data set
            (shared), or by those of another data set (borrowed).
        terms: 2 for a difference between the runs of two arms, else 1; with `overlap` of the splits, the variance
            of the mean of n seeds is terms · sd² · (1/n + overlap).
    """

    n: int
    mean: float
    sd: float
    se: float
    df: float = math.nan
    source: Source = "own"
    terms: int = 1
    overlap: float = 0.0

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - _quantile(self.df) * self.se

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + _quantile(self.df) * self.se

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return self.se > 0

    @property
    def p(self) -> float:
        """Two-sided p of the t test that the mean is zero; NaN without an interval."""
        return float(2 * stats.t.sf(abs(self.mean) / self.se, self.df)) if self.known else math.nan

    @property
    def sign(self) -> Sign:
        """Whether the interval lies above or below zero."""
        return sign(self, self.p)

    def predicts(self, value: float) -> bool:
        """Whether one more run could have given `value`: it lies in the 95 % prediction interval."""
        return abs(value - self.mean) <= _quantile(self.df) * self.sd * math.sqrt(1 + 1 / self.n)


def _quantile(df: float) -> float:
    return float(special.stdtrit(df, (1 + LEVEL) / 2))


def estimate(values: Iterable[float], *, overlap: float = 0.0) -> Estimate:
    """Estimate from one value per seed; NaN values are left out. `overlap` is that of the seeds' splits."""
    sample = np.fromiter(values, float)
    sample = sample[np.isfinite(sample)]
    n = len(sample)
    mean = float(sample.mean()) if n else math.nan
    sd = float(sample.std(ddof=1)) if n > 1 else math.nan
    # seeds that do not differ at all, as whole epochs may, show no spread
    error = sd * math.sqrt(1 / n + overlap) if sd > _NO_SPREAD else math.nan
    return Estimate(n, mean, sd, error, df=n - 1 if n > 1 else math.nan, overlap=overlap)


def average(values: Sequence[Estimate]) -> Estimate:
    """Mean of independent estimates; degrees of freedom after Satterthwaite. Of nothing, n is zero."""
    if not values:
        return estimate([])
    errors = [value.se**2 for value in values]
    df = sum(errors) ** 2 / sum(error**2 / value.df for error, value in zip(errors, values, strict=True))
    mean, se = sum(value.mean for value in values) / len(values), math.sqrt(sum(errors)) / len(values)
    sd = math.sqrt(sum(value.sd**2 for value in values) / len(values))
    return Estimate(min(value.n for value in values), mean, sd, se, df=df, source=values[0].source)


def sign(value: Estimate, p: float) -> Sign:
    """Which side of zero an estimate lies on, if its (corrected) p is below 5 %."""
    if value.n == 0:
        return "missing"
    return "undecided" if not p < 1 - LEVEL else "greater" if value.mean > 0 else "less"


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values corrected for their number (Holm 1979, https://www.jstor.org/stable/4615733).

    NaN, what was not measured, stays NaN and counts.
    """
    values = np.asarray(p_values, float)  # statsmodels has this, but collects garbage at every call, for 0.2 s
    order = np.argsort(values)  # NaN last
    corrected = np.empty_like(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected[order] = np.minimum(1.0, stepped)
    return corrected


def smallest_detectable(difference: Estimate, *, tests: int = 1) -> float:
    """The smallest difference that as many seeds with the same spread would find in 80 of 100 studies.

    It is one of `tests` (Bonferroni); NaN where no spread is known.
    """
    if not difference.known:
        return math.nan
    most = 10 * _critical(difference.df, tests)
    in_errors = optimize.brentq(lambda size: power(size, difference.df, tests=tests) - POWER, 0, most)
    return float(in_errors) * difference.se


def power(size: float, df: float, *, tests: int = 1) -> float:
    """Probability that a two-sided t test at the level 5 % / `tests` finds a difference, with its right sign.

    `size` > 0 is the difference in standard errors.
    """
    return 1 - float(special.nctdtr(df, size, _critical(df, tests)))


def _critical(df: float, tests: int) -> float:
    return float(stats.t.isf((1 - LEVEL) / 2 / tests, df))


def seeds_needed(difference: Estimate, size: float, *, tests: int = 1) -> int | None:
    """How many more seeds would find a difference of `size` in 80 of 100 studies; None where no number of them would.

    Every further seed is taken to add one degree of freedom.

    Raises:
        ValueError: no spread is known.
    """
    if not difference.known:
        raise ValueError("no spread is known")
    for seeds in range(difference.n, MOST_SEEDS + 1):
        error = difference.sd * math.sqrt(difference.terms * (1 / seeds + difference.overlap))
        if power(abs(size) / error, difference.df + seeds - difference.n, tests=tests) >= POWER:
            return seeds - difference.n
    return None
