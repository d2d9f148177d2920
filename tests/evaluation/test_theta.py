"""What theta does to its images, in numbers and in one word."""

import numpy as np
import pytest
import torch

from fer_lib.evaluation.theta import ROBUSTNESS, collapse, posed, theta_summary
from fer_lib.geometry import compose_pose, identity_theta, pose_components


def thetas(**parts) -> torch.Tensor:
    """Six images under one pose."""
    return torch.from_numpy(compose_pose(**parts)).expand(6, 2, 3)


def test_the_identity_is_nowhere_outside_and_no_distance_away():
    found = theta_summary(identity_theta(5))
    assert found["mean"] == [1, 0, 0, 0, 1, 0]
    assert found["sd"] == [0] * 6
    assert found["outside"] == found["distance"] == [0]


def test_half_of_a_picture_shifted_by_its_half_is_outside():
    found = theta_summary(thetas(shift_x=1.0))
    assert found["outside"] == [0.5]
    assert found["distance"] == [1.0]


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({}, ""),
        ({"rotation": 30, "log_scale": 0.3, "shift_x": 0.2}, ""),
        ({"shift_y": 1.2}, "outside"),
        ({"log_scale": np.log(4)}, "tiny"),
        ({"log_scale": np.log(1 / 20)}, "blank"),
        ({"shift_x": np.nan}, "not finite"),
    ],
)
def test_a_collapse_has_a_name(parts, name):
    assert collapse(thetas(**parts)) == name


@pytest.mark.parametrize(("transform", "part"), [("rotation", "rotation"), ("log_scale", "log_scale")])
def test_transformations_have_their_strength_in_both_directions(transform, part):
    parts = pose_components(posed(8, transform=transform, strength=0.3).numpy())
    assert np.allclose(np.abs(parts[part]), 0.3, atol=1e-5)
    assert parts[part].sum() == pytest.approx(0, abs=1e-5)
    for other in {"rotation", "log_scale", "shift_x", "shift_y", "shear"} - {part}:
        assert np.allclose(parts[other], 0, atol=1e-5)


def test_shifts_go_to_all_four_corners():
    shifts = posed(8, transform="shift", strength=0.2)[:, :, 2]
    assert len({tuple(shift.tolist()) for shift in shifts}) == 4
    assert torch.allclose(shifts.abs(), torch.tensor(0.2))


def test_no_strength_is_the_identity():
    for transform in ROBUSTNESS:
        assert torch.equal(posed(4, transform=transform, strength=0.0), identity_theta(4))
