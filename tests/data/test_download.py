"""Fetching: from a local server, from one that is not there, and from a Kaggle that says no."""

import functools
import http.server
import os
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from fer_lib.data import load
from fer_lib.data.download import FER2013, FERPLUS, TINY_IMAGENET, fetch
from fer_lib.errors import FerError

kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")
pytest.importorskip("pooch", reason="pooch is not installed")
NOWHERE = "http://127.0.0.1:9/"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address and folder of a local web server."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", folder
        server.shutdown()


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, fer_csv: Callable[..., Path], tmp_path: Path) -> list[tuple[str, str]]:
    """A Kaggle that serves a small fer2013.tar.gz; the list is of what it was asked for."""
    with tarfile.open(tmp_path / "kaggle.tar.gz", "w:gz") as archive:
        archive.add(fer_csv(folder="original") / "fer2013.csv", "fer2013/fer2013.csv")
    asked = []

    def download(competition: str, path: str) -> str:
        asked.append((competition, path))
        return str(tmp_path / "kaggle.tar.gz")

    monkeypatch.setattr(kagglehub, "competition_download", download)
    return asked


def at(source, base: str):
    """`source`, served below `base`."""
    return replace(source, url=base + source.file)


def test_everything_is_fetched_and_then_left_alone(
    served: tuple[str, Path], kaggle: list[tuple[str, str]], fer_csv: Callable[..., Path], tmp_path: Path
) -> None:
    base, folder = served
    shutil.copy(fer_csv(folder="original") / "fer2013new.csv", folder)
    with zipfile.ZipFile(folder / TINY_IMAGENET.file, "w") as archive:
        archive.writestr("tiny-imagenet-200/wnids.txt", "n01\n")
    sources = [FER2013, at(FERPLUS, base), at(TINY_IMAGENET, base)]
    data = tmp_path / "deep" / "data"
    assert fetch(data, sources=sources) == data
    assert sorted(os.listdir(data)) == ["fer2013.tar.gz", "fer2013new.csv", "tiny-imagenet-200.zip"]
    assert kaggle == [
        ("challenges-in-representation-learning-facial-expression-recognition-challenge", "fer2013.tar.gz")
    ]
    assert len(load("ferplus", data=data)) == 40

    said: list[str] = []
    fetch(data, sources=[at(source, NOWHERE) for source in sources], say=said.append)
    assert len(said) == 3
    assert all(line.endswith("is there.") for line in said)


def test_without_a_network_it_says_what_to_do_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(competition: str, path: str) -> str:
        raise ConnectionError

    monkeypatch.setattr(kagglehub, "competition_download", download)
    with pytest.raises(FerError) as caught:
        fetch(tmp_path / "data", sources=[FER2013, at(FERPLUS, NOWHERE), at(TINY_IMAGENET, NOWHERE)])
    reason, by_hand = str(caught.value).splitlines()
    assert "FER2013 (no connection to www.kaggle.com)" in reason
    assert "FER+ (no connection to 127.0.0.1:9)" in reason
    assert f"fer2013.tar.gz from {FER2013.url}" in by_hand
    assert f"fer2013new.csv from {NOWHERE}" in by_hand
    assert f"into {tmp_path / 'data'}" in by_hand
    assert not (tmp_path / "data").exists()


def test_one_failure_does_not_keep_the_others(
    served: tuple[str, Path], kaggle: list[tuple[str, str]], tmp_path: Path
) -> None:
    with pytest.raises(FerError, match=r"Could not fetch FER\+ \(127\.0\.0\.1:\d+ answers 404\)") as caught:
        fetch(tmp_path / "data", sources=[FER2013, at(FERPLUS, served[0])])
    assert "fer2013.tar.gz" not in str(caught.value)
    assert os.listdir(tmp_path / "data") == ["fer2013.tar.gz"]


@pytest.mark.parametrize("content", [b"", b"<html>sign in</html>", b"Usage,Image name\n"])
def test_a_wrong_file_is_not_kept(served: tuple[str, Path], tmp_path: Path, content: bytes) -> None:
    base, folder = served
    for source in (FERPLUS, TINY_IMAGENET):
        (folder / source.file).write_bytes(content)
        with pytest.raises(FerError, match=f"what came is no {source.file}"):
            fetch(tmp_path / "data", sources=[at(source, base)])
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_kaggles_refusal_is_translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    from kagglehub.exceptions import KaggleApiHTTPError, UnauthenticatedError

    errors = iter([
        KaggleApiHTTPError("Client Error.\n\nlong story", response=SimpleNamespace(status_code=status)),
        UnauthenticatedError(),
    ])  # fmt: skip

    def download(competition: str, path: str) -> str:
        raise next(errors)

    monkeypatch.setattr(kagglehub, "competition_download", download)
    for _ in range(2):
        with pytest.raises(FerError) as caught:
            fetch(tmp_path, sources=[FER2013])
        assert "API token in ~/.kaggle, and the competition's rules accepted" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 2
        assert not os.listdir(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, kaggle: list[tuple[str, str]]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FerError, match="cannot write to"):
        fetch(tmp_path / "file" / "data", sources=[FER2013])
    assert kaggle == []


def test_an_interrupted_download_leaves_nothing(tmp_path: Path) -> None:
    def get(url: str, path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path / "data", sources=[replace(FERPLUS, get=get)])
    assert not (tmp_path / "data").exists()


def test_the_command_without_a_network(
    tmp_path: Path, exit_of: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    reason, by_hand = exit_of("data", "fetch", "--data", str(tmp_path / "data")).splitlines()
    assert reason.startswith("error: Could not fetch FER2013 (")
    assert "FER+ (no connection to raw.githubusercontent.com)" in reason
    assert by_hand.startswith("By hand: put fer2013.tar.gz from ")
    assert not (tmp_path / "data").exists()
