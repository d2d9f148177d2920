"""What a run costs is counted and guessed; a deadline holds."""

import time

import pytest
from training.tiny import place, tiny

from fer_lib.campaign import run_all
from fer_lib.campaign.cost import gflop, makespan, run_seconds
from fer_lib.training import run_one


def test_more_work_costs_more():
    base = gflop(tiny())
    assert gflop(tiny(epochs=4, train_limit=640)) > 1.5 * gflop(tiny(epochs=2, train_limit=640))
    assert gflop(tiny(attention="stn")) > base
    assert gflop(tiny(train_limit=64)) > base
    assert gflop(tiny(model="compact")) < base
    assert gflop(tiny(model="resnet50", stem="small")) > gflop(tiny(model="resnet50")) > base


@pytest.mark.parametrize(("jobs", "wanted"), [(1, 11), (2, 6), (3, 5), (9, 5)])
def test_a_campaign_ends_with_its_last_job(jobs, wanted):
    assert makespan([5, 3, 2, 1], jobs=jobs) == wanted


@pytest.mark.clock
@pytest.mark.parametrize("changes", [{}, {"model": "resnet50", "width_per_group": 16}])
def test_a_run_takes_about_what_was_guessed(tmp_path, changes):
    """Within a factor of two here, since other work on the machine is not foreseen; LOG.md has the real figures."""
    config = tiny(batch_size=32, train_limit=512, test_limit=128, epochs=3, **changes)
    guessed = run_seconds([config], jobs=1)[config]
    assert 0.5 < run_one(config, place(tmp_path, threads=1)).seconds / guessed < 2


def test_nothing_starts_that_would_not_get_through_an_epoch_by_the_deadline(tmp_path, monkeypatch):
    configs = [tiny(), tiny(seed=1)]
    monkeypatch.setattr(
        "fer_lib.campaign.schedule.run_seconds", lambda runs, jobs: {configs[0]: 1000.0, configs[1]: 0.0}
    )
    tally = run_all(configs, place(tmp_path), deadline=time.monotonic() + 100)
    assert tally.states == {configs[0]: "stopped", configs[1]: "trained"}
