"""Sentences that state what a table or figure shows, computed from it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fer_lib.evaluation import metrics, statistics
from fer_lib.evaluation.pooled import pool_of
from fer_lib.report.tables import p_value
from fer_lib.results import Results

FEW = 20  # images below which a class says little
_SELECTED_ON = {"official": "PublicTest", "folders": "Validation"}


def seeds_phrase(results: Results) -> str:
    """`one seed`, `5 seeds` or `2 to 5 seeds`: how many finished, over arms and data sets."""
    finished = results.runs[results.runs["status"] == "finished"]
    counts = finished.groupby(["arm", "dataset", "split"])["seed"].nunique()
    if counts.empty:
        return "no finished run"
    low, high = counts.min(), counts.max()
    return f"{low} to {high} seeds" if low < high else "one seed" if high == 1 else f"{high} seeds"


def ranking(results: Results, *, split: str) -> str:
    """Which arm leads on each data set, by how much over the next, and whether the seeds' spread allows to say so.

    Arms are ranked on the seeds that all finished arms share.
    """
    sentences = []
    for dataset in results.datasets():
        chosen = results.of(dataset=dataset, split=split)
        by_arm = {arm: by for arm in chosen.arms() if (by := chosen.by_seed(arm=arm))}
        shared = set.intersection(*(set(by) for by in by_arm.values())) if by_arm else set()
        if len(by_arm) < 2 or not shared:
            sentences.append(f"{dataset}: too few finished runs for a ranking")
            continue
        ranked = {arm: {seed: by[seed] for seed in shared} for arm, by in by_arm.items()}
        means = {arm: statistics.estimate(list(by.values())).mean for arm, by in ranked.items()}
        first, second, *_ = sorted(means, key=lambda arm: -means[arm])
        sure = _how_sure(chosen, first, second, dataset=dataset, split=split)
        left_out = [arm for arm in chosen.arms() if arm not in by_arm]
        without = f" (without a finished run: {', '.join(left_out)})" if left_out else ""
        leads = f"{first} ({means[first]:.3f}) leads {second} ({means[second]:.3f})"
        sentences.append(f"{dataset}: {leads}, {sure}{without}")
    return f"{split}, {seeds_phrase(results.of(split=split))}. " + "; ".join(sentences) + "."


def _how_sure(results: Results, first: str, second: str, *, dataset: str, split: str) -> str:
    """What is known of a lead: more than chance or not; where no spread is known, what two networks say."""
    gap = pool_of(results).difference(first, second, dataset=dataset, split=split)
    if not gap.known:
        return (
            f"{seeds_in_words(gap.n)}: no interval between seeds; {_networks(results, first, second, dataset, split)}"
        )
    lead = {"greater": "more than chance", "less": "though its seeds say otherwise"}.get(
        gap.sign, "inside the spread of the seeds" if gap.steady else "undecided, since its last epochs are unsteady"
    )
    return f"{lead} ({_interval(gap, digits=3)})"


def seeds_in_words(n: int) -> str:
    """`one seed` or `3 seeds`."""
    return "one seed" if n == 1 else f"{n} seeds"


def _interval(value: statistics.Estimate, *, digits: int = 4) -> str:
    """`95 % interval [-0.0100, +0.0300], n = 2, df 4, shared spread`."""
    form = f"+.{digits}f"
    return (
        f"95 % interval [{value.low:{form}}, {value.high:{form}}], n = {value.n}, df {value.df:.3g}, "
        f"{value.source} spread"
    )


def _networks(results: Results, first: str, second: str, dataset: str, split: str) -> str:
    """What the predictions of the first shared seed's two networks say."""
    seeds = [set(results.by_seed(arm=arm, dataset=dataset, split=split)) for arm in (first, second)]
    found = [
        arrays
        for seed in sorted(set.intersection(*seeds))[:1]
        for arm in (first, second)
        for arrays in results.predictions(arm=arm, dataset=dataset, split=split, seed=seed)
        if "rows" in arrays
    ]
    if len(found) < 2:
        return "predictions of a seed that both have are not here"
    same = statistics.on_shared_rows(*found)
    differ = "differ" if same.p < 1 - statistics.LEVEL else "cannot be told apart"
    p = p_value(same.p) if same.p < 0.001 else f"= {p_value(same.p)}"
    return f"on these {same.images:,} images the two networks {differ} (p {p})"


def extent(results: Results, *, split: str) -> str:
    """From which arm's test accuracy to which the arms of each data set reach."""
    parts = []
    for dataset in results.datasets():
        by_arm = {arm: list(results.by_seed(arm=arm, dataset=dataset, split=split).values()) for arm in results.arms()}
        means = {arm: statistics.estimate(values).mean for arm, values in by_arm.items() if values}
        if means:
            low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
            least = f"from {means[low]:.3f} ({low}) to " if low != high else ""
            parts.append(f"{least}{means[high]:.3f} ({high}) on {dataset}")
    listed = " and ".join(parts) or "not measured"
    crosses = "" if results.stand_in else " Crosses are the paper's."
    return f"Test accuracy under {split} ({seeds_phrase(results.of(split=split))}): {listed}.{crosses}"


