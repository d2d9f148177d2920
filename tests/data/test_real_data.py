"""The real FER2013 and FER+ as published."""

import time
from pathlib import Path

import numpy as np
import pytest

from fer_lib.data import FaceSet, apply_rule, catalogue, load, split_rows
from fer_lib.data.check import PUBLISHED, check

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def faces(real_data: Path) -> FaceSet:
    return load("ferplus", data=real_data)


@pytest.fixture(scope="module")
def report(real_data: Path, faces: FaceSet) -> dict:
    return check(real_data, near=False)


def test_rows_and_splits(report: dict) -> None:
    assert report["rows"] == 35_887
    assert report["usage"] == PUBLISHED == {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}


def test_class_totals(faces: FaceSet) -> None:
    assert np.bincount(faces.labels).tolist() == [4953, 547, 5121, 8989, 6077, 4002, 6198]


def test_official_splits_under_the_majority_rule(faces: FaceSet) -> None:
    split = split_rows(faces, apply_rule(faces, "majority8"), protocol="official", seed=0)
    assert (len(split.select), len(split.report)) == (3_199, 3_153)


def test_the_one_odd_vote_row_is_named(report: dict) -> None:
    assert [(odd["row"], odd["votes"]) for odd in report["odd_votes"]] == [(10_436, 9)]
    assert any("row 10,436 (9 votes)" in problem for problem in report["problems"])


def test_exact_copies(report: dict) -> None:
    copies = report["duplicates"]["exact"]
    assert copies["redundant"] == 1_851
    assert 0.07 < min(copies["shares"].values()) < max(copies["shares"].values()) < 0.09


@pytest.mark.clock
def test_a_cached_load_takes_less_than_a_second(real_data: Path, faces: FaceSet) -> None:
    catalogue._load.cache_clear()
    start = time.perf_counter()
    again = load("ferplus", data=real_data)
    assert time.perf_counter() - start < 1
    assert again.fingerprint == faces.fingerprint
