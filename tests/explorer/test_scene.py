"""What is drawn: disturbances move the face and its true pose together, and pictures follow theta."""

import io

import numpy as np
import pytest
from data.one_face import draw_face
from PIL import Image

from fer_lib.explorer import drawing, markup
from fer_lib.explorer.scene import NOTHING, Disturbance, Model, disturb, disturbed_pose, observe, warped
from fer_lib.geometry import compose_pose

FACE = draw_face("happy", seed=3)
SOME = {"rotation": 20.0, "scale": 1.3, "shift_x": 0.2, "shift_y": -0.2, "light": 0.5}


def test_nothing_changes_nothing_and_everything_else_does():
    assert np.array_equal(disturb(FACE, NOTHING), FACE)
    assert set(SOME) == set(vars(NOTHING))
    for part, value in SOME.items():
        changed = disturb(FACE, Disturbance(**{part: value}))
        assert changed.dtype == np.uint8
        assert np.abs(changed.astype(int) - FACE).mean() > 3, part
        assert np.array_equal(changed, disturb(FACE, Disturbance(**{part: value})))


def test_the_face_moves_as_if_it_had_been_drawn_in_that_pose():
    """Turning an upright drawing gives the drawing of a turned face, so directions and units are those of the pose."""
    pose = {"rotation": 15.0, "shift_x": 0.1, "shift_y": -0.06}
    drawn = draw_face("happy", seed=3, pose=compose_pose(**pose, log_scale=np.log(0.85)))
    moved = disturb(FACE, Disturbance(**pose, scale=0.85))
    inner = np.s_[8:40, 8:40]  # the drawing knows what lies outside of the upright one
    still = np.abs(FACE.astype(int) - drawn)[inner].mean()
    assert np.abs(moved.astype(int) - drawn)[inner].mean() < still / 4


def test_the_true_pose_undoes_pose_and_disturbance():
    change = Disturbance(rotation=-20, scale=1.2, shift_x=0.1)
    pose = disturbed_pose(compose_pose(rotation=8, shift_y=0.05), change)
    posed = draw_face("happy", seed=3, pose=compose_pose(rotation=8, shift_y=0.05))
    undone = warped(disturb(posed, change)[None], pose[None])[0]
    assert np.abs(undone - FACE)[12:36, 12:36].mean() < 12
    assert disturbed_pose(None, change) is None


def test_a_fresh_transformer_hands_on_what_it_gets():
    view = observe(FACE, Model.fresh(), disturbance=Disturbance(rotation=10))
    assert np.array_equal(view.theta, np.eye(2, 3))
    assert np.abs(view.seen - view.image).max() < 1e-2
    assert view.probabilities == {}
    assert view.pose is None


def test_a_saved_figure_has_the_numbers_and_is_the_same_each_time():
    shown = {"angry": 0.25, "happy": 0.75}
    view = observe(FACE, Model.fresh(), pose=compose_pose(rotation=20), label="happy")
    view = type(view)(view.image, view.theta, view.seen, shown, view.pose, view.label)
    files = drawing.files(view)
    text = files["svg"].decode()
    assert all(word in text for word in ("theta", "true pose", "75%", "happy", "+1.000"))
    assert Image.open(io.BytesIO(files["png"])).width > 1500
    assert drawing.files(view)["png"] == files["png"]


def test_a_sheet_has_a_row_per_label():
    tiles = [drawing.Tile(FACE, np.eye(2, 3))] * 3
    figure = drawing.sheet([tiles, tiles[:2]], labels=["input", "epoch 1"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["input", "epoch 1"]
    assert len(figure.axes[0].images) == 5
    with pytest.raises(ValueError, match="zip"):
        drawing.sheet([tiles], labels=[])


def test_a_message_is_text():
    assert "<script>" not in markup.message("<script>", problem=True)
