"""Metrics of one run's test predictions, from arrays; scikit-learn does what it can."""

from typing import Any

import numpy as np
import pandas as pd

_LEAST = 2.0**-24  # what half precision still tells from zero


def summary(actual: np.ndarray, predicted: np.ndarray, confidence: np.ndarray) -> dict[str, float]:
    """Accuracy, balanced accuracy, macro-F1 and calibration error, all in [0, 1].

    `actual`, `predicted`: classes [N]; `confidence`: probability of the predicted class [N]. Classes that neither
    occur nor are predicted do not count.
    """
    from sklearn.metrics import accuracy_score, f1_score  # takes a second, which readers of records need not wait

    present = np.unique(actual)
    recalls = confusion(actual, predicted, classes=int(max(actual.max(), predicted.max())) + 1)
    per_class = recalls.diagonal()[present] / recalls.sum(1)[present]
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "balanced_accuracy": float(per_class.mean()),
        "macro_f1": float(f1_score(actual, predicted, average="macro", zero_division=0.0)),
        "calibration_error": calibration_error(predicted == actual, confidence),
    }


def confusion(actual: np.ndarray, predicted: np.ndarray, *, classes: int) -> np.ndarray:
    """Counts int64 [classes, classes], rows the actual class, columns the predicted one."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(actual, predicted, labels=np.arange(classes)))


def rates(counts: pd.DataFrame) -> pd.DataFrame:
    """Per class, from confusion counts (a row per actual class): images, true and false positive rate, precision.

    TPR = TP / (TP + FN), FPR = FP / (FP + TN); precision is NaN for a class that is never predicted.
    """
    matrix = counts.to_numpy()
    hits = matrix.diagonal().astype(float)
    actual, predicted, total = matrix.sum(1), matrix.sum(0), matrix.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame({
            "class": counts.index,
            "n": actual,
            "TPR": hits / actual,
            "FPR": (predicted - hits) / (total - actual),
            "precision": hits / predicted,
        })  # fmt: skip


def reliability(correct: np.ndarray, confidence: np.ndarray, *, bins: int = 15) -> pd.DataFrame:
    """Per confidence bin: images `n`, mean `confidence` and `accuracy`. Empty bins are left out.

    Guo et al. 2017, "On calibration of modern neural networks" (https://arxiv.org/abs/1706.04599).
    """
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    table = pd.DataFrame({"bin": which, "confidence": confidence.astype(float), "accuracy": correct.astype(float)})
    grouped: Any = table.groupby("bin")
    return grouped.mean().assign(n=grouped.size()).reset_index(drop=True)


def calibration_error(correct: np.ndarray, confidence: np.ndarray, *, bins: int = 15) -> float:
    """Expected calibration error: mean |accuracy - confidence| over the bins, weighted by their images."""
    table = reliability(correct, confidence, bins=bins)
    return float(np.average((table["accuracy"] - table["confidence"]).abs(), weights=table["n"]))


def temperature(probabilities: np.ndarray, actual: np.ndarray) -> float:
    """The temperature under which class probabilities [N, C] fit classes [N] best (mean cross-entropy), 0.1 to 10."""
    from scipy.optimize import minimize_scalar

    def loss(log_heat: float) -> float:
        own = apply_temperature(probabilities, float(np.exp(log_heat)))[np.arange(len(actual)), actual]
        return float(-np.log(np.maximum(own, _LEAST)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded").x))


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Class probabilities [N, C] after dividing the logits by `temperature`: over one they become less sure."""
    powers = np.maximum(probabilities.astype(float), _LEAST) ** (1 / temperature)
    return np.asarray(powers / powers.sum(1, keepdims=True))
