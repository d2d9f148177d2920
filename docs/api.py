"""The library's reference, written from its docstrings: `make api`."""

import sys
from pathlib import Path

import pdoc

import fer_lib
from fer_lib import data

MODULES = ("data", "models", "training", "evaluation", "geometry")


def write(folder: Path) -> None:
    """HTML pages of the public names of `fer_lib` and of the modules behind them."""
    for package in (fer_lib, data):
        for name in package.__all__:
            setattr(package, name, getattr(package, name))  # each is imported when it is first asked for
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc("fer_lib", *(f"fer_lib.{name}" for name in MODULES), output_directory=folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
