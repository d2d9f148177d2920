"""The data sets by name. Nothing outside `fer_lib.data` branches on a data set's name."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_lib import paths
from fer_lib.data import fer2013, ferplus, tiny_imagenet, toyfaces, toyshapes
from fer_lib.data.cache import Arrays, cached, file_hash
from fer_lib.data.faceset import FER_CLASSES, FaceSet, digest
from fer_lib.errors import FerError

TOY_ROWS = 3_000
_TOY_SEED = 2022


@dataclass(frozen=True)
class Dataset:
    """A data set's title in tables, the label rules it takes (first: its default) and how it is opened."""

    title: str
    rules: tuple[str, ...]
    open: Callable[[Path, str], FaceSet]


def load(name: str, *, data: str | Path | None = None, labelling: str = "fer2013new") -> FaceSet:
    """FaceSet of data set `name` (a key of `DATASETS`), read from `data`, `FER_DATA` or `data/`.

    `labelling` chooses between FER+'s two labellings. The first call leaves a cache, later ones take milliseconds.

    Raises:
        FerError: an unknown name, or files that are missing or damaged.
    """
    if name not in DATASETS:
        raise FerError(f"dataset: {name!r} is unknown; choose one of {', '.join(DATASETS)}.")
    return _load(name, paths.data_folder(data).absolute(), labelling)


@functools.lru_cache(maxsize=4)
def _load(name: str, folder: Path, labelling: str) -> FaceSet:
    return DATASETS[name].open(folder, labelling)


def _cached_source(kind: str, source: Path, read: Callable[[Path], Arrays]) -> Arrays:
    if source.is_dir():
        listing = (f"{path.relative_to(source)} {path.stat().st_size} {path.stat().st_mtime_ns}"
                   for path in sorted(source.rglob("*")) if path.is_file())  # fmt: skip
        source_hash = hashlib.sha256("\n".join(listing).encode()).hexdigest()
    else:
        source_hash = file_hash(source)
    return cached(kind, source_hash, lambda: _with_fingerprint(read(source)))


def _with_fingerprint(arrays: Arrays) -> Arrays:
    fingerprint = digest(arrays["images"], arrays["labels"], arrays.get("usage"))
    return {**arrays, "fingerprint": np.array(fingerprint)}


def _open_fer2013(folder: Path, labelling: str) -> FaceSet:
    source = fer2013.find(folder)
    arrays = _cached_source("fer2013", source, fer2013.read)
    usage = arrays.get("usage")
    warnings = []
    votes = None
    if usage is None:
        warnings.append(f"{source} holds class folders: no official splits (`split: official`) and no FER+ labels.")
    elif ferplus.find(folder):
        votes = ferplus.read(folder, usage, labelling)
    else:
        warnings.append(f"No FER+ votes beside FER2013. {ferplus.HOW_TO_GET}")
    if len(arrays["labels"]) != fer2013.ROWS:
        warnings.append(f"{source} has {len(arrays['labels']):,} rows; FER2013 has {fer2013.ROWS:,}.")
    return FaceSet(
        "fer2013", arrays["images"], arrays["labels"], FER_CLASSES, usage, votes,
        fingerprint=str(arrays["fingerprint"]), warnings=tuple(warnings),
    )  # fmt: skip


def _open_ferplus(folder: Path, labelling: str) -> FaceSet:
    faces = _open_fer2013(folder, labelling)
    if faces.usage is None:
        raise FerError(f"{faces.warnings[0]}\n{fer2013.HOW_TO_GET}")
    votes = ferplus.read(folder, faces.usage, labelling) if faces.votes is None else faces.votes
    fingerprint = hashlib.sha256(f"{faces.fingerprint}{digest(votes)}".encode()).hexdigest()
    return FaceSet(
        "ferplus", faces.images, faces.labels, faces.classes, faces.usage, votes,
        fingerprint=fingerprint, warnings=faces.warnings,
    )  # fmt: skip


def _usage_by_row(rows: int, *, parts: tuple[float, float] = (0.8, 0.9)) -> np.ndarray:
    """uint8 [rows]: the first part Training, then PublicTest, then PrivateTest."""
    return np.searchsorted(np.array(parts) * rows, np.arange(rows), side="right").astype(np.uint8)


def _drawn(module: object, draw: Callable[[], Arrays]) -> Arrays:
    """Cache of a procedural set, made anew when its source code changes."""
    source_hash = hashlib.sha256(f"{inspect.getsource(module)}{TOY_ROWS}{_TOY_SEED}".encode()).hexdigest()  # type: ignore[arg-type]
    return cached(module.__name__.rsplit(".", 1)[-1], source_hash, lambda: _with_fingerprint(draw()))  # type: ignore[attr-defined]


def _open_toyfaces(name: str) -> FaceSet:
    def draw() -> Arrays:
        faces = toyfaces.draw(TOY_ROWS, seed=_TOY_SEED)
        usage = _usage_by_row(TOY_ROWS)
        return {
            "images": faces.images,
            "labels": faces.labels,
            "votes": faces.votes,
            "pose": faces.pose,
            "usage": usage,
        }

    arrays = _drawn(toyfaces, draw)
    return FaceSet(
        name, arrays["images"], arrays["labels"], toyfaces.CLASSES, arrays["usage"], arrays["votes"], arrays["pose"],
        fingerprint=str(arrays["fingerprint"]),
    )  # fmt: skip


def _open_toyshapes(folder: Path, labelling: str) -> FaceSet:
    def draw() -> Arrays:
        images, labels = toyshapes.draw_shapes(TOY_ROWS, seed=_TOY_SEED)
        return {
            "images": images,
            "labels": labels,
            "usage": np.where(_usage_by_row(TOY_ROWS) > 0, 2, 0).astype(np.uint8),
        }

    arrays = _drawn(toyshapes, draw)
    return FaceSet(
        "toyshapes", arrays["images"], arrays["labels"], toyshapes.CLASSES, arrays["usage"],
        fingerprint=str(arrays["fingerprint"]),
    )  # fmt: skip


def _open_tiny_imagenet(folder: Path, labelling: str) -> FaceSet:
    arrays = _cached_source("tiny_imagenet", tiny_imagenet.find(folder), tiny_imagenet.read)
    return FaceSet(
        "tiny_imagenet", arrays["images"], arrays["labels"], tuple(arrays["wnids"].tolist()), arrays["usage"],
        fingerprint=str(arrays["fingerprint"]),
    )  # fmt: skip


_VOTES = ("plurality10", "plurality8", "majority8", "votes8")
DATASETS = {
    "fer2013": Dataset("FER2013", ("fer7",), _open_fer2013),
    "ferplus": Dataset("FER+", _VOTES, _open_ferplus),
    "toyfaces": Dataset("Toy faces", ("fer7",), lambda folder, labelling: _open_toyfaces("toyfaces")),
    "toyfacesplus": Dataset("Toy faces+", _VOTES, lambda folder, labelling: _open_toyfaces("toyfacesplus")),
    "tiny_imagenet": Dataset("Tiny-ImageNet", ("given",), _open_tiny_imagenet),
    "toyshapes": Dataset("Toy shapes", ("given",), _open_toyshapes),
}
PRETRAINING_SETS = ("tiny_imagenet", "toyshapes")
