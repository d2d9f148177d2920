"""Many runs: which ones, in what order, on how many cores or machines, and what is said meanwhile."""

from fer_lib.campaign.grid import Cell, Grid, expand, parse_grid
from fer_lib.campaign.plan import Plan, read_params
from fer_lib.campaign.schedule import Tally, run_all

__all__ = ["Cell", "Grid", "Plan", "Tally", "expand", "parse_grid", "read_params", "run_all"]
