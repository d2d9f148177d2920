"""The data sets by name. What a data set is to the study is said here, so that no page asks for its name."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from fer_lib import geometry, paths
from fer_lib.data import canvas, faceset, fer2013, ferplus, portrait, tiny_imagenet, toyfaces
from fer_lib.data.cache import Arrays, cached
from fer_lib.data.faceset import FER_CLASSES, SIZE, FaceSet, digest
from fer_lib.data.folder import files_under
from fer_lib.errors import FerError
from fer_lib.files import file_hash
from fer_lib.imported import imported, is_import_path, source_hash

_TOY_ROWS = 3_000
_TOY_SEED = 2022


@dataclass(frozen=True)
class Dataset:
    """A data set's title in tables, the label rules it takes (first: its default), how it is opened, and its files.

    One that `stands_in` for a data set of the paper shows the machinery, and no page compares it with the paper.
    """

    title: str
    rules: tuple[str, ...]
    open: Callable[[Path], FaceSet]
    sources: Callable[[Path], list[tuple[str, Path]]] = lambda folder: []
    stands_in: bool = False


def load(name: str, *, data: str | Path | None = None) -> FaceSet:
    """FaceSet of data set `name` (a key of `DATASETS`), read from `data`, `FER_DATA` or `data/`.

    The first call reads the files and leaves a cache. Later calls take milliseconds, or with folders as long as it
    takes to see whether one of their files changed.

    Raises:
        FerError: an unknown name, or files that are missing or damaged.
    """
    if name not in DATASETS and not is_import_path(name):
        raise FerError(f"dataset: {name!r} is unknown; choose one of {', '.join(DATASETS)}.")
    folder = paths.data_folder(data).absolute()
    if is_import_path(name):
        return DATASETS[name].open(folder)
    return _load(name, folder, tuple(_state(path) for _, path in DATASETS[name].sources(folder)))


@functools.lru_cache(maxsize=4)
def _load(name: str, folder: Path, states: tuple[str, ...]) -> FaceSet:
    return DATASETS[name].open(folder)


def _state(source: Path) -> str:
    """Changes with a file's size and time, or with those of the files in a folder."""
    inside = [source] if source.is_file() else sorted(files_under(source))
    stats = ((path.relative_to(source), path.stat()) for path in inside if path.exists())
    return "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stats)


def _cached_source(kind: str, source: Path, read: Callable[[Path], Arrays]) -> Arrays:
    if source.is_dir():
        kind, source_hash = f"{kind}_class_folders", hashlib.sha256(_state(source).encode()).hexdigest()
    else:
        source_hash = file_hash(source)
    return cached(kind, source_hash, lambda: _with_fingerprint(read(source)))


def _with_fingerprint(arrays: Arrays) -> Arrays:
    fingerprint = digest(arrays["images"], arrays["labels"], arrays.get("usage", arrays.get("parts")))
    return {**arrays, "fingerprint": np.array(fingerprint)}


def _fer_files(folder: Path) -> list[tuple[str, Path]]:
    votes = ferplus.find(folder)
    return [("FER2013", fer2013.find(folder)), *([("FER+", votes)] if votes else [])]


def _tiny_imagenet_files(folder: Path) -> list[tuple[str, Path]]:
    return [("Tiny-ImageNet", tiny_imagenet.find(folder))]


def _open_fer2013(folder: Path) -> FaceSet:
    source = fer2013.find(folder)
    arrays = _cached_source("fer2013", source, fer2013.read)
    usage, parts = arrays.get("usage"), arrays.get("parts")
    warnings = arrays["left_out"].tolist() if "left_out" in arrays else []
    votes = None
    if usage is None:
        own = "no split of their own" if parts is None else "`folders` is their own split"
        warnings.insert(
            0, f"{source} holds class folders: {own}, no official splits (`split: official`), no FER+ labels."
        )
    elif ferplus.find(folder):
        votes = ferplus.read(folder, usage)
    else:
        warnings.append(f"No FER+ votes beside FER2013. {ferplus.HOW_TO_GET}")
    if len(arrays["labels"]) != fer2013.ROWS:
        warnings.append(f"{source} has {len(arrays['labels']):,} rows; FER2013 has {fer2013.ROWS:,}.")
    return FaceSet(
        "fer2013", arrays["images"], arrays["labels"], FER_CLASSES, usage, votes, parts=parts,
        fingerprint=str(arrays["fingerprint"]), warnings=tuple(warnings),
    )  # fmt: skip


