"""Splits are disjoint, cover everything, keep class shares and, where grouped, keep copies on one side."""

from dataclasses import replace

import numpy as np
import pytest

from fer_lib.data import PROTOCOLS, FaceSet, Labels, Split, apply_rule, load, split_rows
from fer_lib.data.duplicates import near_groups, twins_in
from fer_lib.errors import FerError


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    faces = load("toyfacesplus")
    return replace(faces, parts=faces.usage)


@pytest.fixture(scope="module", params=["fer7", "majority8", "votes8"])
def labels(faces: FaceSet, request: pytest.FixtureRequest) -> Labels:
    return apply_rule(faces, request.param)


def parts(split: Split) -> list[np.ndarray]:
    return [split.train, split.select, split.report]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_parts_are_disjoint_and_cover_all_that_has_a_label(faces: FaceSet, labels: Labels, protocol: str) -> None:
    split = split_rows(faces, labels, protocol=protocol, seed=0)
    rows = np.concatenate(parts(split))
    assert len(np.unique(rows)) == len(rows)
    assert labels.trainable[split.train].all()
    assert (labels.hard[split.report] >= 0).all()
    left = np.setdiff1d(np.arange(len(faces)), rows)
    assert not (labels.trainable & (labels.hard >= 0))[left].any()
    assert all(np.array_equal(part, np.sort(part)) for part in parts(split))


@pytest.mark.parametrize("protocol", ["random80", "grouped80"])
def test_eighty_percent_with_every_class_in_proportion(faces: FaceSet, protocol: str) -> None:
    labels = apply_rule(faces, "fer7")
    split = split_rows(faces, labels, protocol=protocol, seed=3)
    assert len(split.train) == pytest.approx(0.8 * len(faces), rel=0.01)
    assert len(split.select) == 0
    train, report = (np.bincount(labels.hard[rows], minlength=7) for rows in (split.train, split.report))
    np.testing.assert_allclose(train / (train + report), 0.8, atol=0.001 if protocol == "random80" else 0.03)


def test_grouped80_keeps_twins_together_and_random80_does_not(faces: FaceSet) -> None:
    labels, groups = apply_rule(faces, "fer7"), near_groups(faces)
    for seed in range(3):
        grouped = split_rows(faces, labels, protocol="grouped80", seed=seed)
        assert not twins_in(groups, grouped.report, grouped.train).any()
        random = split_rows(faces, labels, protocol="random80", seed=seed)
        assert twins_in(groups, random.report, random.train).any()


def test_official_is_as_published(faces: FaceSet) -> None:
    split = split_rows(faces, apply_rule(faces, "fer7"), protocol="official", seed=0)
    for part, rows in enumerate(parts(split)):
        assert np.array_equal(rows, np.flatnonzero(faces.usage == part))


def test_class_folders_select_on_their_validation_part_or_on_a_tenth_of_their_training_part(faces: FaceSet) -> None:
    labels = apply_rule(faces, "fer7")
    validated = split_rows(faces, labels, protocol="folders", seed=0)
    official = split_rows(faces, labels, protocol="official", seed=0)
    assert all(map(np.array_equal, parts(validated), parts(official)))
    two = replace(faces, parts=np.where(faces.usage == 2, 2, 0))
    split, other = (split_rows(two, labels, protocol="folders", seed=seed) for seed in (0, 1))
    assert np.array_equal(split.report, official.report)
    assert np.array_equal(other.report, split.report)
    assert len(split.select) == pytest.approx(0.1 * np.sum(two.parts == 0), abs=1)
    assert not np.array_equal(other.select, split.select)
    train, select = (np.bincount(labels.hard[rows], minlength=7) for rows in (split.train, split.select))
    np.testing.assert_allclose(select / (train + select), 0.1, atol=0.01)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_seed_repeats_and_seeds_differ(faces: FaceSet, protocol: str) -> None:
    labels = apply_rule(faces, "fer7")

    def drawn(seed: int) -> list[np.ndarray]:
        return parts(split_rows(faces, labels, protocol=protocol, seed=seed, train_limit=500))

    assert all(map(np.array_equal, drawn(1), drawn(1)))
    assert not np.array_equal(drawn(1)[0], drawn(2)[0])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_limits_take_a_subset(faces: FaceSet, protocol: str) -> None:
    labels = apply_rule(faces, "fer7")
    whole = split_rows(faces, labels, protocol=protocol, seed=0)
    limited = split_rows(faces, labels, protocol=protocol, seed=0, train_limit=50, test_limit=30)
    assert [len(part) for part in parts(limited)] == [50, min(30, len(whole.select)), 30]
    assert all(np.isin(part, full).all() for part, full in zip(parts(limited), parts(whole), strict=True))
    generous = split_rows(faces, labels, protocol=protocol, seed=0, train_limit=10**6, test_limit=10**6)
    assert all(map(np.array_equal, parts(generous), parts(whole)))


def test_what_cannot_be_split_is_an_error(faces: FaceSet) -> None:
    labels = apply_rule(faces, "fer7")
    with pytest.raises(FerError, match="split: 'random70' is unknown; choose one of random80, grouped80, official"):
        split_rows(faces, labels, protocol="random70", seed=0)
    with pytest.raises(FerError, match="'official' needs FER2013's Usage column"):
        split_rows(replace(faces, usage=None), labels, protocol="official", seed=0)
    with pytest.raises(FerError, match=r"'folders' needs class folders in train/ and test/"):
        split_rows(replace(faces, parts=None), labels, protocol="folders", seed=0)
    few = replace(faces, images=faces.images[:4], labels=np.arange(4, dtype=np.uint8), votes=None, pose=None)
    with pytest.raises(FerError, match="largest class has 1 images, too few for 5 parts"):
        split_rows(few, apply_rule(few, "fer7"), protocol="random80", seed=0)
    with pytest.raises(FerError, match="without images to train or to report on"):
        split_rows(replace(faces, usage=np.zeros(len(faces), np.uint8)), labels, protocol="official", seed=0)
