"""Pictures in a folder: which files they are, and which were left out."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from PIL import Image

from fer_lib.errors import FerError

# what is read, or said to be unreadable one by one: a HEIC needs a package of its own
SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".jxl", ".pbm", ".pgm", ".png",
    ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp",
})  # fmt: skip
OWN = "fer_lib predict"  # what a picture drawn by `predict` says of its software


@dataclass(frozen=True)
class Pictures:
    """The pictures in a folder, sorted, and how many other files were left out, by kind.

    Hidden files and folders, what archivers and file managers leave behind (`__MACOSX`), and what `predict` has drawn
    count as neither.
    """

    files: tuple[Path, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)

    @classmethod
    def under(cls, folder: Path) -> Self:
        """The pictures in a folder and the folders in it, linked ones, too."""
        kinds = {path: _no_picture(path) for path in sorted(files_under(folder)) if not _is_own(path)}
        return cls(tuple(path for path, kind in kinds.items() if not kind), Counter(filter(None, kinds.values())))

    def __str__(self) -> str:
        """What was left out, as `3 files left out: 2 .txt, 1 without a suffix`; empty where nothing was."""
        if not self.left_out:
            return ""
        count = sum(self.left_out.values())
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in self.left_out.most_common())
        return f"{count:,} file{'s' * (count != 1)} left out: {kinds}"


def files_under(folder: Path) -> Iterator[Path]:
    """The files in a folder and the folders in it, linked ones, too, but no hidden ones; each folder once.

    Raises:
        FerError: a folder that cannot be read.
    """
    seen = {os.path.realpath(one) for one in (folder, *folder.absolute().parents)}  # no link leads back up
    for where, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        folders[:] = [name for name in sorted(folders) if not is_hidden(name)]
        for name in list(folders):
            real = os.path.realpath(os.path.join(where, name))
            if real in seen:  # a link back
                folders.remove(name)
            seen.add(real)
        yield from (Path(where, name) for name in names if not is_hidden(name))


def _refuse(error: OSError) -> None:
    raise FerError(f"{error.filename} cannot be read ({error.strerror}).") from error


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or made by an archiver or a file manager."""
    return name.startswith((".", "__")) or name.lower() in ("thumbs.db", "desktop.ini")


def folders_in(folder: Path) -> list[Path]:
    """Its folders, sorted, without hidden ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


def beside_classes(folder: Path) -> str:
    """How many files lie beside the folders in a folder, as a sentence's part; empty where none does."""
    count = sum(path.is_file() and not is_hidden(path.name) for path in folder.iterdir())
    return f"{count:,} file{'s' * (count != 1)} beside the class folders left out" if count else ""


def _no_picture(path: Path) -> str:
    """What kind of file it is, if it is no picture; a picture without a suffix is told by its content."""
    suffix = path.suffix.lower()
    if suffix:
        return "" if suffix in SUFFIXES else suffix
    with suppress(Exception), Image.open(path):
        return ""
    return "without a suffix"


def _is_own(path: Path) -> bool:
    """Whether `predict` has drawn it."""
    if path.suffix.lower() != ".png" or "_faces" not in path.stem:
        return False
    with suppress(Exception), Image.open(path) as image:
        return image.info.get("Software") == OWN
    return False
