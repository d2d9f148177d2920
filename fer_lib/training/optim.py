"""Optimizers, schedules and the loss, each a pure function of the config."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_lib.training.config import RunConfig


def make_optimizer(
    parameters: Iterable[nn.Parameter], config: RunConfig, *, device: torch.device | None = None
) -> torch.optim.Optimizer:
    """torch's optimizer of `config` over the trainable `parameters`, with torch's defaults for what it leaves open.

    On a CUDA device it can be captured in a graph, and its learning rate is a tensor there.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    captured = device is not None and device.type == "cuda"
    lr = torch.tensor(config.lr, device=device) if captured else config.lr
    weight_decay, momentum = config.weight_decay, config.momentum
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(trained, lr, momentum=momentum, weight_decay=weight_decay, fused=True)
        case "adam":
            return torch.optim.Adam(trained, lr, weight_decay=weight_decay, fused=True, capturable=captured)
        case "adamw":
            return torch.optim.AdamW(trained, lr, weight_decay=weight_decay, fused=True, capturable=captured)
        case "nadam":
            return torch.optim.NAdam(trained, lr, weight_decay=weight_decay, foreach=True, capturable=captured)
        case "radam":
            return torch.optim.RAdam(trained, lr, weight_decay=weight_decay, foreach=True, capturable=captured)
        case "rmsprop":
            return torch.optim.RMSprop(
                trained, lr, momentum=momentum, weight_decay=weight_decay, foreach=True, capturable=captured
            )


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Puts `lr` into every group; in place where it is a tensor, which a captured step reads."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr


def forget(optimizer: torch.optim.Optimizer) -> None:
    """Puts the optimizer's state back to that before its first step, in place."""
    for state in optimizer.state.values():
        for name, value in state.items():
            if value is not None:
                value.fill_(1.0 if name == "mu_product" else 0.0)  # NAdam's running product; all else is a sum


def learning_rate(config: RunConfig, *, step: int, steps: int) -> float:
    """Learning rate of `step` (0-based) of `steps`: constant, or a half cosine from `lr` to zero."""
    if config.schedule == "constant":
        return config.lr
    return config.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def loss_of(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy in nats; targets int64 [B] or a distribution float [B, C]. Logits [B, C] of any type."""
    return F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
