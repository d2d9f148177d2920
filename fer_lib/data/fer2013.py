"""FER2013 in every form that it is handed around in.

Goodfellow et al. 2013, "Challenges in representation learning" (https://arxiv.org/abs/1307.0414): 35,887 grey
images of 48×48 pixels in seven classes; `Usage` is Training, PublicTest or PrivateTest.
"""

import codecs
import csv
import io
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TextIO

import numpy as np

from fer_lib.data.cache import Arrays
from fer_lib.data.faceset import FER_CLASSES, SIZE, USAGES
from fer_lib.data.folder import SUFFIXES, Pictures, beside_classes, folders_in
from fer_lib.data.labelled import PART_OF, expression, read_face
from fer_lib.errors import DataMissing, FerError

ROWS = 35_887
TABLES = ("fer2013.csv", "icml_face_data.csv")
LONGEST = 1 << 20  # characters of a cell
MOST = 100_000  # rows: a small archive may unpack to any number
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError, csv.Error, UnicodeDecodeError)

PAGE = "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"
HOW_TO_GET = (
    f"Get it with `make data`, or download fer2013.tar.gz or the whole zip from {PAGE} and set FER_DATA to its folder."
)


def find(folder: Path) -> Path:
    """The best source of FER2013 in `folder` (or `folder` itself, if it is a file): a table before class folders.

    Raises:
        FerError: there is none; the message lists the places looked at.
    """
    if folder.is_file():
        return folder
    names = [name for table in TABLES for name in (table, f"fer2013/{table}")] + ["fer2013.tar.gz"]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    archives = [path for path in sorted(folder.glob("*.zip")) if _may_hold_table(path)]
    if archives:
        return archives[0]
    for candidate in (folder, folder / "fer2013"):
        if _class_folders(candidate):
            return candidate
    if (folder / "test.csv").is_file() or (folder / "train.csv").is_file():
        raise FerError(
            f"{folder}: Kaggle's train.csv has no Usage column and its test.csv no labels, so neither gives FER2013's "
            "splits.\nTake fer2013.tar.gz or icml_face_data.csv from the same download."
        )
    for archive in sorted(folder.glob("*.zip")):
        if not zipfile.is_zipfile(archive):
            raise DataMissing(f"{archive} is damaged or not yet whole.\nDelete it and download it again.")
        if _holds_class_folders(archive):
            raise DataMissing(f"{archive} holds class folders; they are read once it is unpacked.\nUnpack {archive}.")
    for part in (folder, folder / "images"):
        if (part / "FER2013Train").is_dir():
            raise DataMissing(
                f"{part} has FER+'s own folders: images and votes, without FER2013's labels and order.\n"
                f"Put fer2013.csv or fer2013.tar.gz beside them. {HOW_TO_GET}"
            )
    where = f"under {folder}" if folder.exists() else f"here, since {folder} is not there"
    raise DataMissing(
        f"No FER2013 {where}: looked for {', '.join(names)}, the competition's zip, and class folders "
        f"({', '.join(FER_CLASSES)}).\n{HOW_TO_GET}"
    )


def read(source: Path) -> Arrays:
    """Arrays `images` uint8 [N, 48, 48], `labels` uint8 [N] and `usage` uint8 [N] of a table, or `parts` of folders.

    `parts` uint8 [N] is an index into `PARTS`, given where class folders lie in both a train and a test folder;
    `left_out` says of folders what was not taken and why, a text each.

    Raises:
        FerError: the file is damaged or not FER2013; the message names file, row and what was expected.
    """
    if source.is_dir():
        return _read_folders(source)
    try:
        with _open_table(source) as (table, name):
            return _read_table(table, name)
    except _DAMAGED as error:
        raise FerError(
            f"{source} cannot be read to its end ({str(error).splitlines()[0].rstrip(':.')}): damaged or truncated.\n"
            "Delete it and download it again."
        ) from error


def _may_hold_table(path: Path) -> bool:
    """Whether a zip holds FER2013; a damaged one with its name counts, so that `read` reports it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _table_in(archive) is not None
    except _DAMAGED:
        return "facial-expression" in path.name or "fer2013" in path.name


def _holds_class_folders(path: Path) -> bool:
    """Whether a zip holds images in folders that are called as expressions are."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = map(PurePosixPath, archive.namelist())
            return any(expression(file.parent.name) and file.suffix.lower() in SUFFIXES for file in inside)
    except _DAMAGED:
        return False


def _table_in(archive: zipfile.ZipFile) -> str | None:
    """Name of the zip's first member that holds FER2013."""
    members = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
    return next((members[name] for name in (*TABLES, "fer2013.tar.gz") if name in members), None)


@contextmanager
def _open_table(source: Path) -> Iterator[tuple[TextIO, str]]:
    """The table of a CSV file, a tar, a zip, or a tar within a zip; and where it lies, for messages."""
    with ExitStack() as opened:
        file: IO[bytes] = opened.enter_context(source.open("rb"))
        name = str(source)
        if source.suffix == ".zip":
            archive = opened.enter_context(zipfile.ZipFile(file))
            member = _table_in(archive)
            if member is None:
                raise FerError(f"{source} holds none of {', '.join(TABLES)}, fer2013.tar.gz.\n{HOW_TO_GET}")
            file, name = opened.enter_context(archive.open(member)), f"{source}:{member}"
        if not name.endswith(".csv"):
            tar = opened.enter_context(tarfile.open(fileobj=file, mode="r:*"))
            named = (entry for entry in tar if entry.isfile() and entry.name.rsplit("/", 1)[-1] in TABLES)
            table = next(map(tar.extractfile, named), None)
            if table is None:
                raise FerError(f"{source} holds none of {', '.join(TABLES)}.\n{HOW_TO_GET}")
            file = table
        seen = io.BufferedReader(file)  # type: ignore[type-var]
        yield io.TextIOWrapper(seen, newline="", encoding=_encoding(seen.peek(2)[:2])), name


