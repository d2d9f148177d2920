"""What theta did: over training, on the test images, and whether it collapsed."""

import json

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data import FaceSet
from fer_lib.geometry import pose_components
from fer_lib.plots.drawing import Tile, sheet
from fer_lib.plots.scene import warped
from fer_lib.results import Results
from fer_lib.study.pose import POSE, STILL, departure

STATE = {"distance": "distance from identity", "outside": "grid points outside", "gradient": "share of the gradient"}
FATES = {
    "still": "the identity", "crop": "one crop for all images", "mirrored": "a mirror image of all images",
    "own": "each image's own",
}  # fmt: skip  # what theta ends as


def warping(results: Results) -> Results:
    """Those with a transformer that warps: a control's theta is applied to no image, so where it goes means nothing."""
    attention = results.runs["config"].map(lambda config: json.loads(config).get("attention"))
    return results.among(*results.runs.loc[attention.isin(("stn", "stn_frozen")), "arm"].unique())


def state(results: Results) -> pd.DataFrame:
    """By data set, arm, seed and epoch: `distance`, `outside`, `gradient` (see `Epoch.theta`) and `collapse`."""
    history = results.history.dropna(subset="theta")
    table = history[["dataset", "arm", "seed", "epoch", "collapse"]].copy()
    for name in STATE:
        table[name] = [float(theta.get(name, [np.nan])[0]) for theta in history["theta"]]
    return table


def each_run(results: Results, *, against: str) -> pd.DataFrame:
    """Every trained transformer: what its theta became, mean distance from the identity, test accuracy.

    The last column is test accuracy minus that of `against` with the same seed; NaN where that was not trained.
    """
    minus, lines = f"Minus {against}", []
    for split, dataset, arm, own in warping(results).each("split", "dataset", "arm"):
        found = theta_outcomes(theta_history(own, arm=arm, split=split))
        distance = state(own).groupby("seed")["distance"].last().to_dict()
        plain = results.by_seed(arm=against, dataset=dataset, split=split)
        accuracies = own.by_seed()
        lines += [
            {
                "Arm": arm, "Theta ends as": FATES[fate], minus: accuracies[seed] - plain.get(seed, np.nan),
                "Data set": dataset, "Seed": seed, "Distance": distance[seed], "Test accuracy": accuracies[seed],
                "Split": split,
            }
            for seed, fate in zip(found["seed"].tolist(), found["fate"], strict=True)
        ]  # fmt: skip
    columns = ["Arm", "Theta ends as", minus, "Data set", "Seed", "Distance", "Test accuracy", "Split"]
    return pd.DataFrame(lines, columns=columns)


def outcomes_by_arm(results: Results, *, against: str) -> pd.DataFrame:
    """What became of the transformers of every arm, data set and split: how many of n runs end as what (`FATES`).

    Also what they are worth, for those at the identity and those that moved: test accuracy minus that of `against`
    with the same seed, mean (runs). Those that move are not drawn by lot, so the two means compare no treatment.
    """
    lines = []
    for (dataset, arm, split), own in each_run(results, against=against).groupby(
        ["Data set", "Arm", "Split"], sort=False
    ):
        line = {"Arm": arm, "Data set": dataset, "Split": split, "n": len(own)}
        line |= {words.capitalize(): (own["Theta ends as"] == words).sum() for words in FATES.values()}
        still = own["Theta ends as"] == FATES["still"]
        for kind, chosen in (("at the identity", still), ("moved", ~still)):
            some = own.loc[chosen, f"Minus {against}"].dropna()
            line[f"Minus {against}, {kind}"] = f"{some.mean():+.4f} ({len(some)})" if len(some) else "–"
        lines.append(line)
    return pd.DataFrame(lines)


def theta_history(results: Results, *, arm: str, split: str) -> pd.DataFrame:
    """Per data set, seed, epoch (0 is untrained) and image: parts of theta, and whether it mirrors."""
    lines = []
    for dataset, own in results.of(arm=arm, split=split).each("dataset"):
        for seed, arrays in own.predictions().items():
            for epoch, theta in enumerate(arrays.get("theta", ())):
                parts = pd.DataFrame(pose_components(theta.astype(float)))[list(POSE)]
                mirrored = np.linalg.det(theta[:, :, :2].astype(float)) < 0
                lines.append(parts.assign(dataset=dataset, seed=seed, epoch=epoch, mirrored=mirrored))
    columns = ["dataset", "seed", "epoch", *POSE, "mirrored"]
    return pd.concat(lines, ignore_index=True) if lines else pd.DataFrame(columns=columns)


def theta_outcomes(history: pd.DataFrame) -> pd.DataFrame:
    """What became of each transformer: by data set and seed, `common`, `own` and `fate` (a key of `FATES`).

    What all test images have in common, and what they have of their own, is `pose.departure` after the last epoch.
    """
    lines = []
    for (dataset, seed), of_seed in history.groupby(["dataset", "seed"], sort=False):
        last = of_seed[of_seed["epoch"] == of_seed["epoch"].max()]
        common, own = departure(last[list(POSE)])
        moved = "crop" if own < common / 2 else "own"
        fate = "still" if np.hypot(common, own) < STILL else "mirrored" if last["mirrored"].mean() > 0.5 else moved
        lines.append({"dataset": dataset, "seed": seed, "common": common, "own": own, "fate": fate})
    return pd.DataFrame(lines, columns=["dataset", "seed", "common", "own", "fate"])


def warped_sheet(faces: FaceSet | None, results: Results, *, count: int, **values: str) -> Figure | None:
    """Test faces with the trained transformer's grid on them, and what the classifier sees, by epoch.

    A column per face; rows: input with the last epoch's grid (dashed: the true pose, where it is known), then the
    warped face at epochs 0, 1, 2, 5 and the last, or at the last alone where theta never changed. Without the images
    the grids stand on empty frames.
    """
    found = [arrays for arrays in results.predictions(**values).values() if "theta" in arrays]
    if not found:
        return None
    theta, rows = found[0]["theta"].astype(np.float32), found[0]["theta_rows"]
    last = len(theta) - 1
    epochs = [epoch for epoch in (0, 1, 2, 5) if epoch < last and (theta[epoch] != theta[last]).any()] + [last]
    if faces is None:
        empty = np.full((48, 48), 225, np.uint8)
        frames = [[Tile(empty, own) for own in theta[epoch, :count]] for epoch in epochs]
        return sheet(frames, labels=[f"epoch {epoch}" for epoch in epochs])
    images = np.asarray(faces.images[rows[:count]])
    seen = [warped(images, theta[epoch, : len(images)]) for epoch in epochs]
    poses = [None] * len(images) if faces.pose is None else faces.pose[rows[:count]]
    top = [Tile(*parts) for parts in zip(images, theta[last], poses, strict=False)]
    return sheet(
        [top, *([Tile(image) for image in line] for line in seen)],
        labels=["input", *(f"epoch {epoch}" for epoch in epochs)],
    )
