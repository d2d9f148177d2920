"""What a campaign says while it works."""

import time
from collections.abc import Sequence
from pathlib import Path

from fer_lib.campaign.cost import gflop, makespan, run_seconds
from fer_lib.training.config import RunConfig
from fer_lib.training.event import Event, title, titles
from fer_lib.training.live import Live
from fer_lib.training.machine import default_device
from fer_lib.training.store import RunStore

LONG = 3600.0  # seconds from which the way to do without training is told


class Progress(Live):
    """The line of a campaign, whose events `report` takes; progress is measured in work, not in runs.

    It opens with the number of runs that `store` lacks and how long they should take, `jobs` at once. `every_epoch`
    prints a line for each epoch; `without` says how to do without training, where that would take over an hour.
    """

    def __init__(
        self, configs: Sequence[RunConfig], store: str | Path, *, jobs: int = 1, every_epoch: bool = False,
        without: str = "",
    ) -> None:  # fmt: skip
        there = {record.config for record in RunStore(store).records() if record.status != "skipped"}
        self._jobs = jobs
        self._work = self._cost([config for config in configs if config not in there])
        self._of, self._without = len(configs), without
        self._titles = titles(configs)
        on_cpu = default_device().type == "cpu"
        self._guess = makespan(self._work.values(), jobs=jobs) if on_cpu and self._work else None
        self._done: dict[RunConfig, float] = {}
        self._before = 0.0  # work of epochs that an earlier campaign did
        self._ended: set[RunConfig] = set()
        self._waits: set[RunConfig] = set()
        self._last: Event | None = None
        self._began = time.monotonic()
        self._every_epoch = every_epoch
        opening = self._to_train() if self._work else ""
        super().__init__(total=sum(self._work.values()), line=self._state, opening=opening)

    def report(self, event: Event) -> None:
        """Takes an event of a run: an epoch, its end, or that it waits."""
        config = event.config
        if event.reason and not event.state:
            if config not in self._waits:
                self._waits.add(config)
                self.say(f"{self._title(config)}: {event.reason}")
            return
        if config not in self._work:  # it was there already, or is the pre-training of one that was not
            if event.state == "reused":
                return
            self._work |= self._cost([config])
        work, before = self._work[config], self._done.get(config)
        if before is None and event.epoch > 1:
            before = work * (event.epoch - 1) / config.epochs
            self._before += before
        self._done[config] = work if event.state else work * event.epoch / config.epochs
        self.advance(self._done[config] - (before or 0.0))
        if event.state:
            self._ended.add(config)
            if len(self._ended) == len(self._work):
                self.finish()
        else:
            self._last = event
        if event.state != "reused" if event.state else self._every_epoch:
            self.say(self._told(event))

    def _cost(self, configs: Sequence[RunConfig]) -> dict[RunConfig, float]:
        """What runs cost: guessed seconds, or GFLOP on a GPU."""
        return run_seconds(configs, jobs=self._jobs) or {config: gflop(config) for config in configs}

    def _title(self, config: RunConfig) -> str:
        return self._titles.get(config) or title(config)  # the latter of a pre-training run

    def _to_train(self) -> str:
        lacking = len(self._work)
        text = f"{lacking} of {self._of} runs to train"
        if self._guess is None:
            return f"{text}."
        text += f", about {format_duration(self._guess)} here (a guess until the first of them has ended)."
        return f"{text} {self._without}".strip() if self._guess > LONG else text

    def _counted(self) -> str:
        return f"run {len(self._ended)}/{len(self._work)}"

    def _state(self) -> str:
        parts = [self._counted()]
        if self._last is not None:
            event = self._last
            parts.append(f"{self._title(event.config)}, epoch {event.epoch}/{event.config.epochs}, {_speed(event)}")
        return ", ".join(parts) + self._to_go()

    def _told(self, event: Event) -> str:
        if event.state:
            reason = f": {event.reason}" if event.reason else ""
            return f"[{self._counted()}] {event.state} {self._title(event.config)}{reason}"
        return (
            f"[{self._counted()}] {self._title(event.config)}: epoch {event.epoch}/{event.config.epochs}, "
            f"accuracy {event.accuracy:.3f}, {_speed(event)}{self._to_go()}"
        )

    def _to_go(self) -> str:
        """`, 12 min to go`: by what was done since the beginning, before that by the guess; empty without either."""
        passed = time.monotonic() - self._began
        done = sum(self._done.values()) - self._before
        if done:
            left = passed * (sum(self._work.values()) - self._before - done) / done
        elif self._guess is not None:
            left = self._guess - passed
        else:
            return ""
        return f", {format_duration(max(0.0, left))} to go"


def _speed(event: Event) -> str:
    return f"{event.images / max(event.seconds, 1e-9):,.0f} images/s"


def format_duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
