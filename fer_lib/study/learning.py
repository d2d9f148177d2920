"""How the runs went: curves by epoch, falls, what they started from, what they cost."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_lib.data import DATASETS
from fer_lib.report.style import draw_arm
from fer_lib.results import Results
from fer_lib.study import statistics
from fer_lib.study.notebook import Study
from fer_lib.study.wording import ARM, SPLIT, N, mean_sd_text
from fer_lib.training import Record

_SELECTED_ON = {"official": "PublicTest", "folders": "Validation"}


def show_curves(study: Study, results: Results, *, numbers: Mapping[int, tuple[str, str]]) -> None:
    """Puts figures of the paper on the page, drawn from our runs under the first split.

    `numbers` has, by the paper's number of the figure, the role of its data set and the metric (see `curves`).
    """
    split = results.splits()[0]
    for number, (role, metric) in sorted(numbers.items()):
        for place, dataset in enumerate(results.of(role=role).datasets()):
            figure, drawn = curves(results, metric=metric, dataset=dataset, split=split)
            arms = ", ".join(results.of(dataset=dataset).arms())
            study.figure(
                figure,
                name=f"fig_{number:02}" + (f"_{place}" if place else ""),
                number=f"Fig. {number}",
                caption=f"{watched(metric, split)} accuracy by epoch on {dataset}, {split}: mean and range over seeds.",
                alt=f"{watched(metric, split)} accuracy per epoch on {dataset} for {arms}",
                data=drawn,
            )


def show_costs(study: Study, results: Results, *, name: str) -> None:
    """Puts the table `run_costs` on the page."""
    study.table(
        run_costs(results),
        name=name,
        caption="Training speed of the runs above, all splits: median over each arm's n runs on a device.",
        formats={"Images/s": "{:,.0f}", "Seconds per run": "{:,.0f}"},
        of=results,
    )


def watched(metric: str, split: str) -> str:
    """Which images a metric of the history is measured on: Training, Test, or the part that selects the epoch."""
    return "Training" if metric == "train_accuracy" else _SELECTED_ON.get(split, "Test")


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
        by_epoch = line.set_index("epoch")
        draw_arm(axes, str(arm), by_epoch["mean"], band=by_epoch[["min", "max"]] if line["count"].max() > 1 else None)
    axes.set(xlabel="epoch", ylabel=f"{watched(metric, split)} accuracy", title=f"{dataset}, {split}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure, drawn


def falls(results: Results, *, split: str) -> pd.DataFrame:
    """Per arm and data set: the largest fall of test accuracy from one epoch to the next, and that next epoch."""
    lines = []
    for dataset, arm, own in results.of(split=split).each("dataset", "arm"):
        changes = [curve.diff().iloc[1:] for curve in own.curves().values() if len(curve) > 1]
        worst = [max(0.0, -change.min()) for change in changes]
        where = [str(change.idxmin()) if fall else "none" for change, fall in zip(changes, worst, strict=True)]
        if changes:
            line = {
                ARM: arm,
                "Largest fall": mean_sd_text(statistics.estimate(worst)),
                "Data set": dataset,
                N: len(changes),
            }
            line |= {"Into epoch": ", ".join(where), SPLIT: split}
            lines.append(line)
    return pd.DataFrame(lines)


def pretraining(records: Sequence[Record]) -> pd.DataFrame:
    """The study's own pre-training runs: data set, split, training images, classes, epochs, accuracy beside chance."""
    return pd.DataFrame([
        {
            "Data set": DATASETS[record.config.dataset].title, SPLIT: record.config.split,
            "n images": record.train_images, "Classes": len(record.classes), "Epochs": len(record.history),
            "Accuracy": record.metrics.get("test_accuracy", math.nan), "Chance": 1 / max(1, len(record.classes)),
        }
        for record in records
    ])  # fmt: skip


def run_costs(results: Results) -> pd.DataFrame:
    """What the runs took: arm, n runs on one device in one arithmetic, their median images per second and seconds."""
    rows = []
    for arm, own in results.each("arm"):
        recorded = [results.records[run_id] for run_id in own.runs["run_id"] if run_id]
        places: dict[tuple[str, str], list[Record]] = {}
        for record in recorded:
            if record.seconds:
                place = record.provenance["device"], record.provenance["arithmetic"]
                places.setdefault(place, []).append(record)
        for (device, arithmetic), records in sorted(places.items()):
            rows.append({
                ARM: arm, "Images/s": float(np.median([record.images_per_second for record in records])),
                "Seconds per run": float(np.median([record.seconds for record in records])),
                "Device": device, "Arithmetic": arithmetic, N: len(records),
            })  # fmt: skip
    return pd.DataFrame(rows)
