"""Figures of training: accuracy per epoch (the paper's figures 6 to 21), and all arms at a glance."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_lib.evaluation import published, statistics
from fer_lib.report import findings
from fer_lib.report.style import GREY, arm_title, look
from fer_lib.results import Results


def curves(results: Results, *, metric: str, dataset: str, split: str) -> tuple[Figure | None, pd.DataFrame]:
    """Accuracy per epoch of every arm, mean over seeds with the range over seeds behind it, and the data drawn.

    `metric` is `train_accuracy` or `eval_accuracy`. None where no arm has a history.
    """
    history = results.of(dataset=dataset, split=split, status="finished").history
    if history.empty:
        return None, history
    drawn = history.groupby(["arm", "epoch"], sort=False)[metric].agg(["mean", "min", "max", "count"]).reset_index()
    figure, axes = plt.subplots(figsize=(6.6, 3.6))
    for arm, line in drawn.groupby("arm", sort=False):
        style = look(str(arm))
        axes.plot(line["epoch"], line["mean"], color=style.colour, marker=style.marker, linestyle=style.line, label=arm)
        if line["count"].max() > 1:
            axes.fill_between(line["epoch"], line["min"], line["max"], color=style.colour, alpha=0.15, linewidth=0)
    axes.set(xlabel="epoch", ylabel=f"{findings.watched(metric, split)} accuracy", title=f"{dataset}, {split}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure, drawn


def dots(results: Results, *, split: str) -> tuple[Figure | None, pd.DataFrame]:
    """Test accuracy of every arm: one dot per seed, the mean with its 95 % interval, the paper's number as a cross.

    No crosses where the data only stands in for the paper's.
    """
    rows = []
    for dataset in results.datasets():
        for arm in results.of(dataset=dataset).arms():
            values = results.by_seed(arm=arm, dataset=dataset, split=split)
            rows += [
                {"dataset": dataset, "arm": arm, "seed": seed, "test_accuracy": value} for seed, value in values.items()
            ]
    if not rows:
        return None, pd.DataFrame()
    drawn = pd.DataFrame(rows)
    datasets = list(dict.fromkeys(drawn["dataset"]))
    height = 0.9 + 0.34 * drawn["arm"].nunique()
    figure, grid = plt.subplots(
        1, len(datasets), figsize=(3.6 * len(datasets) + 1.4, height), sharey=True, squeeze=False
    )
    paper = published.accuracies().query("part == 'test'")
    arms = list(dict.fromkeys(drawn["arm"]))[::-1]
    for axes, dataset in zip(grid[0], datasets, strict=True):
        of_role = paper[paper["role"] == results.of(dataset=dataset).runs["role"].iloc[0]]
        for place, arm in enumerate(arms):
            own = drawn.query("dataset == @dataset and arm == @arm")["test_accuracy"].tolist()
            known = of_role.loc[of_role["arm"] == arm, "published"]
            if len(known) and not results.stand_in:
                axes.plot(known.iloc[0], place, "x", color=GREY, markersize=7, markeredgewidth=2)
            if own:
                ours = statistics.estimate(own, overlap=statistics.overlap(split))
                axes.plot(own, [place] * len(own), "o", color=look(arm).colour, alpha=0.35, markersize=4)
                axes.plot([ours.low, ours.high], [place, place], color=look(arm).colour, linewidth=2.5)
                axes.plot(ours.mean, place, "o", color=look(arm).colour, markersize=7)
        axes.set(title=dataset, xlabel="test accuracy" if results.stand_in else "test accuracy (x: the paper's)")
        axes.set_yticks(range(len(arms)), [arm_title(arm) for arm in arms])
        axes.set_ylim(-0.6, len(arms) - 0.4)
        axes.grid(axis="x")
    return figure, drawn
