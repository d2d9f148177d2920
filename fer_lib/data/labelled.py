"""Labelled faces from anywhere: a folder for each expression, under one of the names that people give it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_lib.data.faceset import FER_CLASSES
from fer_lib.data.folder import Pictures, beside_classes, folders_in
from fer_lib.data.picture import center_square, read_picture
from fer_lib.errors import DataMissing, FerError

EXPRESSIONS = (*FER_CLASSES, "contempt")
OTHER_NAMES = {
    "anger": "angry", "disgusted": "disgust", "fearful": "fear", "afraid": "fear", "scared": "fear",
    "happiness": "happy", "joy": "happy", "sadness": "sad", "surprised": "surprise", "suprise": "surprise",
    "suprised": "surprise", "contemptuous": "contempt",
}  # fmt: skip
PART_OF = {
    "train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "publictest": 1, "test": 2,
    "testing": 2, "privatetest": 2,
}  # fmt: skip  # by the name of a folder, its number in `faceset.PARTS`
_NAMED = 5  # images that cannot be read are named up to here


@dataclass(frozen=True)
class LabelledFaces:
    """Images uint8 [N, 48, 48], their labels int64 [N] (index into `classes`) and files, in the files' order.

    `left_out` says, a line each, what else lies there and why it was not taken.
    """

    images: np.ndarray
    labels: np.ndarray
    files: tuple[Path, ...]
    left_out: tuple[str, ...] = ()
    classes: tuple[str, ...] = EXPRESSIONS


def expression(name: str, names: Mapping[str, str] | None = None) -> str | None:
    """One of `EXPRESSIONS` for what a folder or a class is called, or one of `names` says; None if it is unknown."""
    name = name.strip().lower()
    name = (names or {}).get(name, name)
    name = OTHER_NAMES.get(name, name)
    return name if name in EXPRESSIONS else None


def read_labelled(folder: Path, *, names: Mapping[str, str] | None = None) -> LabelledFaces:
    """Faces of a folder that has one folder for each expression; `names` adds names, as {"normal": "neutral"}.

    An image may have any size, and be grey or coloured: it becomes grey, its middle square is taken, and that is
    brought to 48×48. An image of 48×48 stays as it is. Folders in a class folder are looked into. An image that cannot
    be read is left out.

    Raises:
        DataMissing: there is no such folder.
        FerError: a folder's name is not understood, or there is no image; the message names it.
    """
    names = {name.strip().lower(): meant for name, meant in (names or {}).items()}
    if wrong := [meant for meant in names.values() if expression(meant) is None]:
        raise FerError(f"{wrong[0]!r} is no expression; choose one of {', '.join(EXPRESSIONS)}.")
    classes = _classes_in(folder)
    unknown = [path.name for path in classes if expression(path.name, names) is None]
    if parts := [name for name in unknown if any(expression(one.name, names) for one in folders_in(folder / name))]:
        raise FerError(f"{folder} holds folders that have class folders in them.\nName one: {', '.join(parts[:5])}.")
    if unknown or not classes:
        strange = f"folders that are no expression: {', '.join(unknown[:5])}" if unknown else "no folders"
        raise FerError(
            f"{folder} holds {strange}. Understood are {', '.join((*EXPRESSIONS, *OTHER_NAMES))}.\n"
            "Name the folder that holds them (such as its test folder), or say what a name means: --map normal=neutral."
        )
    return _read(folder, [(part, EXPRESSIONS.index(expression(part.name, names) or "")) for part in classes])


def read_classes(folder: Path) -> LabelledFaces:
    """Faces of a folder with one folder for each class, whatever it is called; read as `read_labelled` does.

    Raises:
        DataMissing: there is no such folder.
        FerError: fewer than two classes, a train and a test folder in their place, a name with a comma, or no image.
    """
    classes = _classes_in(folder)
    names = tuple(part.name for part in classes)
    if len(classes) < 2 or PART_OF.keys() & {*map(str.lower, names)} or "," in "".join(names):
        found = ", ".join(names[:5]) or "no folders"
        raise FerError(f"{folder} holds {found}; expected a folder for each class, two at least, without a comma.")
    return replace(_read(folder, [(part, number) for number, part in enumerate(classes)]), classes=names)


def _classes_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataMissing(f"{folder} is no folder.\nName one that holds a folder for each class.")
    return folders_in(folder)


def _read(folder: Path, classes: list[tuple[Path, int]]) -> LabelledFaces:
    images, labels, files, left_out, unread = [], [], [], [], []
    for part, label in classes:
        pictures = Pictures.under(part)
        left_out += [f"{part}: {pictures}."] if pictures.left_out else []
        for path in pictures.files:
            try:
                images.append(center_square(read_picture(path)))
            except FerError as error:
                unread.append(str(error))
                continue
            labels.append(label)
            files.append(path)
    if not files:
        why = next(iter([*unread, *left_out]), "")
        raise FerError(f"{folder}: not a single image in {len(classes)} class folders. {why}".strip())
    left_out += unread[:_NAMED]
    left_out += [f"{len(unread) - _NAMED:,} more images cannot be read."] if len(unread) > _NAMED else []
    left_out += [f"{folder}: {beside}."] if (beside := beside_classes(folder)) else []
    return LabelledFaces(np.stack(images), np.array(labels), tuple(files), tuple(left_out))


def read_face(path: Path) -> np.ndarray:
    """An image as a face, uint8 [48, 48]; see `read_labelled`.

    Raises:
        FerError: it is no image, or damaged.
    """
    try:
        return center_square(read_picture(path))
    except FerError as error:
        raise FerError(f"{error}\nRemove it or mend it, or name another folder.") from error
