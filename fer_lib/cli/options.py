"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder or file with FER2013 (default: FER_DATA, or data/).")
]
JobsOption = Annotated[int, typer.Option(min=0, help="Runs at once; 0: one per CPU core, or one per GPU.")]
