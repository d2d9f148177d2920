"""A line that moves while something works: a bar in a terminal or a notebook, now and then a line in a log."""

import importlib.util
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from tqdm import tqdm
from tqdm.notebook import tqdm as notebook_bar

from fer_lib.paths import mode

TICK = 1.0  # seconds between two looks at the clock
QUIET = 30.0  # seconds after which a log gets a line


class Live:
    """Context manager for a line that moves: a bar in a terminal, in a log `line()` once nothing was said for a while.

    `say` prints a line of its own above the bar, or into the log. `opening` is said at the first tick, or before
    anything else is said.
    """

    def __init__(self, *, total: float, line: Callable[[], str], opening: str = "") -> None:
        self._total, self._line, self._opening = total, line, opening
        self._bar: tqdm | None = None
        self._said = time.monotonic()
        self._over = threading.Event()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        if _in_notebook():
            self._bar = notebook_bar(total=self._total, bar_format="{l_bar}{bar}")
            self._bar.set_description_str(self._line())
        elif sys.stderr.isatty():
            self._bar = tqdm(total=self._total, bar_format="{percentage:3.0f}% |{bar:20}| {desc}", leave=False)
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self._ticker.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._ticker.join()
        if self._bar is not None:
            self._bar.close()

    def advance(self, amount: float) -> None:
        """Moves the bar by a part of `total`."""
        with self._lock:
            if self._bar is not None:
                self._bar.update(amount)

    def finish(self) -> None:
        """Fills the bar: a sum of shares misses the whole by rounding, which a notebook's bar takes for a failure."""
        with self._lock:
            if self._bar is not None:
                self._bar.n = self._total

    def say(self, text: str) -> None:
        """Prints a line of its own."""
        with self._lock:
            self._said = time.monotonic()
            self._open()
            if self._bar is not None and not isinstance(self._bar, notebook_bar):
                self._bar.write(text)
            else:
                print(text, flush=True)

    def _open(self) -> None:
        if self._opening:
            opening, self._opening = self._opening, ""
            self.say(opening)

    def _tick(self) -> None:
        while not self._over.wait(TICK):
            with self._lock:
                self._open()
                if self._bar is not None:
                    self._bar.set_description_str(self._line())
                elif time.monotonic() - self._said >= QUIET:
                    self.say(self._line())


def _in_notebook() -> bool:
    """Whether somebody watches in JupyterLab: a kernel runs this, and not to make a page."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    watched = hasattr(shell, "kernel") and not mode("publish")
    return watched and importlib.util.find_spec("ipywidgets") is not None
