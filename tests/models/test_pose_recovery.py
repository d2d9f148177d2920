"""The mechanics of the transformer: shown the true pose, the localisation net learns to undo it."""

import numpy as np
import pytest
import torch
from data.one_face import draw_face

from fer_lib.data import FER_CLASSES
from fer_lib.data.batches import normalise
from fer_lib.data.canvas import PoseRange
from fer_lib.geometry import compose_pose, pose_components, warp
from fer_lib.models import SpatialTransformer
from fer_lib.training.machine import prepare

BATCH, STEPS = 48, 300


def posed(n: int, *, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """n faces of one person, normalised, float32 [n, 1, 48, 48], and the theta [n, 2, 3] that undoes each pose."""
    upright = torch.from_numpy(np.stack([draw_face(name, seed=3) for name in FER_CLASSES]))
    most = PoseRange()
    ranges = {"rotation": most.max_angle, "log_scale": most.max_log_scale, "shift_x": most.max_shift,
              "shift_y": most.max_shift, "shear": most.max_shear}  # fmt: skip
    theta = torch.from_numpy(compose_pose(**{part: rng.uniform(-end, end, n) for part, end in ranges.items()}))
    last = torch.tensor([[[0.0, 0.0, 1.0]]]).expand(n, 1, 3)
    undone = torch.linalg.inv(torch.cat([theta, last], 1))[:, :2]
    faces = upright[rng.integers(0, len(upright), n), None].float()
    return normalise(warp(faces, undone)), theta


@pytest.mark.slow
def test_trained_on_the_pose_itself_the_localisation_net_recovers_it():
    """R² over 0.95 for rotation, log scale and both shifts, on poses that it has not seen."""
    prepare(torch.device("cpu"), threads=1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    transformer = SpatialTransformer().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam([
        {"params": transformer.features.parameters(), "lr": 0.0015},
        {"params": transformer.regression.parameters(), "lr": 0.006},
    ])  # fmt: skip
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        images, theta = posed(BATCH, rng=rng)
        loss = (transformer.theta(images) - theta).square().sum((1, 2)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    images, theta = posed(500, rng=rng)
    with torch.no_grad():
        learnt, true = (pose_components(values.numpy()) for values in (transformer.theta(images), theta))
    score = {part: 1 - ((learnt[part] - true[part]) ** 2).mean() / true[part].var() for part in true}
    assert min(score[part] for part in ("rotation", "log_scale", "shift_x", "shift_y")) > 0.95, score