def curve(results: Results, *, metric: str, dataset: str, split: str) -> str:
    """How the accuracy of the arms' finished runs ends after the last epoch, highest first; which arms diverged."""
    chosen = results.of(dataset=dataset, split=split)
    history = chosen.of(status="finished").history
    if history.empty:
        return f"{dataset}, {split}: no finished run."
    last = history[history["epoch"] == history.groupby(["arm", "seed"])["epoch"].transform("max")]
    ends = last.groupby("arm")[metric].mean().sort_values(ascending=False)
    listed = ", ".join(f"{arm} {value:.3f}" for arm, value in ends.items())
    lost = chosen.runs[chosen.runs["status"] == "diverged"].groupby("arm").size()
    diverged = "; diverged: " + ", ".join(f"{arm} ({n})" for arm, n in lost.items()) if len(lost) else ""
    return (
        f"{watched(metric, split)} accuracy on {dataset} ends at {listed} ({split}, {seeds_phrase(chosen)}){diverged}."
    )


def watched(metric: str, split: str) -> str:
    """What an accuracy of the history is of: training images, the test part, or the part that selects the epoch."""
    return "Training" if metric == "train_accuracy" else _SELECTED_ON.get(split, "Test")


def difference(results: Results, *, first: str, second: str, split: str) -> str:
    """The difference in test accuracy of two arms on each data set: with its interval, or of two networks."""
    parts = []
    for dataset in results.datasets():
        gap = pool_of(results).difference(first, second, dataset=dataset, split=split)
        if gap.n == 0:
            parts.append(f"not measured on {dataset}")
        elif not gap.known:
            networks = _networks(results, first, second, dataset, split)
            parts.append(f"{gap.mean:+.4f} on {dataset} ({seeds_in_words(gap.n)}, no interval; {networks})")
        else:
            unsteady = "" if gap.steady else "; undecided, since the last epochs are unsteady"
            parts.append(f"{gap.mean:+.4f} on {dataset} ({_interval(gap)}{unsteady})")
    return f"{first} minus {second}, test accuracy under {split}: " + "; ".join(parts) + "."


def differences(results: Results, arms: Sequence[str], *, second: str, split: str) -> list[str]:
    """`difference` of each of `arms` that shares a finished seed with `second`; one sentence names the rest."""
    seeds = {
        arm: {(dataset, seed) for dataset in results.datasets()
              for seed in results.by_seed(arm=arm, dataset=dataset, split=split)}
        for arm in (*arms, second)
    }  # fmt: skip
    measured = [arm for arm in arms if seeds[arm] & seeds[second]]
    lacking = [arm for arm in arms if arm not in measured]
    rest = [f"Without a seed in common with {second} yet: {', '.join(lacking)}."] if lacking else []
    return [*(difference(results, first=arm, second=second, split=split) for arm in measured), *rest]


def confusions(counts: pd.DataFrame, *, what: str) -> str:
    """The largest share of a class taken for another, in counts (column `actual`, then a column per predicted class).

    Classes with fewer than 20 images are passed over.
    """
    if counts.empty:
        return f"{what}: no finished run."
    names = counts["actual"].tolist()
    matrix = counts[names].to_numpy(float)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    shares[matrix.sum(1) < FEW] = 0
    actual, predicted = np.unravel_index(shares.argmax(), shares.shape)
    share, images = shares[actual, predicted], int(matrix[actual].sum())
    mistake = f"{names[actual]} is taken for {names[predicted]}"
    return f"{what}: the largest confusion is that {mistake}, {share:.0%} of its {images:,} test images (seeds pooled)."


def rates(results: Results, **values: str) -> str:
    """Which class is recognised best and which worst."""
    what = f"{values['arm']} on {values['dataset']}, {values['split']}"
    record = results.first_record(**values)
    if record is None:
        return f"{what}: no finished run."
    names = tuple(record.classes)
    found = results.predictions(**values)
    matrix = np.sum([metrics.confusion(a["actual"], a["predicted"], classes=len(names)) for a in found], axis=0)
    table = metrics.rates(matrix, names).dropna(subset="TPR").sort_values("TPR")
    worst, best = table.iloc[0], table.iloc[-1]
    images = worst["n"] / len(found)
    return (
        f"{what}: {best['class']} is recognised best (TPR {best['TPR']:.2f}, FPR {best['FPR']:.2f}), "
        f"{worst['class']} worst (TPR {worst['TPR']:.2f}, {images:.0f} test images), seeds pooled."
    )


def calibration(results: Results, **values: str) -> str:
    """Whether the model is surer or less sure than it is right."""
    what = f"{values['arm']} on {values['dataset']}, {values['split']}"
    found = results.predictions(**values)
    if not found:
        return f"{what}: no finished run."
    confidence = float(np.mean([arrays["confidence"].astype(float).mean() for arrays in found]))
    accuracy = float(np.mean([(arrays["actual"] == arrays["predicted"]).mean() for arrays in found]))
    gap = confidence - accuracy
    lean = "about as sure as it is right" if abs(gap) < 0.01 else "too sure" if gap > 0 else "not sure enough"
    return f"{what}: mean confidence {confidence:.2f}, accuracy {accuracy:.2f}; the model is {lean}."
