"""Named tensors in a file: safetensors, with a digest by which a damaged byte is noticed, wherever it lies."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from fer_lib.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]
_KEY = "fer_lib"  # of a file's metadata; one key, since several have no order, and equal files are to be equal
# of files from before there was a digest
_UNSEALED: tuple[set[str], ...] = (set(), {"run_id", "history"}, {"run_id", "history", "arithmetics"})


def write_tensors(path: Path, tensors: State, **told: str) -> None:
    """Writes tensors, from whatever device, and texts about them, atomically.

    Raises:
        FerError: the folder cannot be written.
    """
    from safetensors.torch import save

    state = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    metadata = json.dumps({"sha256": _digest(state, told), **told})
    write_atomically(path, save(state, {_KEY: metadata}))


def read_tensors(path: Path) -> tuple[State, dict[str, str]]:
    """What `write_tensors` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or another file.
    """
    return _read(path, "pt")


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """As `read_tensors`, as arrays and without importing torch."""
    return _read(path, "np")


def is_whole(path: Path) -> bool:
    """Whether `read_tensors` can read what is there."""
    try:
        read_tensors(path)
    except (OSError, ValueError):
        return False
    return True


def _read(path: Path, framework: str) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        with safe_open(path, framework=framework) as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if metadata.keys() in _UNSEALED:
        return state, metadata
    told = dict(json.loads(metadata.get(_KEY, "{}")))
    if told.pop("sha256", None) != _digest(state, told):
        raise ValueError("its bytes are not those that were written")
    return state, told


def _digest(state: Mapping[str, Any], told: dict[str, str]) -> str:
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(state):
        value = state[name]
        found.update(f"{name} torch.{str(value.dtype).removeprefix('torch.')} {[*value.shape]}".encode())
        found.update(_bytes(value))
    return found.hexdigest()


def _bytes(value: Any) -> memoryview:
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
    import torch

    return value.reshape(-1).view(torch.uint8).numpy().data
