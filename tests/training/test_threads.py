"""Runs side by side in threads, as on one GPU: the same records as one after the other, and a clean end."""

import threading

import pytest
import torch
from training.tiny import assert_same_runs, fine_tuned, place, tiny

from fer_lib.campaign import run_all
from fer_lib.campaign.pool import RunQueue, run_in_threads
from fer_lib.errors import FerError
from fer_lib.training import RunStore

CONFIGS = [tiny(seed=seed, attention=attention) for seed in (0, 1) for attention in ("none", "stn")]


def in_threads(configs, where, *, held_back=lambda config: "", report=lambda event: None) -> None:
    waiting = RunQueue([(config, False) for config in configs], held_back=held_back, report=report)
    run_in_threads(waiting, where, jobs=3, deadline=None)


def test_threads_leave_the_records_of_one_run_after_the_other(tmp_path):
    """Initial weights, order, augmentation and dropout of a run do not depend on its neighbours."""
    configs = [*CONFIGS, fine_tuned(), tiny(optimizer="sgd", lr=1e30)]
    one, side_by_side = place(tmp_path / "one"), place(tmp_path / "side")
    run_all(configs, one)
    in_threads(configs, side_by_side)
    assert_same_runs(RunStore(one.store), RunStore(side_by_side.store))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_threads_on_a_gpu_leave_the_records_of_one_run_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_MODE", "strict")
    one, side_by_side = (place(tmp_path / name, device="cuda") for name in ("one", "side"))
    run_all(CONFIGS, one)
    in_threads(CONFIGS, side_by_side)
    torch.use_deterministic_algorithms(False)
    assert_same_runs(RunStore(one.store), RunStore(side_by_side.store))


def test_a_run_that_spares_a_capture_goes_first_but_not_from_far_away():
    tasks = [(tiny(seed=seed, attention="stn" if seed % 20 == 19 else "none"), False) for seed in range(40)]
    waiting = RunQueue(tasks, held_back=lambda config: "", report=lambda event: None)
    suits = lambda config: config.attention == "stn"  # noqa: E731
    taken = [waiting.next(suits)[0].seed for _ in range(40)]
    assert sorted(taken) == list(range(40))
    assert taken[:6] == [0, 1, 2, 3, 19, 4]
    assert taken.index(39) == 39 - 15


def test_runs_of_other_processes_come_again_after_all_others():
    """However many there are: asked for in turn, two of them would keep a campaign from its third for ever."""
    tasks = [(tiny(seed=seed), False) for seed in range(4)]
    waiting = RunQueue(tasks, held_back=lambda config: "", report=lambda event: None)
    for seed in (0, 1):
        assert (task := waiting.next()) == tasks[seed]
        assert not waiting.put_back(task)
    assert [waiting.next(), waiting.next()] == tasks[2:]
    assert waiting.next() == tasks[0]
    assert not waiting.put_back(tasks[0])
    assert waiting.next() == tasks[1]
    assert waiting.put_back(tasks[1]), "all that are left are elsewhere"
    assert [waiting.next(), waiting.next(), waiting.next()] == [tasks[0], tasks[1], None]


def test_what_cannot_go_on_stops_the_others_after_their_epoch(tmp_path):
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