def _open_ferplus(folder: Path) -> FaceSet:
    faces = _open_fer2013(folder)
    if faces.usage is None:
        raise FerError(f"{faces.warnings[0]}\n{fer2013.HOW_TO_GET}")
    votes = ferplus.read(folder, faces.usage) if faces.votes is None else faces.votes
    return _by_votes(replace(faces, votes=votes), "ferplus")


def _by_votes(faces: FaceSet, name: str) -> FaceSet:
    """The same images as the data set `name`, whose runs depend on the votes too."""
    fingerprint = hashlib.sha256(f"{faces.fingerprint}{digest(faces.votes)}".encode()).hexdigest()
    return replace(faces, name=name, fingerprint=fingerprint)


def _usage_by_row(rows: int, *, training: float, selection: float) -> np.ndarray:
    """uint8 [rows]: the first share is Training, the next PublicTest, the rest PrivateTest."""
    ends = np.array((training, training + selection)) * rows
    return np.searchsorted(ends, np.arange(rows), side="right").astype(np.uint8)


def _toyfaces() -> FaceSet:
    """Drawn anew when the source of what draws them changes."""
    sources = "".join(map(inspect.getsource, (toyfaces, portrait, canvas, faceset, geometry)))
    source_hash = hashlib.sha256(f"{sources}{_TOY_ROWS}{_TOY_SEED}".encode()).hexdigest()
    arrays = cached("toyfaces", source_hash, lambda: vars(toyfaces.draw(_TOY_ROWS, seed=_TOY_SEED)))
    usage = _usage_by_row(_TOY_ROWS, training=0.8, selection=0.1)
    return FaceSet(
        "toyfaces", arrays["images"], arrays["labels"], FER_CLASSES, usage, arrays["votes"], arrays["pose"],
        fingerprint=digest(arrays["images"], arrays["labels"], usage),
    )  # fmt: skip


def _digits() -> FaceSet:
    """Handwritten digits from scikit-learn, enlarged from 8×8: what is pre-trained on where nothing is downloaded."""
    from sklearn.datasets import load_digits  # takes a second

    digits = load_digits()
    small = map(Image.fromarray, (digits.images * (255 / 16)).round().astype(np.uint8))
    images = np.stack([np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)) for image in small])
    faces = FaceSet.of(images, digits.target, tuple("0123456789"))
    return replace(faces, name="digits", usage=_usage_by_row(len(faces), training=0.8, selection=0.0))


def _open_tiny_imagenet(folder: Path) -> FaceSet:
    arrays = _cached_source("tiny_imagenet", tiny_imagenet.find(folder), tiny_imagenet.read)
    return FaceSet(
        "tiny_imagenet", arrays["images"], arrays["labels"], tuple(arrays["wnids"].tolist()), arrays["usage"],
        fingerprint=str(arrays["fingerprint"]),
    )  # fmt: skip


@functools.lru_cache(maxsize=4)
def _of_the_user(name: str, source: str) -> FaceSet:
    faces = imported(name)()
    if not isinstance(faces, FaceSet):
        raise FerError(f"{name} gives a {type(faces).__name__}; expected a FaceSet, as FaceSet.of gives.")
    return replace(faces, name=name)


class _Catalogue(dict[str, Dataset]):
    """Also has what an import path names, under the function's name."""

    def __missing__(self, name: str) -> Dataset:
        if not is_import_path(name):
            raise KeyError(name)
        return Dataset(name.partition(":")[2], ("given",), lambda folder: _of_the_user(name, source_hash(name)))


_VOTES = ("plurality10", "plurality8", "majority8", "votes8")
DATASETS = _Catalogue(
    {
        "fer2013": Dataset("FER2013", ("fer7",), _open_fer2013, _fer_files),
        "ferplus": Dataset("FER+", _VOTES, _open_ferplus, _fer_files),
        "toyfaces": Dataset("Toy faces", ("fer7",), lambda folder: _toyfaces(), stands_in=True),
        "toyfacesplus": Dataset(
            "Toy faces+", _VOTES, lambda folder: _by_votes(_toyfaces(), "toyfacesplus"), stands_in=True
        ),
        "tiny_imagenet": Dataset("Tiny-ImageNet", ("given",), _open_tiny_imagenet, _tiny_imagenet_files),
        "digits": Dataset("Digits", ("given",), lambda folder: _digits()),
    }
)
PRETRAINING_SETS = ("tiny_imagenet", "digits")
