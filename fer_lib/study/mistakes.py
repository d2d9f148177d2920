"""Beyond accuracy: which classes are taken for which, how sure the networks are, and where they err."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from fer_lib.data import FaceSet
from fer_lib.evaluation import metrics
from fer_lib.report.style import BLUE, GREY, SEQUENTIAL
from fer_lib.results import Results
from fer_lib.study import statistics
from fer_lib.study.images import image_grid
from fer_lib.study.wording import N, spread
from fer_lib.training.record import Arrays

FEW = 20  # images below which a class says little


def summed(results: Results, **values: str) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Confusion counts over all seeds of an arm, data set and split, and the class names; None if no run finished."""
    record = results.first_record(**values)
    if record is None:
        return None
    names = tuple(record.classes)
    matrices = [
        metrics.confusion(arrays["actual"], arrays["predicted"], classes=len(names))
        for arrays in results.predictions(**values)
    ]
    return np.sum(matrices, axis=0), names


def summary_table(results: Results, *, split: str) -> pd.DataFrame:
    """Accuracy, balanced accuracy, macro-F1 and calibration error of every arm and data set with a finished run."""
    titles = {"test_accuracy": "Accuracy", "test_balanced_accuracy": "Balanced accuracy", "test_macro_f1": "Macro-F1",
              "test_calibration_error": "Calibration error"}  # fmt: skip
    lines = []
    for dataset in results.datasets():
        for arm in results.of(dataset=dataset).arms():
            values = {"arm": arm, "dataset": dataset, "split": split}
            by_metric = {title: results.by_seed(metric, **values) for metric, title in titles.items()}
            if not by_metric["Accuracy"]:
                continue
            line: dict[str, object] = {"Arm": arm, "Data set": dataset, "Split": split, N: len(by_metric["Accuracy"])}
            line |= {title: spread(statistics.estimate(list(by.values())), digits=3) for title, by in by_metric.items()}
            lines.append(line)
    return pd.DataFrame(lines)


def confusion_map(results: Results, **values: str) -> tuple[Figure | None, pd.DataFrame]:
    """Share of each actual class that is predicted as each class, seeds pooled; and the counts."""
    found = summed(results, **values)
    if found is None:
        return None, pd.DataFrame()
    counts, names = found
    with np.errstate(invalid="ignore"):
        shares = pd.DataFrame(counts / counts.sum(1, keepdims=True), index=names, columns=names)
    side = 2.2 + 0.42 * len(names)
    figure, axes = plt.subplots(figsize=(side + 0.6, side))
    sns.heatmap(
        shares,
        annot=True,
        fmt=".2f",
        cmap=SEQUENTIAL,
        vmin=0,
        vmax=1,
        cbar=False,
        square=True,
        annot_kws={"fontsize": 8},
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="actual")
    axes.tick_params(axis="x", rotation=45)
    axes.tick_params(axis="y", rotation=0)
    table = pd.DataFrame(counts, columns=names)
    table.insert(0, "actual", names)
    return figure, table


def rate_table(results: Results, **values: str) -> pd.DataFrame:
    """Per class: test images of one seed, and mean ± sd over seeds of TPR, FPR (section III.F) and precision."""
    record = results.first_record(**values)
    if record is None:
        return pd.DataFrame(columns=["Class", N, "Images", "TPR", "FPR", "Precision"])
    names = tuple(record.classes)
    tables = [
        metrics.rates(metrics.confusion(arrays["actual"], arrays["predicted"], classes=len(names)), names)
        for arrays in results.predictions(**values)
    ]
    lines = []
    for number, name in enumerate(names):
        own = pd.DataFrame([table.iloc[number] for table in tables])
        line = {"Class": name, N: len(tables), "Images": int(own["n"].iloc[0])}
        for title in ("TPR", "FPR", "precision"):
            line[title if title != "precision" else "Precision"] = spread(
                statistics.estimate(own[title].astype(float).tolist()), digits=3
            )
        lines.append(line)
    return pd.DataFrame(lines)


def reliability_diagram(results: Results, **values: str) -> tuple[Figure | None, pd.DataFrame]:
    """Accuracy against confidence, seeds pooled; the diagonal is perfect calibration."""
    found = results.predictions(**values)
    if not found:
        return None, pd.DataFrame()
    correct = np.concatenate([arrays["actual"] == arrays["predicted"] for arrays in found])
    confidence = np.concatenate([arrays["confidence"].astype(float) for arrays in found])
    table = metrics.reliability(correct, confidence)
    figure, axes = plt.subplots(figsize=(3.6, 3.4))
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.plot(table["confidence"], table["accuracy"], "o-", color=BLUE)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    return figure, table


def confident_errors(faces: FaceSet | None, results: Results, *, count: int, **values: str) -> Figure | None:
    """The wrong predictions that the first seed's model was surest of."""
    record, found = results.first_record(**values), results.predictions(**values)
    if faces is None or record is None:
        return None
    arrays: Arrays = found[0]
    wrong = np.flatnonzero(arrays["actual"] != arrays["predicted"])
    worst = wrong[np.argsort(-arrays["confidence"][wrong].astype(float), kind="stable")][:count]
    actual, predicted = ([record.classes[number] for number in arrays[name][worst]] for name in ("actual", "predicted"))
    titles = [
        f"{truth}\n→ {guess} {confidence:.2f}"
        for truth, guess, confidence in zip(actual, predicted, arrays["confidence"][worst], strict=True)
    ]
    return image_grid([faces.images[arrays["rows"][i]] for i in worst], columns=8, titles=titles, size=0.95)


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


def extremes(results: Results, **values: str) -> str:
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
