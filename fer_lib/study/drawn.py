"""What drawn faces show: the index of a report whose data only stands in for the paper's."""

import os
from pathlib import Path

import pandas as pd

from fer_lib import paths
from fer_lib.results import Results
from fer_lib.study import pose
from fer_lib.study.accuracy import ranking
from fer_lib.study.comparisons import difference

ARMS = ["ResNet50", "ResNet50 + STN"]


def opening(folder: Path) -> str:
    """One sentence on what the report in `folder` is, with a link to the study."""
    study = paths.project_root() / "reports" / "paper" / "index.html"
    link = f"[the study]({Path(os.path.relpath(study, folder)).as_posix()})" if study.is_file() else "the study"
    return (
        "These pages show the machinery at work on faces that it draws itself, trained here in minutes; what real "
        f"faces say of the paper is in {link}."
    )


def answers(results: Results, recovered: pd.DataFrame, shaken: pd.DataFrame, *, split: str) -> list[str]:
    """A sentence each: which arm leads, what the transformer adds, how much of the pose it undoes, how robust it is."""
    return [
        ranking(results, split=split),
        difference(results, first=ARMS[1], second=ARMS[0], split=split),
        pose.recovery_finding(recovered, arm=ARMS[1]),
        pose.robustness_finding(shaken, arms=ARMS),
    ]
