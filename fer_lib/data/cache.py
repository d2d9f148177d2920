"""Memory-mapped caches: the first read of a source is slow, every later one opens in milliseconds.

A cache is a folder named after its source's hash, so a changed source is read again and an unchanged one never is.
"""

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from fer_lib import paths
from fer_lib.files import writing

_FORMAT = 2  # raise it when the arrays' meaning changes

Arrays = dict[str, np.ndarray]


def cached(kind: str, source_hash: str, read: Callable[[], Arrays]) -> Arrays:
    """Arrays that `read` returns, memory-mapped from the cache; `read` is called when they are not there yet.

    Raises:
        FerError: the cache folder cannot be written (read-only or full disk).
    """
    folder = paths.cache_folder() / f"{kind}-{source_hash[:16]}-v{_FORMAT}"
    arrays = _open(folder)
    if arrays is not None:
        return arrays
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))  # who comes second waits instead of reading, too
    otherwise = "Free some space, or set FER_CACHE to a folder that can be written."
    with writing(f"the image cache {folder}", otherwise=otherwise):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        arrays = _open(folder)
        if arrays is None:
            arrays = read()
            with writing(f"the image cache {folder}", otherwise=otherwise):
                _write(folder, arrays)
    except BaseException:
        with suppress(OSError):  # a source that cannot be read leaves nothing behind
            Path(lock.lock_file).unlink()
            folder.parent.rmdir()
        raise
    finally:
        lock.release()
    return _open(folder) or arrays


def _open(folder: Path) -> Arrays | None:
    try:
        wanted = json.loads((folder / "arrays.json").read_text())
        if {name: _checksum(folder / f"{name}.npy") for name in wanted} != wanted:
            return None
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in wanted}
    except (OSError, ValueError, TypeError, EOFError):
        return None  # absent or damaged: it is made anew


def _checksum(path: Path) -> int:
    return zlib.crc32(np.memmap(path, np.uint8, "r").data)  # 20 ms for FER2013's images


def _write(folder: Path, arrays: Arrays) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, array in arrays.items():
            np.save(scratch / f"{name}.npy", array, allow_pickle=False)
        sums = {name: _checksum(scratch / f"{name}.npy") for name in arrays}
        (scratch / "arrays.json").write_text(json.dumps(sums))
        scratch.chmod(0o755)  # a scratch folder is its owner's alone, and others may share the cache
        try:
            os.rename(scratch, folder)
        except OSError:  # a folder is there: whole if another process was first, else damaged
            if _open(folder) is None:
                shutil.rmtree(folder, ignore_errors=True)
                os.rename(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
