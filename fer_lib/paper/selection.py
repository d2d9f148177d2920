"""Which runs a command means: by key=value or run id, or those that a claim of the paper rests on."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fer_lib.campaign import Cell, Plan
from fer_lib.errors import FerError
from fer_lib.paper.claims import SPLIT, arms_behind
from fer_lib.training import RunConfig, RunStore


def chosen(configs: Sequence[RunConfig], only: str, store: Path) -> list[RunConfig]:
    """The configs that have all of `only`'s comma-separated key=value pairs, or the run id of a record in `store`.

    Raises:
        FerError: a pair that is neither, or that no run has.
    """
    left = list(configs)
    for pair in filter(None, only.split(",")):
        key, _, value = pair.partition("=")
        if record := RunStore(store).get(pair):
            left = [config for config in left if config == record.config]
        elif key in RunConfig.model_fields and value:
            left = [config for config in left if _is(getattr(config, key), value)]
        else:
            known = ", ".join(RunConfig.model_fields)
            raise FerError(f"--only: {pair!r} is neither key=value nor the id of a record; keys: {known}.")
        if not left:
            raise FerError(f"--only: no run has {pair}.\nSee `run --dry-run` for the runs that there are.")
    return left


def _is(value: object, text: str) -> bool:
    """Whether `text` means `value`: letter by letter, or as a number, so that 1e-3 is 0.001."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(ValueError):
            return value == float(text)
    return str(value) == text


def behind(claim: str, cells: Sequence[Cell], folder: Path) -> list[Cell]:
    """The cells that a claim of the paper rests on; `folder` has the params of the verdict (see `transfer_arms`).

    Raises:
        FerError: no such claim, or none of the cells is behind it.
    """
    arms = arms_behind(transfer_arms(folder))
    if claim not in arms:
        raise FerError(f"--claim: {claim!r} is no claim of the paper; choose from {', '.join(arms)}.")
    found = [cell for cell in cells if cell.arm in arms[claim] and cell.split == SPLIT]
    if not found:
        raise FerError(f"--claim: none of these params files has a run of {claim} ({', '.join(arms[claim])}; {SPLIT}).")
    return found


def transfer_arms(folder: Path) -> list[str]:
    """The arms that may stand for the paper's transfer, best first, as the params of the verdict's notebook name them.

    Raises:
        FerError: the profile has no verdict.
    """
    verdict = folder / "11_verdict.yaml"
    if not verdict.is_file():
        raise FerError(f"{verdict} is not there, so this profile is not compared with the paper and tests no claim.")
    return list(Plan.of(verdict).files[0].values.get("transfer", []))
