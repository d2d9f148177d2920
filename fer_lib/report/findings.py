"""Sentences that state what a table or figure shows, computed from it."""

import numpy as np
import pandas as pd

from fer_lib.evaluation import metrics, statistics
from fer_lib.results import Results


def seeds_phrase(results: Results) -> str:
    """`one seed` or `n seeds`, as the grid has them."""
    n = results.runs["seed"].nunique()
    return "one seed" if n == 1 else f"{n} seeds"


def ranking(results: Results, *, split: str, metric: str = "test_accuracy") -> str:
    """Which arm leads on each data set, by how much over the next, and whether the seeds' spread allows to say so."""
    sentences = []
    for dataset in results.datasets():
        arms = results.of(dataset=dataset, split=split).arms()
        by_arm = {arm: results.by_seed(metric, arm=arm, dataset=dataset, split=split) for arm in arms}
        means = {arm: statistics.estimate(list(values.values())).mean for arm, values in by_arm.items() if values}
        if len(means) < 2:
            sentences.append(f"{dataset}: too few finished runs for a ranking")
            continue
        first, second, *_ = sorted(means, key=lambda arm: -means[arm])
        gap = statistics.paired_difference(by_arm[first], by_arm[second])
        sure = {
            "greater": f"a lead whose 95 % interval [{gap.low:+.3f}, {gap.high:+.3f}] excludes zero",
            "undecided": "which one seed cannot tell from chance" if gap.n < 2 else
                         f"inside the spread of the seeds (95 % interval [{gap.low:+.3f}, {gap.high:+.3f}])",
        }.get(gap.sign, "")  # fmt: skip
        sentences.append(f"{dataset}: {first} leads {second} by {gap.mean:.3f} ({means[first]:.3f}), {sure}")
    return f"{split}, {seeds_phrase(results)}. " + "; ".join(sentences) + "."


def extent(results: Results, *, split: str) -> str:
    """From which arm's test accuracy to which the arms of each data set reach."""
    parts = []
    for dataset in results.datasets():
        by_arm = {arm: list(results.by_seed(arm=arm, dataset=dataset, split=split).values()) for arm in results.arms()}
        means = {arm: statistics.estimate(values).mean for arm, values in by_arm.items() if values}
        if means:
            low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
            parts.append(f"from {means[low]:.3f} ({low}) to {means[high]:.3f} ({high}) on {dataset}")
    listed = " and ".join(parts) or "not measured"
    return f"Test accuracy under {split}, mean of {seeds_phrase(results)}: {listed}. Crosses are the paper's numbers."


def curve(results: Results, *, metric: str, dataset: str, split: str) -> str:
    """How the arms' accuracy ends after the last epoch, highest first."""
    history = results.of(dataset=dataset, split=split).history
    if history.empty:
        return f"{dataset}, {split}: no finished run."
    last = history[history["epoch"] == history.groupby("arm")["epoch"].transform("max")]
    ends = last.groupby("arm")[metric].mean().sort_values(ascending=False)
    what = "Training" if metric == "train_accuracy" else "Test"
    listed = ", ".join(f"{arm} {value:.3f}" for arm, value in ends.items())
    return f"{what} accuracy on {dataset} ends at {listed} ({split}, mean of {seeds_phrase(results)})."


def difference(results: Results, *, first: str, second: str, split: str) -> str:
    """The paired difference in test accuracy of two arms on each data set, with its interval."""
    parts = []
    for dataset in results.datasets():
        gap = statistics.paired_difference(
            results.by_seed(arm=first, dataset=dataset, split=split),
            results.by_seed(arm=second, dataset=dataset, split=split),
        )
        if gap.n == 0:
            parts.append(f"not measured on {dataset}")
        elif gap.n == 1:
            parts.append(f"{gap.mean:+.4f} on {dataset} (one seed, no interval)")
        else:
            parts.append(f"{gap.mean:+.4f} on {dataset} (95 % interval [{gap.low:+.4f}, {gap.high:+.4f}], n = {gap.n})")
    return f"{first} minus {second}, test accuracy under {split}: " + "; ".join(parts) + "."


def confusions(counts: pd.DataFrame, *, what: str) -> str:
    """The most frequent confusion of a table of counts (column `actual`, then a column per predicted class)."""
    if counts.empty:
        return f"{what}: no finished run."
    names = counts["actual"].tolist()
    matrix = counts[names].to_numpy(float)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    actual, predicted = np.unravel_index(shares.argmax(), shares.shape)
    share, images = shares[actual, predicted], int(matrix[actual].sum())
    mistake = f"{names[actual]} is taken for {names[predicted]}"
    return f"{what}: most often {mistake}, in {share:.0%} of its {images:,} test images (seeds pooled)."


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
        f"{worst['class']} worst (TPR {worst['TPR']:.2f}, {images:.0f} test images); mean ± sd over n seeds."
    )


def calibration(results: Results, **values: str) -> str:
    """Whether the model is surer or less sure than it is right."""
    what = f"{values['arm']} on {values['dataset']}, {values['split']}"
    found = results.predictions(**values)
    if not found:
        return f"{what}: no finished run."
    confidence = float(np.mean([arrays["confidence"].astype(float).mean() for arrays in found]))
    accuracy = float(np.mean([(arrays["actual"] == arrays["predicted"]).mean() for arrays in found]))
    lean = "too sure" if confidence > accuracy else "not sure enough"
    return f"{what}: mean confidence {confidence:.2f}, accuracy {accuracy:.2f}; the model is {lean}."
