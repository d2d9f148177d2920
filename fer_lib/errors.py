"""The one error a user's mistake raises: a message of one or two lines and no traceback."""

import sys
import traceback


class FerError(Exception):
    """What was found, what was expected and what to do; the CLI prints it and exits with code 2."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it in a notebook: the message, as on the command line (Python's `-X dev` shows all)."""
        if sys.flags.dev_mode:
            return traceback.format_exception(self)
        return [f"error: {self}"]


class DataMissing(FerError):
    """A data set that is not here, as opposed to one that is here and damaged; its runs can still be read."""


class Fatal(FerError):
    """What ends a whole campaign, and not one run of it: nothing can be written, or nothing more be computed here."""
