"""How the runs went: curves by epoch, falls, what they started from, what they cost."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_lib.data import DATASETS
from fer_lib.report.style import look
from fer_lib.results import Results
from fer_lib.study import statistics
from fer_lib.study.notebook import Study
from fer_lib.study.wording import ARM, SPLIT, N, seeds_phrase, spread
from fer_lib.training import Record

_SELECTED_ON = {"official": "PublicTest", "folders": "Validation"}


def show_curves(study: Study, results: Results, *, numbers: Mapping[int, tuple[str, str]]) -> None:
    """The paper's figures by number under the first split: `numbers` maps one to its data set's role and metric."""
    split = results.splits()[0]
    for number, (role, metric) in sorted(numbers.items()):
        datasets = results.of(role=role).datasets()
        if not datasets:
            study.note(f"Fig. {number}: this profile has no data set in the place of {role}.")
        for place, dataset in enumerate(datasets):
            figure, drawn = curves(results, metric=metric, dataset=dataset, split=split)
            arms = ", ".join(results.of(dataset=dataset).arms())
            study.figure(
                figure,
                name=f"fig_{number:02}" + (f"_{place}" if place else ""),
                number=f"Fig. {number}",
                caption=curve(results, metric=metric, dataset=dataset, split=split),
                alt=f"{watched(metric, split)} accuracy per epoch on {dataset} for {arms}",
                data=drawn,
            )


def show_costs(study: Study, results: Results, *, name: str) -> None:
    """What the runs were computed on and how fast."""
    study.table(
        run_costs(results),
        name=name,
        caption="Training speed of the runs above, all splits: median over the n runs of each arm.",
        formats={"Images/s": "{:,.0f}", "Seconds per run": "{:,.0f}"},
        of=results,
    )


def watched(metric: str, split: str) -> str:
    """What an accuracy of the history is of: training images, the test part, or the part that selects the epoch."""
    return "Training" if metric == "train_accuracy" else _SELECTED_ON.get(split, "Test")


def curve(results: Results, *, metric: str, dataset: str, split: str) -> str:
    """How the accuracy of the arms' finished runs ends after the last epoch, highest first; which arms diverged."""
    chosen = results.of(dataset=dataset, split=split)
    history = chosen.of(status="finished").history
    if history.empty:
        return f"{dataset}, {split}: no finished run."
    last = history[history["epoch"] == history.groupby(["arm", "seed"])["epoch"].transform("max")]
    ends = last.groupby("arm")[metric].mean().sort_values(ascending=False)
    listed = ", ".join(f"{arm} {value:.3f}" for arm, value in ends.items())
    lost = chosen.runs[chosen.runs["status"] == "diverged"].groupby("arm").size()
    diverged = "; diverged: " + ", ".join(f"{arm} ({n})" for arm, n in lost.items()) if len(lost) else ""
    return (
        f"{watched(metric, split)} accuracy on {dataset} ends at {listed} ({split}, {seeds_phrase(chosen)}){diverged}."
    )


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
    axes.set(xlabel="epoch", ylabel=f"{watched(metric, split)} accuracy", title=f"{dataset}, {split}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure, drawn


def falls(results: Results, *, split: str) -> pd.DataFrame:
    """Per arm and data set: the largest fall of test accuracy between two epochs, and the epoch after it."""
    lines = []
    for dataset in results.datasets():
        for arm in results.of(dataset=dataset).arms():
            worst, where = [], []
            history = results.of(arm=arm, dataset=dataset, split=split, status="finished").history
            for _, run in history.groupby("seed"):
                change = run.sort_values("epoch").set_index("epoch")["eval_accuracy"].diff().iloc[1:]
                if len(change):
                    worst.append(max(0.0, -float(change.min())))
                    where.append(str(change.idxmin()) if worst[-1] else "none")
            if not worst:
                continue
            line = {ARM: arm, "Data set": dataset, SPLIT: split, N: len(worst)}
            line |= {"Largest fall": spread(statistics.estimate(worst)), "Into epoch": ", ".join(where) or "–"}
            lines.append(line)
    return pd.DataFrame(lines)


def pretraining(records: Sequence[Record]) -> pd.DataFrame:
    """The study's own pre-training runs: data set, split, training images, classes, epochs, accuracy beside chance."""
    lines = [
        {
            "Data set": DATASETS[record.config.dataset].title, SPLIT: record.config.split,
            "n images": record.train_images, "Classes": len(record.classes), "Epochs": len(record.history),
            "Accuracy": record.metrics.get("test_accuracy", math.nan), "Chance": 1 / max(1, len(record.classes)),
        }
        for record in records
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=["Data set", SPLIT, "n images", "Classes", "Epochs", "Accuracy", "Chance"])


def run_costs(results: Results) -> pd.DataFrame:
    """What the runs were computed on: arm, n runs, median images per second, seconds, device and arithmetic."""
    rows = []
    for arm in results.arms():
        ids = [run_id for run_id in results.of(arm=arm).runs["run_id"] if run_id]
        records = [results.records[run_id] for run_id in ids if results.records[run_id].seconds]
        if records:
            rows.append({
                ARM: arm, N: len(records),
                "Images/s": float(np.median([record.images_per_second for record in records])),
                "Seconds per run": float(np.median([record.seconds for record in records])),
                "Device": ", ".join(sorted({record.provenance["device"] for record in records})),
                "Arithmetic": ", ".join(sorted({record.provenance["arithmetic"] for record in records})),
            })  # fmt: skip
    return pd.DataFrame(rows)
