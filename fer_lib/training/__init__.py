"""Configs → runs → records."""

from fer_lib.training.campaign import Tally, run_all
from fer_lib.training.config import RunConfig
from fer_lib.training.grid import Cell, Grid, expand, grids_in, parse_grid, read_params
from fer_lib.training.record import Epoch, Record
from fer_lib.training.run import RunContext, run_one
from fer_lib.training.store import RunStore

__all__ = [
    "Cell",
    "Epoch",
    "Grid",
    "Record",
    "RunConfig",
    "RunContext",
    "RunStore",
    "Tally",
    "expand",
    "grids_in",
    "parse_grid",
    "read_params",
    "run_all",
    "run_one",
]
