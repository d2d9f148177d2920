"""Progress of a campaign: a bar with ETA in a terminal, a line per epoch elsewhere."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tqdm import tqdm

from fer_lib.training.config import RunConfig
from fer_lib.training.cost import gflop
from fer_lib.training.event import Event, title


class Progress:
    """Context manager whose `report` takes a campaign's events; progress is measured in work, not in runs.

    `verbose` prints a line for every epoch also where there is a bar; `every_epoch` where there is none.
    """

    def __init__(self, configs: Sequence[RunConfig], *, every_epoch: bool = True, verbose: bool = False) -> None:
        self._work = {config: gflop(config) for config in configs}
        self._done: dict[RunConfig, float] = {}
        self._reused = 0.0
        self._ended = 0
        self._began = time.monotonic()
        self._every_epoch = every_epoch or verbose
        self._verbose = verbose
        self._bar: tqdm | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            layout = "{desc} {percentage:3.0f}% |{bar}| {elapsed} passed, {remaining} to go{postfix}"
            self._bar = tqdm(total=sum(self._work.values()), desc=self._counted(), bar_format=layout, leave=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, event: Event) -> None:
        work = self._work.setdefault(event.config, gflop(event.config))
        before = self._done.get(event.config, 0.0)
        self._done[event.config] = work if event.state else work * event.epoch / event.config.epochs
        if event.state in ("reused", "skipped"):
            self._reused += work - before
        self._ended += bool(event.state)
        if self._bar is not None:
            if self._verbose and not event.state:
                self._bar.write(self._line(event))
            self._bar.set_description(self._counted())
            self._bar.set_postfix_str(f" {title(event.config)}")
            self._bar.update(self._done[event.config] - before)
        elif event.state not in ("", "reused") or (self._every_epoch and not event.state):
            print(self._line(event), flush=True)

    def _counted(self) -> str:
        return f"run {self._ended}/{len(self._work)}"

    def _line(self, event: Event) -> str:
        if event.state:
            reason = f": {event.reason}" if event.reason else ""
            return f"[{self._counted()}] {event.state} {title(event.config)}{reason}"
        return (
            f"[{self._counted()}] {title(event.config)}: epoch {event.epoch}/{event.config.epochs}, "
            f"accuracy {event.accuracy:.3f}, {event.images / max(event.seconds, 1e-9):,.0f} images/s, ETA {self._eta()}"
        )

    def _eta(self) -> str:
        done = sum(self._done.values()) - self._reused
        left = sum(self._work.values()) - done - self._reused
        seconds = (time.monotonic() - self._began) * left / max(done, 1e-9)
        return tqdm.format_interval(seconds)
