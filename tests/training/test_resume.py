"""A run that was interrupted goes on from its last epoch and ends with the same numbers, bit by bit."""

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file, save_file
from training.tiny import PRETRAINING, assert_same_runs, fine_tuned, place, tiny

from fer_lib.tensors import read_tensors
from fer_lib.training import RunConfig, RunContext, RunStore, run_one
from fer_lib.training.engine import Stopped
from fer_lib.training.event import Event

OPTIMIZERS = (
    {"optimizer": "adam", "ema": 0.9, "mixup": 0.4, "class_weight": "balanced"}, {"optimizer": "nadam"},
    {"optimizer": "sgd", "momentum": 0.9}, {"optimizer": "radam"}, {"optimizer": "rmsprop", "momentum": 0.5},
    {"optimizer": "adamw", "weight_decay": 0.01}, {"optimizer": "torch.optim:Adagrad"},
)  # fmt: skip


def stop_after(epochs: int) -> Callable[[float], bool]:
    left = iter(range(epochs - 1, -1, -1))
    return lambda seconds: next(left) > 0


def interrupted(config: RunConfig, where: RunContext, *, after: int) -> list[Event]:
    """Events of the first epochs of a run, whose checkpoint lies in the store."""
    events: list[Event] = []
    with pytest.raises(Stopped):
        run_one(config, where, report=events.append, should_continue=stop_after(after))
    return events


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda values: values["optimizer"])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, optimizer):
    """With dropout, batch statistics, augmentation, schedule, transformer, and the best epoch's weights."""
    config = tiny(**optimizer, attention="stn", augment="crop_flip", schedule="cosine", split="official", epochs=3)
    whole, parts = place(tmp_path / "whole"), place(tmp_path / "parts")
    run_one(config, whole)
    torch.manual_seed(99)
    seen = [event.epoch for event in interrupted(config, parts, after=2)]
    run_one(config, parts, report=lambda event: seen.append(event.epoch))
    assert seen == [1, 2, 3, 0], "an epoch was trained twice, or left out"
    assert_same_runs(RunStore(whole.store), RunStore(parts.store))
    assert not list(parts.store.glob("work/*.safetensors")), "the checkpoint of a finished run is left behind"


def test_a_run_stopped_after_every_epoch_gets_there(tmp_path):
    config = tiny(epochs=3)
    whole, parts = place(tmp_path / "whole"), place(tmp_path / "parts", checkpoint_every=3600.0)
    run_one(config, whole)
    interrupted(config, parts, after=1)
    interrupted(config, parts, after=1)
    run_one(config, parts, should_continue=lambda seconds: False)  # the last epoch needs no leave to go on
    assert_same_runs(RunStore(whole.store), RunStore(parts.store))


def test_a_stop_within_the_pretraining_stops_the_run(tmp_path):
    """The run that starts from it stops too, and both go on later."""
    config, where = fine_tuned(pretraining={**PRETRAINING, "epochs": 2}), place(tmp_path)
    events = interrupted(config, where, after=1)
    assert [(event.config, event.epoch) for event in events] == [(config.pretraining, 1)]
    again: list[Event] = []
    run_one(config, where, report=again.append)
    assert [(event.config.dataset, event.epoch, event.state) for event in again] == [
        ("digits", 2, ""), ("digits", 0, "trained"),
        ("toyfaces", 1, ""), ("toyfaces", 2, ""), ("toyfaces", 0, "trained"),
    ]  # fmt: skip


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def _overwrite(path):
    path.write_bytes(b"no checkpoint")


def _strip(path):
    save_file(load_file(path), path)


def _of_another_shape(path):
    tensors = load_file(path)
    tensors["model.network.0.weight"] = tensors["model.network.0.weight"][:1].clone()
    run_id = path.stem
    save_file(tensors, path, {"run_id": run_id, "history": "[]"})


@pytest.mark.parametrize("damage", [_truncate, _overwrite, _strip, _of_another_shape])
def test_a_damaged_checkpoint_is_ignored(tmp_path, damage):
    config, whole, parts = tiny(), place(tmp_path / "whole"), place(tmp_path / "parts")
    run_one(config, whole)
    interrupted(config, parts, after=1)
    (checkpoint,) = parts.store.glob("work/*.safetensors")
    damage(checkpoint)
    run_one(config, parts)
    assert_same_runs(RunStore(whole.store), RunStore(parts.store))


def test_a_checkpoint_from_before_there_was_a_digest_is_taken(tmp_path):
    config, whole, parts, events = tiny(), place(tmp_path / "whole"), place(tmp_path / "parts"), []
    run_one(config, whole)
    interrupted(config, parts, after=1)
    (checkpoint,) = parts.store.glob("work/*.safetensors")
    tensors, told = read_tensors(checkpoint)
    save_file(tensors, checkpoint, told)
    run_one(config, parts, report=events.append)
    assert [event.epoch for event in events] == [2, 0]
    assert_same_runs(RunStore(whole.store), RunStore(parts.store))


def test_a_checkpoint_of_another_run_is_ignored(tmp_path):
    config, other = tiny(), tiny(seed=1)
    whole, parts = place(tmp_path / "whole"), place(tmp_path / "parts")
    ours = run_one(config, whole)
    interrupted(other, parts, after=1)
    (checkpoint,) = parts.store.glob("work/*.safetensors")
    checkpoint.rename(checkpoint.with_stem(ours.run_id))
    run_one(config, parts)
    assert_same_runs(RunStore(whole.store), RunStore(parts.store))


@pytest.mark.parametrize(("every", "written"), [(0.0, 2), (3600.0, 0)])
def test_checkpoints_are_written_no_oftener_than_asked(tmp_path, monkeypatch, every, written):
    saved = []
    monkeypatch.setattr("fer_lib.training.run.CHECKPOINT_SHARE", 1e9)
    monkeypatch.setattr("fer_lib.training.checkpoint.Training.save", lambda training, path, run_id: saved.append(path))
    run_one(tiny(epochs=3), place(tmp_path, checkpoint_every=every))
    assert len(saved) == written
