"""Figures and tables of the data itself: sample sheets, class balance, votes, disagreement, duplicates."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import entropy

from fer_lib.data import FER_CLASSES, USAGES, VOTE_COLUMNS, FaceSet, apply_rule
from fer_lib.data.duplicates import count_copies, exact_groups, near_groups
from fer_lib.data.faceset import VOTE_COLUMN
from fer_lib.data.labels import tied
from fer_lib.report.style import BLUE, ORANGE, SKY, share_map

SAME = {VOTE_COLUMNS[column]: name for name, column in zip(FER_CLASSES, VOTE_COLUMN, strict=True)}


def image_grid(
    images: Sequence[np.ndarray],
    *,
    columns: int,
    titles: Sequence[str] = (),
    rows: Sequence[str] = (),
    size: float = 0.85,
) -> Figure:
    """Grey images [48, 48] (uint8 or 0 to 255) in reading order, with a title each or a label per row."""
    count = -(-len(images) // columns)
    height = size * count * (1.28 if titles else 1.0)
    figure, grid = plt.subplots(
        count, columns, figsize=(size * columns + (0.9 if rows else 0.0), height), squeeze=False
    )
    for place, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if place < len(images):
            axes.imshow(images[place], cmap="gray", vmin=0, vmax=255)
        if place < len(titles):
            axes.set_title(titles[place], fontsize=7, fontweight="normal", loc="center", pad=2)
    for axes, label in zip(grid[:, 0], rows, strict=False):
        axes.text(-0.1, 0.5, label, transform=axes.transAxes, ha="right", va="center", fontsize=9)
    return figure


def samples(faces: FaceSet | None, *, rule: str, per_class: int, seed: int = 0) -> Figure | None:
    """Random faces of every class under a label rule, a row per class: the paper's figures 1 and 2."""
    if faces is None:
        return None
    labels, rng = apply_rule(faces, rule), np.random.default_rng(seed)
    images, names = [], []
    for number, name in enumerate(labels.classes):
        rows = rng.permutation(np.flatnonzero(labels.hard == number))[:per_class]
        if len(rows):
            names.append(name)
            images += [faces.images[row] for row in rows] + [np.full((48, 48), 255)] * (per_class - len(rows))
    return image_grid(images, columns=per_class, rows=names)


def mean_faces(faces: FaceSet, *, rule: str) -> pd.DataFrame:
    """The mean image of each class under a label rule: columns class, images, pixels (48 · 48 grey values, spaced).

    No person is in it, so that it may be shown where the images may not.
    """
    labels, rows = apply_rule(faces, rule), []
    for number, name in enumerate(labels.classes):
        own = np.flatnonzero(labels.hard == number)
        if len(own):
            mean = np.asarray(faces.images[own], np.float32).mean(0).round().astype(int)
            rows.append({"class": name, "images": len(own), "pixels": " ".join(map(str, mean.ravel()))})
    return pd.DataFrame(rows)


def mean_sheet(means: pd.DataFrame) -> Figure:
    """The faces of `mean_faces` side by side, each stretched to the full range of grey."""
    images = [np.array(pixels.split(), float).reshape(48, 48) for pixels in means["pixels"]]
    stretched = [255 * (image - image.min()) / max(1.0, np.ptp(image)) for image in images]
    titles = [f"{name} ({count:,})" for name, count in means[["class", "images"]].to_numpy()]
    return image_grid(stretched, columns=min(len(images), 5), titles=titles, size=1.25)


def class_balance(faces: FaceSet, *, rules: Sequence[str]) -> pd.DataFrame:
    """Images per label rule, class and official split: columns rule, class, Training, PublicTest, PrivateTest, all."""
    lines = []
    usage = np.zeros(len(faces), np.uint8) if faces.usage is None else faces.usage
    for rule in rules:
        labels = apply_rule(faces, rule)
        counts = [labels.counts(usage == part) for part in range(3)]
        for name in labels.classes:
            by_part = [count[name] for count in counts]
            lines.append({"rule": rule, "class": name, **dict(zip(USAGES, by_part, strict=True)), "all": sum(by_part)})
    return pd.DataFrame(lines)


def balance_bars(balance: pd.DataFrame) -> Figure:
    """Share of every class under each label rule, a panel per rule."""
    rules = list(dict.fromkeys(balance["rule"]))
    figure, grid = plt.subplots(1, len(rules), figsize=(3.4 * len(rules), 2.9), squeeze=False)
    for axes, rule in zip(grid[0], rules, strict=True):
        of_rule = balance[balance["rule"] == rule].sort_values("all")
        axes.barh(of_rule["class"], of_rule["all"] / of_rule["all"].sum(), color=BLUE)
        axes.set(title=rule, xlabel="share of images")
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
    return figure


def agreement(faces: FaceSet) -> pd.DataFrame:
    """Share of each FER2013 label's images that FER+'s plurality puts into each class; rows sum to one.

    Columns: label, then `VOTE_COLUMNS`; empty without votes.
    """
    if faces.votes is None:
        return pd.DataFrame(columns=["label", *VOTE_COLUMNS])
    plurality = apply_rule(faces, "plurality10").hard
    known = plurality >= 0
    table = pd.crosstab(np.asarray(faces.labels)[known], plurality[known], normalize="index")
    table = table.reindex(index=range(len(faces.classes)), columns=range(10), fill_value=0.0)
    table.columns = pd.Index(VOTE_COLUMNS)
    table.insert(0, "label", faces.classes)
    return table.reset_index(drop=True)


