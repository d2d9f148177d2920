"""Toy shapes: reproducible, every class present, the classes unlike each other."""

import numpy as np
import pytest

from fer_lib.data.toyshapes import CLASSES, draw_shapes


def test_shapes_and_types() -> None:
    images, labels = draw_shapes(50, seed=0)
    assert images.shape == (50, 48, 48)
    assert labels.shape == (50,)
    assert images.dtype == labels.dtype == np.uint8


def test_draws_depend_on_the_seed_and_nothing_else() -> None:
    images, labels = draw_shapes(50, seed=3)
    same_images, same_labels = draw_shapes(50, seed=3)
    assert np.array_equal(images, same_images)
    assert np.array_equal(labels, same_labels)
    assert not np.array_equal(images, draw_shapes(50, seed=4)[0])


@pytest.mark.parametrize("n", [0, 1, 33, 100])
def test_a_smaller_draw_is_a_prefix_of_a_larger_one(n: int) -> None:
    images, labels = draw_shapes(130, seed=0)
    prefix_images, prefix_labels = draw_shapes(n, seed=0)
    assert np.array_equal(prefix_images, images[:n])
    assert np.array_equal(prefix_labels, labels[:n])


def test_every_class_has_its_share() -> None:
    _, labels = draw_shapes(1000, seed=0)
    share = np.bincount(labels, minlength=len(CLASSES)) / 1000
    assert share.shape == (10,)
    assert share.min() > 0.07


def test_no_image_is_blank() -> None:
    images, _ = draw_shapes(300, seed=0)
    assert images.std(axis=(1, 2)).min() > 8
