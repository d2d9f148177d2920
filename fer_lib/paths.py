"""Where things lie. No other module builds a path from the project's root or from the environment."""

import os
from pathlib import Path

from fer_lib.errors import FerError


def project_root() -> Path:
    """Folder that holds `params/` and `notebooks/`: `FER_ROOT`, or the first such parent of the caller's folder."""
    if root := os.environ.get("FER_ROOT"):
        return Path(root).resolve()
    checkout = Path(__file__).resolve().parent.parent
    for folder in (Path.cwd(), *Path.cwd().parents, checkout):
        if (folder / "params").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise FerError(
        "No project here: neither this folder nor a parent has params/ and notebooks/.\n"
        "Change into a clone of the study, or set FER_ROOT to one."
    )


def data_folder(given: str | Path | None = None) -> Path:
    """Folder or file with FER2013: `given`, else `FER_DATA`, else `data/` in the project (or here)."""
    if given or (given := os.environ.get("FER_DATA")):
        return Path(given).expanduser()
    try:
        return project_root() / "data"
    except FerError:
        return Path("data")


def cache_folder() -> Path:
    """Folder of the memory-mapped caches: `FER_CACHE`, else `fer_lib` in the user's cache folder."""
    if given := os.environ.get("FER_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fer_lib"


def params_file(profile: str, notebook: str) -> Path:
    """`params/<profile>/<notebook>.yaml` of the project."""
    return project_root() / "params" / profile / f"{notebook}.yaml"


def report_folder(profile: str) -> Path:
    """`FER_REPORT`, or `reports/<profile>` of the project: records, tables, figures and pages of one profile."""
    if given := os.environ.get("FER_REPORT"):
        return Path(given)
    return project_root() / "reports" / profile
