"""Many runs: which ones, in what order, on how many cores or machines, and what is said meanwhile."""

from fer_lib.campaign.grid import Cell, Grid, expand, grids_in, parse_grid, read_params
from fer_lib.campaign.schedule import Tally, run_all

__all__ = ["Cell", "Grid", "Tally", "expand", "grids_in", "parse_grid", "read_params", "run_all"]