def agreement_map(table: pd.DataFrame) -> Figure | None:
    """`agreement` as a heat map."""
    if table.empty:
        return None
    figure, axes = plt.subplots(figsize=(6.6, 3.6))
    share_map(table.set_index("label"), axes)
    axes.set(xlabel="FER+ plurality", ylabel="FER2013 label")
    return figure


def vote_entropy(faces: FaceSet) -> pd.DataFrame:
    """How much ten taggers disagree, per FER2013 label: images, mean vote entropy in bits, share unanimous and tied."""
    if faces.votes is None:
        return pd.DataFrame(columns=["label", "images", "entropy", "unanimous", "tied"])
    votes = np.asarray(faces.votes, float)
    known = votes.sum(1) > 0
    table = pd.DataFrame({
        "label": np.array(faces.classes)[np.asarray(faces.labels)[known]],
        "entropy": entropy(votes[known], axis=1, base=2),
        "unanimous": votes[known].max(1) == votes[known].sum(1),
        "tied": tied(votes[known]),
    })  # fmt: skip
    grouped = table.groupby("label")
    result = grouped.mean().assign(images=grouped.size()).reset_index().sort_values("entropy", ascending=False)
    return result[["label", "images", "entropy", "unanimous", "tied"]].reset_index(drop=True)


def entropy_bars(table: pd.DataFrame) -> Figure | None:
    """`vote_entropy` by label."""
    if table.empty:
        return None
    figure, axes = plt.subplots(figsize=(5.2, 2.8))
    ordered = table.sort_values("entropy")
    axes.barh(ordered["label"], ordered["entropy"], color=SKY)
    axes.set(xlabel="mean entropy of the ten votes (bits)")
    axes.grid(visible=False, axis="y")
    return figure


def duplicate_counts(faces: FaceSet) -> pd.DataFrame:
    """Copies and near-copies: redundant images, groups, groups across splits, test images with a twin in Training."""
    lines = []
    for kind, groups in (("pixel-identical", exact_groups(faces)), ("near-copy", near_groups(faces))):
        copies = count_copies(groups, faces.usage)
        line = {"kind": kind, "images": len(faces), "redundant": copies.redundant, "groups": copies.groups}
        line |= {"groups across splits": copies.across}
        lines.append(line | {f"{part} with twin in Training": share for part, share in copies.shares.items()})
    return pd.DataFrame(lines)


def duplicate_examples(faces: FaceSet | None, *, count: int) -> Figure | None:
    """The largest groups of near-copies, a row each, with the label of every image."""
    if faces is None:
        return None
    groups = near_groups(faces)
    spreads = np.asarray(faces.images).reshape(len(faces), -1).std(axis=1)
    usable = np.flatnonzero(spreads > 1)  # blank images are all alike
    numbers, sizes = np.unique(groups[usable], return_counts=True)
    largest = numbers[np.argsort(-sizes, kind="stable")][:count]
    images, titles = [], []
    for number in largest:
        rows = np.flatnonzero(groups == number)[:6]
        images += [faces.images[row] for row in rows] + [np.full((48, 48), 255)] * (6 - len(rows))
        titles += [faces.classes[faces.labels[row]] for row in rows] + [""] * (6 - len(rows))
    return image_grid(images, columns=6, titles=titles)


def suspicious(faces: FaceSet | None, *, count: int) -> Figure | None:
    """Images whose label no tagger chose, those with the most unanimous votes first."""
    if faces is None or faces.votes is None:
        return None
    labels, votes = np.asarray(faces.labels), np.asarray(faces.votes)
    for_label = votes[np.arange(len(faces)), np.array(VOTE_COLUMN)[labels]]
    strength = np.where((for_label == 0) & (votes.argmax(1) < 8), votes.max(1), 0)
    rows = np.argsort(-strength.astype(int), kind="stable")[: min(count, int((strength > 0).sum()))]
    titles = [f"{faces.classes[labels[row]]}\nvotes: {VOTE_COLUMNS[votes[row].argmax()]}" for row in rows]
    return image_grid([faces.images[row] for row in rows], columns=8, titles=titles, size=0.95)


def pose_histograms(faces: FaceSet | None) -> Figure | None:
    """Histograms of the parts of the true pose; None where it is not known."""
    if faces is None or faces.pose is None:
        return None
    from fer_lib.geometry import pose_components

    parts = pose_components(np.asarray(faces.pose))
    shown = {"rotation (degrees)": parts["rotation"], "log scale": parts["log_scale"], "shift x": parts["shift_x"],
             "shift y": parts["shift_y"]}  # fmt: skip
    figure, grid = plt.subplots(1, 4, figsize=(9.6, 2.2), sharey=True)
    for axes, (name, values) in zip(grid, shown.items(), strict=True):
        axes.hist(values, bins=30, color=ORANGE)
        axes.set(xlabel=name)
    grid[0].set(ylabel="images")
    return figure
