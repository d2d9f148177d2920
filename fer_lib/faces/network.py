"""A trained network: from the package, from a file, or from a run whose weights were kept."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch

from fer_lib.data.batches import normalise
from fer_lib.errors import FerError
from fer_lib.models import Classifier
from fer_lib.models.weights import open_network
from fer_lib.tensors import write_tensors
from fer_lib.training import Record, RunStore
from fer_lib.training.release import Released, classifiers, contents, released, temperature

_BATCH = 256


@dataclass(frozen=True)
class TrainedNetwork:
    """A classifier with the record of the run that it is from.

    Attributes:
        name: what it is called: that of its file, or its run's id.
        classifier: on the CPU, in evaluation mode.
        temperature: what its logits are divided by (`training.release.temperature`).
    """

    name: str
    classifier: Classifier
    record: Record
    temperature: float = 1.0

    @classmethod
    def open(cls, name: str, store: RunStore | None = None) -> Self:
        """The network that comes with the package under `name`, in the file `name`, or of the run `name` in `store`.

        Raises:
            FerError: there is none, it is damaged, or it tells poses instead of expressions.
        """
        record, path, heat = _find(name, store)
        if record.config.loss != "cross_entropy":
            raise FerError(f"{name} tells how a face is turned, not its expression.\n{_choice(store)}")
        return cls(path.stem, open_network(record.config, path, classes=len(record.classes)), record, heat)

    def save(self, path: Path) -> None:
        """Writes it into a file that `open` takes."""
        told = Released(record=self.record, temperature=self.temperature)
        write_tensors(path, dict(self.classifier.state_dict()), released=told.model_dump_json())

    @property
    def run_id(self) -> str:
        """Of the run that it is from."""
        return self.record.run_id

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes, in the order of its probabilities."""
        return tuple(self.record.classes)

    @torch.inference_mode()
    def probabilities(self, images: np.ndarray, *, mirrored: bool = True) -> np.ndarray:
        """Class probabilities float32 [N, C] of grey faces uint8 [N, 48, 48], at the network's `temperature`.

        The mean of those of the face and of its mirror image, or without `mirrored` of the face alone.
        """
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (48, 48):
            raise ValueError(f"images: found {images.dtype} {list(images.shape)}, expected uint8 [N, 48, 48]")
        found = []
        for part in torch.tensor(images).unsqueeze(1).split(_BATCH):
            views = (part, part.flip(3)) if mirrored else (part,)
            logits = torch.stack([self.classifier(normalise(view)) for view in views])
            found.append((logits / self.temperature).softmax(2).mean(0))
        return torch.cat(found).numpy() if found else np.empty((0, len(self.classes)), np.float32)

    @torch.inference_mode()
    def thetas(self, images: np.ndarray) -> np.ndarray | None:
        """What its spatial transformer makes of faces uint8 [N, 48, 48], float32 [N, 2, 3]; None without one."""
        if self.classifier.attention is None:
            return None
        return self.classifier.attention.theta(normalise(torch.tensor(images).unsqueeze(1))).numpy()


def _find(name: str, store: RunStore | None) -> tuple[Record, Path, float]:
    """The record of a network, the file with its weights, and its temperature."""
    shipped = {path.stem: path for path in released()}
    path = shipped.get(name, Path(name))
    if path.is_file():
        if path.suffix != ".safetensors":
            raise FerError(f"{name} is no network, whose file ends in .safetensors.\n{_choice(store)}")
        told = contents(path)
        return told.record, path, told.temperature
    run = None if store is None else store.get(name)
    if store is None or run is None:
        raise FerError(f"{name}: no network of this name, no such file and no such run.\n{_choice(store)}")
    weights = store.weights_path(name)
    if not weights.is_file():
        raise FerError(
            f"{name}: the weights of this run were not kept ({weights}).\nTrain it again with `run PARAMS --weights`."
        )
    return run, weights, temperature(run, store)


def _choice(store: RunStore | None) -> str:
    names = [path.stem for path in classifiers()]
    if store is not None:
        kept = [record for record in store.records() if store.weights_path(record.run_id).is_file()]
        names += [record.run_id for record in kept if record.config.loss == "cross_entropy"]
    return f"There are: {', '.join(names)}." if names else "None is here: train one with `run PARAMS --weights`."


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))
