"""The one error a user's mistake raises: a message of one or two lines and no traceback."""


class FerError(Exception):
    """What was found, what was expected and what to do; the CLI prints it and exits with code 2."""
