"""A campaign trains what is missing, once and in order, and tells how every run ended."""

import multiprocessing
import time

import pytest
import torch
from safetensors.torch import load_file
from training.tiny import PRETRAINING, assert_same_runs, fine_tuned, place, tiny

from fer_lib import data, processes
from fer_lib.campaign import pool, run_all
from fer_lib.data.duplicates import near_groups
from fer_lib.errors import FerError
from fer_lib.models import weights
from fer_lib.training import RunConfig, RunStore, run, run_one
from fer_lib.training.event import Event

DIGITS = RunConfig.parse(PRETRAINING)


@pytest.fixture
def no_imagenet(tmp_path, monkeypatch):
    """torchvision's weights are not here and cannot be had."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setitem(weights.IMAGENET, "imagenet1k_v1", "http://127.0.0.1:9/resnet50-00000000.pth")


def hide_digits(monkeypatch):
    """From here on the pre-training data is not there."""
    load = data.load

    def without(name, **where):
        if name == "digits":
            raise FerError("No digits here.\nDraw some.")
        return load(name, **where)

    monkeypatch.setattr(data, "load", without)


def ends(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.config.dataset, event.state) for event in events if event.state]


def test_the_second_call_trains_nothing(tmp_path):
    configs = [tiny(epochs=1), tiny(epochs=1, optimizer="sgd", lr=1e30), tiny(epochs=1)]
    events: list[Event] = []
    first = run_all(configs, place(tmp_path), report=events.append)
    assert str(first) == "1 trained, 0 reused, 1 diverged, 0 skipped"
    assert [event.epoch for event in events if not event.state] == [1]
    again = run_all(configs, place(tmp_path), jobs=2, report=events.append)
    assert str(again) == "0 trained, 2 reused, 0 diverged, 0 skipped"
    assert len([event for event in events if not event.state]) == 1
    assert multiprocessing.active_children() == [], "processes were started for nothing"


def test_the_pretraining_is_trained_first_once_and_its_weights_are_used(tmp_path):
    where, events = place(tmp_path), []
    tuned, other = fine_tuned(epochs=1), fine_tuned(epochs=1, attention="stn")
    tally = run_all([tuned, tiny(epochs=1), other], where, report=events.append)
    assert str(tally) == "4 trained, 0 reused, 0 diverged, 0 skipped"
    assert [event.config.dataset for event in events if event.epoch].count("digits") == 1, "pre-trained twice"
    assert ends(events)[0] == ("digits", "trained")
    store = RunStore(where.store)
    by_config = {record.config: record for record in store.records()}
    assert by_config[tuned].history[0].train_loss != by_config[tiny(epochs=1)].history[0].train_loss
    (kept,) = store.folder.glob("weights/*")
    assert kept == store.weights_path(by_config[DIGITS].run_id)


def test_the_fine_tuned_network_starts_from_the_pretrained_one(tmp_path):
    """With a vanishing learning rate it still has the pre-trained kernels at its end."""
    where = place(tmp_path)
    tuned = fine_tuned(epochs=1, optimizer="sgd", lr=1e-30)
    record = run_one(tuned, where, keep_weights=True)
    store = RunStore(where.store)
    before = store.find(DIGITS)
    ours, theirs = (load_file(store.weights_path(run.run_id)) for run in (record, before))
    assert (ours["network.0.weight"] == theirs["network.0.weight"]).all()
    assert len(record.classes) == 7
    assert len(before.classes) != 7


@pytest.mark.slow
def test_missing_weights_of_a_pretraining_are_trained_again_when_a_run_needs_them(tmp_path):
    where, events = place(tmp_path), []
    first = run_one(DIGITS, where)  # without keeping its weights
    run_all([fine_tuned(epochs=1)], where, report=events.append)
    assert ends(events) == [("digits", "trained"), ("toyfaces", "trained")]
    store = RunStore(where.store)
    weights_file = store.weights_path(first.run_id)
    weights_file.unlink()
    events.clear()
    run_all([fine_tuned(epochs=1)], where, report=events.append)
    assert ends(events) == [("digits", "reused"), ("toyfaces", "reused")], "nobody needs its weights"
    run_one(fine_tuned(epochs=1, seed=1), where)
    assert weights_file.is_file()


@pytest.mark.slow
def test_a_pretraining_that_is_run_alone_keeps_the_weights_it_is_made_for(tmp_path):
    where, events = place(tmp_path), []
    run_all([DIGITS], where)
    run_all([fine_tuned(epochs=1)], where, report=events.append)
    assert ends(events) == [("digits", "reused"), ("toyfaces", "trained")]


@pytest.mark.slow
def test_damaged_weights_of_a_pretraining_are_trained_again_and_it_is_said(tmp_path):
    where, events = place(tmp_path), []
    run_all([fine_tuned(epochs=1)], where)
    store = RunStore(where.store)
    (weights_file,) = store.folder.glob("weights/*")
    whole = weights_file.read_bytes()
    weights_file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    tally = run_all([fine_tuned(epochs=1, seed=1)], where, report=events.append)
    assert ends(events) == [("digits", "trained"), ("toyfaces", "trained")]
    assert tally.reasons[DIGITS] == "its weights were damaged"
    assert weights_file.read_bytes() == whole


def test_weights_are_kept_while_training_and_trained_for_only_on_demand(tmp_path):
    where, config = place(tmp_path), tiny(epochs=1)
    store = RunStore(where.store)
    run_all([config, tiny(epochs=1, seed=1)], where, keep_weights=frozenset([config]))
    (file,) = store.folder.glob("weights/*")
    assert file == store.weights_path(store.find(config).run_id)
    file.unlink()
    assert run_all([config], where, keep_weights=frozenset([config])).count("reused") == 1
    assert not file.is_file()
    assert run_all([config], where, keep_weights=frozenset([config]), need_weights=True).count("trained") == 1
    assert file.is_file()


def test_a_run_whose_pretraining_data_is_missing_is_skipped(tmp_path, monkeypatch):
    hide_digits(monkeypatch)
    where, events = place(tmp_path), []
    tally = run_all([fine_tuned(epochs=1), tiny(epochs=1)], where, report=events.append)
    assert str(tally) == "1 trained, 0 reused, 0 diverged, 2 skipped"
    record = RunStore(where.store).find(fine_tuned(epochs=1))
    assert record.status == "skipped"
    assert record.reason == "no pre-training on digits: No digits here."
    assert tally.reasons[DIGITS] == "No digits here."


def test_missing_data_is_an_error_before_anything_is_trained(tmp_path):
    events: list[Event] = []
    nowhere = place(tmp_path, data=tmp_path / "no-such-folder")
    with pytest.raises(FerError, match="no-such-folder"):
        run_all([tiny(epochs=9), tiny(dataset="fer2013", epochs=1)], nowhere, report=events.append)
    assert events == []


def test_a_run_without_its_weights_is_skipped_and_tried_again(tmp_path, no_imagenet, monkeypatch):
    where = place(tmp_path)
    config = tiny(model="resnet50", pretrained="imagenet1k_v1", epochs=1, train_limit=2, test_limit=2, batch_size=2)
    tally = run_all([config], where)
    assert str(tally) == "0 trained, 0 reused, 0 diverged, 1 skipped"
    record = RunStore(where.store).find(config)
    assert record.reason == tally.reasons[config]
    assert "resnet50-00000000.pth is not here" in record.reason
    monkeypatch.setattr("fer_lib.training.sources.imagenet_file", lambda name: tmp_path)
    monkeypatch.setattr("fer_lib.training.sources.load_imagenet", lambda model, file: None)
    assert run_all([config], where).count("trained") == 1
    assert RunStore(where.store).find(config).status == "finished"


def test_a_finished_record_survives_the_loss_of_what_it_started_from(tmp_path, monkeypatch):
    """Asked for weights that are gone and cannot be trained again, the record stays."""
    where = place(tmp_path)
    finished = run_one(fine_tuned(epochs=1), where)
    hide_digits(monkeypatch)
    again = run_one(fine_tuned(epochs=1), where, keep_weights=True)
    assert again == finished
    assert RunStore(where.store).get(finished.run_id) == finished


def test_a_deadline_that_is_over_starts_nothing(tmp_path):
    tally = run_all([tiny(), tiny(seed=1)], place(tmp_path), deadline=time.monotonic())
    assert str(tally) == "0 trained, 0 reused, 0 diverged, 0 skipped, 2 left"
    assert RunStore(tmp_path / "store").records() == []


@pytest.mark.clock
def test_a_deadline_stops_after_an_epoch_and_the_next_call_goes_on(tmp_path):
    where, whole = place(tmp_path / "parts", checkpoint_every=3600.0), place(tmp_path / "whole")
    config, events = tiny(epochs=3), []
    near_groups(data.load("toyfaces"))  # else the search for copies takes the time
    deadline = time.monotonic() + 10  # an epoch of so small a run is guessed at 1.6 s, most of it its end

    def report(event):
        events.append(event)
        if event.epoch:
            time.sleep(max(0.0, deadline - time.monotonic()))

    tally = run_all([config, tiny(epochs=1)], where, deadline=deadline, report=report)
    assert [(event.epoch, event.state) for event in events] == [(1, ""), (0, "stopped"), (0, "stopped")]
    assert tally.count("stopped") == 2
    events.clear()
    run_all([config], where, report=events.append)
    assert [event.epoch for event in events] == [2, 3, 0]
    run_one(config, whole)
    assert_same_runs(RunStore(where.store), RunStore(whole.store))


@pytest.mark.clock
def test_no_run_starts_that_should_not_get_through_an_epoch(tmp_path):
    where = place(tmp_path)
    measured = run_one(tiny(epochs=1), where)
    enormous, small = tiny(train_limit=2400, epochs=1), tiny(epochs=1, seed=1)
    deadline = time.monotonic() + 20 * measured.seconds  # of an epoch that takes about 150 times as long
    tally = run_all([enormous, small], where, deadline=deadline)
    assert tally.states == {enormous: "stopped", small: "trained"}


def test_parallel_jobs_give_the_records_of_one(tmp_path):
    configs = [tiny(epochs=1), fine_tuned(epochs=1), tiny(epochs=1, attention="stn"), tiny(optimizer="sgd", lr=1e30)]
    one, two, events = place(tmp_path / "one"), place(tmp_path / "two"), []
    run_all(configs, one)
    tally = run_all(configs, two, jobs=2, report=events.append)
    assert str(tally) == "4 trained, 0 reused, 1 diverged, 0 skipped"
    assert_same_runs(RunStore(one.store), RunStore(two.store))
    assert [event.config.dataset for event in events if event.epoch].count("digits") == 1
    assert multiprocessing.active_children() == []


def break_adam(monkeypatch):
    """Runs with Adam break; there is no telling why."""
    train = run.train

    def broken(config, *arguments, **options):
        if config.optimizer == "adam":
            raise RuntimeError("the ends of this earth\nand a long explanation")
        return train(config, *arguments, **options)

    monkeypatch.setattr(run, "train", broken)


def test_a_run_that_breaks_is_told_and_does_not_stop_the_others(tmp_path, monkeypatch):
    good, bad, where = tiny(epochs=1, optimizer="sgd"), tiny(epochs=1), place(tmp_path)
    with monkeypatch.context() as patched:
        break_adam(patched)
        tally = run_all([bad, good], where)
    assert str(tally) == "1 trained, 0 reused, 0 diverged, 0 skipped, 1 broken"
    store = RunStore(where.store)
    (run_id,) = store.troubles()
    assert store.troubles()[run_id] == "RuntimeError: the ends of this earth and a long explanation"
    assert "Traceback" in store.trouble_path(run_id).read_text()
    assert str(store.trouble_path(run_id)) in tally.reasons[bad]
    assert str(run_all([bad, good], where)) == "1 trained, 1 reused, 0 diverged, 0 skipped"
    assert store.troubles() == {}


def test_a_gpu_that_failed_is_not_asked_again(tmp_path, monkeypatch):
    """What an assertion in a kernel leaves behind: every later call raises the same."""
    events: list[Event] = []

    def failed(config, *arguments, **options):
        raise torch.AcceleratorError("CUDA error: device-side assert triggered\nmore on it")

    monkeypatch.setattr(run, "train", failed)
    with pytest.raises(FerError, match=r"device-side assert triggered\.\nThis process can train no more"):
        run_all([tiny(epochs=1, seed=seed) for seed in range(2)], place(tmp_path), report=events.append)
    assert ends(events) == []
    assert RunStore(place(tmp_path).store).troubles() == {}


@pytest.mark.parametrize("good", [1, 0])
def test_three_that_break_in_a_row_end_the_campaign(tmp_path, monkeypatch, good):
    break_adam(monkeypatch)
    configs = [tiny(epochs=1, seed=seed, optimizer="sgd" if seed == 1 and good else "adam") for seed in range(4)]
    events: list[Event] = []
    if good:
        run_all(configs, place(tmp_path), report=events.append)
    else:
        with pytest.raises(FerError, match="3 runs in a row broke"):
            run_all(configs, place(tmp_path), report=events.append)
    assert [state for _, state in ends(events)] == (
        ["broken", "trained", "broken", "broken"] if good else ["broken"] * 3
    )


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced(tmp_path):
    """Of two runs the process of one is killed: that run is broken, and the third is trained."""
    configs = [tiny(epochs=40), tiny(epochs=40, seed=1), tiny(epochs=1, seed=2)]
    killed: list[int] = []

    def kill_one(event):
        if event.epoch == 1 and not killed:
            victim = multiprocessing.active_children()[0]
            killed.append(victim.pid)
            victim.kill()

    tally = run_all(configs, place(tmp_path), jobs=2, report=kill_one)
    assert str(tally) == "2 trained, 0 reused, 0 diverged, 0 skipped, 1 broken"
    (reason,) = (tally.reasons[config] for config in configs if tally.states[config] == "broken")
    assert reason.startswith("its process ended unexpectedly (exit code -9)")
    assert multiprocessing.active_children() == []
    assert str(run_all(configs, place(tmp_path))) == "1 trained, 2 reused, 0 diverged, 0 skipped"


@pytest.mark.slow
def test_a_run_whose_process_cannot_be_started_is_broken_and_the_others_are_trained(tmp_path, monkeypatch):
    refused = []

    def start(*arguments):
        if not refused:
            refused.append(arguments)
            raise BlockingIOError("no process is left")
        return processes.start(*arguments)

    monkeypatch.setattr(pool, "start", start)
    tally = run_all([tiny(epochs=1, seed=seed) for seed in range(3)], place(tmp_path), jobs=2)
    assert str(tally) == "2 trained, 0 reused, 0 diverged, 0 skipped, 1 broken"
    (reason,) = filter(None, tally.reasons.values())
    assert reason.startswith("its process could not be started (BlockingIOError: no process is left)")
