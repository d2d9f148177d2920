"""Tiny-ImageNet-200 in its standard layout (folder or zip), the study's own pre-training set.

`wnids.txt`, `train/<wnid>/images/*.JPEG`, `val/images/*.JPEG` with `val/val_annotations.txt`. Images become grey and
48×48, as FER2013's are.
"""

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from fer_lib.data.cache import Arrays
from fer_lib.data.faceset import SIZE
from fer_lib.errors import DataMissing, FerError

NAME = "tiny-imagenet-200"
URL = f"http://cs231n.stanford.edu/{NAME}.zip"


def find(folder: Path) -> Path:
    """Zip or folder of Tiny-ImageNet under `folder`.

    Raises:
        FerError: neither is there.
    """
    base = folder.parent if folder.is_file() else folder
    if (base / f"{NAME}.zip").is_file():
        return base / f"{NAME}.zip"
    if (base / NAME / "wnids.txt").is_file():
        return base / NAME
    raise DataMissing(
        f"No Tiny-ImageNet under {base}: looked for {NAME}.zip and {NAME}/wnids.txt.\n"
        f"Get it with `python -m fer_lib data fetch --with-tiny-imagenet`, or download {URL} into that folder."
    )


def read(source: Path) -> Arrays:
    """Arrays `images` uint8 [N, 48, 48], `labels` uint8 [N], `usage` uint8 [N] (train 0, val 2), `wnids` [C].

    Raises:
        FerError: a file of the layout is missing or damaged.
    """
    try:
        if source.suffix == ".zip":
            with zipfile.ZipFile(source) as archive:
                names = [name.removeprefix(f"{NAME}/") for name in archive.namelist() if name.startswith(f"{NAME}/")]
                return _read(names, lambda name: archive.read(f"{NAME}/{name}"))
        names = [path.relative_to(source).as_posix() for path in source.rglob("*.JPEG")]
        return _read(names, lambda name: (source / name).read_bytes())
    except (zipfile.BadZipFile, KeyError, FileNotFoundError, EOFError, zlib.error) as error:
        raise FerError(f"{source} is damaged or not in the standard layout: {error}.\nDownload it again.") from error


def _read(names: list[str], read_bytes: Callable[[str], bytes]) -> Arrays:
    """The arrays of a tree whose images are among `names`; `read_bytes` gives the content of any of its files."""
    wnids = read_bytes("wnids.txt").decode().split()
    number = {wnid: label for label, wnid in enumerate(wnids)}
    annotations = (line.split("\t") for line in read_bytes("val/val_annotations.txt").decode().splitlines())
    of_val = {f"val/images/{fields[0]}": number[fields[1]] for fields in annotations if len(fields) > 1}
    images = sorted(name for name in names if name.endswith(".JPEG"))
    items = [(name, number[name.split("/")[1]], 0) for name in images if name.startswith("train/")]
    items += [(name, of_val[name], 2) for name in images if name.startswith("val/images/")]
    if not items:
        raise KeyError("no JPEG image in train/")
    return {
        "images": np.stack([_small_grey(read_bytes(name), name) for name, _, _ in items]),
        "labels": np.array([label for _, label, _ in items], np.uint8),
        "usage": np.array([usage for _, _, usage in items], np.uint8),
        "wnids": np.array(wnids),
    }


def _small_grey(data: bytes, name: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("L").resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    except (UnidentifiedImageError, OSError) as error:
        raise FerError(f"{NAME}: {name} is no readable image.\nDownload the archive again.") from error
