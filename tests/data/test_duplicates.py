"""Copies are found, near-copies too, and different pictures are left alone."""

from dataclasses import asdict

import numpy as np
import pytest
from data.one_face import draw_face

from fer_lib.data import FER_CLASSES, FaceSet, load
from fer_lib.data.duplicates import copies_of, count_copies, exact_groups, near_groups, twins_in
from fer_lib.data.faceset import digest


def face_set(images: list[np.ndarray]) -> FaceSet:
    stacked = np.stack(images).astype(np.uint8)
    labels = np.zeros(len(stacked), np.uint8)
    return FaceSet("fer2013", stacked, labels, FER_CLASSES, fingerprint=digest(stacked))


def same(groups: np.ndarray) -> list[list[bool]]:
    return (groups[:, None] == groups).tolist()


def test_exact_copies_are_pixel_identical() -> None:
    one, other = draw_face("happy"), draw_face("sad", seed=4)
    nearly = one.copy()
    nearly[0, 0] ^= 1
    groups = exact_groups(face_set([one, other, one, nearly]))
    assert same(groups) == same(np.array([0, 1, 0, 2]))


def test_near_copies_survive_noise_light_and_exact_copies_of_theirs() -> None:
    rng = np.random.default_rng(0)
    one = draw_face("happy")
    noisy = np.clip(one + rng.normal(0, 4, one.shape), 0, 255)
    darker = one * 0.7 + 10
    other = draw_face("sad", seed=5)
    groups = near_groups(face_set([one, other, noisy, darker, one, rng.integers(0, 256, (48, 48))]))
    assert same(groups) == same(np.array([0, 1, 0, 0, 0, 2]))


def test_near_copies_are_linked_transitively() -> None:
    rng = np.random.default_rng(1)
    start, end = rng.normal(0, 40, (2, 48, 48))
    steps = [128 + np.cos(angle) * start + np.sin(angle) * end for angle in np.linspace(0, np.pi / 2, 8)]
    groups = near_groups(face_set([np.clip(step, 0, 255) for step in steps]))
    assert len(set(groups)) == 1
    assert len(set(near_groups(face_set([steps[0], steps[-1]])))) == 2


def test_blank_images_are_exact_copies_but_near_nothing() -> None:
    black, grey = np.zeros((48, 48)), np.full((48, 48), 128)
    groups = near_groups(face_set([black, grey, black, draw_face("fear")]))
    assert same(groups) == same(np.array([0, 1, 0, 2]))


def test_a_stricter_threshold_finds_less() -> None:
    faces = load("digits")
    redundant = [count_copies(near_groups(faces, threshold=at), None).redundant for at in (0.9, 0.95, 0.9999)]
    assert redundant == sorted(redundant, reverse=True)
    assert redundant[0] > redundant[2]


def test_the_copies_among_toy_faces_are_found() -> None:
    faces = load("toyfaces")
    exact, near = (count_copies(groups, faces.usage) for groups in (exact_groups(faces), near_groups(faces)))
    assert 0.02 < exact.redundant / len(faces) < 0.04
    assert near.redundant >= exact.redundant
    assert near.redundant < 1.2 * exact.redundant


def test_copies_are_counted_by_split() -> None:
    groups = np.array([5, 5, 5, 9, 1, 1, 2, 9, 2, 7])
    usage = np.array([0, 0, 1, 0, 0, 0, 1, 2, 2, 2], np.uint8)
    assert asdict(count_copies(groups, usage)) == {
        "redundant": 5,
        "groups": 4,
        "across": 3,
        "twins": {"PublicTest": 1, "PrivateTest": 1},
        "shares": {"PublicTest": pytest.approx(1 / 2), "PrivateTest": pytest.approx(1 / 3)},
    }
    without = count_copies(groups, None)
    assert (without.redundant, without.groups, without.across, without.twins) == (5, 4, 0, {})


def test_twins_in_looks_up_groups() -> None:
    groups = np.array([0, 1, 0, 2, 1])
    assert twins_in(groups, np.array([0, 3, 4]), np.array([1, 2])).tolist() == [True, False, True]


def test_copies_of_says_where_a_pictures_copies_are() -> None:
    rng = np.random.default_rng(0)
    one, other, lonely = draw_face("happy"), draw_face("sad", seed=5), rng.integers(0, 256, (48, 48))
    noisy = np.clip(one + rng.normal(0, 4, one.shape), 0, 255)
    faces = face_set([one, one, noisy, lonely, other, other])
    test, train = np.array([1, 2, 3, 4]), np.array([0])
    assert copies_of(faces, test, train).tolist() == [3, 2, 0, 1]
