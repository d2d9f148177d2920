"""Files: written whole or not at all, and known by their hash."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_lib.errors import Fatal


def write_atomically(path: Path, data: bytes) -> None:
    """Writes `data` to `path` so that a reader, or a crash, sees the old file or the new one.

    Raises:
        Fatal: the folder cannot be written.
    """
    with writing(path, otherwise="Free some space, or choose a folder that can be written (FER_REPORT)."):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        scratch = Path(name)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            scratch.chmod(0o644)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)


@contextmanager
def writing(what: object, *, otherwise: str) -> Iterator[None]:
    """Within it, an `OSError` becomes a `Fatal`: that `what` cannot be written, why, and what to do `otherwise`."""
    try:
        yield
    except OSError as error:
        raise Fatal(f"Cannot write {what}: {error.strerror or error}.\n{otherwise}") from error


def file_hash(path: Path, kind: str = "sha256") -> str:
    """Hex digest of a file; `kind` is a name that hashlib knows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
