"""A slip made on purpose does what its name says, and nothing else: who is in training, who is in the test."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fer_lib import data
from fer_lib.data import apply_rule
from fer_lib.data.preparation import WARPS, prepare
from fer_lib.errors import FerError
from fer_lib.training import RunConfig
from fer_lib.training.engine import train
from fer_lib.training.session import DeviceSession


@pytest.fixture(scope="module")
def faces():
    """Two hundred drawn faces."""
    drawn = data.load("toyfaces")
    return replace(drawn, images=drawn.images[:200], labels=drawn.labels[:200], usage=None, votes=None, pose=None)


def prepared(faces, kind, seed=0):
    return prepare(faces, apply_rule(faces, "fer7"), protocol="random80", seed=seed, preparation=kind)


def pictures(faces, rows):
    return {bytes(image) for image in faces.images[rows]}


def test_nothing_done_is_the_split_itself(faces):
    plain = prepared(faces, "none")
    assert plain.faces is faces
    assert plain.epoch_images == len(plain.split.train) == 160
    assert plain.first_half is None


@pytest.mark.parametrize("kind", ["warps_then_split", "split_then_warps", "balance_then_split"])
def test_more_images_keep_the_label_of_their_source_and_an_epoch_its_length(faces, kind):
    found = prepared(faces, kind)
    assert len(found.faces) == len(found.labels.hard) > 200
    assert np.array_equal(found.faces.images[:200], faces.images)
    assert np.array_equal(found.faces.labels, found.labels.hard)
    assert found.epoch_images == 160
    assert not np.intersect1d(found.split.train, found.split.report).size
    assert found.faces.fingerprint != faces.fingerprint


def test_warps_before_the_split_bring_test_faces_into_training_and_warps_after_it_do_not(faces):
    leaking, clean = (prepared(faces, kind) for kind in ("warps_then_split", "split_then_warps"))
    source = np.tile(np.arange(200), 1 + WARPS)
    seen = np.isin(source[leaking.split.report], source[leaking.split.train]).mean()
    assert seen == pytest.approx(1 - 0.2**WARPS, abs=0.02)
    plain = prepared(faces, "none").split
    assert np.array_equal(clean.split.report, plain.report)
    of_training = np.concatenate([np.arange(200), *[plain.train] * WARPS])
    assert set(of_training[clean.split.train]) == set(plain.train)
    assert len(clean.split.train) == (1 + WARPS) * len(plain.train)


def test_the_warps_are_other_pictures_of_the_same_face(faces):
    images = prepared(faces, "warps_then_split").faces.images
    apart = np.abs(images[200:400].astype(float) - images[:200]).mean((1, 2))
    strangers = np.abs(images[200:400].astype(float) - np.roll(images[:200], 1, axis=0)).mean((1, 2))
    assert (apart > 1).mean() > 0.95
    assert (images[200:400] != images[400:600]).any()
    flipped = np.abs(images[200:400].astype(float) - images[:200, :, ::-1]).mean((1, 2))
    assert np.minimum(apart, flipped).mean() < strangers.mean()


def test_balance_gives_every_class_as_many_images_by_copies(faces):
    found = prepared(faces, "balance_then_split")
    assert len(set(np.bincount(found.labels.hard))) == 1
    assert pictures(found.faces, np.arange(200, len(found.faces))) <= pictures(faces, np.arange(200))
    assert pictures(found.faces, found.split.train) & pictures(found.faces, found.split.report)


def test_the_split_of_the_second_half_is_the_next_seeds(faces):
    found = prepared(faces, "split_again_halfway")
    assert np.array_equal(found.first_half.report, prepared(faces, "none").split.report)
    assert np.array_equal(found.split.report, prepared(faces, "none", seed=1).split.report)
    assert np.isin(found.split.report, found.first_half.train).mean() > 0.6


def test_the_ceiling_trains_on_all_and_reports_the_usual_test_images(faces):
    found = prepared(faces, "test_in_training")
    assert np.array_equal(found.split.train, np.arange(200))
    assert np.array_equal(found.split.report, prepared(faces, "none").split.report)
    assert found.epoch_images == 160


def test_the_same_seed_prepares_the_same(faces):
    one, other, third = (prepared(faces, "warps_then_split", seed) for seed in (0, 0, 1))
    assert np.array_equal(one.faces.images, other.faces.images)
    assert not np.array_equal(one.faces.images, third.faces.images)


@pytest.mark.parametrize("changes", [{"split": "official"}, {"train_limit": 100}, {"test_limit": 100}])
def test_a_preparation_goes_with_random80_without_limits(changes):
    with pytest.raises(FerError, match="preparation: goes with split random80"):
        RunConfig(dataset="toyfaces", preparation="warps_then_split", **changes)


def test_a_run_of_two_halves_reports_the_second_split_and_watches_each_in_turn(faces):
    faces = replace(faces, fingerprint="two hundred")
    config = RunConfig(dataset="toyfaces", model="vanilla_cnn", epochs=2, batch_size=16, precision="fp32",
                       preparation="split_again_halfway")  # fmt: skip
    with DeviceSession(torch.device("cpu")) as workspace:
        done = train(config, faces, workspace=workspace)
    given = prepared(faces, "split_again_halfway")
    assert np.array_equal(done.arrays["rows"], given.split.report)
    assert done.train_images == 160
    assert "copies" not in done.arrays
