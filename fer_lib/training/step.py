"""One optimisation step over fixed tensors, captured as a CUDA graph where there is one, and taken over by later runs.

A graph remembers addresses, so weights, optimizer state and batch stay where they are and change in place, also from
one run to the next.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
import torch.compiler.config
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fer_lib.data.batches import DeviceData, apply_augmentation, normalise
from fer_lib.geometry import identity_theta, invert
from fer_lib.models import Classifier
from fer_lib.models.networks import Dropout
from fer_lib.training.config import RunConfig
from fer_lib.training.graph import CAPTURE_LOCK, Body, Capture, uncounted
from fer_lib.training.machine import arithmetic, compiles
from fer_lib.training.optim import class_weights, loss_of, pose_loss, reset_state, set_learning_rate

SHAPES = 64  # of networks that one process may compile; torch gives up after 8


class Step:
    """One optimisation step: gather, augment, forward, loss, backward, update. Sums loss and hits on the device.

    Where poses are shown, a hit is the share of a face's pose that theta undoes.

    Attributes:
        model: what is trained.
        average: the moving average of `model` under `ema`; None without.
        how: `cuda graph`, `cuda graph, compiled` or `eager`.
        dropout: what dropout draws from.
    """

    def __init__(
        self, model: Classifier, optimizer: torch.optim.Optimizer, data: DeviceData, config: RunConfig,
        *, classes: int, capture: Capture | None = None,
    ) -> None:  # fmt: skip
        device = data.images.device
        size = min(config.batch_size, len(data))
        self.model, self.optimizer, self.config = model, optimizer, config
        self.how = "eager"
        self.autocast = torch.autocast(device.type, torch.bfloat16, enabled=arithmetic(config, device) == "bf16")
        self._images, self._targets = data.images, data.targets
        self._wanted = data.targets if data.targets.ndim == 1 else data.targets.argmax(1)
        self._rows = data.index[:size].clone()  # rows that have labels, for the steps that warm a capture up
        self._plan: Tensor | None = None
        self._taught: Tensor | None = None
        self._mix = torch.ones((), device=device) if config.mixup else None
        self._weights = torch.ones(classes, device=device) if config.class_weight != "none" else None
        self.average = deepcopy(model) if config.ema else None
        self._blend = get_ema_multi_avg_fn(config.ema)
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._hits = torch.zeros((), dtype=torch.float64, device=device)
        self.dropout = torch.Generator(device)
        self._capture = capture
        self._network, self._captured = model.logits_and_theta, "cuda graph"
        if capture is not None and compiles() and config.loss != "pose" and _in_one_graph(model):
            torch.compiler.config.recompile_limit = SHAPES
            self._network = torch.compile(model.logits_and_theta, dynamic=False, fullgraph=True)
            self._captured = "cuda graph, compiled"
        self._run: Body | None = None
        for module in model.modules():
            if isinstance(module, Dropout):
                module.generator = self.dropout

    @property
    def eval_model(self) -> Classifier:
        """What is evaluated and kept: the average, or else the model itself."""
        return self.average or self.model

    def begin(self, data: DeviceData) -> None:
        """Takes what a run's steps depend on from its weights, as they are now, and from its training images."""
        if self._weights is not None:
            trained = data.classes[data.index]
            self._weights.copy_(class_weights(trained, self.config.class_weight, count=len(self._weights)))
        if self.average is not None:
            self.average.load_state_dict(self.model.state_dict())

    def epoch(
        self, rows: Tensor, plan: Tensor | None, *, dropout_seed: int, lr: Callable[[int], float],
        mix: Tensor | None = None, taught: Tensor | None = None,
        localisation: Callable[[int], bool] = lambda step: True,
    ) -> tuple[float, float]:  # fmt: skip
        """Mean loss and accuracy of one pass, with one synchronisation at its end.

        Args:
            rows: int64 [n], the FaceSet's rows in their order; a smaller last batch is left out.
            plan: their augmentation, [n, ...] in the same order, or None.
            lr: learning rate of a step, 0-based.
            mix: `mixing_plan` of the steps, or None.
            taught: what teachers say of them, float16 [n, C], or None.
            localisation: whether the localisation net learns in a step, 0-based.

        Raises:
            CaptureFailed: the step is to be captured, and cannot be.
        """
        size = len(self._rows)
        steps = len(rows) // size
        self.model.train()
        self._prepare(None if plan is None else plan[:size], None if taught is None else taught[:size])
        self.dropout.manual_seed(dropout_seed)
        self._loss.zero_()
        self._hits.zero_()
        assert self._run is not None
        for step in range(steps):
            batch = slice(step * size, (step + 1) * size)
            self._rows.copy_(rows[batch])
            if plan is not None and self._plan is not None:
                self._plan.copy_(plan[batch])
            if taught is not None and self._taught is not None:
                self._taught.copy_(taught[batch])
            if mix is not None and self._mix is not None:
                self._mix.copy_(mix[step])
            set_learning_rate(self.optimizer, lr(step), localisation=localisation(step))
            self._run()
        loss, hits = (torch.stack([self._loss, self._hits]) / steps).tolist()
        return loss, hits / size

    def _prepare(self, plan: Tensor | None, taught: Tensor | None) -> None:
        if self._run is not None:
            return
        self._plan = None if plan is None else plan.clone()
        self._taught = None if taught is None else taught.float()
        if self._capture is None:
            self._run = self._body
            return
        parts = [part for part in (self.model, self.average) if part is not None]
        states = [{name: value.clone() for name, value in part.state_dict().items()} for part in parts]
        before = {
            parameter: {name: None if value is None else value.clone() for name, value in state.items()}
            for parameter, state in self.optimizer.state.items()
        }
        with CAPTURE_LOCK, uncounted(parts):
            self._run = self._capture(self._body, self.dropout)
        self.how = self._captured
        for part, state in zip(parts, states, strict=True):
            part.load_state_dict(state)
        reset_state(self.optimizer)
        for parameter, values in before.items():
            for name, value in values.items():
                if value is not None:
                    self.optimizer.state[parameter][name].copy_(value)

    def _body(self) -> None:
        images = normalise(apply_augmentation(self._images.index_select(0, self._rows), self._plan))
        if self._mix is not None:
            images = torch.lerp(images.flip(0), images, self._mix)
        loss, pull, hits = self._poses(images) if self.config.loss == "pose" else self._classes(images)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + pull).backward()
        self.optimizer.step()
        if self.average is not None:
            self._blend(_numbers(self.average), _numbers(self.model), 0)  # 0: a count that it ignores
        self._loss += loss.detach()
        self._hits += hits

    def _classes(self, images: Tensor) -> tuple[Tensor, Tensor | float, Tensor]:
        with self.autocast:
            logits, theta = self._network(images)
            targets = self._targets.index_select(0, self._rows)
            loss = self._mixed_loss(logits, targets)
            if self.config.unwarped_loss:
                loss = loss + self.config.unwarped_loss * self._mixed_loss(self.model.network(images), targets)
            if self._taught is not None:
                loss = torch.lerp(loss, self._taught_loss(logits), self.config.teacher_weight)
        hits = (logits.detach().argmax(1) == self._wanted.index_select(0, self._rows)).sum()
        return loss, self._pull(theta), hits

    def _mixed_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        loss = self._loss_of(logits, targets)
        return loss if self._mix is None else torch.lerp(self._loss_of(logits, targets.flip(0)), loss, self._mix)

    def _taught_loss(self, logits: Tensor) -> Tensor:
        """Cross-entropy to the teachers' answers, both softened; the square of the temperature keeps its gradient."""
        assert self._taught is not None
        soft = logits.float() / self.config.temperature
        loss = cross_entropy(soft, self._taught)
        if self._mix is not None:
            loss = torch.lerp(cross_entropy(soft, self._taught.flip(0)), loss, self._mix)
        return loss * self.config.temperature**2

    def _loss_of(self, logits: Tensor, targets: Tensor) -> Tensor:
        return loss_of(logits, targets, label_smoothing=self.config.label_smoothing, weights=self._weights)

    def _poses(self, images: Tensor) -> tuple[Tensor, float, Tensor]:
        assert self.model.attention is not None
        assert self._plan is not None
        wanted = invert(self._plan[:, 0])
        with self.autocast:
            theta = self.model.attention.theta(images)
        loss = pose_loss(theta, wanted)
        undone = 1 - loss.detach() / pose_loss(identity_theta(1, device=wanted.device), wanted)
        return loss, 0.0, undone * len(images)

    def _pull(self, theta: Tensor | None) -> Tensor | float:
        if theta is None or not self.config.identity_pull:
            return 0.0
        departure = theta - identity_theta(1, device=theta.device)
        return self.config.identity_pull * departure.square().sum((1, 2)).mean()

    def localisation_share(self) -> float | None:
        """The localisation net's part of the last gradient's norm, 0 to 1; None without an attention."""
        if self.model.attention is None:
            return None
        part, whole = (
            torch.nn.utils.get_total_norm([p.grad for p in net.parameters() if p.grad is not None])
            for net in (self.model.attention, self.model)
        )
        return float(part / whole)


def _in_one_graph(model: nn.Module) -> bool:
    """Whether torch.compile takes `model` whole: it knows no dropout that draws from a generator of its own."""
    return not any(isinstance(module, Dropout) for module in model.modules())


def _numbers(model: nn.Module) -> list[Tensor]:
    """All weights and statistics of `model`; a count of batches is none."""
    return [tensor.detach() for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point()]
