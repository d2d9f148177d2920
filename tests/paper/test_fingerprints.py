"""Each mark of the paper's numbers, computed again from `published.yaml` by other code."""

from importlib import resources

import numpy as np
import pytest
import yaml

from fer_lib.paper import fingerprints

TABLES = yaml.safe_load(resources.files("fer_lib.paper").joinpath("published.yaml").read_text())["tables"]
ROWS = {arm: row for table in TABLES.values() for arm, row in table["arms"].items() if None not in row}
DISTINCT = np.array(list({row[2]: row for row in reversed(ROWS.values())}.values()))  # training twice, test twice


def test_twelve_arms_are_printed_once_each():
    assert len(fingerprints.printed()) == len(DISTINCT) == 12
    assert set(fingerprints.printed()) & {"Adam", "0.001"} == set(), "ResNet50 under other names"


@pytest.mark.parametrize(
    ("part", "columns", "mean", "sd"), [("test", (2, 3), 0.0528, 0.0013), ("train", (0, 1), 0.0524, 0.0010)]
)
def test_one_difference_lies_between_the_data_sets(part, columns, mean, sd):
    gaps = fingerprints.between_data_sets(part)
    assert sorted(gaps) == pytest.approx(sorted(DISTINCT[:, columns[1]] - DISTINCT[:, columns[0]]), abs=0.006)
    assert (gaps.mean(), gaps.std(ddof=1)) == (pytest.approx(mean, abs=1e-4), pytest.approx(sd, abs=1e-4))


def test_the_arms_have_one_order():
    orders = DISTINCT[:, 2:].argsort(0)
    assert (orders[:, 0] == orders[:, 1]).all()
    assert fingerprints.same_order({str(place): row[2:] for place, row in enumerate(DISTINCT)})
    assert not fingerprints.same_order({"A": (0.5, 0.7), "B": (0.6, 0.6)})


@pytest.mark.parametrize("size", fingerprints.TEST_SIZES)
def test_no_test_accuracy_is_a_whole_number_of_images(size):
    values = DISTINCT[:, 2:].ravel()
    assert (np.abs(np.round(values * size) / size - values) > 5e-7).all()
    assert fingerprints.shares_of(size) == 0


def test_a_share_that_is_one_is_found(monkeypatch):
    whole = {("test", role): round(5000 / 7178, 6) for role in ("FER2013", "FER+")}
    monkeypatch.setattr(fingerprints, "printed", lambda: {"A": whole})
    assert fingerprints.shares_of(7178) == 2


def test_the_false_positive_rate_is_bounded_by_counting_the_errors():
    """1,000 images, 360 of the class: 293 right, 67 missed; of 167 errors 100 are left for 640 others."""
    case = {"tpr": 293 / 360, "accuracy": 0.833, "share": 0.36}
    assert fingerprints.most_false_positives(**case) == pytest.approx(100 / 640)
    assert fingerprints.one_minus_precision(**case) == pytest.approx(100 / 393)
    assert fingerprints.most_false_positives(**case) < 0.253 <= fingerprints.one_minus_precision(**case) + 0.002


def test_a_share_of_seen_faces_mixes_two_accuracies():
    assert fingerprints.share_seen(paper_test=0.7, paper_train=0.9, ours=0.5) == pytest.approx(0.5)
