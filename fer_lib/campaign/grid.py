"""A params file's grid: a base config, the arms that vary, data sets, splits and seeds, expanded to runs.

The same file feeds a notebook and `python -m fer_lib run`, so both train the very same runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from fer_lib.errors import FerError
from fer_lib.paths import params_files, params_folder
from fer_lib.training.config import Protocol, RunConfig, explain, validated

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


def by_name(grids: Mapping[Path, Grid]) -> list[Cell]:
    """The cells of a profile's grids, one for each arm, data set, split and seed.

    Raises:
        FerError: two files mean different runs by the same names, so that a table could not tell them apart.
    """
    found: dict[tuple[str, str, str, int], tuple[Cell, Path]] = {}
    for path, grid in grids.items():
        for cell in expand(grid, where=str(path)):
            first, where = found.setdefault((cell.arm, cell.dataset, cell.split, cell.seed), (cell, path))
            if first.config != cell.config:
                raise FerError(
                    f"{path}: arm {cell.arm!r} on {cell.dataset!r} is not the run of that name in {where.name}.\n"
                    "Give one of them another name, or both the same values."
                )
    return [cell for cell, _ in found.values()]


def configs_keeping_weights(cells: Iterable[Cell]) -> frozenset[RunConfig]:
    """The runs whose weights are kept."""
    return frozenset(cell.config for cell in cells if cell.keep_weights)


def parse_grid(values: Mapping[str, Any], *, where: str) -> Grid:
    """Grid from a mapping.

    Raises:
        FerError: an unknown key or a wrong type; names the key and what is allowed.
    """
    return validated(Grid, dict(values), where=where)


class _Twice(Exception):
    """A key that stands twice in one mapping."""


class _OnceLoader(yaml.SafeLoader):
    """YAML whose mappings have each key once: of two, the first would vanish without a word."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """As it is written, before anything is merged into it."""
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                if key.value in lines:
                    raise _Twice(
                        f"{key.value!r} stands in line {lines[key.value]} and again in line {line}; one is lost"
                    )
                lines[key.value] = line
        return node


def read_params(path: Path) -> dict[str, Any]:
    """A params file as a mapping.

    Raises:
        FerError: no such file, or no YAML mapping; names the file and the line.
    """
    try:
        values = yaml.load(path.read_text(), _OnceLoader)
    except FileNotFoundError:
        beside = ", ".join(part.name for part in params_files(path.parent)) or "none"
        profiles = ", ".join(sorted(part.name for part in path.parent.parent.glob("[!.]*/"))) or "none"
        raise FerError(f"No params file {path}.\nIn its folder: {beside}. Profiles beside it: {profiles}.") from None
    except IsADirectoryError:
        raise FerError(f"{path} is a folder; name params files in it, such as {path}/*.yaml.") from None
    except _Twice as error:
        raise FerError(f"{path}: {error}.") from None
    except (yaml.YAMLError, TypeError) as error:  # a key may be a list, which no mapping has
        raise FerError(f"{path} is no YAML: {' '.join(str(error).split())[:200]}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FerError(f"{path} cannot be read: {getattr(error, 'strerror', error)}.") from None
    if not isinstance(values, dict):
        raise FerError(f"{path}: expected a mapping of parameters, found {type(values).__name__}.")
    return values


def grids_in(paths: Iterable[Path]) -> dict[Path, Grid]:
    """The grids among params files; a file with neither `arms` nor `base` is of a notebook that trains nothing.

    Raises:
        FerError: a file that cannot be read, or a grid with an invalid run; names the file.
    """
    values_of = {path: read_params(path) for path in paths}
    grids = {path: values for path, values in values_of.items() if {"arms", "base"} & values.keys()}
    found = {path: parse_grid(values, where=str(path)) for path, values in grids.items()}
    for path, grid in found.items():
        expand(grid, where=str(path))
    return found


def grids_of(profile: str) -> dict[Path, Grid]:
    """The grids of a profile's params files; none for a profile of a notebook's own, which has no such folder.

    Raises:
        FerError: as `grids_in`.
    """
    try:
        folder = params_folder(profile)
    except FerError:
        return {}
    return grids_in(params_files(folder))


def cells_of(grids: Mapping[Path, Grid]) -> list[Cell]:
    """The cells of all grids, in the files' order; two files that share runs give them twice."""
    return [cell for grid in grids.values() for cell in expand(grid)]


def profile_of(grids: Mapping[Path, Grid]) -> str:
    """The one profile that grids belong to.

    Raises:
        FerError: there are several, or no grid at all.
    """
    profiles = {grid.profile for grid in grids.values()}
    if len(profiles) != 1:
        raise FerError(f"Params files of {len(profiles)} profiles ({', '.join(sorted(profiles))}); give those of one.")
    return profiles.pop()
