"""Files: written whole or not at all, and known by their hash."""

import hashlib
import os
import tempfile
from pathlib import Path

from fer_lib.errors import FerError


def write_atomically(path: Path, data: bytes) -> None:
    """Writes `data` to `path` so that a reader, or a crash, sees the old file or the new one.

    Raises:
        FerError: the folder cannot be written.
    """
    scratch = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            scratch = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(0o644)
        scratch.replace(path)
    except OSError as error:
        raise FerError(
            f"Cannot write {path}: {error.strerror or error}.\n"
            "Free some space, or choose a folder that can be written (FER_REPORT)."
        ) from error
    finally:
        if scratch is not None:
            scratch.unlink(missing_ok=True)


def file_hash(path: Path, kind: str = "sha256") -> str:
    """Hex digest of a file; `kind` is a name that hashlib knows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
