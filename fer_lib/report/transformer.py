"""Figures of the spatial transformer: what its theta does over training, and the warped faces themselves."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_lib.data import FaceSet
from fer_lib.explorer.picture import Tile, sheet
from fer_lib.explorer.scene import warped
from fer_lib.geometry import pose_components
from fer_lib.report import diagnostics
from fer_lib.report.style import GREY, look
from fer_lib.results import Results

_PARTS = diagnostics.POSE


def theta_history(results: Results, *, arm: str, split: str) -> pd.DataFrame:
    """Per data set, seed, epoch (0 is untrained) and image: rotation, log scale, shifts and shear of theta."""
    lines = []
    for dataset in results.datasets():
        runs = results.of(arm=arm, dataset=dataset, split=split).runs
        for run in runs[runs["status"] == "finished"].itertuples():
            arrays = results.load(results.records[str(run.run_id)])
            for epoch, theta in enumerate(arrays.get("theta", ())):
                parts = {
                    name: values for name, values in pose_components(theta.astype(float)).items() if name in _PARTS
                }
                lines.append(pd.DataFrame(parts).assign(dataset=dataset, seed=int(str(run.seed)), epoch=epoch))
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=["dataset", "seed", "epoch", *_PARTS])


def theta_over_training(history: pd.DataFrame, *, arm: str) -> Figure | None:
    """Median and central 80 % of theta's parts over test images and seeds, by epoch."""
    if history.empty:
        return None
    datasets = list(dict.fromkeys(history["dataset"]))
    figure, grid = plt.subplots(
        len(datasets), len(_PARTS), figsize=(10.5, 2.2 * len(datasets)), squeeze=False, sharex=True
    )
    for line, dataset in zip(grid, datasets, strict=True):
        grouped = history[history["dataset"] == dataset].groupby("epoch")
        for axes, (name, title) in zip(line, _PARTS.items(), strict=True):
            low, middle, high = (grouped[name].quantile(q) for q in (0.1, 0.5, 0.9))
            axes.fill_between(middle.index, low, high, color=look(arm).colour, alpha=0.2, linewidth=0)
            axes.plot(middle.index, middle, color=look(arm).colour)
            axes.set(xlabel="epoch", title=title)
        line[0].set_ylabel(dataset)
    return figure


def theta_table(history: pd.DataFrame) -> pd.DataFrame:
    """After the last epoch, per data set: mean ± sd over images and seeds of theta's parts."""
    lines = []
    for dataset, of_set in history.groupby("dataset", sort=False):
        last = of_set[of_set["epoch"] == of_set["epoch"].max()]
        line = {"Data set": dataset, "n": last["seed"].nunique(), "Images": len(last)}
        line |= {title: f"{last[name].mean():+.3f} ± {last[name].std():.3f}" for name, title in _PARTS.items()}
        lines.append(line)
    return pd.DataFrame(lines)


def warped_sheet(faces: FaceSet | None, results: Results, *, count: int, **values: str) -> Figure | None:
    """Test faces with the trained transformer's grid on them, and what the classifier sees, by epoch.

    Where the true pose is known, its frame is dashed.

    A column per face; rows: input with the last epoch's grid, then the warped face at epochs 0, 1, 2, 5 and the last.
    """
    found = [arrays for arrays in results.predictions(**values) if "theta" in arrays]
    if faces is None or not found:
        return None
    theta, rows = found[0]["theta"].astype(np.float32), found[0]["theta_rows"]
    last = len(theta) - 1
    epochs = sorted({epoch for epoch in (0, 1, 2, 5) if epoch < last} | {last})
    images = np.asarray(faces.images[rows[:count]])
    seen = [warped(images, theta[epoch, : len(images)]) for epoch in epochs]
    poses = [None] * len(images) if faces.pose is None else faces.pose[rows[:count]]
    top = [Tile(*parts) for parts in zip(images, theta[last], poses, strict=False)]
    return sheet(
        [top, *([Tile(image) for image in line] for line in seen)],
        labels=["input", *(f"epoch {epoch}" for epoch in epochs)],
    )


