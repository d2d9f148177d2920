"""Metrics by hand: perfect predictions have no error, and the rates are the paper's definitions."""

import numpy as np
import pandas as pd
import pytest

from fer_lib.evaluation.metrics import (
    apply_temperature,
    calibration_error,
    confusion,
    rates,
    reliability,
    summary,
    temperature,
)

NAMES = ("angry", "happy", "sad")
ACTUAL = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
PREDICTED = np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 1])


def test_perfect_predictions_have_no_error():
    found = summary(ACTUAL, ACTUAL, np.ones(10))
    assert found == {"accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1, "calibration_error": 0}


def test_summary_by_hand():
    found = summary(ACTUAL, PREDICTED, np.full(10, 0.8))
    assert found["accuracy"] == pytest.approx(8 / 10)
    assert found["balanced_accuracy"] == pytest.approx((3 / 4 + 5 / 6) / 2)
    assert found["macro_f1"] == pytest.approx((2 * 3 / (4 + 4) + 2 * 5 / (6 + 6)) / 2)
    assert found["calibration_error"] == pytest.approx(0)


def test_a_class_that_is_only_predicted_costs_macro_f1_but_not_recall():
    found = summary(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), np.ones(4))
    assert found["balanced_accuracy"] == pytest.approx(3 / 4)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_confusion_has_actual_rows_and_all_classes():
    matrix = confusion(ACTUAL, PREDICTED, classes=3)
    assert matrix.tolist() == [[3, 1, 0], [1, 5, 0], [0, 0, 0]]


def test_rates_by_hand():
    table = rates(pd.DataFrame(confusion(ACTUAL, PREDICTED, classes=3), NAMES, NAMES)).set_index("class")
    assert table.loc["angry", ["n", "TPR", "FPR", "precision"]].tolist() == pytest.approx([4, 3 / 4, 1 / 6, 3 / 4])
    assert table.loc["happy", ["n", "TPR", "FPR", "precision"]].tolist() == pytest.approx([6, 5 / 6, 1 / 4, 5 / 6])
    assert table.loc["sad", "n"] == 0
    assert table.loc["sad", "FPR"] == 0
    assert table.loc["sad", ["TPR", "precision"]].isna().all()


def test_calibration_of_the_honest_is_zero_and_of_the_boaster_his_boast():
    confidence = np.repeat([0.55, 0.95], 20)
    honest = np.array([True] * 11 + [False] * 9 + [True] * 19 + [False])
    assert calibration_error(honest, confidence) == pytest.approx(0)
    assert calibration_error(np.zeros(40, bool), np.ones(40)) == 1
    assert calibration_error(np.array([True, False]), np.array([0.9, 0.9])) == pytest.approx(0.4)


def test_reliability_leaves_out_empty_bins_and_keeps_the_top():
    table = reliability(np.array([True, False, True]), np.array([1.0, 0.05, 0.99]), bins=10)
    assert table["n"].tolist() == [1, 2]
    assert table["accuracy"].tolist() == [0, 1]
    assert table["confidence"].tolist() == pytest.approx([0.05, 0.995])


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.5])
def test_the_temperature_of_a_boaster_is_found(heat):
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.full(3, 2.0), 20_000)
    actual = (honest.cumsum(1) < rng.random((20_000, 1))).sum(1)  # drawn with these very probabilities
    boast = apply_temperature(honest, 1 / heat)
    assert temperature(boast, actual) == pytest.approx(heat, rel=0.05)
    assert np.allclose(apply_temperature(boast, heat), honest, atol=1e-3)
