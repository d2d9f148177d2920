"""Known poses: what the localisation net is shown, what it then answers, and what a turned face costs each arm."""

import functools

import pandas as pd
import torch
from matplotlib.figure import Figure

from fer_lib.data import FaceSet
from fer_lib.data.batches import apply_augmentation, augmentation_plan
from fer_lib.explorer.picture import Tile, sheet
from fer_lib.explorer.scene import warped
from fer_lib.geometry import invert
from fer_lib.results import Results
from fer_lib.study.comparisons import side_by_side
from fer_lib.study.pooled import Quantity, accuracy
from fer_lib.study.pose import POSE, by_part


def shown_sheet(faces: FaceSet | None, *, count: int) -> Figure | None:
    """Faces as a localisation net is shown them, with the grid that it has to predict, and what is read on it."""
    if faces is None:
        return None
    images = torch.tensor(faces.images[:count]).unsqueeze(1)
    plan = augmentation_plan("poses", len(images), seed=0, epoch=0)
    assert plan is not None
    shown, wanted = apply_augmentation(images, plan)[:, 0].numpy(), invert(plan[:, 0]).numpy()
    above = [Tile(face, theta) for face, theta in zip(shown, wanted, strict=True)]
    return sheet([above, [Tile(face) for face in warped(shown, wanted)]], labels=["shown", "undone"])


def response(results: Results, *, dataset: str, split: str) -> pd.DataFrame:
    """By arm, seed and test image, each in a random pose: the parts of the theta that undoes it and of theta learnt."""
    return by_part(
        results.of(dataset=dataset, split=split),
        lambda arrays: (arrays["response_wanted"], arrays["response_theta"]) if "response_theta" in arrays else None,
    )


def response_finding(table: pd.DataFrame) -> str:
    """One sentence on how much of the applied rotation and shifts each arm undoes (R², see `pose.recovery`)."""
    if table.empty:
        return "No transformer has answered known poses yet."
    shares = table.pivot_table(index="Arm", columns="Part", values="R²", sort=False)
    turns, shifts = shares[POSE["rotation"]], shares[[POSE["shift_x"], POSE["shift_y"]]].mean(axis=1)
    words = [f"{arm} {turns[arm]:+.2f} and {shifts[arm]:+.2f}" for arm in shares.index]
    return f"R² of the rotation and of the shifts that are undone: {', '.join(words)}."


@functools.cache
def lost(transform: str, strength: float) -> Quantity:
    """What a transformation costs (see `Probe`), as a quantity: accuracy without it minus accuracy with it."""

    def by_seed(results: Results) -> dict[int, float]:
        found = {}
        for run, record in results.finished():
            accuracy = {probe.strength: probe.accuracy for probe in record.robustness if probe.transform == transform}
            if strength in accuracy:
                found[run["seed"]] = accuracy[0.0] - accuracy[strength]
        return found

    return by_seed


def cost_of_a_turn(results: Results, *, against: str, dataset: str, split: str, angle: float) -> pd.DataFrame:
    """Per arm: accuracy on upright faces, what a turn by `angle` degrees costs of it, and both minus `against`'s."""
    quantities = {"Upright": accuracy, f"Lost at {angle:g}°": lost("rotation", angle)}
    return side_by_side(results.of(dataset=dataset, split=split), quantities, against=against)


def turn_finding(table: pd.DataFrame, *, angle: float) -> str:
    """One sentence on which arm loses least when faces are turned, and which most."""
    if table.empty:
        return "No arm has been tested on turned faces yet."
    costs = table.set_index("Arm")[f"Lost at {angle:g}°"].str.split().str[0].astype(float).sort_values()
    least, most = f"{costs.index[0]} loses {costs.iloc[0]:.3f}", ""
    if len(costs) > 1:
        most = f", which is least, and {costs.index[-1]} {costs.iloc[-1]:.3f}, which is most"
    return f"When faces are turned by {angle:g}°, accuracy falls: {least}{most}."
