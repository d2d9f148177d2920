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
from fer_lib.study.wording import N, mean_sd_text


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
            line = {"Arm": arm, "Data set": dataset} | {t: mean_sd_text(value, digits=3) for t, value in values.items()}
            lines.append(line | {N: n, "Split": split})
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
        line |= {title: mean_sd_text(statistics.estimate(own[rate]), digits=3) for rate, title in columns.items()}
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


def overconfidence(results: Results) -> dict[int, float]:
    """By seed: mean confidence minus accuracy on the test images, as a quantity."""
    return {
        seed: float(arrays["confidence"].astype(float).mean() - (arrays["actual"] == arrays["predicted"]).mean())
        for seed, arrays in results.predictions().items()
    }


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
