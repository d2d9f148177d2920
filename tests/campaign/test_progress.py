"""What a campaign says: how much and how long at first, then often enough, and never a wrong time to go."""

import io
import re
import sys
import time

import pytest
from tqdm import tqdm
from training.tiny import place, tiny

from fer_lib.campaign import progress, run_all
from fer_lib.campaign.progress import Progress
from fer_lib.training import live
from fer_lib.training.event import Event, title, titles
from fer_lib.training.live import Live

CONFIGS = [tiny(), tiny(seed=1)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quick_clock(monkeypatch):
    monkeypatch.setattr(live, "TICK", 0.02)
    monkeypatch.setattr(live, "QUIET", 0.05)


def test_it_opens_with_the_runs_that_are_missing_and_about_how_long_they_take(tmp_path, capsys):
    with Progress(CONFIGS, tmp_path) as told:
        told.report(Event(CONFIGS[0], state="trained"))
    assert re.match(r"2 of 2 runs to train, about \d+ (s|min) here", capsys.readouterr().out)
    where = place(tmp_path)
    run_all(CONFIGS[:1], where)
    with Progress(CONFIGS, where.store) as told:
        told.report(Event(CONFIGS[0], state="reused"))
        told.report(Event(CONFIGS[1], state="trained"))
    assert capsys.readouterr().out.startswith("1 of 2 runs to train")


def test_where_it_takes_hours_it_says_how_to_do_without(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "run_seconds", lambda configs, jobs: dict.fromkeys(configs, 1.5 * 3600.0))
    with Progress(CONFIGS, tmp_path, without="TRAIN=0 does without.") as told:
        told.report(Event(CONFIGS[0], state="trained"))
    assert "about 3 h 0 min here" in (said := capsys.readouterr().out)
    assert "TRAIN=0" in said


def test_a_log_gets_a_line_when_nothing_was_said_for_a_while(tmp_path, capsys, quick_clock):
    with Progress(CONFIGS, tmp_path) as told:
        told.report(Event(CONFIGS[0], epoch=1, images=160, seconds=2.0))
        time.sleep(0.3)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert 2 <= len(lines) <= 10
    assert all(re.search(r"run 0/2, vanilla_cnn .* epoch 1/2, 80 images/s, \d+ s to go", line) for line in lines)


def test_a_terminal_has_one_line_that_moves(tmp_path, monkeypatch, quick_clock):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with Progress(CONFIGS, tmp_path) as told:
        told.report(Event(CONFIGS[0], epoch=1, images=160, seconds=2.0))
        time.sleep(0.3)
    drawn = screen.getvalue()
    assert drawn.count("\r") >= 5
    assert "epoch 1/2, 80 images/s" in drawn


def test_a_notebook_has_a_bar_that_says_where_it_is(tmp_path, monkeypatch, capsys):
    bars = []

    class Bar(tqdm):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options, file=io.StringIO())
            bars.append(self)

    monkeypatch.setattr(live, "notebook_bar", Bar)
    monkeypatch.setattr(live, "_in_notebook", lambda: True)
    with Progress(CONFIGS, tmp_path) as told:
        assert len(bars) == 1, "from the first second"
        for epoch in (1, 2):
            told.report(Event(CONFIGS[0], epoch=epoch, images=160, seconds=2.0, accuracy=0.5))
        told.report(Event(CONFIGS[0], state="trained"))
        told.report(Event(CONFIGS[1], state="skipped", reason="no weights"))
    assert bars[0].n == bars[0].total
    opening, *ends = capsys.readouterr().out.splitlines()
    assert opening.startswith("2 of 2 runs to train")
    assert ends == [f"[run 1/2] trained {title(CONFIGS[0])}", f"[run 2/2] skipped {title(CONFIGS[1])}: no weights"]


def test_runs_that_would_read_alike_name_what_differs():
    slow = tiny(attention="stn", localisation_lr=0.1)
    named = titles([tiny(), tiny(attention="stn"), slow, slow])
    assert list(named) == [tiny(), tiny(attention="stn"), slow]
    assert named[tiny()] == title(tiny())
    assert named[slow] == title(slow) + ", localisation_lr 0.1"
    assert len(set(named.values())) == 3


def test_epochs_of_an_earlier_campaign_do_not_count_as_fast(tmp_path, capsys, monkeypatch):
    """A run that goes on from its last epoch but one: what is left takes as long as what was just done."""
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    config = tiny(epochs=10)
    told = Progress([config], tmp_path, every_epoch=True)
    told.report(Event(config, epoch=9, images=16, seconds=10.0))
    to_go = re.search(r"(\d+) s to go", capsys.readouterr().out.splitlines()[-1])
    assert to_go
    assert 10 <= int(to_go[1]) <= 40


def test_it_says_once_that_it_waits(tmp_path, capsys):
    with Progress(CONFIGS, tmp_path) as told:
        for _ in range(3):
            told.report(Event(CONFIGS[0], reason="another process trains it"))
    assert capsys.readouterr().out.count("another process trains it") == 1


def test_what_is_said_in_between_stays_readable(capsys, quick_clock):
    with Live(total=2, line=lambda: "one of two") as live:
        live.say("first")
        live.advance(1)
        time.sleep(0.2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "first"
    assert set(lines[1:]) == {"one of two"}
