"""A params file's grid: a base config, the arms that vary, data sets, splits and seeds, expanded to runs.

The same file feeds a notebook and `python -m fer_lib run`, so both train the very same runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from fer_lib.errors import FerError
from fer_lib.training.config import Protocol, RunConfig
from fer_lib.validation import explain, validated

Overrides = dict[str, Any]


class Selection(BaseModel, extra="forbid", strict=True):
    """Some of a grid's runs: those with one of the values of every list; an empty list takes all."""

    arms: list[str] = []
    datasets: list[str] = []
    splits: list[Protocol] = []
    seeds: list[int] = []

    def takes(self, *, arm: str, dataset: str, split: str, seed: int) -> bool:
        """Whether a run of these names is selected."""
        pairs: tuple[tuple[Sequence[object], object], ...] = (
            (self.arms, arm), (self.datasets, dataset), (self.splits, split), (self.seeds, seed),
        )  # fmt: skip
        return all(not wanted or value in wanted for wanted, value in pairs)

    def check(self, *, where: str, **known: Iterable[object]) -> None:
        """Whether all its names are among the `known` arms, datasets, splits and seeds.

        Raises:
            FerError: a name that is not; says `where`, and which there are.
        """
        for key, names in known.items():
            names = list(dict.fromkeys(names))
            if unknown := [name for name in getattr(self, key) if name not in names]:
                raise FerError(f"{where}: {key}: {unknown[0]!r} is none; choose from {', '.join(map(str, names))}.")


class Grid(BaseModel, extra="forbid", strict=True):
    """The product of arms, data sets, splits and seeds over a base config.

    Arms and data sets are named sets of overrides; a data set may be limited to some `arms`: a list of their names, or
    the number of arms that it takes from the first on, which a renamed arm does not disturb. Where `runs` are given,
    only those of the product that one of them selects are made. `keep_weights` lists the arms whose weights are kept,
    of the first seed's runs, `reference` is the arm that a notebook compares the others with, and `published_as` says
    which arm of the paper an arm stands for, where it has another name; none of them is part of a run's identity.
    """

    profile: str
    base: Overrides = {}
    arms: dict[str, Overrides] = Field(min_length=1)
    datasets: dict[str, Overrides] = Field(min_length=1)
    splits: list[Protocol] = Field(default=["random80"], min_length=1)
    seeds: list[int] = Field(default=[0], min_length=1)
    runs: list[Selection] = []
    keep_weights: list[str] = []
    reference: str = ""
    published_as: dict[str, str] = {}

    @field_validator("splits", "seeds")
    @classmethod
    def _check_once(cls, values: list[Any], info: ValidationInfo) -> list[Any]:
        if len(set(values)) < len(values):
            raise ValueError(f"{info.field_name}: found {values}; expected each once, since a run again is no new run")
        return values


@dataclass(frozen=True)
class Cell:
    """One run of a grid and the names that its tables know it by."""

    arm: str
    dataset: str
    split: str
    seed: int
    config: RunConfig
    keep_weights: bool = False


def expand(grid: Grid, *, where: str = "") -> list[Cell]:
    """All runs of a grid, in the file's order.

    Raises:
        FerError: an override that is no valid config; names `where`, the arm and the key.
    """
    place = f"{where}: " if where else ""
    for key in ("split", "seed"):
        if any(key in overrides for overrides in (grid.base, *grid.datasets.values(), *grid.arms.values())):
            raise FerError(f"{place}{key} goes into the grid's list `{key}s`, not into base, datasets or arms.")
    if unknown := [arm for arm in grid.keep_weights if arm not in grid.arms]:
        raise FerError(f"{place}keep_weights: {unknown[0]!r} is no arm; choose from {', '.join(grid.arms)}.")
    for number, selection in enumerate(grid.runs, start=1):
        selection.check(
            where=f"{place}runs: entry {number}", arms=grid.arms, datasets=grid.datasets, splits=grid.splits,
            seeds=grid.seeds,
        )  # fmt: skip
    if grid.reference and grid.reference not in grid.arms:
        raise FerError(f"{place}reference: {grid.reference!r} is no arm; choose from {', '.join(grid.arms)}.")
    _check_base(grid, place)
    cells = []
    for dataset, overrides in grid.datasets.items():
        limited = _limited(overrides.get("arms", list(grid.arms)), grid, where=f"{place}datasets.{dataset}.arms")
        own = {key: value for key, value in overrides.items() if key != "arms"}
        for split, arm, seed in product(grid.splits, limited, grid.seeds):
            name: dict[str, Any] = {"arm": arm, "dataset": dataset, "split": split, "seed": seed}
            if grid.runs and not any(selection.takes(**name) for selection in grid.runs):
                continue
            values = {**grid.base, **own, **grid.arms[arm], "split": split, "seed": seed}
            config = RunConfig.parse(values, where=f"{place}arm {arm!r} on {dataset!r}")
            cells.append(Cell(**name, config=config, keep_weights=arm in grid.keep_weights and seed == grid.seeds[0]))
    return cells


def _check_base(grid: Grid, place: str) -> None:
    """Blames a key or value that no run can have on `base`; whether its values go together only a whole run can say."""
    try:
        RunConfig.model_validate({"dataset": "", **grid.base})
    except ValidationError as error:
        if error.errors()[0]["type"] != "value_error":
            raise FerError(f"{place}base: {explain(error, RunConfig)}") from None


def _limited(limit: Any, grid: Grid, *, where: str) -> list[str]:
    """The arms that a data set is limited to: named in a list, or the first `limit` ones."""
    if type(limit) is int and 1 <= limit <= len(grid.arms):
        return list(grid.arms)[:limit]
    if not isinstance(limit, list):
        raise FerError(
            f"{where}: found {limit!r}; expected a list, such as [{next(iter(grid.arms))}], "
            f"or how many of the {len(grid.arms)} arms it takes, from the first on."
        )
    if unknown := [arm for arm in limit if arm not in grid.arms]:
        raise FerError(f"{where}: {unknown[0]!r} is no arm; choose from {', '.join(grid.arms)}.")
    return limit


def configs_keeping_weights(cells: Iterable[Cell]) -> frozenset[RunConfig]:
    """The runs whose weights are kept."""
    return frozenset(cell.config for cell in cells if cell.keep_weights)


def parse_grid(values: Mapping[str, Any], *, where: str) -> Grid:
    """Grid from a mapping.

    Raises:
        FerError: an unknown key or a wrong type; names the key and what is allowed.
    """
    return validated(Grid, dict(values), where=where)
