"""No two arms of a notebook look alike, and one run looks the same under all its names."""

from pathlib import Path

import pytest

from fer_lib.report.style import arm_style
from fer_lib.training import grids_in

ROOT = Path(__file__).parents[2]
TABLES = ("12_paper_numbers", "13_beyond_the_paper")  # more arms than there are colours, all drawn in one
GRIDS = grids_in(path for path in sorted((ROOT / "params").glob("*/*.yaml")) if path.stem not in TABLES)


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_arms_of_a_notebook_are_told_apart(path):
    looks = [arm_style(arm) for arm in GRIDS[path].arms]
    assert len({found.colour for found in looks}) == len(looks)
    assert len({(found.marker, found.line) for found in looks}) == len(looks)


def test_one_run_has_one_look():
    assert arm_style("ResNet50") == arm_style("Adam") == arm_style("0.001")
