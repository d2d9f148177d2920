"""Shown known poses, a localisation net learns to undo them, on the training images of the run that starts from it."""

import pytest
import torch
from safetensors.torch import load_file
from training.tiny import assert_same_runs, place, same_arrays, tiny

from fer_lib import data
from fer_lib.campaign import run_all
from fer_lib.errors import FerError
from fer_lib.training import RunStore
from fer_lib.training.engine import Stopped, prepared, train
from fer_lib.training.run import run_one
from fer_lib.training.session import DeviceSession

SHOWN = {"attention": "stn", "localisation": "hidden", "shown_poses": 2}
CPU = torch.device("cpu")


def test_the_net_is_shown_the_training_images_of_the_run_that_starts_from_it():
    config = tiny(**SHOWN, split="grouped80", seed=3, lr=0.01, optimizer="sgd")
    before = config.pose_run
    assert before is not None
    faces = data.load(config.dataset)
    ours, theirs = (prepared(run, faces).split for run in (config, before))
    assert ours.train.tolist() == theirs.train.tolist()
    assert not set(theirs.train) & set(ours.report)
    assert (before.epochs, before.localisation, before.pose_run) == (2, "hidden", None)
    assert tiny(**SHOWN, split="grouped80", seed=3, model="vggface").pose_run == before, "arms share it"


@pytest.mark.parametrize("frozen", [True, False])
def test_a_run_starts_from_the_net_and_keeps_it_or_trains_it_on(tmp_path, frozen):
    config = tiny(**SHOWN, localisation_lr=0.0 if frozen else 1.0)
    record = run_one(config, place(tmp_path), keep_weights=True)
    store = RunStore(place(tmp_path).store)
    before = store.find(config.pose_run)
    assert before is not None
    assert (record.status, before.status) == ("finished", "finished")
    shown, ended = (load_file(store.weights_path(run.run_id)) for run in (before, record))
    assert not any(name.startswith("network.") for name in shown)
    kept = [torch.equal(value, ended[name]) for name, value in shown.items()]
    assert all(kept) if frozen else not any(kept[:3])
    assert before.metrics["test_rotation"] == pytest.approx(0, abs=1.5)
    assert {"wanted_theta", "final_theta"} <= store.predictions(before).keys()
    assert {"response_theta", "response_wanted"} <= store.predictions(record).keys()


def test_a_used_workspace_gives_what_a_fresh_one_does():
    faces = data.load("toyfaces")
    torch.set_num_threads(1)
    used = DeviceSession(CPU)
    pose = {"model": "none", "attention": "stn", "loss": "pose", "augment": "poses"}
    for changes in (pose, {**pose, "seed": 1}, {**SHOWN, "localisation_lr": 0.0}, {**SHOWN, "warps": 2},
                    {**SHOWN, "warps": 2, "seed": 1}, SHOWN, {"augment": "poses"}):  # fmt: skip
        config = tiny(**changes)
        first, again = (train(config, faces, workspace=workspace) for workspace in (used, DeviceSession(CPU)))
        assert [line.train_loss for line in first.history] == [line.train_loss for line in again.history]
        assert same_arrays(first.arrays, again.arrays)


def test_a_stop_while_poses_are_shown_goes_on_from_there(tmp_path):
    config = tiny(**{**SHOWN, "warps": 2})
    whole, stopped = place(tmp_path / "whole"), place(tmp_path / "stopped")
    run_all([config], whole)
    with pytest.raises(Stopped):
        run_one(config, stopped, should_continue=lambda seconds: False)
    assert RunStore(stopped.store).checkpoint_path(config.pose_run.run_id(data.load("toyfaces").fingerprint)).is_file()
    run_all([config], stopped)
    assert_same_runs(RunStore(whole.store), RunStore(stopped.store))


def test_a_net_that_diverges_leaves_a_record(tmp_path):
    broken = tiny(**SHOWN).pose_run.model_copy(update={"lr": 1e30, "optimizer": "sgd"})
    record = run_one(broken, place(tmp_path), keep_weights=True)
    assert (record.status, record.history[-1].train_loss) == ("diverged", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"shown_poses": 2},
        {"localisation": "hidden"},
        {"attention": "stn", "localisation_lr": 0.0},
        {"attention": "stn", "warps": 0},
        {"loss": "pose"},
        {"model": "none"},
        {"model": "none", "loss": "pose", "attention": "stn"},
        {"model": "none", "loss": "pose", "attention": "stn", "augment": "poses", "shown_poses": 1},
    ],
)
def test_contradictions_are_refused(changes):
    with pytest.raises(FerError):
        tiny(**changes)


@pytest.mark.slow
def test_on_drawn_faces_most_of_a_pose_is_undone():
    """R² over 0.8 for the rotation and 0.65 for the shifts after some 30 s, on faces and poses that it has not seen.

    The faces' own poses, which look like applied ones, bound them to 0.90 and 0.80.
    """
    config = tiny(
        model="none", attention="stn", localisation="hidden", loss="pose", augment="poses", schedule="cosine",
        epochs=20, batch_size=32, train_limit=None, test_limit=300,
    )  # fmt: skip
    torch.set_num_threads(1)
    done = train(config, data.load("toyfaces"), workspace=DeviceSession(CPU))
    assert done.metrics["test_rotation"] > 0.8
    assert min(done.metrics["test_shift_x"], done.metrics["test_shift_y"]) > 0.65
