"""Checkpoints as safetensors: an unfinished run goes on from its last saved epoch and ends with the same numbers."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from fer_lib.tensors import State, read_tensors, write_tensors
from fer_lib.training.record import Epoch


@dataclass
class Training:
    """A run under way: all that its remaining epochs depend on.

    `best` is a copy of the evaluated model's state at the epoch with the highest accuracy on the selection images;
    `average` is the model that is evaluated in place of `model`, if there is one.
    `thetas` holds float16 [n, 2, 3] of the first test images for each epoch, the untrained transformer's first.
    `arithmetics` are those of its epochs so far: a run may go on on another machine.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: nn.Module | None = None
    history: list[Epoch] = field(default_factory=list)
    best: State = field(default_factory=dict)
    thetas: list[Tensor] = field(default_factory=list)
    arithmetics: list[str] = field(default_factory=list)

    def save(self, path: Path, *, run_id: str) -> None:
        """Writes everything to `path`, atomically."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= {f"theta.{epoch}": value for epoch, value in enumerate(self.thetas)}
        for number, state in self.optimizer.state_dict()["state"].items():
            kept = {name: torch.as_tensor(value) for name, value in state.items() if value is not None}
            tensors |= {f"optimizer.{number}.{name}": value for name, value in kept.items()}
        history = json.dumps([epoch.model_dump() for epoch in self.history])
        write_tensors(path, tensors, run_id=run_id, history=history, arithmetics=json.dumps(self.arithmetics))

    def restore(self, path: Path, *, run_id: str) -> bool:
        """Takes up where `path` left off; False, and nothing changed, if there is no sound checkpoint of the run."""
        try:
            tensors, told = read_tensors(path)
            history = [Epoch.model_validate(line) for line in json.loads(told["history"])]
        except (OSError, ValidationError, ValueError, KeyError, TypeError):
            return False
        state, average = _under(tensors, "model."), _under(tensors, "average.")
        if told["run_id"] != run_id or _shapes(state) != _shapes(self.model.state_dict()):
            return False
        self.model.load_state_dict(state)
        if self.average is not None:
            self.average.load_state_dict(average)
        self._restore_optimizer(_under(tensors, "optimizer."))
        self.best = _under(tensors, "best.")
        self.thetas = [tensors[f"theta.{epoch}"] for epoch in range(len(_under(tensors, "theta.")))]
        self.history = history
        self.arithmetics = json.loads(told.get("arithmetics", "[]"))
        return True

    def _restore_optimizer(self, tensors: State) -> None:
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        on_device = self.optimizer.defaults.get("fused") or self.optimizer.defaults.get("capturable")
        for name, value in tensors.items():
            number, key = name.split(".", 1)
            parameter = parameters[int(number)]
            state = self.optimizer.state[parameter]
            if key in state:  # of an earlier run: a captured step reads it where it is
                state[key].copy_(value)
            elif value.shape == parameter.shape:  # the same memory layout, which fused optimizers rely on
                state[key] = torch.empty_like(parameter).copy_(value)
            else:
                state[key] = value.to(parameter.device) if on_device else value


def save_weights(model: nn.Module, path: Path) -> None:
    """The model's state as safetensors, atomically."""
    write_tensors(path, dict(model.state_dict()))


def _under(tensors: State, prefix: str) -> State:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _shapes(tensors: State) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}
