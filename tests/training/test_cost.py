"""What a run costs is counted, timed and predicted; a deadline holds."""

import time

import pytest
import torch
from training.tiny import place, tiny

from fer_lib.training import calibration, run_all, run_one
from fer_lib.training.calibration import calibrate, choose_jobs
from fer_lib.training.cost import Speed, epoch_seconds, gflop, images, makespan, run_seconds

CPU = torch.device("cpu")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))


def test_more_work_costs_more():
    base = gflop(tiny())
    assert gflop(tiny(epochs=4, train_limit=640)) > 1.5 * gflop(tiny(epochs=2, train_limit=640))
    assert gflop(tiny(attention="stn")) > base
    assert gflop(tiny(train_limit=64)) > base
    assert gflop(tiny(model="compact")) < base
    assert gflop(tiny(model="resnet50", stem="small")) > gflop(tiny(model="resnet50")) > base


def test_seconds_are_those_of_all_images():
    config = tiny(epochs=3, train_limit=100, test_limit=10)
    assert images(config) == (100, 10)
    speed = Speed(start=5.0, train=0.01, evaluate=0.001)
    assert epoch_seconds(config, speed) == pytest.approx(1.01)
    assert run_seconds(config, speed) == pytest.approx(5 + 3 * 1.01 + 0.01)


@pytest.mark.parametrize(("jobs", "wanted"), [(1, 11), (2, 6), (3, 5), (9, 5)])
def test_a_campaign_ends_with_its_last_job(jobs, wanted):
    assert makespan([5, 3, 2, 1], jobs=jobs) == wanted


@pytest.mark.parametrize(
    ("speeds", "wanted"),
    [([10, 10, 1, 1], 1), ([10, 18, 25, 26], 4), ([1, 2, 4, 8], 8), ([10, 10.9, 99, 99], 1)],
)
def test_more_runs_at_once_must_be_worth_it(speeds, wanted):
    asked = []

    def images_per_second(jobs: int) -> float:
        asked.append(jobs)
        return speeds[calibration.JOBS_TRIED.index(jobs)]

    assert choose_jobs(images_per_second) == wanted
    assert len(asked) == len(set(asked)) <= calibration.JOBS_TRIED.index(wanted) + 2


def test_a_calibration_is_kept_and_shared_by_runs_of_a_kind(tmp_path, monkeypatch, empty_cache):
    monkeypatch.setattr(calibration, "SECONDS", 0.05)
    measured = []
    measure = calibration.measure
    monkeypatch.setattr(calibration, "measure", lambda *given: measured.append(given[0]) or measure(*given))
    monkeypatch.setattr(calibration, "UNDISTURBED", 0.0)
    same, other = tiny(seed=4, optimizer="sgd", attention="stn_frozen"), tiny(attention="stn")
    speeds = calibrate([tiny(), same, other], place(tmp_path))
    assert len(measured) == 2
    assert speeds[tiny()] is speeds[same]
    assert all(min(speed.train, speed.evaluate) > 0 for speed in speeds.values())
    assert calibrate([other], place(tmp_path)) == {other: speeds[other]}
    assert len(measured) == 2
    calibrate([other], place(tmp_path, threads=2))
    assert len(measured) == 3, "another number of threads is another speed"


@pytest.mark.clock
def test_the_runs_that_follow_take_about_what_was_predicted(tmp_path, empty_cache):
    """Within a factor of two here, since other work on the machine is not foreseen; LOG.md has the real figures."""
    config = tiny(batch_size=32, train_limit=512, test_limit=128, epochs=3)
    where = place(tmp_path)
    predicted = run_seconds(config, calibrate([config], where)[config])
    assert 0.5 < run_one(config, where).seconds / predicted < 2


def test_nothing_starts_that_would_not_get_through_an_epoch_by_the_deadline(tmp_path, monkeypatch):
    slow = Speed(start=0.0, train=10.0, evaluate=0.0)
    quick = Speed(start=0.0, train=0.0, evaluate=0.0)
    configs = [tiny(), tiny(seed=1)]
    monkeypatch.setattr(
        "fer_lib.training.campaign.calibrate", lambda runs, where, jobs: {configs[0]: slow, configs[1]: quick}
    )
    tally = run_all(configs, place(tmp_path), deadline=time.monotonic() + 100)
    assert tally.states == {configs[0]: "stopped", configs[1]: "trained"}


def test_kinds_side_by_side_on_a_gpu_are_timed_together_and_captured_once(tmp_path, monkeypatch):
    """Captures come one after the other: who is ready first waits, else each would be timed alone."""
    at_work, slots, crowd = [], [], []

    def measure(config, place, *, slot, together):
        time.sleep(0.05 * slot)  # its capture
        together()
        at_work.append(config)
        time.sleep(0.2)
        crowd.append(len(at_work))
        slots.append(slot)
        return Speed(0.0, 1.0, 1.0), 1.0

    monkeypatch.setattr(calibration, "measure", measure)
    kinds = [(str(number), tiny(seed=number)) for number in range(5)]
    found = calibration._in_threads(kinds, place(tmp_path), 4)
    assert {kind: len(taken) for kind, taken in found.items()} == {"0": 2, "1": 2, "2": 2, "3": 1, "4": 1}
    assert sorted(slots) == sorted([0, 1, 2, 3] * 2)
    assert min(crowd[:4]) == 4, "one was timed before the others were ready"


def test_a_kind_that_breaks_while_it_is_timed_leaves_none_waiting(tmp_path, monkeypatch):
    def measure(config, place, *, slot, together):
        if slot == 1:
            raise RuntimeError("out of memory")
        together()

    monkeypatch.setattr(calibration, "measure", measure)
    with pytest.raises(RuntimeError, match="out of memory"):
        calibration._in_threads([(str(number), tiny(seed=number)) for number in range(4)], place(tmp_path), 4)
