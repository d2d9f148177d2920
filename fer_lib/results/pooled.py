"""Few seeds and many arms: each arm's spread moderated by that of all, so that two runs can already be compared.

Within a data set and split, a quantity (test accuracy, say) of a run is taken as arm + seed + error: a seed fixes
split, initial weights and order for all arms. The variance of the difference of two arms is that of the least-squares
contrast plus a part for splits that overlap (see `statistics`). The rules:

- An arm's variance is its own, drawn towards the usual one of all arms (`additive`).
- Arms that diverged, or learnt nothing in some seed, are no part of the fit, but are compared with the usual variance;
  a diverged network counts as the constant answer.
- An arm whose last epochs vary far more than the others' keeps its own variance. Where the epoch is chosen on other
  images (`official`), the last ones decide nothing, and no arm counts as unsteady.
- A data set with fewer than two degrees of freedom borrows the other's usual variance: two runs may agree by chance.
- Where every seed reports the same test images (`official`), other images could have given another difference, too:
  the variance over images of how much oftener one arm is right, over their number, is added.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fer_lib.data import FIXED
from fer_lib.results import Results
from fer_lib.results.additive import LAST, UNSTEADY, AdditiveModel, Usual, unsteadiness
from fer_lib.results.statistics import Estimate, estimate, overlap
from fer_lib.training.record import Arrays

LEARNT = 0.05  # a network this near to the constant answer has learnt nothing

Quantity = Callable[[Results], dict[int, float]]  # of the runs of one arm on one data set and split, by seed


@functools.cache
def metric(name: str) -> Quantity:
    """The metric of this name in the records, as a quantity."""
    return lambda results: results.by_seed(name)


@dataclass(frozen=True)
class PerImage:
    """A share of test images that are right, as a quantity: `of` gives it by seed, `hits` says which images are."""

    of: Quantity
    hits: Callable[[Arrays], np.ndarray]

    def __call__(self, results: Results) -> dict[int, float]:
        return self.of(results)


accuracy = PerImage(metric("test_accuracy"), lambda arrays: np.asarray(arrays["actual"] == arrays["predicted"]))


def overconfidence(results: Results) -> dict[int, float]:
    """Mean confidence minus accuracy on the test images, as a quantity."""
    return {
        seed: float(arrays["confidence"].astype(float).mean() - accuracy.hits(arrays).mean())
        for seed, arrays in results.predictions().items()
    }


class Pool:
    """The runs of a study, each under all its names, and what they tell of differences between arms."""

    def __init__(self, results: Results) -> None:
        self._runs = results
        self._recipes = results.runs.set_index(["arm", "dataset", "split"])["recipe"].to_dict()

    def difference(self, first: str, second: str, *, dataset: str, split: str, of: Quantity = accuracy) -> Estimate:
        """First arm minus second on a data set and split; n is the smaller number of seeds."""
        arms = [self._recipes.get((arm, dataset, split), "") for arm in (first, second)]
        return self._model(dataset, split, of).difference(*arms, images=self._of_images(arms, dataset, split, of))

    def mean(self, arm: str, *, dataset: str, split: str, of: Quantity = accuracy) -> Estimate:
        """Mean of an arm over its seeds."""
        recipe = self._recipes.get((arm, dataset, split), "")
        return self._model(dataset, split, of).mean(recipe, images=self._of_images([recipe], dataset, split, of))

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
            terms=2, overlap=overlap(split),
        )  # fmt: skip

    def _of_images(self, recipes: Sequence[str], dataset: str, split: str, of: Quantity) -> float:
        """Variance of a mean, or of a difference of two, that comes from which test images there are.

        Zero where every seed draws its own: there it is a part of what seeds vary by.
        """
        if split not in FIXED or not isinstance(of, PerImage):
            return 0.0
        shares = [self._hit_shares(recipe, dataset, split, of) for recipe in recipes]
        if any(share is None or len(share) != len(shares[0]) for share in shares):  # type: ignore[arg-type]
            return 0.0
        per_image = shares[0] if len(shares) == 1 else shares[0] - shares[1]  # type: ignore[operator]
        return float(np.var(per_image, ddof=1) / len(per_image))  # type: ignore[arg-type]

    @functools.cache  # noqa: B019
    def _hit_shares(self, recipe: str, dataset: str, split: str, of: PerImage) -> np.ndarray | None:
        """Of each test image, the share of an arm's networks that are right, float [N]; None without predictions."""
        runs = self._arms(dataset, split).get(recipe)
        arrays = list(runs.predictions().values()) if runs is not None else []
        try:
            hits = [of.hits(own)[np.argsort(own["rows"])] for own in arrays]
        except KeyError:
            return None
        return np.mean(hits, axis=0) if hits and len({len(own) for own in hits}) == 1 else None

    @functools.cache  # noqa: B019 a pool lives as long as its page
    def _model(self, dataset: str, split: str, of: Quantity, *, borrows: bool = False) -> AdditiveModel:
        values = {recipe: of(runs) for recipe, runs in self._arms(dataset, split).items()}
        if of is accuracy and (constant := self.constant(dataset, split)):
            for recipe, runs in self._arms(dataset, split).items():
                lost = runs.runs.loc[runs.runs["status"] == "diverged", "seed"]
                values[recipe] |= dict.fromkeys(lost.astype(int), constant)
        lent = None if borrows else self._lent(dataset, split, of)
        return AdditiveModel(
            values, out=self._out(dataset, split), unsteady=self._unsteady(dataset, split), overlap=overlap(split),
            lent=lent,
        )  # fmt: skip

    def _lent(self, dataset: str, split: str, of: Quantity) -> Usual | None:
        """Another data set's usual variance under the same split."""
        others = (other for other in self._runs.datasets() if other != dataset)
        found = (self._model(other, split, of, borrows=True).usual for other in others)
        return next((usual for usual in found if usual is not None), None)

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
    def _unsteady(self, dataset: str, split: str) -> frozenset[str]:
        if split in FIXED:
            return frozenset()
        last = {
            recipe: [curve.tolist()[-LAST:] for curve in runs.curves().values()]
            for recipe, runs in self._arms(dataset, split).items()
        }
        ratios = unsteadiness(last, out=self._out(dataset, split))
        return frozenset(arm for arm, ratio in ratios.items() if ratio > UNSTEADY) - self._out(dataset, split)


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
