"""Does the transformer undo a pose: theta against the known one, accuracy by pose and under transformations."""

import functools
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from fer_lib.data import FaceSet
from fer_lib.geometry import pose_components
from fer_lib.plots.style import GREY, arm_style
from fer_lib.results import Results, statistics
from fer_lib.results.pooled import Quantity, accuracy
from fer_lib.training.record import Arrays

Pair = tuple[np.ndarray, np.ndarray]  # thetas [n, 2, 3] that undo a pose, and that were learnt

POSE = {
    "rotation": "rotation (degrees)", "log_scale": "log scale", "shift_x": "shift x", "shift_y": "shift y",
    "shear": "shear",
}  # fmt: skip
TRANSFORMS = {"rotation": "rotation (degrees)", "log_scale": "scale (± ln)", "shift": "shift (half widths)"}
STRONGEST = {"rotation": 45.0, "log_scale": 0.5, "shift": 0.4}  # that every record has; younger ones have more
STEADY = 1e-3  # a part of the true pose that varies less does not vary
STILL = 0.02  # half a pixel of 48 at the rim: a theta as near to the identity as that moves nothing that one could see


def true_and_learnt(faces: FaceSet | None, results: Results, *, dataset: str, split: str) -> pd.DataFrame:
    """By arm, seed and test image: each part of the true pose and of the theta learnt; empty where neither is known."""
    known = None if faces is None else faces.pose

    def pair(arrays: Arrays) -> Pair | None:
        if known is None or "final_theta" not in arrays:
            return None
        return known[arrays["rows"][: len(arrays["final_theta"])]], arrays["final_theta"]

    return by_part(results.of(dataset=dataset, split=split), pair)


def response(results: Results, *, split: str) -> pd.DataFrame:
    """By data set, arm, seed and test image, each in a random pose: parts of the theta that undoes it, and of theta."""
    return by_part(
        results.of(split=split),
        lambda arrays: (arrays["response_wanted"], arrays["response_theta"]) if "response_theta" in arrays else None,
    )


def by_part(results: Results, pair: Callable[[Arrays], Pair | None]) -> pd.DataFrame:
    """By data set, arm, seed and image: parts of the thetas that `pair` finds in a run's arrays; it may return None."""
    columns = ["dataset", "arm", "seed", *(f"{kind}_{part}" for part in POSE for kind in ("true", "learnt"))]
    lines = []
    for run, record in results.finished():
        if found := pair(results.load(record)):
            true, learnt = (pose_components(theta.astype(float)) for theta in found)
            parts = {f"true_{part}": true[part] for part in POSE} | {f"learnt_{part}": learnt[part] for part in POSE}
            lines.append(pd.DataFrame(parts).assign(**{key: run[key] for key in columns[:3]}))
    return pd.concat(lines, ignore_index=True)[columns] if lines else pd.DataFrame(columns=columns)


def departure(parts: pd.DataFrame) -> tuple[float, float]:
    """How far thetas lie from the identity in common, and how far from each other; `parts` has the columns of `POSE`.

    The mean's departure and the spread about it, both as root mean squares over the parts, angles in radians.
    """
    parts = parts.assign(rotation=np.radians(parts["rotation"].astype(float)))
    return float(np.sqrt((parts.mean() ** 2).mean())), float(np.sqrt(parts.var().mean()))


