"""The study itself, rendered from the committed records alone, as `make report` does where something has changed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Folder of the pages, and what the command said."""
    folder = tmp_path_factory.mktemp("study")
    for part in ("runs", "facts"):
        shutil.copytree(ROOT / "reports" / "paper" / part, folder / "paper" / part)
    environment = {**os.environ, "FER_REPORT": str(folder / "paper"), "FER_DEVICE": "cpu"}
    command = [sys.executable, "-m", "fer_lib", "report", "--profile", "paper", "--no-train", "--jobs", "2"]
    done = subprocess.run([*command, "--data", str(folder / "nothing")], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=800)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "paper", done


def test_it_needs_no_data_and_says_what_is_missing(rendered):
    folder, done = rendered
    assert done.stderr == ""
    verdict = (folder / "11_verdict.html").read_text()
    assert all(f"C{number} " in verdict for number in range(1, 10))
    assert re.search(r"\d+ of \d+ runs have been made", (folder / "index.html").read_text())
    assert {path.stem for path in folder.glob("0*.html")} == {
        path.stem for path in (ROOT / "params" / "paper").glob("0*.yaml")
    }


def test_its_verdict_is_rendered(rendered):
    folder, _ = rendered
    for name in ("claims", "numbers_test", "comparisons", "claim_runs", "inconsistencies"):
        assert (folder / "tables" / f"{name}.csv").is_file(), name
    for name in ("overview", "gap"):
        assert (folder / "figures" / f"{name}.svg").is_file(), name
