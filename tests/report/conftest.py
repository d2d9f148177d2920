"""One tiny real report for all tests that read one."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from tiny_report import run_report, write_tiny_params


class Made(NamedTuple):
    """A folder with params and report, and what `make report` said."""

    folder: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The tiny report, built once."""
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_params(folder / "params" / "tiny")
    done = run_report(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return Made(folder, done)
