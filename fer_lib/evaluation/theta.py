"""What a transformer's theta does to its images: how far from the identity, how far outside, and whether it collapsed.

The parts of theta (rotation, scale, shear, shifts) are those of `geometry.pose_components`.
"""

import numpy as np
import torch
from torch import Tensor

from fer_lib.geometry import compose_pose, identity_theta, pose_components, sampling_grid

OUTSIDE, TINY, BLANK = 0.5, 2.0, 0.1  # share of grid points; times as large a view; a view of five pixels

PARTS = ("rotation", "log_scale", "shift_x", "shift_y")  # of a pose, as a transformer's response to it is measured

# Strengths of the test-time transformations, degrees, ln(scale) and half image widths; the sign differs by image.
ROBUSTNESS = {
    "rotation": (10.0, 20.0, 30.0, 45.0, 60.0),
    "log_scale": (0.1, 0.2, 0.35, 0.5),
    "shift": (0.1, 0.2, 0.3, 0.4),
}


def theta_summary(theta: Tensor) -> dict[str, list[float]]:
    """Theta [N, 2, 3] by entry (mean, sd) and, over all images, two means.

    `outside`: share of grid points outside the image. `distance`: Frobenius norm of theta's departure from the
    identity.
    """
    entries = theta.flatten(1)
    departure = theta - identity_theta(1, device=theta.device)
    found = {
        "mean": entries.mean(0),
        "sd": entries.std(0, correction=0),
        "outside": _outside(theta).mean().view(1),
        "distance": departure.flatten(1).norm(dim=1).mean().view(1),
    }
    return {name: [round(float(value), 5) for value in values.nan_to_num()] for name, values in found.items()}


def collapse(theta: Tensor) -> str:
    """How the transformer behind theta [N, 2, 3] collapsed, or nothing.

    `not finite`; `tiny`: the median image is shown at less than half its size; `blank`: the median image is a view of
    less than a tenth of its width; `outside`: more than half of the grid points are outside the image.
    """
    if not theta.isfinite().all():
        return "not finite"
    scale = float(torch.linalg.det(theta[:, :, :2].float()).abs().sqrt().median())
    if scale > TINY:
        return "tiny"
    if scale < BLANK:
        return "blank"
    return "outside" if float(_outside(theta).mean()) > OUTSIDE else ""


def pose_r2(theta: Tensor, wanted: Tensor) -> float:
    """Share of the poses' variance that theta [N, 2, 3] undoes: R² over all six entries; `wanted` would undo all of it.

    0 for a theta that is not finite.
    """
    rest, all_of_it = (theta - wanted).square().sum(), (wanted - wanted.mean(0)).square().sum()
    return float(1 - rest / all_of_it) if rest.isfinite() else 0.0


def pose_r2_by_part(theta: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """R² of each of `PARTS`: 1 undoes it, 0 is as little as a constant theta does."""
    found, true = pose_components(theta), pose_components(wanted)
    return {part: float(1 - ((found[part] - true[part]) ** 2).mean() / true[part].var()) for part in PARTS}


def _outside(theta: Tensor) -> Tensor:
    return (sampling_grid(theta.float(), height=12, width=12).abs() > 1).any(-1).float()


def posed(n: int, *, transform: str, strength: float) -> Tensor:
    """Thetas float32 [n, 2, 3] of one test-time transformation (a key of `ROBUSTNESS`), its sign alternating."""
    signed = strength * np.where(np.arange(n) % 2, -1.0, 1.0)
    if transform == "shift":
        other = strength * np.where(np.arange(n) // 2 % 2, -1.0, 1.0)
        return torch.from_numpy(compose_pose(shift_x=signed, shift_y=other))
    return torch.from_numpy(compose_pose(**{transform: signed}))
