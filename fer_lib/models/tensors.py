"""Named tensors in a file: safetensors, with a digest by which a damaged byte is noticed, wherever it lies."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fer_lib.files import write_atomically

State = dict[str, Tensor]
_KEY = "fer_lib"  # of a file's metadata; one key, since several have no order, and equal files are to be equal
# of files from before there was a digest
_UNSEALED: tuple[set[str], ...] = (set(), {"run_id", "history"}, {"run_id", "history", "arithmetics"})


def write_tensors(path: Path, tensors: State, **told: str) -> None:
    """Writes tensors, from whatever device, and texts about them, atomically.

    Raises:
        FerError: the folder cannot be written.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    metadata = json.dumps({"sha256": _digest(state, told), **told})
    write_atomically(path, save(state, {_KEY: metadata}))


def read_tensors(path: Path) -> tuple[State, dict[str, str]]:
    """What `write_tensors` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or another file.
    """
    try:
        with safe_open(path, framework="pt") as file:
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


def is_whole(path: Path) -> bool:
    """Whether `read_tensors` can read what is there."""
    try:
        read_tensors(path)
    except (OSError, ValueError):
        return False
    return True


def _digest(state: State, told: dict[str, str]) -> str:
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(state):
        value = state[name]
        found.update(f"{name} {value.dtype} {[*value.shape]}".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
