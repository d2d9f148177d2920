"""Means, intervals and comparisons over seeds. One seed gives a mean and nothing else.

Arms that share seeds are compared in pairs, since a seed fixes split, initial weights and order for both. Random 80/20
splits overlap from seed to seed, so their differences are not independent; the variance of a mean is then
sd² · (1/n + test/train) (Nadeau and Bengio 2003, "Inference for the generalization error",
https://doi.org/10.1023/A:1024068626366).

Two trained networks on one test set are compared image by image: McNemar's exact test and a paired bootstrap. That
says whether these two networks differ, which seeds may still undo.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from fer_lib.data import FIXED

Sign = Literal["greater", "less", "undecided", "missing"]
LEVEL = 0.95


def overlap(split: str) -> float:
    """Images reported on over images trained on where every seed draws its own split; else zero."""
    return 0.0 if split in FIXED else 0.25


@dataclass(frozen=True)
class Estimate:
    """Mean over n seeds, their standard deviation and the mean's standard error; NaN where n is too small for them."""

    n: int
    mean: float
    sd: float
    se: float

    @property
    def low(self) -> float:
        """Lower end of the 95 % t interval of the mean."""
        return self.mean - self._half()

    @property
    def high(self) -> float:
        """Upper end of the 95 % t interval of the mean."""
        return self.mean + self._half()

    @property
    def p(self) -> float:
        """Two-sided p of the t test that the mean is zero."""
        if self.n < 2:
            return float("nan")
        return float(2 * stats.t.sf(abs(self.mean) / self.se, self.n - 1)) if self.se > 0 else float(self.mean == 0)

    @property
    def sign(self) -> Sign:
        """Whether the interval lies above or below zero."""
        if self.n == 0:
            return "missing"
        return "greater" if self.low > 0 else "less" if self.high < 0 else "undecided"

    def predicts(self, value: float) -> bool:
        """Whether one more run could have given `value`: it lies in the 95 % prediction interval."""
        return abs(value - self.mean) <= _quantile(self.n) * self.sd * float(np.sqrt(1 + 1 / self.n))

    def _half(self) -> float:
        return _quantile(self.n) * self.se if self.n > 1 else float("nan")


def _quantile(n: int) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, n - 1))


def estimate(values: Sequence[float] | np.ndarray, *, overlap: float = 0.0) -> Estimate:
    """Estimate from one value per seed; NaN values are left out. `overlap` is that of the seeds' splits."""
    sample = np.asarray(values, float)
    sample = sample[np.isfinite(sample)]
    n = len(sample)
    mean = float(sample.mean()) if n else float("nan")
    sd = float(sample.std(ddof=1)) if n > 1 else float("nan")
    return Estimate(n, mean, sd, sd * float(np.sqrt(1 / n + overlap)) if n > 1 else float("nan"))


def paired_difference(first: dict[int, float], second: dict[int, float], *, overlap: float = 0.0) -> Estimate:
    """Estimate of first - second over the seeds that both have (values by seed)."""
    seeds = sorted(first.keys() & second.keys())
    return estimate([first[seed] - second[seed] for seed in seeds], overlap=overlap)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p-values corrected for their number (Holm 1979); NaN stays NaN and does not count."""
    from statsmodels.stats.multitest import multipletests  # statsmodels takes seconds to import

    values = np.asarray(p_values, float)
    finite = np.isfinite(values)
    corrected = np.full(len(values), np.nan)
    if finite.any():
        corrected[finite] = multipletests(values[finite], method="holm")[1]
    return corrected


def smallest_detectable(difference: Estimate, *, power: float = 0.8) -> float:
    """The paired difference that as many seeds with the same spread find with `power`."""
    if difference.n < 2 or not difference.se > 0:
        return float("nan")
    from statsmodels.stats.power import TTestPower

    effect = TTestPower().solve_power(nobs=difference.n, alpha=1 - LEVEL, power=power)
    return float(effect) * difference.se * float(np.sqrt(difference.n))


@dataclass(frozen=True)
class SameImages:
    """Two networks on the same test images: the images that only one gets right, and whether that is chance.

    `low` and `high` bound the difference in accuracy, first minus second: the 95 % paired bootstrap interval.
    """

    images: int
    only_first: int
    only_second: int
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        """Accuracy of the first minus that of the second."""
        return (self.only_first - self.only_second) / self.images


def on_shared_rows(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> SameImages:
    """`on_same_images` of two runs' predictions (`RunStore.predictions`), on the test images that both have."""
    _, ours, theirs = np.intersect1d(first["rows"], second["rows"], return_indices=True)
    right = [arrays["actual"][at] == arrays["predicted"][at] for arrays, at in ((first, ours), (second, theirs))]
    return on_same_images(*right)


def on_same_images(first_right: np.ndarray, second_right: np.ndarray, *, resamples: int = 9999) -> SameImages:
    """McNemar's exact test and a paired bootstrap of two networks' hits, bool [N] each, on the same N > 0 images.

    Only three outcomes count (first alone right, second alone, no difference), so drawing N images with replacement is
    one multinomial draw of their counts (https://en.wikipedia.org/wiki/McNemar%27s_test).
    """
    from statsmodels.stats.contingency_tables import mcnemar

    images = len(first_right)
    table = [[int(((first_right == a) & (second_right == b)).sum()) for b in (True, False)] for a in (True, False)]
    only_first, only_second = table[0][1], table[1][0]
    shares = np.array([only_first, only_second, images - only_first - only_second]) / images
    draws = np.random.default_rng(0).multinomial(images, shares, size=resamples)
    tails = (50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL))
    low, high = np.percentile((draws[:, 0] - draws[:, 1]) / images, tails)
    return SameImages(images, only_first, only_second, float(low), float(high), float(mcnemar(table).pvalue))
