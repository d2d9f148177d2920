"""The fit behind `pooled`: quantity = arm + seed + error by least squares, and how much an unsteady arm counts."""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fer_lib.study.statistics import Estimate, Source, estimate

FEWEST = 2  # degrees of freedom of a spread that is used
LAST = 5  # epochs at the end of a run that tell how steady it is
UNSTEADY = 2.0  # times the variation of the median arm

Values = Mapping[str, Mapping[int, float]]  # by arm and seed


@dataclass(frozen=True)
class Spread:
    """Variance of a run's error, its degrees of freedom, and the arms with several seeds that show it."""

    variance: float
    df: float
    arms: frozenset[str]
    borrowed: bool = False


class AdditiveModel:
    """Quantity = arm + seed + error, fitted to one data set and split; the arms `out` do not enter the spread."""

    def __init__(self, values: Values, *, out: Iterable[str] = (), overlap: float = 0.0) -> None:
        self.values = {arm: dict(by) for arm, by in values.items() if by}
        self._pool = tuple(arm for arm in self.values if arm not in set(out))
        self._overlap = overlap

    @functools.cached_property
    def spread(self) -> Spread | None:
        """Spread of the error, what arm and seed do not explain; None with too few degrees of freedom."""
        return _enough(self._error)

    @functools.cached_property
    def within(self) -> Spread | None:
        """Spread of a run within its arm, so of seed and error together; None with too few degrees of freedom.

        Arms share their seeds, so three arms tell less about the seeds' part than about the error's: the degrees of
        freedom are Satterthwaite's (1946, https://doi.org/10.2307/3002019).
        """
        own = [np.array(list(self.values[arm].values())) for arm in self._several]
        df = sum(len(values) - 1 for values in own)
        if not df:
            return None
        squares, error = sum(float(((values - values.mean()) ** 2).sum()) for values in own), self._error
        left = error.variance * error.df if error else 0.0
        of_error, of_seeds = (error.df if error else 0), df - (error.df if error else 0)
        parts = [(part, own_df) for part, own_df in ((left, of_error), (squares - left, of_seeds)) if own_df]
        weight = sum(part**2 / own_df for part, own_df in parts)
        return _enough(Spread(squares / df, squares**2 / weight if weight else df, self._several))

    @functools.cached_property
    def _error(self) -> Spread | None:
        fit = self._fit(self._pool)
        return Spread(fit.ssr / fit.df_resid, fit.df_resid, self._several) if fit and fit.df_resid else None

    @functools.cached_property
    def _several(self) -> frozenset[str]:
        return frozenset(arm for arm in self._pool if len(self.values[arm]) > 1)

    def difference(self, first: str, second: str, *, spread: Spread | None = None) -> Estimate:
        """First arm minus second; n is the smaller number of seeds. `spread` stands in where there is none here."""
        if not {first, second} <= self.values.keys():
            return estimate([])
        arms = tuple(dict.fromkeys((*self._pool, first, second)))
        fit = self._fit(arms)
        contrast = np.zeros(fit.model.exog.shape[1])
        contrast[arms.index(first)] += 1
        contrast[arms.index(second)] -= 1
        covariance = fit.normalized_cov_params
        reached = contrast @ covariance @ fit.model.exog.T @ fit.model.exog
        if not np.allclose(reached, contrast, atol=1e-8):
            return estimate([])  # no seed, nor a chain of arms and seeds, joins the two
        ours, theirs = self.values[first], self.values[second]
        return _estimate(
            mean=float(contrast @ fit.params), n=min(len(ours), len(theirs)), spread=self.spread or spread,
            factor=float(contrast @ covariance @ contrast), arms={first, second}, overlap=self._overlap,
            pairs=tuple(ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())),
        )  # fmt: skip

    def mean(self, arm: str, *, spread: Spread | None = None) -> Estimate:
        """Mean of an arm over its seeds, with the spread within arms.

        A spread that one arm alone has shown serves that arm: it may be the steadiest of all.
        """
        if arm not in self.values:
            return estimate([])
        own, within = list(self.values[arm].values()), self.within
        if within is not None and within.arms != {arm} and len(within.arms) == 1:
            within = None
        return _estimate(
            mean=float(np.mean(own)), n=len(own), spread=within or spread, factor=1 / len(own), arms={arm},
            overlap=self._overlap,
        )  # fmt: skip

    @functools.cache  # noqa: B019 a model lives as long as its page
    def _fit(self, arms: tuple[str, ...]) -> Any:
        """statsmodels' fit over the runs of `arms`, columns in their order and then a seed each but the first."""
        from statsmodels.api import OLS  # takes seconds to import

        runs = [(arm, seed, value) for arm in arms for seed, value in self.values[arm].items()]
        if not runs:
            return None
        seeds = sorted({seed for _, seed, _ in runs})
        design = np.zeros((len(runs), len(arms) + len(seeds)))
        for row, (arm, seed, _) in enumerate(runs):
            design[row, [arms.index(arm), len(arms) + seeds.index(seed)]] = 1
        return OLS([value for _, _, value in runs], np.delete(design, len(arms), axis=1)).fit()


def _enough(spread: Spread | None) -> Spread | None:
    return spread if spread is not None and spread.df >= FEWEST else None


def _estimate(
    *, mean: float, n: int, spread: Spread | None, factor: float, arms: set[str], overlap: float,
    pairs: tuple[float, ...] = (),
) -> Estimate:  # fmt: skip
    terms = len(arms)
    bare = Estimate(n, mean, math.nan, math.nan, terms=terms, overlap=overlap, pairs=pairs)
    if spread is None or spread.variance < 1e-20:  # seeds that do not differ at all, as whole epochs may, tell nothing
        return bare
    source: Source = "borrowed" if spread.borrowed else "own" if spread.arms <= arms else "shared"
    error = math.sqrt(spread.variance * (factor + terms * overlap))
    return replace(bare, sd=math.sqrt(spread.variance), se=error, df=spread.df, source=source)


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


def weighed(found: Estimate, ratios: Sequence[float]) -> Estimate:
    """The estimate with the error and spread of unsteady arms; `ratios` is the `unsteadiness` of each of its arms.

    They grow with every ratio above one; beyond `UNSTEADY` the estimate is no longer `steady`.
    """
    scale = math.sqrt(np.mean([max(1.0, ratio) ** 2 for ratio in ratios]))
    return replace(found, sd=found.sd * scale, se=found.se * scale, steady=max(ratios) <= UNSTEADY)


def _variance(run: Sequence[float]) -> float:
    epochs = np.arange(len(run))
    if len(run) < 3:
        return 0.0
    line = np.polyval(np.polyfit(epochs, run, 1), epochs)
    return float(((np.asarray(run) - line) ** 2).sum() / (len(run) - 2))
