"""Known poses: what the localisation net is shown, what it then answers, and what a turned face costs each arm."""

import functools

import torch
from matplotlib.figure import Figure

from fer_lib.data import FaceSet
from fer_lib.data.batches import apply_augmentation, augmentation_plan
from fer_lib.explorer.drawing import Tile, sheet
from fer_lib.explorer.scene import warped
from fer_lib.geometry import invert
from fer_lib.results import Results
from fer_lib.study.pooled import Quantity, accuracy


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
