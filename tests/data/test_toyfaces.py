"""Toy faces: reproducible, as messy as FER2013 in known ways, and drawn under a pose that theta undoes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from data.one_face import draw_face

from fer_lib.data.canvas import PoseRange
from fer_lib.data.faceset import FER_CLASSES, VOTE_COLUMN, VOTE_COLUMNS
from fer_lib.data.toyfaces import ToyFaces, draw
from fer_lib.geometry import compose_pose, pose_components


@pytest.fixture(scope="module")
def faces() -> ToyFaces:
    return draw(2000, seed=0)


def test_shapes_and_types(faces: ToyFaces) -> None:
    assert faces.images.shape == (2000, 48, 48)
    assert faces.labels.shape == (2000,)
    assert faces.votes.shape == (2000, 10)
    assert faces.pose.shape == (2000, 2, 3)
    assert faces.images.dtype == faces.labels.dtype == faces.votes.dtype == np.uint8
    assert faces.pose.dtype == np.float32


def test_draws_depend_on_the_seed_and_nothing_else() -> None:
    one, same, other = draw(40, seed=3), draw(40, seed=3), draw(40, seed=4)
    assert all(np.array_equal(getattr(one, name), getattr(same, name)) for name in vars(one))
    assert not np.array_equal(one.images, other.images)


@pytest.mark.parametrize("n", [0, 1, 33, 100])
def test_a_smaller_draw_is_a_prefix_of_a_larger_one(faces: ToyFaces, n: int) -> None:
    prefix = draw(n, seed=0)
    assert all(np.array_equal(getattr(prefix, name), getattr(faces, name)[:n]) for name in vars(prefix))


def test_every_class_has_its_share(faces: ToyFaces) -> None:
    share = np.bincount(faces.labels, minlength=len(FER_CLASSES)) / len(faces.labels)
    assert share.min() > 0.07
    assert share.argmax() == FER_CLASSES.index("happy")
    assert share.argmin() == FER_CLASSES.index("disgust")


def test_ten_taggers_vote_mostly_for_the_expression_shown(faces: ToyFaces) -> None:
    assert np.all(faces.votes.sum(axis=1) == 10)
    agrees = faces.votes.argmax(axis=1) == np.array(VOTE_COLUMN)[faces.labels]
    assert 0.9 < agrees.mean() < 0.99


def test_a_few_images_show_no_face(faces: ToyFaces) -> None:
    blank = faces.votes.argmax(axis=1) == VOTE_COLUMNS.index("NF")
    assert 2 <= blank.sum() <= 20
    assert faces.images[blank].std(axis=(1, 2)).max() < faces.images[~blank].std(axis=(1, 2)).mean()


def test_some_images_are_copies_with_the_same_votes_and_pose(faces: ToyFaces) -> None:
    _, first, inverse = np.unique(
        faces.images.reshape(len(faces.images), -1), axis=0, return_index=True, return_inverse=True
    )
    original = first[inverse.ravel()]
    assert 0.015 < np.mean(original != np.arange(len(original))) < 0.05
    assert np.array_equal(faces.votes, faces.votes[original])
    assert np.array_equal(faces.pose, faces.pose[original])


def test_poses_stay_within_their_range(faces: ToyFaces) -> None:
    bounds, parts = PoseRange(), pose_components(faces.pose)
    assert np.abs(parts["rotation"]).max() <= bounds.max_angle + 1e-3
    assert np.abs(parts["log_scale"]).max() <= bounds.max_log_scale + 1e-5
    assert np.abs(parts["log_stretch"]).max() < 1e-5
    still = draw(5, seed=0, pose_range=PoseRange(0, 0, 0, 0))
    assert np.array_equal(still.pose, np.broadcast_to(compose_pose(), (5, 2, 3)))


def test_pose_components_invert_compose_pose() -> None:
    rng = np.random.default_rng(0)
    names = ("rotation", "log_scale", "shift_x", "shift_y", "shear", "log_stretch")
    parts = {name: rng.uniform(-0.5, 0.5, 50) * (300 if name == "rotation" else 1) for name in names}
    back = pose_components(compose_pose(**parts))
    for name in names:
        np.testing.assert_allclose(back[name], parts[name], rtol=1e-4, atol=1e-5)
    assert {name: float(part) for name, part in pose_components(compose_pose()).items()} == dict.fromkeys(names, 0)


def test_a_mirrored_theta_has_no_scale() -> None:
    mirror = np.array([[-1.0, 0, 0], [0, 1, 0]])
    assert np.isnan(pose_components(mirror)["log_scale"])


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean absolute difference in grey levels away from the borders, coarse enough to forgive resampling."""
    return F.avg_pool2d((one - other)[..., 8:40, 8:40], 5, stride=1).abs().mean().item()


@pytest.mark.parametrize("expression", FER_CLASSES)
@pytest.mark.parametrize(
    "pose",
    [
        compose_pose(rotation=20),
        compose_pose(log_scale=0.2),
        compose_pose(shift_x=0.15, shift_y=-0.1),
        compose_pose(rotation=-15, log_scale=-0.15, shift_x=-0.1, shift_y=0.1, shear=0.1),
    ],
)
def test_sampling_at_theta_undoes_the_pose(expression: str, pose: np.ndarray) -> None:
    posed = torch.tensor(draw_face(expression, pose=pose)).float()[None, None]
    upright = torch.tensor(draw_face(expression)).float()[None, None]
    grid = F.affine_grid(torch.tensor(pose)[None], [1, 1, 48, 48], align_corners=False)
    undone = F.grid_sample(posed, grid, align_corners=False)
    assert _difference(undone, upright) < 3
    assert _difference(undone, upright) < 0.15 * _difference(posed, upright)


def test_expressions_grow_with_their_intensity() -> None:
    neutral = draw_face("neutral").astype(float)
    for expression in FER_CLASSES[:-1]:
        change = [np.abs(draw_face(expression, intensity=i) - neutral).mean() for i in (0.0, 0.5, 1.0)]
        assert change[0] < 0.2
        assert change == sorted(change)


def test_light_and_noise_are_off_until_asked_for() -> None:
    plain, lit = draw_face("happy"), draw_face("happy", light=0.4)
    assert lit[:, :16].mean() > plain[:, :16].mean()
    assert lit[:, 32:].mean() < plain[:, 32:].mean()
    noisy = draw_face("happy", noise=0.05).astype(float) - plain
    assert 8 < noisy.std() < 15
