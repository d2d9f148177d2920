"""No two arms of a notebook look alike, and one run looks the same under all its names."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fer_lib.campaign import Plan
from fer_lib.plots.style import arm_lines, arm_style, forest, image_grid

ROOT = Path(__file__).parents[2]
TABLES = ("12_paper_numbers", "13_beyond_the_paper")  # more arms than there are colours, all drawn in one
PATHS = sorted(path for path in (ROOT / "params").glob("*/[01]*.yaml") if path.stem not in TABLES)
GRIDS = {file.path: file.grid for file in Plan.of(*PATHS).files if file.grid}


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_arms_of_a_notebook_are_told_apart(path):
    looks = [arm_style(arm) for arm in GRIDS[path].arms]
    assert len({found.colour for found in looks}) == len(looks)
    assert len({(found.marker, found.line) for found in looks}) == len(looks)


def test_one_run_has_one_look():
    assert arm_style("ResNet50") == arm_style("Adam") == arm_style("0.001")


def test_a_forest_has_each_mark_at_the_height_of_its_row():
    table = pd.DataFrame([
        {"panel": "FER2013", "row": "CNN", "mean": 0.6, "low": 0.5, "high": 0.7},
        {"panel": "FER2013", "row": "ResNet50", "mean": 0.4, "mark": "x", "label": "the paper"},
        {"panel": "FER+", "row": "ResNet50", "mean": 0.8, "hollow": True},
    ])  # fmt: skip
    figure = forest(table, xlabel="accuracy", zero=True)
    first, second = figure.axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["CNN", "ResNet50"]
    ends = [line for line in first.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] == 0.5]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in ends] == [([0.5, 0.7], [0, 0])]
    assert {line.get_marker(): float(line.get_ydata()[0]) for line in first.lines if line.get_marker() in "ox"} == {
        "o": 0.0, "x": 1.0,
    }  # fmt: skip
    assert second.lines[-1].get_markerfacecolor() == "white"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["the paper"]
    plt.close(figure)


def test_lines_are_means_over_seeds_and_a_panel_has_its_own():
    rows = [
        {"arm": arm, "dataset": dataset, "seed": seed, "epoch": epoch, "accuracy": epoch + seed}
        for arm in ("CNN", "SGD") for dataset in ("a", "b") for seed in (0, 2) for epoch in (1, 2)
    ]  # fmt: skip
    grid = arm_lines(pd.DataFrame(rows), x="epoch", y="accuracy", col="dataset")
    assert [axes.get_title() or axes.get_title(loc="left") for axes in grid.axes.flat] == ["a", "b"]
    assert [list(line.get_ydata()) for line in grid.axes[0, 0].lines[:2]] == [[2.0, 3.0]] * 2
    plt.close(grid.figure)


def test_lines_of_images_may_be_of_different_lengths():
    black = np.zeros((48, 48), np.uint8)
    figure = image_grid([[black, black, black], [black]], titles=["a", "b", "c", "d"], rows=["one", "two"])
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 0, 0]
    assert [axes.get_title() for axes in figure.axes][:4] == ["a", "b", "c", "d"]
    plt.close(figure)