def state_over_training(table: pd.DataFrame) -> Figure | None:
    """Mean over seeds of the transformer's state by epoch, a line for each arm, a row for each data set."""
    if table.empty:
        return None
    datasets = list(dict.fromkeys(table["dataset"]))
    figure, grid = plt.subplots(len(datasets), 3, figsize=(9.8, 2.4 * len(datasets)), squeeze=False, sharex=True)
    for line, dataset in zip(grid, datasets, strict=True):
        for axes, (name, title) in zip(line, diagnostics.STATE.items(), strict=True):
            for arm, own in table[table["dataset"] == dataset].groupby("arm", sort=False):
                _draw(axes, str(arm), own.groupby("epoch")[name].mean())
            axes.set(xlabel="epoch", title=title)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        line[0].set_ylabel(dataset)
    _legend(figure, grid[0])
    return figure


def recovery_figure(table: pd.DataFrame, *, arm: str) -> Figure | None:
    """True pose against theta, a dot for each test image; on the dashed line the transformer undoes the pose."""
    own = table[table["arm"] == arm]
    if own.empty:
        return None
    figure, grid = plt.subplots(1, len(diagnostics.POSE), figsize=(10.5, 2.5))
    for axes, (part, title) in zip(grid, diagnostics.POSE.items(), strict=True):
        true, learnt = own[f"true_{part}"].to_numpy(float), own[f"learnt_{part}"].to_numpy(float)
        ends = [np.nanmin(true), np.nanmax(true)]
        axes.plot(ends, ends, color=GREY, linestyle="--", linewidth=1)
        axes.plot(true, learnt, ".", color=look(arm).colour, alpha=0.4, markersize=3)
        axes.set(xlabel="true", title=title)
    grid[0].set_ylabel("theta")
    return figure


def by_pose_figure(table: pd.DataFrame) -> Figure | None:
    """Accuracy as the true pose departs from upright, mean over seeds, a line for each arm."""
    if table.empty:
        return None
    figure, axes = plt.subplots(figsize=(6.6, 3.2))
    for arm, own in table.groupby("arm", sort=False):
        _draw(axes, str(arm), own.groupby("bin")[["distance", "accuracy"]].mean().set_index("distance")["accuracy"])
    axes.set(xlabel="distance of the true pose from upright", ylabel="test accuracy", ylim=(0, 1))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def robustness_figure(table: pd.DataFrame, *, arms: list[str]) -> Figure | None:
    """Accuracy under test-time rotation, scale and shift, mean over seeds with their range, a row for each data set."""
    if table.empty:
        return None
    datasets = list(dict.fromkeys(table["dataset"]))
    figure, grid = plt.subplots(
        len(datasets), 3, figsize=(9.8, 2.5 * len(datasets)), squeeze=False, sharey="row", sharex="col"
    )
    for line, dataset in zip(grid, datasets, strict=True):
        for axes, (transform, title) in zip(line, diagnostics.TRANSFORMS.items(), strict=True):
            own = table[(table["dataset"] == dataset) & (table["transform"] == transform)]
            for arm in arms:
                values = own[own["arm"] == arm].groupby("strength")["accuracy"]
                _draw(axes, arm, values.mean())
                axes.fill_between(
                    values.mean().index, values.min(), values.max(), color=look(arm).colour, alpha=0.15, linewidth=0
                )
            axes.set(xlabel=title)
        line[0].set_ylabel(f"{dataset}\ntest accuracy")
    _legend(figure, grid[0])
    return figure


def _draw(axes: Axes, arm: str, values: pd.Series) -> None:
    style = look(arm)
    axes.plot(values.index, values, color=style.colour, marker=style.marker, linestyle=style.line, label=arm)


def _legend(figure: Figure, line: np.ndarray) -> None:
    handles, labels = line[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)))
