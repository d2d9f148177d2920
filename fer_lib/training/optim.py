"""Optimizers (`config.OPTIMIZERS` has their names), schedules and the loss, each a pure function of the config."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fer_lib.errors import FerError
from fer_lib.imported import imported, is_import_path
from fer_lib.training.config import RunConfig

KERAS_EPSILON = 1e-7  # of its optimizers; torch's is 1e-8
EFFECTIVE = 0.999  # of `class_weights`: classes of some thousands of images count alike


def make_optimizer(model: nn.Module, config: RunConfig) -> torch.optim.Optimizer:
    """The optimizer of `config` over the trainable parameters: torch's, or one's own by its import path.

    What `config` leaves open is as torch has it, but `weight_decay`, which is 0. On a CUDA device torch's can be
    captured in a graph, and their learning rates are tensors there. The parameters of `model.attention` are a group of
    their own if they have a learning rate of their own.

    Raises:
        FerError: an import path that gives no optimizer.
    """
    device = next(model.parameters()).device
    captured = device.type == "cuda" and not is_import_path(config.optimizer)
    optimizer = _optimizer(_groups(model, config), config, captured=captured)
    for group in optimizer.param_groups:
        lr = config.lr * group.get("share", 1.0)
        group["lr"] = torch.tensor(lr, device=device) if captured else lr
    return optimizer


def _groups(model: nn.Module, config: RunConfig) -> list[dict[str, Any]]:
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    alike = config.localisation_lr in (0.0, 1.0) and not config.localisation_from
    if alike:  # none of the net's parameters is trained, or all like the others
        return [{"params": list(trained.values())}]
    apart = {name: parameter for name, parameter in trained.items() if name.startswith("attention.")}
    rest = [parameter for name, parameter in trained.items() if name not in apart]
    return [{"params": rest}, {"params": list(apart.values()), "share": config.localisation_lr}]


def _optimizer(trained: list[dict[str, Any]], config: RunConfig, *, captured: bool) -> torch.optim.Optimizer:
    lr = torch.tensor(config.lr) if captured else config.lr
    weight_decay, momentum = config.weight_decay, config.momentum
    options: dict[str, Any] = {"capturable": captured} | ({"eps": KERAS_EPSILON} if config.defaults == "keras" else {})
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(trained, lr, momentum=momentum, weight_decay=weight_decay, fused=True)
        case "adam":
            return torch.optim.Adam(trained, lr, weight_decay=weight_decay, fused=True, **options)
        case "adamw":
            return torch.optim.AdamW(trained, lr, weight_decay=weight_decay, fused=True, **options)
        case "nadam":
            return torch.optim.NAdam(trained, lr, weight_decay=weight_decay, foreach=True, **options)
        case "radam":
            return torch.optim.RAdam(trained, lr, weight_decay=weight_decay, foreach=True, **options)
        case "rmsprop":
            return torch.optim.RMSprop(
                trained, lr, momentum=momentum, weight_decay=weight_decay, foreach=True, **options
            )
        case name:
            given = {key: value for key in ("weight_decay", "momentum") if (value := getattr(config, key))}
            try:
                found = imported(name)(trained, lr=config.lr, **given)
            except (TypeError, ValueError) as error:
                raise FerError(f"optimizer {name}: {error}.") from error
            if not isinstance(found, torch.optim.Optimizer):
                raise FerError(f"optimizer {name}: gives {type(found).__name__}; expected a torch.optim.Optimizer.")
            return found


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float, *, localisation: bool = True) -> None:
    """Puts `lr` into every group; a localisation net of its own group gets its share of it, or else nothing.

    A tensor is updated in place, because a captured step reads it.
    """
    for group in optimizer.param_groups:
        own = lr * group.get("share", 1.0) if localisation or "share" not in group else 0.0
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def reset_state(optimizer: torch.optim.Optimizer) -> None:
    """Puts the optimizer's state back to that before its first step, in place."""
    for state in optimizer.state.values():
        for name, value in state.items():
            if value is not None:
                value.fill_(1.0 if name == "mu_product" else 0.0)  # NAdam's running product; all else is a sum


def learning_rate(config: RunConfig, *, step: int, steps: int) -> float:
    """Learning rate of `step` (0-based) of `steps`.

    `constant`; `cosine`: a half cosine from `lr` to zero; `one_cycle` (Smith and Topin 2019,
    https://arxiv.org/abs/1708.07120): up from a 25th of `lr` over three tenths of the steps and down to nearly nothing,
    both by half cosines, as torch's OneCycleLR does by default.
    """
    if config.schedule == "constant":
        return config.lr
    if config.schedule == "one_cycle":
        top, last = 0.3 * steps - 1, steps - 1
        if step <= top:
            return _half_cosine(config.lr / 25, config.lr, step / top)
        return _half_cosine(config.lr, config.lr / 25e4, (step - top) / (last - top))
    return config.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def _half_cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) / 2 * (1 + math.cos(math.pi * share))


def class_weights(classes: Tensor, kind: str, *, count: int) -> Tensor:
    """How much each of `count` classes counts in the loss, float32 [count], from training labels int64 [n].

    `balanced`: inversely as its images; `effective`: inversely as its effective number of images, (1 - b^m) / (1 - b)
    for m images with b = 0.999 (Cui et al. 2019, https://arxiv.org/abs/1901.05555). The mean over the training images
    is one, so that the learning rate keeps its meaning.
    """
    images = torch.bincount(classes, minlength=count).double()
    many = images.clamp(min=1)
    weights = 1 / many if kind == "balanced" else (1 - EFFECTIVE) / (1 - EFFECTIVE**many)
    return (weights * images.sum() / (weights * images).sum()).float()


def pose_loss(theta: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared Frobenius distance of thetas [B, 2, 3] from those that undo the poses."""
    return (theta - wanted).square().sum((1, 2)).mean()


def loss_of(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy in nats; targets int64 [B] or a distribution float [B, C]. Logits [B, C] of any type.

    With class weights float32 [C] each image counts as its class does, or as the mean of its classes.
    """
    if weights is None:
        return F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
    losses = F.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing, reduction="none")
    return (losses * (weights[targets] if targets.ndim == 1 else targets @ weights)).mean()