def _encoding(start: bytes) -> str:
    """Of a text that starts so: spreadsheets put a byte-order mark in front."""
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return {1: "utf-16-le", 0: "utf-16-be"}.get(start.find(0), "utf-8-sig")


def _read_table(table: TextIO, name: str) -> Arrays:
    csv.field_size_limit(LONGEST)
    rows = csv.reader(iter(lambda: table.readline(LONGEST + 1), ""))  # a line that never ends is not read to its end
    header = [column.strip() for column in next(rows, [])]
    if len(header) == 1 and header[0].count(";") == 2:  # as a spreadsheet writes it in much of Europe
        rows = csv.reader(iter(lambda: table.readline(LONGEST + 1), ""), delimiter=";")
        header = [column.strip() for column in header[0].split(";")]
    if sorted(header) != ["Usage", "emotion", "pixels"]:
        what = "Kaggle's unlabelled test.csv" if header == ["pixels"] else f"columns {', '.join(header)[:80] or 'none'}"
        raise FerError(
            f"{name}: found {what}, expected emotion, pixels, Usage.\nTake fer2013.csv or icml_face_data.csv."
        )
    emotion, pixels, usage = (header.index(column) for column in ("emotion", "pixels", "Usage"))
    images, labels, usages = [], [], []
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        if number > MOST:
            raise FerError(f"{name}: more than {MOST:,} rows, FER2013 has 35,887.\nDownload it again.")
        if len(row) != 3:
            raise FerError(f"{name}: row {number} has {len(row)} fields, expected 3; a truncated or edited file.")
        labels.append(_one_of(row[emotion].strip(), [str(i) for i in range(7)], "emotion", name, number))
        usages.append(_one_of(row[usage].strip(), USAGES, "Usage", name, number))
        images.append(_pixels(row[pixels], name, number))
    if not images:
        raise FerError(f"{name}: no rows below the header.\nDownload it again.")
    return {
        "images": np.stack(images).reshape(-1, SIZE, SIZE),
        "labels": np.array(labels, np.uint8),
        "usage": np.array(usages, np.uint8),
    }


def _one_of(value: str, allowed: tuple[str, ...] | list[str], column: str, name: str, number: int) -> int:
    if value not in allowed:
        raise FerError(
            f"{name}: row {number} has {column} {value[:40]!r}, expected one of {', '.join(allowed)}.\n"
            "Mend the row, or download the file again."
        )
    return allowed.index(value)


def _pixels(text: str, name: str, number: int) -> np.ndarray:
    expected = f"expected {SIZE * SIZE} numbers from 0 to 255"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy warns where the text stops being numbers
        try:
            values = np.fromstring(text, dtype=np.int64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            bad = next((word for word in text.split() if not word.lstrip("-").isdigit()), "?")
            raise FerError(f"{name}: row {number} has a pixel {bad[:20]!r}, {expected}.") from error
    if values.size != SIZE * SIZE:
        raise FerError(f"{name}: row {number} has {values.size:,} pixels, {expected}.")
    if values.min() < 0 or values.max() > 255:
        bad = values[(values < 0) | (values > 255)][0]
        raise FerError(f"{name}: row {number} has a pixel of {bad}, {expected}.")
    return values.astype(np.uint8)


def _class_folders(folder: Path) -> list[Path]:
    """Folders whose sub-folders are classes: `train/` and `test/`, or `folder` itself; none if they are no classes."""
    if not folder.is_dir():
        return []
    parts = [path for path in folders_in(folder) if path.name.lower() in PART_OF] or [folder]
    return parts if any(expression(sub.name) in FER_CLASSES for part in parts for sub in folders_in(part)) else []


def _read_folders(folder: Path) -> Arrays:
    """Its texts name places within the folder, since a cache of it may be read where the folder was moved to."""
    images, labels, parts, left_out = [], [], [], []
    places = _class_folders(folder)
    for part in dict.fromkeys((folder, *places)):
        if beside := beside_classes(part):
            left_out.append(f"{_within(part, folder)}: {beside}.")
    if places != [folder]:
        strange = [path for path in folders_in(folder) if path not in places and Pictures.under(path).files]
        left_out += [f"{path.name}: left out; a part is called one of {', '.join(PART_OF)}." for path in strange]
    for part in places:
        for class_folder in folders_in(part):
            pictures, where = Pictures.under(class_folder), _within(class_folder, folder)
            left_out += [f"{where}: {pictures}."] if pictures.left_out else []
            name = expression(class_folder.name)
            if name == "contempt":
                left_out.append(f"{where}: {len(pictures.files):,} images left out; FER2013 has no contempt.")
                continue
            if name not in FER_CLASSES:
                raise FerError(
                    f"{class_folder}: unknown class {class_folder.name!r}, expected {', '.join(FER_CLASSES)}.\n"
                    "Rename or remove the folder."
                )
            for path in pictures.files:
                images.append(read_face(path))
                labels.append(FER_CLASSES.index(name))
                parts.append(PART_OF.get(part.name.lower(), -1))
    if not images:
        raise FerError(f"{folder}: class folders without a single image ({', '.join(sorted(SUFFIXES))}).")
    arrays = {"images": np.stack(images), "labels": np.array(labels, np.uint8)}
    if set(parts) == {0, 1}:
        left_out.append("There is no test folder, so the validation folder is the one that `folders` reports on.")
        parts = [2 * part for part in parts]
    if {0, 2} <= set(parts):
        arrays["parts"] = np.array(parts, np.uint8)
    return {**arrays, "left_out": np.array(left_out, dtype=str)}


def _within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path != folder else "The folder"
