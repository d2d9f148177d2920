"""What the tests share: folders of their own for caches and reports, small FER2013 files, and the real data."""

import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # of `pytest -n`, else None
if WORKER:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core each; torch reads it at its first import

import pytest  # noqa: E402
from data.fer_files import FER_HEADER, VOTE_HEADER, Table, make_table, write_csv  # noqa: E402

PACKAGE = Path(__file__).parents[1] / "fer_lib"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that takes longest comes first, so that `pytest -n` does not end with one worker at it."""
    items.sort(key=lambda item: item.path.name != "test_whole_report.py")


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or leaves anything in the user's cache or in the project's reports."""
    cache = tmp_path_factory.getbasetemp().parent / "cache" if WORKER else tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(cache))
        patch.setenv("FER_REPORT", str(tmp_path_factory.mktemp("report")))
        yield


@pytest.fixture(scope="module")
def real_data(pytestconfig: pytest.Config) -> Iterator[Path]:
    """Folder of the real FER2013 and FER+, whose caches are kept until the code that makes them changes."""
    given = os.environ.get("FER_DATA")
    if not given:
        pytest.skip("FER_DATA is not set: no real FER2013 to test with")
    folder = Path(given).expanduser()
    if not any((folder / name).exists() for name in ("fer2013.tar.gz", "fer2013.csv", "icml_face_data.csv")):
        pytest.skip(f"FER_DATA={given} holds no FER2013")
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted((PACKAGE / "data").glob("*.py")))).hexdigest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(pytestconfig.rootpath / ".pytest_cache" / "d" / f"real-{code[:16]}"))
        yield folder


@pytest.fixture
def table() -> Table:
    return make_table()


@pytest.fixture
def fer_csv(tmp_path: Path) -> Callable[..., Path]:
    """Writes fer2013.csv and fer2013new.csv (n random faces) into a new folder and returns the folder."""

    def write(n: int = 40, *, seed: int = 0, ferplus: bool = True, folder: str = "data") -> Path:
        table = make_table(n, seed=seed)
        base = tmp_path / folder
        write_csv(base / "fer2013.csv", FER_HEADER, table.rows())
        if ferplus:
            write_csv(base / "fer2013new.csv", VOTE_HEADER, table.vote_rows())
        return base

    return write


@pytest.fixture
def exit_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs `python -m fer_lib` with the given arguments, here; returns the message that goes with exit code 2."""
    from fer_lib.cli import main  # takes seconds, which most tests need not wait

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["fer_lib", *arguments])
        monkeypatch.setattr(signal, "signal", lambda *ignored: None)  # this process keeps its own handlers
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        said = capsys.readouterr()
        assert len(said.err.splitlines()) <= 2
        return said.err

    return run
