"""Device tensors and batched augmentation: right rows, right ranges, the same draws for the same key."""

import math

import numpy as np
import pytest
import torch

from fer_lib.data import FER_CLASSES, FaceSet, apply_rule
from fer_lib.data.batches import (
    POSES,
    DeviceData,
    apply_augmentation,
    augmentation_plan,
    generator,
    images_on,
    key,
    mixing_plan,
    normalise,
)
from fer_lib.geometry import invert, pose_components

CPU = torch.device("cpu")


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(0, 256, (20, 1, 48, 48), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def face_set(n: int = 12) -> FaceSet:
    rng = np.random.default_rng(0)
    votes = rng.integers(0, 6, (n, 10), dtype=np.uint8)
    pixels, labels = rng.integers(0, 256, (n, 48, 48), dtype=np.uint8), (np.arange(n) % 7).astype(np.uint8)
    return FaceSet("ferplus", pixels, labels, FER_CLASSES, votes=votes)


def test_rows_are_gathered_in_their_order() -> None:
    faces, rows = face_set(), np.array([7, 2, 5])
    data = DeviceData.of(images_on(faces, CPU), apply_rule(faces, "fer7"), rows)
    assert len(data) == 3
    assert data.images.dtype == torch.uint8
    assert data.images[data.index].shape == (3, 1, 48, 48)
    assert np.array_equal(data.images[data.index][:, 0], faces.images[rows])
    assert data.classes[data.index].tolist() == [0, 2, 5]
    assert data.targets is data.classes


def test_on_the_cpu_the_images_are_not_copied() -> None:
    faces = face_set()
    assert images_on(faces, CPU).data_ptr() == faces.images.__array_interface__["data"][0]


def test_soft_rules_give_soft_targets() -> None:
    faces, rows = face_set(), np.arange(12)
    labels = apply_rule(faces, "votes8")
    data = DeviceData.of(images_on(faces, CPU), labels, rows)
    assert data.targets.dtype == torch.float32
    assert np.array_equal(data.targets, labels.soft)
    assert np.array_equal(data.classes, labels.hard)


def test_normalised_images_span_plus_minus_two(images: torch.Tensor) -> None:
    ends = normalise(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1)).flatten()
    assert ends.tolist() == pytest.approx([-2.0, 2.0])
    torch.testing.assert_close(normalise(images), (images / 255 - 0.5) / 0.25)
    assert images.dtype == torch.uint8


def test_no_augmentation_is_the_image_itself(images: torch.Tensor) -> None:
    plan = augmentation_plan("none", len(images), seed=0, epoch=0)
    assert plan is None
    assert apply_augmentation(images, plan) is images


def test_flipping_mirrors_half_of_the_images_and_twice_is_the_identity(images: torch.Tensor) -> None:
    plan = augmentation_plan("flip", len(images), seed=0, epoch=0)
    assert plan is not None
    flipped = apply_augmentation(images, plan)
    chosen = plan[:, 0] == 1
    assert 0.2 < chosen.float().mean() < 0.8
    assert torch.equal(flipped[chosen], images[chosen].flip(3))
    assert torch.equal(flipped[~chosen], images[~chosen])
    assert torch.equal(apply_augmentation(flipped, plan), images)


def test_crop_flip_shifts_by_whole_pixels_and_fills_with_zeros(images: torch.Tensor) -> None:
    shifts = torch.tensor([[0, 0, 0], [0, 4, 0], [0, 0, -3], [1, 2, 0]])
    still, right, up, mirrored = apply_augmentation(images[:4], shifts)
    assert torch.equal(still, images[0])
    assert torch.equal(right[:, :, :44], images[1][:, :, 4:])
    assert not right[:, :, 44:].any()
    assert torch.equal(up[:, 3:], images[2][:, :45])
    assert not up[:, :3].any()
    both = apply_augmentation(images[3:4].flip(3), torch.tensor([[0, -2, 0]]))[0]
    assert torch.equal(mirrored, both)


def test_crop_flip_plans_stay_within_four_pixels() -> None:
    plan = augmentation_plan("crop_flip", 2000, seed=0, epoch=0)
    assert plan is not None
    assert set(plan[:, 0].tolist()) == {0, 1}
    for axis in (1, 2):
        assert set(plan[:, axis].tolist()) == set(range(-4, 5))


