"""Distillation: a network learns what teachers say of the very views that it sees.

Hinton et al. 2015, https://arxiv.org/abs/1503.02531. The views come from a pool of `RunConfig.views` an image, so that
teachers are asked once and a student costs no more than without them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fer_lib.data.batches import DeviceData, apply_augmentation, augmentation_plan, normalise
from fer_lib.models import Classifier
from fer_lib.training.config import RunConfig

BATCH = 256


def view_of(config: RunConfig, epoch: int) -> int:
    """Which augmentation an epoch has: one of the pool's, or one of its own."""
    return epoch % config.views if config.views else epoch


def taught(
    config: RunConfig, teachers: Sequence[Classifier], data: DeviceData, *, autocast: torch.autocast
) -> Tensor | None:
    """Class probabilities of each view of each training image, float16 [views, n, C] on the device; None untaught.

    The mean of the teachers', each at the config's temperature.
    """
    if not teachers:
        return None
    device, found = data.images.device, []
    for teacher in teachers:
        teacher.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    with torch.no_grad():
        for view in range(config.views):
            plan = augmentation_plan(config.augment, len(data), seed=config.seed, epoch=view)
            for rows in torch.arange(len(data)).split(BATCH):
                images = data.images.index_select(0, data.index[rows.to(device)])
                seen = normalise(apply_augmentation(images, None if plan is None else plan[rows].to(device)))
                with autocast:
                    logits = torch.stack([teacher(seen).float() for teacher in teachers])
                found.append((logits / config.temperature).softmax(2).mean(0).half())
    return torch.cat(found).view(config.views, len(data), -1)
