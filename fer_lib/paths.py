"""What the environment says: where things lie, and how to work (docs/study.md lists the variables)."""

import os
from contextlib import suppress
from pathlib import Path

from fer_lib.errors import FerError

WEIGHTS = Path(__file__).resolve().parent / "weights"  # of the networks that come with the package
ORDER = "order.yaml"  # among a profile's params files, which of its runs are trained first
MODES = ("strict", "eager", "compile", "publish")  # words of FER_MODE


def project_root() -> Path:
    """Folder that holds `params/` and `notebooks/`: `FER_ROOT`, or the first such parent of the caller's folder."""
    if root := named("FER_ROOT"):
        return root.resolve()
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
    if given:
        return Path(given).expanduser()
    if given := os.environ.get("FER_DATA"):
        return here_or_in_project(given)
    try:
        return project_root() / "data"
    except FerError:
        return Path("data")


def here_or_in_project(path: str | Path) -> Path:
    """An absolute path: a relative one is looked for here, then in the project, since a notebook starts elsewhere."""
    path = Path(path).expanduser()
    if not path.is_absolute() and not path.exists():
        with suppress(FerError):
            if (inside := project_root() / path).exists():
                return inside
    return path.absolute()


def named(variable: str) -> Path | None:
    """The path that a variable of the environment names, if it is set."""
    given = os.environ.get(variable)
    return Path(given).expanduser() if given else None


def cache_folder() -> Path:
    """Folder of the memory-mapped caches: `FER_CACHE`, else `fer_lib` in the user's cache folder."""
    return named("FER_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fer_lib"


def params_folder(profile: str) -> Path:
    """Folder of a profile's params files, `params/<profile>` of the project.

    Raises:
        FerError: there is no such folder; names the profiles that there are.
    """
    folder = project_root() / "params" / profile
    if not folder.is_dir():
        known = sorted(part.name for part in (project_root() / "params").glob("*/"))
        raise FerError(f"No profile {profile!r}: {folder} does not exist.\nProfiles: {', '.join(known) or 'none'}.")
    return folder


def params_files(folder: Path) -> list[Path]:
    """The params files in a profile's folder, one for each notebook, in order."""
    return sorted(path for path in folder.glob("*.yaml") if path.name != ORDER)


def notebooks() -> list[Path]:
    """The study's notebooks, in order."""
    return sorted((project_root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def report_folder(profile: str) -> Path:
    """`FER_REPORT`, or `reports/<profile>` of the project: records, tables, figures and pages of one profile."""
    return named("FER_REPORT") or project_root() / "reports" / profile


def mode(word: str) -> bool:
    """Whether `FER_MODE`, words of `MODES` with commas between them, has `word`.

    Raises:
        FerError: it has another word.
    """
    given = set(filter(None, os.environ.get("FER_MODE", "").split(",")))
    if unknown := given - {*MODES}:
        raise FerError(f"FER_MODE: {min(unknown)!r} is no mode; choose from {', '.join(MODES)}.")
    return word in given


def with_mode(word: str) -> str:
    """`FER_MODE` with `word` added."""
    return ",".join(filter(None, (os.environ.get("FER_MODE"), word)))
