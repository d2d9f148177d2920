"""The verdict and what lies beyond the paper, executed from the committed records alone."""

import shutil
from pathlib import Path

import pytest

from fer_lib import paths
from fer_lib.campaign import read_params
from fer_lib.report.execute import Task, execute
from fer_lib.report.html import render_report
from fer_lib.report.make import _environment

ROOT = Path(__file__).parents[2]
PAGES = ("11_verdict", "13_beyond_the_paper")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_without_any_data_the_records_give_every_verdict(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_ROOT", str(ROOT))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    folder = tmp_path / "paper"
    for part in ("runs", "facts"):
        shutil.copytree(ROOT / "reports" / "paper" / part, folder / part)
    tasks = [
        Task(
            ROOT / "notebooks" / f"{page}.ipynb",
            read_params(paths.params_folder("paper") / f"{page}.yaml"),
            folder / "notebooks" / f"{page}.ipynb",
        )
        for page in PAGES
    ]
    assert execute(tasks, env=_environment(folder, tmp_path / "nothing", jobs=1), say=lambda line: None) == []
    render_report(
        [task.output for task in tasks], folder=folder, title="", profile="paper", provenance={}, incomplete=""
    )
    verdict = (folder / "11_verdict.html").read_text()
    assert all(f"C{number} " in verdict for number in range(1, 10))
    for name in ("claims", "comparisons", "claim_runs", "inconsistencies"):
        assert (folder / "tables" / f"{name}.csv").is_file(), name
    assert (folder / "figures" / "overview.svg").is_file()
