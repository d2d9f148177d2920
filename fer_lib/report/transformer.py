"""Figures of the spatial transformer: what its theta does over training, and the warped faces themselves."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data import FaceSet
from fer_lib.data.canvas import pose_components
from fer_lib.explorer.picture import Tile, sheet
from fer_lib.explorer.scene import warped
from fer_lib.report.style import look
from fer_lib.results import Results

_PARTS = {"rotation": "rotation (degrees)", "log_scale": "log scale", "shift_x": "shift x", "shift_y": "shift y"}


def theta_history(results: Results, *, arm: str, split: str) -> pd.DataFrame:
    """Per data set, seed, epoch (0 is untrained) and image: rotation, log scale and shifts of theta."""
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
    figure, grid = plt.subplots(len(datasets), 4, figsize=(9.8, 2.2 * len(datasets)), squeeze=False, sharex=True)
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
