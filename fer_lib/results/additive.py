"""The fit behind `pooled`: quantity = arm + seed + error, each arm with its own variance, moderated by the others'.

Two or three seeds hardly show how much an arm varies. So its variance is a mean of its own and of the usual one of all
arms, which counts as `WORTH` degrees of freedom: empirical Bayes as in Smyth 2004 (https://doi.org/10.2202/1544-6115.1027)
with so small a weight that it is robust against a wild arm, the aim of Phipson et al. 2016
(https://doi.org/10.1214/16-AOAS920). An arm that varies `WILD` times as much as is usual says less about what a seed
adds. What seeds cannot show, epochs can: an arm whose last epochs vary far more than the others' (`unsteadiness`) gives
nothing to the usual variance and keeps its own, if that is greater.

`tests/simulation` says how often the intervals hold what they promise; the constants were chosen by it (docs/LOG.md).
"""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_lib.results.statistics import Estimate, Source, estimate

FEWEST = 2  # degrees of freedom that show a usual variance
LAST = 5  # epochs at the end of a run that tell how steady it is
UNSTEADY = 1.6  # times the variation of the median arm
WORTH = 1.5  # degrees of freedom that the usual variance counts as
WILD = 4.0  # times the usual variance
_SHOWN = 0.2  # degrees of freedom from which on an arm's own variance counts
_OWN = 0.5  # and from which on it can stand alone

Values = Mapping[str, Mapping[int, float]]  # by arm and seed
Array = NDArray[np.float64]
Part = tuple[float, float]  # a variance and its degrees of freedom
UNKNOWN: Part = (math.nan, math.nan)


@dataclass(frozen=True)
class Usual:
    """The usual variance of a run's error, and the degrees of freedom of all arms behind it."""

    variance: float
    df: float