def test_affine_plans_stay_within_their_bounds(images: torch.Tensor) -> None:
    plan = augmentation_plan("affine", 2000, seed=0, epoch=0)
    assert plan is not None
    assert plan.shape == (2000, 2, 3)
    turned, sign = plan[:, :, :2], plan[:, :, :2].det().sign()
    scale = turned.det().abs().sqrt()
    angle = torch.atan2(-plan[:, 0, 1], plan[:, 1, 1])
    assert scale.min() >= 0.9 - 1e-5
    assert scale.max() <= 1.1 + 1e-5
    assert angle.abs().max() <= math.pi / 18 + 1e-5
    assert plan[:, :, 2].abs().max() <= 0.16  # 8 % of the width, which is 2
    assert 0.4 < (sign < 0).float().mean() < 0.6
    identity = torch.eye(2, 3).expand(len(images), 2, 3)
    assert torch.equal(apply_augmentation(images, identity), images)
    warped = apply_augmentation(images, plan[: len(images)])
    assert warped.dtype == torch.uint8
    assert warped.shape == images.shape


def test_poses_are_within_their_ranges_and_fill_them() -> None:
    plan = augmentation_plan("poses", 4000, seed=1, epoch=2)
    assert plan is not None
    parts = pose_components(invert(plan).flatten(0, 1).numpy())
    for part, most in POSES.items():
        assert float(abs(parts[part]).max()) == pytest.approx(most, rel=0.01)
        assert float(parts[part].std()) == pytest.approx(most / 3**0.5, rel=0.05)
    assert abs(parts["shear"]).max() < 1e-5


def test_the_frame_of_a_posed_image_says_nothing_of_its_pose(images: torch.Tensor) -> None:
    """Two poses in one frame are black in the same place, and elsewhere nowhere."""
    plan = augmentation_plan("poses", len(images), seed=1, epoch=2)
    assert plan is not None
    other = plan.clone()
    other[:, 0] = plan[:, 0].roll(1, 0)
    first, second = (apply_augmentation(images.clamp(min=1), each) for each in (plan, other))
    assert torch.equal(first == 0, second == 0)
    assert 0.02 < float((first == 0).float().mean()) < 0.5
    assert not torch.equal(first, second)


@pytest.mark.parametrize("augment", ["flip", "crop_flip", "affine", "poses"])
def test_plans_repeat_for_a_key_and_differ_between_epochs_and_seeds(augment) -> None:
    def plan(seed: int, epoch: int) -> torch.Tensor:
        drawn = augmentation_plan(augment, 100, seed=seed, epoch=epoch)
        assert drawn is not None
        return drawn

    assert torch.equal(plan(1, 2), plan(1, 2))
    assert not torch.equal(plan(1, 2), plan(1, 3))
    assert not torch.equal(plan(1, 2), plan(2, 2))


def test_mixtures_are_of_two_parts_the_greater_first() -> None:
    assert mixing_plan(0.0, 5, seed=1, epoch=0) is None
    plan = mixing_plan(0.2, 1000, seed=1, epoch=0)
    assert plan is not None
    assert torch.equal(plan, mixing_plan(0.2, 1000, seed=1, epoch=0))
    assert 0.5 <= float(plan.min()) <= float(plan.max()) <= 1
    even = mixing_plan(1.0, 1000, seed=1, epoch=0)
    assert even is not None
    assert float(even.mean()) == pytest.approx(0.75, abs=0.01), "Beta(1, 1) is uniform"
    assert float(plan.mean()) > 0.85


def test_keys_are_distinct_and_known() -> None:
    keys = {key(seed, purpose, epoch) for seed in range(5) for purpose in ("order", "augment") for epoch in range(20)}
    assert len(keys) == 200
    assert all(0 <= number < 2**63 for number in keys)
    order = torch.randperm(10, generator=generator(0, "order", 1))
    assert torch.equal(order, torch.randperm(10, generator=generator(0, "order", 1)))
    assert not torch.equal(order, torch.randperm(10, generator=generator(0, "augment", 1)))
