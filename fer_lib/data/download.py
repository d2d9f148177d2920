"""Fetch the data sets: FER2013 by kagglehub, FER+ and Tiny-ImageNet by pooch.

None of them may be passed on with the study (the competition's terms, research use only), so each user fetches them.
"""

import contextlib
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from fer_lib import paths
from fer_lib.data import fer2013, ferplus, tiny_imagenet
from fer_lib.errors import FerError

_TIMEOUT = 30  # seconds without a byte
_ACCESS = "Kaggle wants an API token in ~/.kaggle, and the competition's rules accepted on its page"
_NOT_INSTALLED = "is not installed here: pip install 'fer_lib[download]'"


T = TypeVar("T")


class _Failed(Exception):
    """Why a file did not come, in a few words."""


@dataclass(frozen=True)
class Source:
    """A file to fetch.

    Attributes:
        name: the data set's name for people.
        file: the name under which it lands in the data folder.
        url: where `get`, or a person, gets it.
        find: the data set in a folder, in whatever form; None or FerError if it is not there.
        get: writes what `url` serves to a path.
        intact: whether a fetched file is what it should be.
    """

    name: str
    file: str
    url: str
    find: Callable[[Path], Path | None]
    get: Callable[[str, Path], None]
    intact: Callable[[Path], bool]


def from_url(url: str, path: Path) -> None:
    """Write what `url` serves to `path`."""
    try:
        from pooch import HTTPDownloader
    except ImportError as error:
        raise _Failed(f"pooch {_NOT_INSTALLED}") from error
    try:
        HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=_TIMEOUT)(url, str(path), None)
    except OSError as error:  # every error of requests is one
        raise _Failed(_reason(error, urlsplit(url).netloc)) from error


def from_kaggle(url: str, path: Path) -> None:
    """Write the file named as `path` of the competition with the page `url` to `path`."""
    try:
        import kagglehub
        from kagglehub.exceptions import UnauthenticatedError
    except ImportError as error:
        raise _Failed(f"kagglehub {_NOT_INSTALLED}") from error
    try:
        shutil.copyfile(kagglehub.competition_download(url.rstrip("/").rsplit("/", 1)[-1], path.name), path)
    except UnauthenticatedError as error:
        raise _Failed(_ACCESS) from error
    except Exception as error:  # kagglehub's own errors have no common base
        raise _Failed(_reason(error, "www.kaggle.com")) from error


def _reason(error: Exception, host: str) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403) and host == "www.kaggle.com":
        return f"answer {status}: {_ACCESS}"
    if status is not None:
        return f"{host} answers {status}"
    if isinstance(error, OSError):
        return error.strerror or f"no connection to {host}"
    return str(error).partition("\n")[0] or type(error).__name__


FER2013 = Source("FER2013", "fer2013.tar.gz", fer2013.PAGE, fer2013.find, from_kaggle, tarfile.is_tarfile)
FERPLUS = Source(
    "FER+", ferplus.TABLE, f"https://raw.githubusercontent.com/microsoft/FERPlus/master/{ferplus.TABLE}",
    ferplus.find, from_url, lambda path: not ferplus.read_table(path).empty,
)  # fmt: skip
TINY_IMAGENET = Source(
    "Tiny-ImageNet", f"{tiny_imagenet.NAME}.zip", tiny_imagenet.URL, tiny_imagenet.find, from_url, zipfile.is_zipfile
)


def fetch(
    folder: str | Path | None = None,
    *,
    sources: Sequence[Source] = (FER2013, FERPLUS),
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Fetch what `folder` (default: `FER_DATA`, or `data/`) lacks of `sources`, and return the folder.

    A file appears under its name only when it is whole, and one that is there stays as it is. A source that fails does
    not keep the others from being fetched. `say` takes a line about each.

    Raises:
        FerError: something could not be fetched, with the reasons and how to get it by hand.
    """
    base = paths.data_folder(folder)
    base = base.parent if base.is_file() else base
    failed: dict[str, str] = {}
    by_hand = []
    for source in sources:
        if found := _or_none(source.find, base):
            say(f"{source.name}: {found} is there.")
            continue
        say(f"{source.name}: fetching {source.file} from {source.url}")
        try:
            _fetch(source, base)
        except _Failed as error:
            failed[source.name] = str(error)
            by_hand.append(f"{source.file} from {source.url}")
    if failed:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in failed.items())
        raise FerError(f"Could not fetch {reasons}.\nBy hand: put {' and '.join(by_hand)} into {base}.")
    return base


def _or_none(ask: Callable[[Path], T], path: Path) -> T | None:
    try:
        return ask(path)
    except FerError:
        return None


def _fetch(source: Source, base: Path) -> None:
    new = not base.exists()
    try:
        base.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix=".fetching-", dir=base)
    except OSError as error:
        raise _Failed(f"cannot write to {base}: {error.strerror}") from error
    try:
        with scratch as folder:
            fetched = Path(folder, source.file)
            source.get(source.url, fetched)
            if not _or_none(source.intact, fetched):
                raise _Failed(f"what came is no {source.file}")
            fetched.replace(base / source.file)
    finally:
        if new:
            with contextlib.suppress(OSError):  # holds a file now, if all went well
                base.rmdir()
