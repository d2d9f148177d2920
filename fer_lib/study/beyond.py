"""Beyond the paper: rare classes, mirror images, networks that vote together, and the other labelling of the images."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fer_lib.data.labelled import expression
from fer_lib.evaluation import metrics
from fer_lib.results import Results, statistics
from fer_lib.results.pooled import PerImage, Quantity, accuracy, metric, pool_of
from fer_lib.results.wording import ARM, SPLIT, N, mean_sd_text
from fer_lib.training.record import Arrays

RARE = 0.05  # a class with a smaller share of the test images is rare
FLIPS = "With flips"  # the mean of what a network says of a face and of its mirror image


def changing(arms: Mapping[str, Mapping[str, Any]], key: str) -> list[str]:
    """The arms that change `key` of the base, in their order."""
    return [arm for arm, changes in arms.items() if key in changes]


def mirrored_too(arrays: Arrays, temperature: float = 1.0) -> np.ndarray:
    """Class probabilities [N, C] at a temperature, the mean over each test image and its mirror image."""
    both = [
        metrics.apply_temperature(arrays[part], temperature) for part in ("probabilities", "mirrored_probabilities")
    ]
    return np.asarray(np.mean(both, axis=0))


def _right_when_flipped(arrays: Arrays) -> np.ndarray:
    return np.asarray(mirrored_too(arrays).argmax(1) == arrays["actual"])


def _flipped(results: Results) -> dict[int, float]:
    return {seed: float(_right_when_flipped(own).mean()) for seed, own in _with_probabilities(results).items()}


flipped = PerImage(_flipped, _right_when_flipped)  # test accuracy over faces and their mirror images together
WITH_FLIPS: Mapping[str, Quantity] = {"Accuracy": accuracy, FLIPS: flipped}


def _with_probabilities(results: Results) -> dict[int, Arrays]:
    """The arrays of one arm, data set and split by seed, of runs that kept their probabilities."""
    return {seed: arrays for seed, arrays in results.predictions().items() if "probabilities" in arrays}


def rare_rate(results: Results) -> dict[int, float]:
    """Mean true positive rate of the classes under a twentieth of the test images, as a quantity."""
    return {seed: float(own.loc[_rare(own), "TPR"].mean()) for seed, own in results.rates().items() if _rare(own).any()}


def _rare(rates: pd.DataFrame) -> pd.Series:
    return (rates["n"] > 0) & (rates["n"] < RARE * rates["n"].sum())


def trade(results: Results) -> dict[str, Quantity]:
    """What class weights win and what they cost; without the rare classes' part where no class is rare."""
    rare = any(rare_rate(own) for *_, own in _arms(results))
    found: dict[str, Quantity] = {"Accuracy": accuracy, "Macro-F1": metric("test_macro_f1")}
    return found | ({"TPR, rare": rare_rate} if rare else {})


def effects(results: Results, *, against: str, split: str) -> pd.DataFrame:
    """Test accuracy of each arm minus that of one, without and with mirror images, by data set; what is measured."""
    pool = pool_of(results)
    gaps = [
        ({"dataset": dataset, "arm": arm, "quantity": title},
         pool.difference(arm, against, dataset=dataset, split=split, of=quantity))
        for dataset, arm, _ in results.of(split=split).each("dataset", "arm") if arm != against
        for title, quantity in WITH_FLIPS.items()
    ]  # fmt: skip
    return pd.DataFrame([
        names | {"n": gap.n, "difference": gap.mean, "low": gap.low, "high": gap.high} for names, gap in gaps if gap.n
    ])  # fmt: skip


def together(results: Results, *, split: str) -> pd.DataFrame:
    """One network against all seeds' networks of an arm together (the mean of their probabilities), test accuracy.

    The interval, from and to, is over images (Wilson 1927): there is one such ensemble.
    """
    from statsmodels.stats.proportion import proportion_confint

    lines = []
    for dataset, arm, own in _arms(results.of(split=split)):
        kept = list(_with_probabilities(own).values())
        if len(kept) < 2:
            continue
        rows = functools.reduce(np.intersect1d, (arrays["rows"] for arrays in kept))
        shared = [np.intersect1d(arrays["rows"], rows, return_indices=True)[1] for arrays in kept]
        plain = np.mean([arrays["probabilities"][at].astype(float) for arrays, at in zip(kept, shared, strict=True)], 0)
        both = np.mean([mirrored_too(arrays)[at] for arrays, at in zip(kept, shared, strict=True)], 0)
        right = [probabilities.argmax(1) == kept[0]["actual"][shared[0]] for probabilities in (plain, both)]
        low, high = proportion_confint(int(right[1].sum()), len(rows), method="wilson")
        lines.append({
            ARM: arm, f"Together, {FLIPS.lower()}": float(right[1].mean()), "From": low, "To": high,
            "Data set": dataset, N: len(kept), SPLIT: split, "Images": len(rows), "Together": float(right[0].mean()),
            "One": mean_sd_text(statistics.estimate(own.by_seed().values())),
            f"One, {FLIPS.lower()}": mean_sd_text(statistics.estimate(flipped(own).values())),
        })  # fmt: skip
    return pd.DataFrame(lines)


def across_labellings(results: Results, *arms: str, split: str) -> pd.DataFrame:
    """Networks trained under one labelling of the images, judged by each of the two, and the labellings by each other.

    Only test images that both labellings give an expression both know. Empty where the data sets do not share images
    or one of them has no network yet.
    """
    named = {(dataset, arm): _named(own) for dataset, arm, own in _arms(results.among(*arms).of(split=split))}
    read = {key: networks for key, networks in named.items() if networks}
    truth: dict[str, pd.Series] = {}
    for (dataset, _), networks in read.items():
        truth[dataset] = pd.concat([truth.get(dataset), *(own["actual"] for own in networks.values())])
    if len(truth) != 2:
        return pd.DataFrame()
    first, second = truth
    both = pd.concat({name: own[~own.index.duplicated()] for name, own in truth.items()}, axis=1, join="inner").dropna()
    both = both[both.isin(set(both[first]) & set(both[second])).all(axis=1)]
    if both.empty:
        return pd.DataFrame()
    lines: list[dict[str, object]] = []
    for (dataset, arm), networks in read.items():
        answers = [own["predicted"][own.index.isin(both.index)] for own in networks.values()]
        line: dict[str, object] = {"Trained on": dataset, "Arm": arm}
        for judge in truth:
            right = [float((answer == both[judge][answer.index]).mean()) for answer in answers]
            line[f"Right by {judge}"] = mean_sd_text(statistics.estimate(right))
        lines.append(line | {N: len(answers), "Images": len(both)})
    agree = f"{(both[first] == both[second]).mean():.4f}"
    labels = {"Trained on": f"the labels of {first} themselves", "Arm": "–"}
    labels |= {f"Right by {first}": "–", f"Right by {second}": agree}
    lines.append(labels | {N: "–", "Images": len(both)})
    return pd.DataFrame(lines)


def _named(results: Results) -> dict[int, pd.DataFrame]:
    """Actual and predicted expression by seed, indexed by the image's row; NaN for a class that is no expression."""
    found = {}
    for run, record in results.finished():
        arrays = results.load(record)
        names = pd.Series([expression(name) for name in record.classes], dtype=object)
        columns = {part: names.reindex(arrays[part].astype(int)).to_numpy() for part in ("actual", "predicted")}
        found[run["seed"]] = pd.DataFrame(columns, index=arrays["rows"].astype(int))
    return found


def _arms(results: Results) -> Iterable[tuple[str, str, Results]]:
    return results.each("dataset", "arm")
