"""Plan: what params files say, each read and expanded once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from fer_lib.campaign.grid import Cell, Grid, Selection, expand, parse_grid
from fer_lib.campaign.order import in_order
from fer_lib.errors import FerError
from fer_lib.paths import ORDER, params_files, params_folder
from fer_lib.training.config import RunConfig
from fer_lib.validation import validated


class ParamsFile(NamedTuple):
    """A params file, its grid and its runs; without a grid (neither `arms` nor `base`) its notebook trains nothing."""

    path: Path
    values: dict[str, Any]
    grid: Grid | None
    cells: list[Cell]


@dataclass(frozen=True)
class Plan:
    """Some params files, such as those of a profile: their runs, and which of them are trained first."""

    files: tuple[ParamsFile, ...]

    @classmethod
    def of(cls, *paths: Path) -> "Plan":
        """The plan of these params files.

        Raises:
            FerError: a file that cannot be read, or a grid with an invalid run; names the file.
        """
        return cls(tuple(_read(path, path.stat().st_mtime_ns if path.is_file() else 0) for path in paths))

    @classmethod
    def of_profile(cls, profile: str) -> "Plan":
        """The plan of all params files of a profile.

        Raises:
            FerError: as `of`, or there is no such profile.
        """
        return cls.of(*params_files(params_folder(profile)))

    @property
    def cells(self) -> list[Cell]:
        """The runs, in the files' order; two files that share a run give it twice."""
        return [cell for file in self.files for cell in file.cells]

    @property
    def profile(self) -> str:
        """The one profile that the grids belong to.

        Raises:
            FerError: there are several, or no grid at all.
        """
        found = {file.grid.profile for file in self.files if file.grid}
        if len(found) != 1:
            raise FerError(f"Params files of {len(found)} profiles ({', '.join(sorted(found))}); give those of one.")
        return found.pop()

    @cached_property
    def named(self) -> list[Cell]:
        """The runs, one for each arm, data set, split and seed; its weights are kept where one file wants them.

        Raises:
            FerError: two files mean different runs by the same names, so that a table could not tell them apart.
        """
        found: dict[tuple[str, str, str, int], tuple[Cell, Path]] = {}
        for file in self.files:
            for cell in file.cells:
                name = cell.arm, cell.dataset, cell.split, cell.seed
                first, where = found.setdefault(name, (cell, file.path))
                if first.config != cell.config:
                    raise FerError(
                        f"{file.path}: arm {cell.arm!r} on {cell.dataset!r} is not the run of that name in "
                        f"{where.name}.\nGive one of them another name, or both the same values."
                    )
                if cell.keep_weights:
                    found[name] = cell, where
        return [cell for cell, _ in found.values()]

    @cached_property
    def first(self) -> list[RunConfig]:
        """The runs that the order.yaml beside the files names, in its order; none where there is no such file.

        Raises:
            FerError: an entry is no selection, or selects no run of the folder's grids.
        """
        folders = dict.fromkeys(file.path.parent for file in self.files)
        return [config for folder in folders for config in _written_order(folder)]

    @property
    def configs(self) -> list[RunConfig]:
        """The distinct runs with the pre-training that they need, in the order to train them."""
        return in_order((cell.config for cell in self.cells), self.first)


@lru_cache(maxsize=256)
def _read(path: Path, stamp: int) -> ParamsFile:
    values = read_params(path)
    if not {"arms", "base"} & values.keys():
        return ParamsFile(path, values, None, [])
    grid = parse_grid(values, where=str(path))
    return ParamsFile(path, values, grid, expand(grid, where=str(path)))


def _written_order(folder: Path) -> list[RunConfig]:
    path = folder / ORDER
    if not path.is_file():
        return []
    values = read_params(path)
    if set(values) != {"order"} or not isinstance(values["order"], list):
        raise FerError(f"{path}: expected one key, `order`, with a list of selections.")
    cells = Plan.of(*params_files(folder)).named
    found: list[RunConfig] = []
    for number, entry in enumerate(values["order"], start=1):
        where = f"{path}: entry {number}"
        selection = validated(Selection, entry, where=where)
        selection.check(
            where=where, arms=[cell.arm for cell in cells], seeds=[cell.seed for cell in cells],
            datasets=[cell.dataset for cell in cells], splits=[cell.split for cell in cells],
        )  # fmt: skip
        chosen = _selected(selection, cells)
        if not chosen:
            raise FerError(f"{where} selects no run: {entry}.")
        found += chosen
    return list(dict.fromkeys(found))


def _selected(selection: Selection, cells: Iterable[Cell]) -> list[RunConfig]:
    """The configs that are selected, by seed, then by split and arm as the selection lists them."""

    def place(cell: Cell) -> tuple[int, ...]:
        lists: tuple[tuple[Sequence[object], object], ...] = (
            (selection.splits, cell.split),
            (selection.arms, cell.arm),
        )
        return cell.seed, *(wanted.index(value) if wanted else 0 for wanted, value in lists)

    taken = (
        cell for cell in cells
        if selection.takes(arm=cell.arm, dataset=cell.dataset, split=cell.split, seed=cell.seed)
    )  # fmt: skip
    return [cell.config for cell in sorted(taken, key=place)]


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