class AdditiveModel:
    """Quantity = arm + seed + error, fitted to one data set and split by least squares.

    Args:
        values: the quantity by arm and seed.
        out: arms that do not enter the fit; one that is compared has the usual variance.
        unsteady: arms that keep their own variance and give nothing to the usual one.
        overlap: of the seeds' splits, see `statistics.overlap`.
        lent: the usual variance where this data set shows none.
    """

    def __init__(
        self, values: Values, *, out: Iterable[str] = (), unsteady: Iterable[str] = (), overlap: float = 0.0,
        lent: Usual | None = None,
    ) -> None:  # fmt: skip
        self.values = {arm: dict(by) for arm, by in values.items() if by}
        self._out = frozenset(out)
        self._unsteady, self._overlap, self._lent = frozenset(unsteady), overlap, lent

    @functools.cached_property
    def usual(self) -> Usual | None:
        """The usual variance of this data set's arms; None with too few degrees of freedom."""
        return self._fitted[1]

    def difference(self, first: str, second: str, *, images: float = 0.0) -> Estimate:
        """First arm minus second; n is the smaller number of seeds.

        `images` is the variance of the difference that comes from which test images there are.
        """
        if not {first, second} <= self.values.keys():
            return estimate([])
        more = {first, second} & self._out
        fit = self._fit(self._weights | dict.fromkeys(more, 1.0)) if more else self._fitted[0]
        if not fit.joins(first, second):
            return estimate([])
        contrast = fit.contrast(first, second)
        n, mean = min(len(self.values[arm]) for arm in (first, second)), float(contrast @ fit.values)
        bare = Estimate(n, mean, math.nan, math.nan, terms=2, overlap=self._overlap)
        if UNKNOWN in (self._variance(first), self._variance(second)):
            return bare
        weights = dict(zip(fit.arms, np.bincount(fit.of_arm, contrast**2, len(fit.arms)), strict=True))
        weights[first] += self._overlap
        weights[second] += self._overlap
        parts = [(self._variance(arm)[0] * weight, self._variance(arm)[1]) for arm, weight in weights.items()]
        sd = math.sqrt((self._variance(first)[0] + self._variance(second)[0]) / 2)
        return self._known(bare, [part for part in parts if part[0] > 0], images, sd, first, second)

    def mean(self, arm: str, *, images: float = 0.0) -> Estimate:
        """Mean of an arm over its seeds, with the variance of a run within its arm: of seed and error together."""
        if arm not in self.values:
            return estimate([])
        own = list(self.values[arm].values())
        bare = Estimate(len(own), float(np.mean(own)), math.nan, math.nan, overlap=self._overlap)
        if self._variance(arm) == UNKNOWN:  # one arm alone does not show what of it the seeds add, and need not
            alone = float(np.var(own, ddof=1)) if len(own) > FEWEST and arm not in self._out else 0.0
            parts = [(alone * (1 / len(own) + self._overlap), len(own) - 1.0)]
            return self._known(bare, parts, images, math.sqrt(alone), arm)
        factor = 1 / len(own) + self._overlap
        parts = [(variance * factor, df) for variance, df in (self._variance(arm), self._of_seeds)]
        return self._known(bare, parts, images, math.sqrt(self._variance(arm)[0] + self._of_seeds[0]), arm)

    def _known(self, bare: Estimate, parts: Sequence[Part], images: float, sd: float, *arms: str) -> Estimate:
        """`bare` with the error that its parts add up to; degrees of freedom after Satterthwaite 1946.

        (https://doi.org/10.2307/3002019), and no more than all arms have together; the part of the images is known.
        """
        usual, of_seeds = self.usual or self._lent, sum(variance for variance, _ in parts)
        if of_seeds < 1e-20:  # seeds that do not differ at all, as whole epochs may, tell nothing
            return bare
        doubt = sum(variance**2 / df for variance, df in parts if variance)
        df = min(of_seeds**2 / doubt, usual.df if usual else math.inf) * ((of_seeds + images) / of_seeds) ** 2
        shared: Source = "shared" if self.usual is not None else "borrowed"
        source: Source = "own" if set(arms) <= self._unsteady else shared
        return replace(bare, sd=sd, se=math.sqrt(of_seeds + images), df=df, source=source)

    def _variance(self, arm: str) -> Part:
        """Variance of a run's error and its degrees of freedom; `UNKNOWN` where nothing shows it."""
        usual = self.usual or self._lent
        if arm in self._out:
            return (usual.variance, min(WORTH, usual.df)) if usual else UNKNOWN
        return self._variances[arm]

    @functools.cached_property
    def _variances(self) -> dict[str, Part]:
        fit, usual = self._fitted[0], self.usual or self._lent
        if usual is None:
            return {
                arm: part if arm in self._unsteady and part[1] >= _OWN else UNKNOWN for arm, part in fit.own.items()
            }
        found = {}
        for arm, (variance, df) in fit.own.items():
            if arm in self._unsteady:
                found[arm] = (max(variance, usual.variance), df) if df >= _OWN else UNKNOWN
            else:
                found[arm] = (WORTH * usual.variance + df * variance) / (WORTH + df), min(WORTH + df, usual.df)
        return found

    @functools.cached_property
    def _of_seeds(self) -> Part:
        """Variance of the seeds' part by the method of moments; arms share seeds, so it is known as of one arm."""
        arms = [arm for arm in self._weights if len(self.values[arm]) > 1 and arm not in self._unsteady]
        df = sum(len(self.values[arm]) - 1 for arm in arms)
        if not df:
            return 0.0, 1.0
        over = [
            (np.var(list(self.values[arm].values()), ddof=1) - self._variance(arm)[0]) * (len(self.values[arm]) - 1)
            for arm in arms
        ]
        seeds = {seed for arm in arms for seed in self.values[arm]}
        return max(0.0, float(np.sum(over)) / df), max(1, len(seeds) - 1)

    @functools.cached_property
    def _fitted(self) -> tuple["_Fit", Usual | None]:
        """The fit of all arms that are not out, and the usual variance; once more with less weight for wild arms."""
        fit = self._fit(dict.fromkeys((arm for arm in self.values if arm not in self._out), 1.0))
        usual = _usual(part for arm, part in fit.own.items() if arm not in self._unsteady)
        if usual is None:
            return fit, None
        wild = {arm: usual.variance / own for arm, (own, _) in fit.own.items() if own > WILD * usual.variance}
        if not wild:
            return fit, usual
        fit = self._fit(dict.fromkeys(fit.arms, 1.0) | wild)
        return fit, _usual(part for arm, part in fit.own.items() if arm not in self._unsteady)

    @functools.cached_property
    def _weights(self) -> dict[str, float]:
        return self._fitted[0].weights

    def _fit(self, weights: Mapping[str, float]) -> "_Fit":
        return _Fit({arm: self.values[arm] for arm in weights}, dict(weights))


