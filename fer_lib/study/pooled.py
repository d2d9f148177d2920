"""Few seeds and many arms: one spread for all arms of a data set, so that two runs can already be compared.

Within a data set and split, a quantity (test accuracy, say) of a run is taken as arm + seed + error: a seed fixes
split, initial weights and order for all arms. Least squares over all runs gives one error variance s² with its degrees
of freedom; the variance of the difference of two arms, contrast c, is then s² · (c'(X'X)⁻¹c + 2 · overlap), the second
part for splits that overlap (see `statistics`). The rules were fixed before the runs:

- Arms that diverged, or learnt nothing in some seed, do not enter s², but are compared; a diverged network counts as
  the constant answer.
- A data set with fewer than two degrees of freedom of its own borrows the other's s²: two runs may agree by chance.
- An arm whose last epochs vary more than the median arm's counts with that much more error; one where they vary more
  than twice as much is unsteady, and its comparisons stay undecided. Where the epoch is chosen on other images
  (`official`), the last ones decide nothing, and all arms count alike.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fer_lib.data import FIXED
from fer_lib.results import Results
from fer_lib.study.additive import LAST, AdditiveModel, Spread, unsteadiness, weighed
from fer_lib.study.statistics import Estimate, estimate, overlap

LEARNT = 0.05  # a network this near to the constant answer has learnt nothing

Quantity = Callable[[Results], dict[int, float]]  # of the runs of one arm on one data set and split, by seed


@functools.cache
def metric(name: str) -> Quantity:
    """The metric of this name in the records, as a quantity."""
    return lambda results: results.by_seed(name)


accuracy = metric("test_accuracy")  # the one in which a diverged network has a value


class Pool:
    """The runs of a study, each under all its names, and what they tell of differences between arms."""

    def __init__(self, results: Results) -> None:
        self._runs = results
        self._recipes = results.runs.set_index(["arm", "dataset", "split"])["recipe"].to_dict()

    def difference(self, first: str, second: str, *, dataset: str, split: str, of: Quantity = accuracy) -> Estimate:
        """First arm minus second on a data set and split; n is the smaller number of seeds."""
        arms = [self._recipes.get((arm, dataset, split), "") for arm in (first, second)]
        model, lent = self._model(dataset, split, of), self._lent(dataset, split, of, "spread")
        return self._weighed(model.difference(*arms, spread=lent), arms, dataset, split)

    def mean(self, arm: str, *, dataset: str, split: str, of: Quantity = accuracy) -> Estimate:
        """Mean of an arm over its seeds."""
        recipe = self._recipes.get((arm, dataset, split), "")
        lent = self._lent(dataset, split, of, "within")
        return self._weighed(self._model(dataset, split, of).mean(recipe, spread=lent), [recipe], dataset, split)

    def between(self, first: str, second: str, *, arm: str, split: str, of: Quantity = accuracy) -> Estimate:
        """An arm on data set `first` minus the same arm on `second`, as of independent runs.

        Degrees of freedom after Welch 1947 (https://doi.org/10.1093/biomet/34.1-2.28).
        """
        one, other = (self.mean(arm, dataset=dataset, split=split, of=of) for dataset in (first, second))
        if not (one.n and other.n):
            return estimate([])
        errors = one.se**2, other.se**2
        sources = {one.source, other.source}
        lent = "borrowed" in sources  # both then have one spread
        df = one.df if lent else sum(errors) ** 2 / (errors[0] ** 2 / one.df + errors[1] ** 2 / other.df)
        return Estimate(
            min(one.n, other.n), one.mean - other.mean, math.sqrt((one.sd**2 + other.sd**2) / 2),
            math.sqrt(sum(errors)), df=df, source="borrowed" if lent else "own" if sources == {"own"} else "shared",
            steady=one.steady and other.steady, terms=2, overlap=overlap(split),
        )  # fmt: skip

    def _weighed(self, found: Estimate, arms: Sequence[str], dataset: str, split: str) -> Estimate:
        ratios = self._unsteadiness(dataset, split)
        return weighed(found, [ratios.get(arm, 1.0) for arm in arms])

    def _lent(self, dataset: str, split: str, of: Quantity, kind: str) -> Spread | None:
        """Another data set's spread under the same split."""
        for other in self._runs.datasets():
            spread = getattr(self._model(other, split, of), kind) if other != dataset else None
            if spread is not None and len(spread.arms) > 1:
                return replace(spread, borrowed=True)
        return None

    @functools.cache  # noqa: B019 a pool lives as long as its page
    def _model(self, dataset: str, split: str, of: Quantity) -> AdditiveModel:
        values = {recipe: of(runs) for recipe, runs in self._arms(dataset, split).items()}
        if of is accuracy and (constant := self.constant(dataset, split)):
            for recipe, runs in self._arms(dataset, split).items():
                lost = runs.runs.loc[runs.runs["status"] == "diverged", "seed"]
                values[recipe] |= dict.fromkeys(lost.astype(int), constant)
        return AdditiveModel(values, out=self._out(dataset, split), overlap=overlap(split))

    @functools.cache  # noqa: B019
    def _arms(self, dataset: str, split: str) -> dict[str, Results]:
        """The measured runs of a data set and split by recipe, under the first of its names."""
        here = self._runs.of(dataset=dataset, split=split)
        there = here.runs[here.runs["status"].isin(("finished", "diverged"))].drop_duplicates("recipe")
        return {recipe: here.of(arm=arm) for arm, recipe in there[["arm", "recipe"]].to_numpy()}

    @functools.cache  # noqa: B019
    def constant(self, dataset: str, split: str) -> float:
        """Accuracy of answering the most frequent class of the test images always; 0 where no run has predictions."""
        for runs in self._arms(dataset, split).values():
            record = runs.first_record()
            if record and "actual" in (arrays := self._runs.load(record)):
                return float(np.bincount(arrays["actual"]).max() / len(arrays["actual"]))
        return 0.0

    @functools.cache  # noqa: B019
    def _out(self, dataset: str, split: str) -> frozenset[str]:
        """The arms that diverged or learnt nothing in some seed."""
        least = self.constant(dataset, split) + LEARNT
        return frozenset(
            recipe
            for recipe, runs in self._arms(dataset, split).items()
            if (runs.runs["status"] == "diverged").any() or any(value < least for value in runs.by_seed().values())
        )

    @functools.cache  # noqa: B019
    def _unsteadiness(self, dataset: str, split: str) -> dict[str, float]:
        if split in FIXED:
            return {}
        last = {
            recipe: [curve.tolist()[-LAST:] for curve in runs.curves().values()]
            for recipe, runs in self._arms(dataset, split).items()
        }
        return unsteadiness(last, out=self._out(dataset, split))


def accuracy_of(results: Results, *, arm: str, role: str, split: str) -> Estimate:
    """Mean test accuracy of an arm over its seeds, with the spread that the arms of a data set share."""
    return pool_of(results).mean(arm, dataset=results.standing_for(role), split=split)


def hardly_learnt(results: Results, *, dataset: str, split: str) -> list[str]:
    """The arms with a seed that is less than `LEARNT` better than a constant answer."""
    least, own = pool_of(results).constant(dataset, split) + LEARNT, results.of(dataset=dataset, split=split)
    return [arm for arm in own.arms() if any(value < least for value in own.by_seed(arm=arm).values())]


@functools.lru_cache(maxsize=4)
def pool_of(results: Results) -> Pool:
    """The pool of the study that `results` are part of."""
    return Pool(results.study or results)
