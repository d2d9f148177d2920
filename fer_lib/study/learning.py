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
from fer_lib.study.claims import CONVERGED, LATE_EPOCHS, converged_at
from fer_lib.study.notebook import Study
from fer_lib.study.pooled import hardly_learnt
from fer_lib.study.wording import ARM, SPLIT, N, seeds_phrase, spread
from fer_lib.training import Record

_SELECTED_ON = {"official": "PublicTest", "folders": "Validation"}


def show_curves(study: Study, results: Results, *, numbers: Mapping[int, tuple[str, str]]) -> None:
    """Puts figures of the paper on the page, drawn from our runs under the first split.

    `numbers` has, by the paper's number of the figure, the role of its data set and the metric (see `curves`).
    """
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


def curve(results: Results, *, metric: str, dataset: str, split: str) -> str:
    """The caption of `curves`: each arm's accuracy after the last epoch, highest first, and the arms that diverged."""
    chosen = results.of(dataset=dataset, split=split)
    history = chosen.of(status="finished").history
    if history.empty:
        return f"{dataset}, {split}: no finished run."
    last = history.groupby(["arm", "seed"]).tail(1)
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
        by_epoch = line.set_index("epoch")
        draw_arm(axes, str(arm), by_epoch["mean"], band=by_epoch[["min", "max"]] if line["count"].max() > 1 else None)
    axes.set(xlabel="epoch", ylabel=f"{watched(metric, split)} accuracy", title=f"{dataset}, {split}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure, drawn


def speed(results: Results, *, split: str) -> str:
    """Epochs that each arm which learnt takes until it has converged (`claims.converged_at`), where runs are long."""
    parts = []
    for dataset, own in results.of(split=split).each("dataset"):
        idle = hardly_learnt(own, dataset=dataset, split=split)
        epochs = {arm: list(converged_at(own.of(arm=arm)).values()) for arm in own.arms() if arm not in idle}
        means = sorted((float(np.mean(values)), arm) for arm, values in epochs.items() if values)
        if means:
            parts.append(f"on {dataset} {', '.join(f'{arm} {mean:.1f}' for mean, arm in means)}")
    told = f"Epochs until within {CONVERGED:g} of a run's own highest test accuracy, mean over seeds under {split}"
    return f"{told}: {'; '.join(parts)}." if parts else ""


def stumbles(results: Results, arms: Sequence[str], *, split: str) -> str:
    """In how many runs of each arm the largest fall is into the epochs where the paper sees the transformer stumble."""
    told = []
    for arm in arms:
        curves = [
            curve for _, own in results.of(arm=arm, split=split).each("dataset") for curve in own.curves().values()
        ]
        changes = [curve.diff().iloc[1:] for curve in curves if curve.index.max() > max(LATE_EPOCHS)]
        there = sum(change.min() < 0 and change.idxmin() in LATE_EPOCHS for change in changes)
        chance = sum(len(LATE_EPOCHS) / len(change) for change in changes)
        told += [f"{there} of {len(changes)} runs of {arm} (by chance {chance:.1f})"] if changes else []
    return f"The largest fall is into epoch {' or '.join(map(str, LATE_EPOCHS))} in {', '.join(told)}." if told else ""


def falls(results: Results, *, split: str) -> pd.DataFrame:
    """Per arm and data set: the largest fall of test accuracy from one epoch to the next, and that next epoch."""
    lines = []
    for dataset, arm, own in results.of(split=split).each("dataset", "arm"):
        changes = [curve.diff().iloc[1:] for curve in own.curves().values() if len(curve) > 1]
        worst = [max(0.0, -change.min()) for change in changes]
        where = [str(change.idxmin()) if fall else "none" for change, fall in zip(changes, worst, strict=True)]
        if changes:
            line = {ARM: arm, "Data set": dataset, SPLIT: split, N: len(changes)}
            line |= {"Largest fall": spread(statistics.estimate(worst)), "Into epoch": ", ".join(where)}
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
                ARM: arm, N: len(records),
                "Images/s": float(np.median([record.images_per_second for record in records])),
                "Seconds per run": float(np.median([record.seconds for record in records])),
                "Device": device, "Arithmetic": arithmetic,
            })  # fmt: skip
    return pd.DataFrame(rows)
