"""Optimizers, schedules and the loss, each a pure function of the config."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_lib.training.config import RunConfig


def make_optimizer(parameters: Iterable[nn.Parameter], config: RunConfig) -> torch.optim.Optimizer:
    """torch's optimizer of `config` over the trainable `parameters`, with torch's defaults for what it leaves open."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    lr, weight_decay = config.lr, config.weight_decay
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(trained, lr, momentum=config.momentum, weight_decay=weight_decay, fused=True)
        case "adam":
            return torch.optim.Adam(trained, lr, weight_decay=weight_decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(trained, lr, weight_decay=weight_decay, fused=True)
        case "nadam":
            return torch.optim.NAdam(trained, lr, weight_decay=weight_decay, foreach=True)
        case "radam":
            return torch.optim.RAdam(trained, lr, weight_decay=weight_decay, foreach=True)
        case "rmsprop":
            return torch.optim.RMSprop(trained, lr, momentum=config.momentum, weight_decay=weight_decay, foreach=True)


def learning_rate(config: RunConfig, *, step: int, steps: int) -> float:
    """Learning rate of `step` (0-based) of `steps`: constant, or a half cosine from `lr` to zero."""
    if config.schedule == "constant":
        return config.lr
    return config.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def loss_of(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy in nats; targets int64 [B] or a distribution float [B, C]. Logits [B, C] of any type."""
    return F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
