"""The cache: made once, remade when the source changes or the cache is damaged, safe under two processes."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_lib import paths
from fer_lib.data import fer2013, load
from fer_lib.data.cache import _FORMAT, cached
from fer_lib.errors import FerError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def counting(calls: list[int]) -> Callable[[], dict[str, np.ndarray]]:
    def read() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"a": np.arange(6).reshape(2, 3), "name": np.array("x")}

    return read


def test_the_source_is_read_once_and_mapped_after(cache: Path) -> None:
    calls: list[int] = []
    for _ in range(3):
        arrays = cached("kind", "hash", counting(calls))
        assert isinstance(arrays["a"], np.memmap)
        assert arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert str(arrays["name"]) == "x"
    assert len(calls) == 1
    cached("kind", "other hash", counting(calls))
    assert len(calls) == 2
    assert not [path for path in cache.iterdir() if path.name.startswith(".") and path.is_dir()]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", None])
@pytest.mark.parametrize("name", ["a.npy", "arrays.json"])
def test_a_damaged_cache_is_made_anew(cache: Path, name: str, content: bytes | None) -> None:
    calls: list[int] = []
    cached("kind", "hash", counting(calls))
    (path,) = cache.glob(f"*/{name}")
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    for _ in range(2):
        assert cached("kind", "hash", counting(calls))["a"].sum() == 15
    assert len(calls) == 2


def _read_slowly() -> dict[str, np.ndarray]:
    time.sleep(0.3)
    return {"a": np.arange(100_000)}


def _total(ignored: int) -> int:
    return int(cached("kind", "hash", _read_slowly)["a"].sum())


def test_processes_at_once_get_whole_arrays_and_leave_one_cache(cache: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(_total, range(4), chunksize=1) == [4_999_950_000] * 4
    assert [path.name for path in cache.glob("[!.]*")] == [f"kind-hash-v{_FORMAT}"]


def test_a_folder_that_cannot_be_written_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file in its place")
    with pytest.raises(FerError, match=r"Cannot write the image cache .*\n.*FER_CACHE"):
        cached("kind", "hash", counting([]))
    assert cache.read_text() == "a file in its place"


def test_a_full_disk_leaves_nothing_half_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(*args: object, **kwargs: object) -> None:
        raise OSError("6 requested and 3 written")

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(FerError, match="6 requested and 3 written"):
        cached("kind", "hash", counting([]))
    assert not list(cache.glob("[!.]*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(cache: Path) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o500)
    with pytest.raises(FerError, match="Cannot write the image cache"):
        cached("kind", "hash", counting([]))


def test_a_data_set_is_read_again_when_its_file_changes(
    cache: Path, fer_csv: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    read = fer2013.read
    monkeypatch.setattr(fer2013, "read", lambda source: reads.append(source) or read(source))
    folders = [fer_csv(seed=seed, folder=name) for seed, name in ((0, "a"), (0, "b"), (1, "c"))]
    one, same, other = (load("fer2013", data=folder) for folder in folders)
    assert len(reads) == 2
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert not np.array_equal(one.images, other.images)


def test_others_may_read_a_cache(cache: Path) -> None:
    cached("kind", "hash", counting([]))
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    assert folder.stat().st_mode & 0o777 == 0o755


def test_folders_of_the_environment_are_those_of_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home, and a relative folder is looked for in the project, where a notebook does not start."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, found in (("FER_CACHE", paths.cache_folder), ("FER_REPORT", lambda: paths.report_folder("x"))):
        monkeypatch.setenv(variable, "~/x")
        assert found() == tmp_path / "x"
    for name in ("params", "notebooks", "faces"):
        (tmp_path / "project" / name).mkdir(parents=True)
    monkeypatch.setenv("FER_DATA", "faces")
    for folder in (tmp_path / "project", tmp_path / "project" / "notebooks"):
        monkeypatch.chdir(folder)
        assert paths.data_folder() == tmp_path / "project" / "faces"
    assert paths.data_folder("faces") == Path("faces"), "named by hand, it is here"
