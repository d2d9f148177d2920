"""Beyond accuracy: which classes are taken for which, how sure the networks are, and where they err."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data import FaceSet
from fer_lib.evaluation import metrics
from fer_lib.report.style import reliability_line, share_map
from fer_lib.results import Results
from fer_lib.study import statistics
from fer_lib.study.images import image_grid
from fer_lib.study.wording import N, spread

FEW = 20  # images below which a class says little


def pooled(results: Results, **values: str) -> pd.DataFrame:
    """Confusion counts over all seeds of an arm, data set and split (`Results.confusions`); empty without a run."""
    found = list(results.confusions(**values).values())
    return sum(found[1:], start=found[0]) if found else pd.DataFrame()


def summary_table(results: Results, *, split: str) -> pd.DataFrame:
    """Accuracy, balanced accuracy, macro-F1 and calibration error of every arm and data set with a finished run."""
    titles = {"test_accuracy": "Accuracy", "test_balanced_accuracy": "Balanced accuracy", "test_macro_f1": "Macro-F1",
              "test_calibration_error": "Calibration error"}  # fmt: skip
    lines = []
    for dataset, arm, own in results.of(split=split).each("dataset", "arm"):
        values = {title: statistics.estimate(own.by_seed(metric).values()) for metric, title in titles.items()}
        if n := values["Accuracy"].n:
            line = {"Arm": arm, "Data set": dataset, "Split": split, N: n}
            lines.append(line | {title: spread(value, digits=3) for title, value in values.items()})
    return pd.DataFrame(lines)


def confusion_map(results: Results, **values: str) -> tuple[Figure | None, pd.DataFrame]:
    """Share of each actual class that is predicted as each class, seeds pooled; and the counts."""
    counts = pooled(results, **values)
    if counts.empty:
        return None, counts
    side = 2.2 + 0.42 * len(counts)
    figure, axes = plt.subplots(figsize=(side + 0.6, side))
    share_map(counts.div(counts.sum(axis=1), axis=0), axes, square=True)
    axes.set(xlabel="predicted", ylabel="actual")
    axes.tick_params(axis="y", rotation=0)
    return figure, counts.rename_axis("actual").reset_index()


def rate_table(results: Results, **values: str) -> pd.DataFrame:
    """Per class: test images of one seed, and mean ± sd over seeds of TPR, FPR (section III.F) and precision."""
    columns = {"TPR": "TPR", "FPR": "FPR", "precision": "Precision"}
    tables = results.rates(**values).values()
    lines = []
    for name, own in pd.concat(tables).groupby("class", sort=False) if tables else ():
        line = {"Class": name, N: len(own), "Images": own["n"].iloc[0]}
        line |= {title: spread(statistics.estimate(own[rate]), digits=3) for rate, title in columns.items()}
        lines.append(line)
    return pd.DataFrame(lines)


def reliability_diagram(results: Results, **values: str) -> tuple[Figure | None, pd.DataFrame]:
    """Accuracy against confidence, seeds pooled; the diagonal is perfect calibration."""
    found = results.predictions(**values).values()
    if not found:
        return None, pd.DataFrame()
    correct = np.concatenate([arrays["actual"] == arrays["predicted"] for arrays in found])
    confidence = np.concatenate([arrays["confidence"].astype(float) for arrays in found])
    table = metrics.reliability(correct, confidence)
    figure, axes = plt.subplots(figsize=(3.6, 3.4))
    reliability_line(axes, table)
    return figure, table


def confident_errors(faces: FaceSet | None, results: Results, *, count: int, **values: str) -> Figure | None:
    """The wrong predictions that the first seed's model was surest of."""
    record = results.first_record(**values)
    if faces is None or record is None:
        return None
    arrays = results.load(record)
    wrong = np.flatnonzero(arrays["actual"] != arrays["predicted"])
    worst = wrong[np.argsort(-arrays["confidence"][wrong].astype(float), kind="stable")][:count]
    actual, predicted = ([record.classes[number] for number in arrays[name][worst]] for name in ("actual", "predicted"))
    titles = [
        f"{truth}\n→ {guess} {confidence:.2f}"
        for truth, guess, confidence in zip(actual, predicted, arrays["confidence"][worst], strict=True)
    ]
    return image_grid([faces.images[arrays["rows"][i]] for i in worst], columns=8, titles=titles, size=0.95)


def confusions(counts: pd.DataFrame, *, what: str) -> str:
    """One sentence on the largest share of a class that is taken for another.

    `counts` are those of `confusion_map`; classes with fewer than 20 images are passed over.
    """
    if counts.empty:
        return f"{what}: no finished run."
    names = counts["actual"].tolist()
    matrix = counts[names].to_numpy(float)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    shares[matrix.sum(1) < FEW] = 0
    if not shares.any():
        return f"{what}: no class of {FEW} test images or more is taken for another."
    actual, predicted = np.unravel_index(shares.argmax(), shares.shape)
    share, images = shares[actual, predicted], int(matrix[actual].sum())
    mistake = f"{names[actual]} is taken for {names[predicted]}"
    return f"{what}: the largest confusion is that {mistake}, {share:.0%} of its {images:,} test images (seeds pooled)."


def extremes(results: Results, **values: str) -> str:
    """One sentence on which class is recognised best and which worst, seeds pooled."""
    what = f"{values['arm']} on {values['dataset']}, {values['split']}"
    counts = pooled(results, **values)
    if counts.empty:
        return f"{what}: no finished run."
    table = metrics.rates(counts).dropna(subset="TPR").sort_values("TPR")
    worst, best = table.iloc[0], table.iloc[-1]
    images = worst["n"] / len(results.of(status="finished", **values).runs)
    return (
        f"{what}: {best['class']} is recognised best (TPR {best['TPR']:.2f}, FPR {best['FPR']:.2f}), "
        f"{worst['class']} worst (TPR {worst['TPR']:.2f}, {images:.0f} test images), seeds pooled."
    )


def calibration(results: Results, **values: str) -> str:
    """One sentence on whether the networks are surer than they are right, or less sure."""
    what = f"{values['arm']} on {values['dataset']}, {values['split']}"
    found = results.predictions(**values).values()
    if not found:
        return f"{what}: no finished run."
    confidence = float(np.mean([arrays["confidence"].astype(float).mean() for arrays in found]))
    accuracy = float(np.mean([(arrays["actual"] == arrays["predicted"]).mean() for arrays in found]))
    gap = confidence - accuracy
    lean = "about as sure as it is right" if abs(gap) < 0.01 else "too sure" if gap > 0 else "not sure enough"
    return f"{what}: mean confidence {confidence:.2f}, accuracy {accuracy:.2f}; the model is {lean}."
