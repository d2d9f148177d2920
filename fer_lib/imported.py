"""Imports by name: what a params file names as `package.module:name`, and a package's names once they are asked for."""

import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fer_lib.errors import FerError

_EXECUTED: dict[str, str] = {}  # by module, the hash of its file when it was first imported here
_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_import_path(name: str) -> bool:
    """Whether `name` is written as `package.module:name`."""
    return bool(_NAME.fullmatch(name))


def imported(name: str) -> Callable[..., Any]:
    """What the import path `name` names; its module is executed.

    Raises:
        FerError: there is no such module, it raises, or it has nothing callable of that name.
    """
    module, _, function = name.partition(":")
    _here_first()
    try:
        found = getattr(importlib.import_module(module), function, None)
        executed = _EXECUTED.setdefault(module, source_hash(name))
    except FerError:
        raise
    except Exception as error:  # a module of somebody else raises what it likes
        raise FerError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    if executed != source_hash(name):
        raise FerError(f"{name}: its file has changed since it was imported.\nStart the kernel or command again.")
    if not callable(found):
        raise FerError(f"{name}: {module} has no function {function!r}.")
    return found


def source_hash(name: str) -> str:
    """Hex sha256 of the file that the import path `name` lies in, without executing it.

    Raises:
        FerError: there is no such file.
    """
    module = name.partition(":")[0]
    _here_first()
    try:
        found = importlib.util.find_spec(module)
    except Exception as error:  # a parent package is executed for it
        raise FerError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    if found is None or not found.origin or not Path(found.origin).is_file():
        raise FerError(f"{name}: there is no module {module!r} here or among the installed packages.")
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()


def _here_first() -> None:
    """The folder that a command was started in holds modules, too, as it does for `python`."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())


def on_demand(package: str, homes: dict[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A package's `__getattr__`: each public name from its module (`homes`) when it is first asked for."""

    def attribute(name: str) -> Any:
        for module, names in homes.items():
            if name in names:
                return getattr(importlib.import_module(module), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return attribute