class _Fit:
    """Weighted least squares of runs on arm and seed.

    Attributes:
        arms: in the order of the values.
        weights: by arm.
        of_arm: each run's arm, by number.
        values: each run's.
        own: by arm, the mean square of its residuals and their degrees of freedom.
    """

    def __init__(self, by_arm: Values, weights: dict[str, float]) -> None:
        runs = [(arm, seed, value) for arm, by in by_arm.items() for seed, value in by.items()]
        self._by_arm, self.arms, self.weights = by_arm, list(by_arm), weights
        seeds = sorted({seed for _, seed, _ in runs})
        self.of_arm = np.array([self.arms.index(arm) for arm, _, _ in runs], int)
        self.values = np.array([value for _, _, value in runs], float)
        design = np.zeros((len(runs), len(self.arms) + len(seeds)))
        for row, (arm, seed, _) in enumerate(runs):
            design[row, [self.arms.index(arm), len(self.arms) + seeds.index(seed)]] = 1
        root = np.sqrt([weights[arm] for arm, _, _ in runs])
        self._solve = np.linalg.pinv(design * root[:, None]) * root if runs else design.T
        left = self.values - design @ (self._solve @ self.values)
        free = 1 - np.einsum("ij,ji->i", design, self._solve)
        df = np.bincount(self.of_arm, free, len(self.arms))
        squares = np.bincount(self.of_arm, left**2, len(self.arms))
        self.own: dict[str, Part] = {
            arm: (float(square / d), float(d)) if d > _SHOWN else (0.0, 0.0)
            for arm, square, d in zip(self.arms, squares, df, strict=True)
        }

    def contrast(self, first: str, second: str) -> Array:
        """Each run's weight in the first arm's level minus the second's."""
        return self._solve[self.arms.index(first)] - self._solve[self.arms.index(second)]

    def joins(self, first: str, second: str) -> bool:
        """Whether a seed, or a chain of arms and seeds, joins the two."""
        seen, new = set[int](), set(self._by_arm[first])
        while new:
            seen |= new
            new = {seed for by in self._by_arm.values() if seen & by.keys() for seed in by} - seen
        return bool(seen & self._by_arm[second].keys())


def _usual(parts: Iterable[Part]) -> Usual | None:
    """The most likely usual variance, where an arm's own is that times an F of its and `WORTH` degrees of freedom.

    Its tail is long, so a wild arm hardly moves it. None with too few degrees of freedom.
    """
    shown = np.array([part for part in parts if part[1] > 0]).reshape(-1, 2)
    own, df = shown[:, 0], shown[:, 1]
    if df.sum() < FEWEST - 1e-6 or own.max() <= 1e-20:
        return None
    variance = float((df * own).sum() / df.sum())
    for _ in range(50):  # the fixed point at which the likelihood's derivative is zero
        variance *= float(((df + WORTH) * df * own / (WORTH * variance + df * own)).sum() / df.sum())
    return Usual(variance, float(df.sum()))


def unsteadiness(last: Mapping[str, Sequence[Sequence[float]]], *, out: Iterable[str] = ()) -> dict[str, float]:
    """How many times as much each arm's last epochs vary as those of the median arm that is not `out`.

    Args:
        last: by arm, the accuracies of the last `LAST` epochs of each of its runs. Their variation is taken about
            their straight line, so that an arm which still learns is not called unsteady.
    """
    varies = {arm: math.sqrt(np.mean([_variance(run) for run in runs])) for arm, runs in last.items() if runs}
    usual = [value for arm, value in varies.items() if arm not in set(out)]
    median = float(np.median(usual)) if usual else 0.0
    return {arm: value / median if median > 1e-9 else 1.0 for arm, value in varies.items()}


def _variance(run: Sequence[float]) -> float:
    """Of values about their straight line."""
    if len(run) < 3:
        return 0.0
    values, epochs = np.asarray(run, float), np.arange(len(run)) - (len(run) - 1) / 2
    values = values - values.mean()
    left = values @ values - (epochs @ values) ** 2 / (epochs @ epochs)
    return max(0.0, float(left)) / (len(run) - 2)
