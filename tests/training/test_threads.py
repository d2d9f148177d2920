"""Runs side by side in threads, as on one GPU: the same records as one after the other, and a clean end."""

import threading

import pytest
from training.tiny import assert_same_runs, fine_tuned, place, tiny

from fer_lib.errors import FerError
from fer_lib.training import RunStore, run_all
from fer_lib.training.pool import Waiting, run_in_threads

CONFIGS = [tiny(seed=seed, attention=attention) for seed in (0, 1) for attention in ("none", "stn")]


def in_threads(configs, where, *, held_back=lambda config: "", report=lambda event: None) -> None:
    waiting = Waiting([(config, False) for config in configs], held_back=held_back, report=report)
    run_in_threads(waiting, where, jobs=3, deadline=None)


def test_threads_leave_the_records_of_one_run_after_the_other(tmp_path):
    """Initial weights, order, augmentation and dropout of a run do not depend on its neighbours."""
    configs = [*CONFIGS, fine_tuned(), tiny(optimizer="sgd", lr=1e30)]
    one, side_by_side = place(tmp_path / "one"), place(tmp_path / "side")
    run_all(configs, one)
    in_threads(configs, side_by_side)
    assert_same_runs(RunStore(one.store), RunStore(side_by_side.store))


def test_a_broken_run_stops_the_others_after_their_epoch(tmp_path):
    long, bad = tiny(epochs=100_000), tiny(dataset="fer2013")
    events, before = [], threading.active_count()
    with pytest.raises(FerError):
        in_threads([long, bad], place(tmp_path, data=tmp_path / "nothing"), report=events.append)
    assert threading.active_count() == before
    assert [event.state for event in events if event.config == long][-1] == "stopped"


def test_what_is_held_back_is_left(tmp_path):
    events = []
    in_threads(CONFIGS, place(tmp_path), held_back=lambda config: "later" if config.seed else "", report=events.append)
    ends = {event.config: event.state for event in events if event.state}
    assert ends == {config: "trained" if config.seed == 0 else "stopped" for config in CONFIGS}
