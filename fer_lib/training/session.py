"""What a run leaves to the next one in the same thread: images on the device, and a captured step."""

import contextlib
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from fer_lib.data import FaceSet, Labels
from fer_lib.data.batches import DeviceData, images_on
from fer_lib.imported import is_import_path
from fer_lib.models import Classifier, build, classifier
from fer_lib.training.config import RunConfig
from fer_lib.training.graph import CAPTURE_LOCK, Capture, cuda_graph
from fer_lib.training.machine import graphs, own_stream, strict
from fer_lib.training.optim import make_optimizer, reset_state
from fer_lib.training.step import Step


class DeviceSession:
    """What a run leaves to the next one: the images on the device and, for a run of the same shape, model and step.

    One workspace serves one thread, each of those side by side with a `slot` of its own. Its next run starts as from
    nothing; a test compares the two bit by bit. As a context manager it is cleared at the end.
    """

    def __init__(
        self, device: torch.device, *, slot: int = 0, capture: Capture | None = None, model: nn.Module | None = None
    ) -> None:
        """`model` is what its runs train instead of what a config names; steps of a stranger are not captured."""
        self.device, self._slot, self._model = device, slot, model
        graph = cuda_graph if device.type == "cuda" and graphs() and model is None else None
        self._capture = capture or graph
        self._images: tuple[str, Tensor] | None = None
        self._held: tuple[tuple[RunConfig, int, bool], Step] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def stream(self) -> contextlib.AbstractContextManager[object]:
        """What everything on a GPU is to be done in: a stream of the slot's own. Nothing on the CPU."""
        return own_stream(self.device, self._slot)

    def clear(self) -> None:
        """Lets go of what it holds. A graph's end waits for the device, and so never falls into a capture."""
        with CAPTURE_LOCK:
            self._held = self._images = None

    def suits(self, config: RunConfig) -> bool:
        """Whether a run of `config` would spare a capture."""
        return self._capture is not None and self._held is not None and self._held[0][0] == _shape(config)

    def images(self, faces: FaceSet) -> Tensor:
        """`images_on` the device; those of the last FaceSet are kept."""
        if self._images is None or self._images[0] != faces.fingerprint or not faces.fingerprint:
            self.clear()
            self._images = faces.fingerprint, images_on(faces, self.device)
        return self._images[1]

    def step(self, config: RunConfig, data: DeviceData, labels: Labels, start: Callable[[Classifier], None]) -> Step:
        """A step with fresh weights of `config`, changed by `start`, and an optimizer that has seen nothing."""
        with CAPTURE_LOCK:
            if self.device.type == "cuda":
                _make_handles(self.device)
            fresh = build(config, classes=len(labels.classes)) if self._model is None else classifier(self._model)
        start(fresh)
        shape = _shape(config), min(config.batch_size, len(data)), strict()
        own = is_import_path(config.optimizer)  # what its first state is, only itself knows
        if self._held is not None and self._held[0] == shape and not own:
            step = self._held[1]
            step.model.load_state_dict(fresh.state_dict())
            reset_state(step.optimizer)
        else:
            with CAPTURE_LOCK:
                self._held = None
            fresh.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            optimizer = make_optimizer(fresh, config)
            capture = None if own or is_import_path(config.model) else self._capture
            step = Step(fresh, optimizer, data, config, classes=len(labels.classes), capture=capture)
        step.begin(data)
        self._held = shape, step
        return step


def _make_handles(device: torch.device) -> None:
    """cuBLAS and cuDNN make a handle for each thread that first needs one, and wait for the device to do so."""
    ones = torch.ones(1, 1, 8, 8, device=device)
    torch.nn.functional.conv2d(ones @ ones, ones)


def _shape(config: RunConfig) -> RunConfig:
    """`config` without what a captured step does not depend on: two runs with equal shapes can share one."""
    return config.model_copy(
        update={
            "seed": 0, "lr": 1.0, "schedule": "constant", "epochs": 1, "split": "random80",
            "pretraining": None, "shown_poses": 0, "preparation": "none", "localisation_from": 0.0,
            "pretrained": "imagenet" if config.pretrained.startswith("imagenet") else "none",
            "train_limit": None, "test_limit": None, "views": bool(config.teacher),
            "teacher": ("",) if config.teacher else (),
        }
    )  # fmt: skip
