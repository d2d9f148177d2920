"""FER+ votes for FER2013's images.

Barsoum et al. 2016, "Training deep networks for facial expression recognition with crowd-sourced label
distribution" (https://arxiv.org/abs/1608.01041). The authors ship two labellings that differ on about 1,600 images:
`fer2013new.csv`, joined by row order, which is the one that is read, and `label_*.csv`. The number in `ferXXXXXXX.png`
is not a row number of fer2013.csv.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.data.faceset import USAGES, VOTE_COLUMNS
from fer_lib.errors import DataMissing, FerError

TABLE = "fer2013new.csv"
HOW_TO_GET = "Get fer2013new.csv from https://github.com/microsoft/FERPlus and put it beside FER2013."
_FOLDERS = (".", "ferplus", "FERPlus", "FERPlus-master")


def find(folder: Path) -> Path | None:
    """fer2013new.csv in `folder` or in one of the folders that it usually lies in; None if it is in none."""
    base = folder.parent if folder.is_file() else folder
    return next((base / part / TABLE for part in _FOLDERS if (base / part / TABLE).is_file()), None)


def read(folder: Path, usage: np.ndarray) -> np.ndarray:
    """Votes uint8 [N, 10] (columns `VOTE_COLUMNS`), a row for each of FER2013's; `usage` uint8 [N] checks the join.

    Raises:
        FerError: no file, other columns, another row count or order than FER2013, votes that sum to zero.
    """
    path = find(folder)
    if path is None:
        base = folder.parent if folder.is_file() else folder
        raise DataMissing(f"No fer2013new.csv (FER+) in {base} or its folders {', '.join(_FOLDERS[1:])}.\n{HOW_TO_GET}")
    table = read_table(path)
    if len(table) != len(usage):
        raise FerError(
            f"{path} has {len(table):,} rows and FER2013 has {len(usage):,}: they join by row order.\n"
            "Use the complete, unsorted files."
        )
    expected = np.array(USAGES)[usage]
    wrong = np.flatnonzero(table["Usage"].to_numpy(str) != expected)
    if wrong.size:
        row = int(wrong[0])
        found, due = str(table["Usage"].iat[row]), str(expected[row])
        raise FerError(
            f"{path}: row {row + 1} is {found!r}, FER2013's is {due!r}: another order.\n"
            "Use both files unsorted, as published."
        )
    return table[list(VOTE_COLUMNS)].to_numpy(np.uint8)


def read_table(path: Path) -> pd.DataFrame:
    """fer2013new.csv with its columns `Usage`, `Image name` (empty where there is none) and ten counts of votes.

    Raises:
        FerError: no such table, or a row whose votes are no counts or sum to zero.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise FerError(f"{path} is no readable table ({str(error).splitlines()[0]}).\n{HOW_TO_GET}") from error
    missing = [column for column in ("Usage", "Image name", *VOTE_COLUMNS) if column not in table]
    if missing:
        raise FerError(f"{path}: no column {', '.join(missing)}; found {', '.join(table.columns)[:120]}.\n{HOW_TO_GET}")
    votes = table[list(VOTE_COLUMNS)].apply(pd.to_numeric, errors="coerce")
    bad = np.flatnonzero(~votes.isin(range(256)).all(axis=1) | (votes.sum(axis=1) == 0))
    if bad.size:
        found = ", ".join(map(str, table[list(VOTE_COLUMNS)].iloc[bad[0]]))
        raise FerError(
            f"{path}: row {bad[0] + 1} has the votes {found}, expected ten counts that sum to about ten.\n"
            "Mend the row, or download the file again."
        )
    return table
