"""What a page was made from, as a hash: a page whose inputs did not change is not made again."""

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat

from fer_lib import data
from fer_lib.errors import DataMissing
from fer_lib.files import write_atomically
from fer_lib.training import Record, RunStore

MANIFEST = "inputs.json"
_SOURCES = {".py", ".j2", ".css", ".js", ".md", ".svg", ".yaml", ".safetensors", ".onnx", ".wasm"}
_NOT_SHOWN = ("cli", "__main__.py", "training", "campaign")  # no page depends on these, once its runs are there


def page_inputs(notebook: Path, params: Mapping[str, Any], *, store: RunStore, data_folder: Path | None) -> str:
    """Hex sha256 over a page's notebook, parameters and records, over the code, and over which images are here.

    All records count, since all arms share their spread over seeds.
    """
    runs = store.records()
    parts = [
        notebook.read_bytes(),
        json.dumps(params, sort_keys=True).encode(),
        _code(),
        "".join(f"{record.run_id} {record.predictions_sha256} {record.status}" for record in runs).encode(),
        "".join(_images_here(params, runs, data_folder)).encode(),
    ]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _images_here(params: Mapping[str, Any], runs: Iterable[Record], data_folder: Path | None) -> Iterable[str]:
    named = {values["dataset"] for values in params.values() if isinstance(values, dict) and "dataset" in values}
    for name in sorted(named | {record.config.dataset for record in runs} - set(data.PRETRAINING_SETS)):
        try:
            yield f"{name} {data.load(name, data=data_folder).fingerprint}"
        except DataMissing:
            yield f"{name} is not here"


@functools.cache
def _code() -> bytes:
    package = Path(__file__).resolve().parents[1]
    files = (path for path in sorted(package.rglob("*")) if path.suffix in _SOURCES)
    shown = [path for path in files if path.relative_to(package).parts[0] not in _NOT_SHOWN]
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in shown)


def read_manifest(folder: Path) -> dict[str, str]:
    """By page: the hash of what it was made from; empty where the folder has no report."""
    try:
        return json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}


def write_manifest(folder: Path, made_from: Mapping[str, str]) -> None:
    """Keeps, by page, the hash of what it was made from, for `read_manifest`."""
    write_atomically(folder / MANIFEST, (json.dumps(made_from, indent=1) + "\n").encode())


def has_outputs(executed: Path) -> bool:
    """Whether an executed notebook is there with its outputs, which the committed ones are stripped of."""
    try:
        nb = nbformat.read(executed, as_version=4)
    except (OSError, ValueError):
        return False
    return any(cell.get("outputs") for cell in nb.cells)