def recovery(table: pd.DataFrame, *, split: str) -> pd.DataFrame:
    """Per data set, arm and part of the pose: correlation and slope of theta over truth, and R².

    Intervals are over images (95 %). "At the identity" counts the seeds whose theta has not left it (`STILL`). Parts
    that do not vary have no line. R² = 1 - Σ(theta - truth)² / Σ(truth - mean)² is the share of the pose's
    variance that the transformer undoes: 0 for the identity, below 0 where theta adds to it.
    """
    lines = []
    for (dataset, arm), own in table.groupby(["dataset", "arm"], sort=False):
        learnt_parts = own.groupby("seed")[[f"learnt_{part}" for part in POSE]]
        still = sum(np.hypot(*departure(parts.set_axis([*POSE], axis=1))) < STILL for _, parts in learnt_parts)
        for part, title in POSE.items():
            pair = own[[f"true_{part}", f"learnt_{part}"]].dropna().to_numpy(float)
            true, learnt = pair.T
            # a theta that mirrors its image has no scale and no shear; an applied pose has no shear
            if len(true) < 4 or np.ptp(true) < STEADY:
                continue
            correlation = slope = "–"
            if np.ptp(learnt) > 0:
                found = stats.pearsonr(true, learnt)
                low, high = found.confidence_interval(statistics.LEVEL)
                correlation = f"{found.statistic:+.2f} [{low:+.2f}, {high:+.2f}]"
                line = stats.linregress(true, learnt)
                half = stats.t.ppf((1 + statistics.LEVEL) / 2, len(true) - 2) * line.stderr
                slope = f"{line.slope:+.2f} [{line.slope - half:+.2f}, {line.slope + half:+.2f}]"
            squared = 1 - ((learnt - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()
            lines.append({
                "Arm": arm, "Part": title, "R²": squared, "Slope": slope, "Data set": dataset, "Split": split,
                "n": own["seed"].nunique(), "At the identity": still, "Images": len(true), "Correlation": correlation,
            })  # fmt: skip
    return pd.DataFrame(lines)


def robustness(results: Results, *, split: str) -> pd.DataFrame:
    """By data set, arm, seed, transformation and strength: accuracy on transformed test images (see `Probe`)."""
    lines = []
    for run, record in results.of(split=split).finished():
        names = {column: run[column] for column in ("dataset", "arm", "seed")}
        lines += [names | probe.model_dump() for probe in record.robustness]
    return pd.DataFrame(lines)


def robustness_table(table: pd.DataFrame, *, arms: list[str], split: str) -> pd.DataFrame:
    """What the strongest of each transformation that all records have costs, on the same images; mean over seeds."""
    lines = []
    for (dataset, arm), own in table.groupby(["dataset", "arm"], sort=False) if len(table) else ():
        if arm not in arms:
            continue
        line = {"Arm": arm, "Data set": dataset}
        for transform, title in TRANSFORMS.items():
            part = own[own["transform"] == transform].pivot_table(index="seed", columns="strength", values="accuracy")
            strongest = max(strength for strength in part.columns if float(strength) <= STRONGEST[transform])
            lost = statistics.estimate((part[strongest] - part[0.0]).to_numpy(), overlap=statistics.overlap(split))
            interval = f" [{lost.low:+.3f}, {lost.high:+.3f}]" if lost.n > 1 else ""
            line[f"{title.split(' (')[0].capitalize()} {strongest:g}"] = f"{lost.mean:+.3f}{interval}"
        lines.append(line | {"n": own["seed"].nunique(), "Images": int(own["images"].max()), "Split": split})
    return pd.DataFrame(lines)


def recovery_figure(table: pd.DataFrame, *, arm: str) -> Figure | None:
    """True pose against theta, a dot for each test image, a row for each data set; the dashed line undoes the pose."""
    own = table[table["arm"] == arm]
    if own.empty:
        return None
    datasets = list(dict.fromkeys(own["dataset"]))
    varying = {part: title for part, title in POSE.items() if np.ptp(own[f"true_{part}"].dropna()) >= STEADY}
    size = (2.1 * len(varying), 2.5 * len(datasets))
    figure, grid = plt.subplots(len(datasets), len(varying), figsize=size, squeeze=False)
    for line, dataset in zip(grid, datasets, strict=True):
        here = own[own["dataset"] == dataset]
        for axes, (part, title) in zip(line, varying.items(), strict=True):
            true, learnt = here[f"true_{part}"].to_numpy(float), here[f"learnt_{part}"].to_numpy(float)
            ends = [np.nanmin(true), np.nanmax(true)]
            axes.plot(ends, ends, color=GREY, linestyle="--", linewidth=1)
            axes.plot(true, learnt, ".", color=arm_style(arm).colour, alpha=0.4, markersize=3, rasterized=True)
            axes.set(xlabel="true", title=title)
        line[0].set_ylabel(f"{dataset}\ntheta" if len(datasets) > 1 else "theta")
    return figure


@functools.cache
def probed(transform: str, strength: float, *, lost: bool = False) -> Quantity:
    """Accuracy under a transformation (see `Probe`), or what that has `lost`: accuracy without it minus with it."""

    def by_seed(results: Results) -> dict[int, float]:
        found = {}
        for run, record in results.finished():
            accuracy = {probe.strength: probe.accuracy for probe in record.robustness if probe.transform == transform}
            if strength in accuracy:
                found[run["seed"]] = accuracy[0.0] - accuracy[strength] if lost else accuracy[strength]
        return found

    return by_seed


def of_a_turn(angle: float) -> dict[str, Quantity]:
    """Accuracy on upright faces, on a part of them turned by `angle` degrees, and what the turn costs that part."""
    turned, lost = probed("rotation", angle), probed("rotation", angle, lost=True)
    return {"Upright": accuracy, f"At {angle:g}°": turned, f"Lost at {angle:g}°": lost}
