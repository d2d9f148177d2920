"""The order of a campaign: what the profile's `order.yaml` names, then the rest seed by seed, the longest last."""

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

from pydantic import BaseModel, Field

from fer_lib import paths
from fer_lib.errors import FerError
from fer_lib.training import cost
from fer_lib.training.config import Protocol, RunConfig, validated
from fer_lib.training.grid import Cell, by_name, grids_in, read_params


class Selection(BaseModel, extra="forbid", strict=True):
    """Some of a profile's runs: each arm in turn, on every data set unless some are named."""

    arms: list[str] = Field(min_length=1)
    datasets: list[str] = []
    splits: list[Protocol] = ["random80"]
    seeds: list[int] = [0]

    def runs(self, cells: Sequence[Cell]) -> Iterable[RunConfig]:
        """The configs of `cells` that are selected."""
        for wanted in product(self.seeds, self.splits, self.arms):
            for cell in cells:
                named = not self.datasets or cell.dataset in self.datasets
                if named and (cell.seed, cell.split, cell.arm) == wanted:
                    yield cell.config


def written_order(folder: Path) -> list[RunConfig]:
    """The runs that `folder`'s order.yaml names, in its order; none where there is no such file.

    Raises:
        FerError: an entry is no selection, or selects no run of the folder's grids.
    """
    path = folder / paths.ORDER
    if not path.is_file():
        return []
    values = read_params(path)
    if set(values) != {"order"} or not isinstance(values["order"], list):
        raise FerError(f"{path}: expected one key, `order`, with a list of selections.")
    cells = by_name(grids_in(paths.params_files(folder)))
    found: list[RunConfig] = []
    for number, entry in enumerate(values["order"], start=1):
        selection = validated(Selection, entry, where=f"{path}: entry {number}")
        for key, name in (("arms", "arm"), ("datasets", "dataset"), ("splits", "split"), ("seeds", "seed")):
            known = dict.fromkeys(getattr(cell, name) for cell in cells)
            if unknown := [value for value in getattr(selection, key) if value not in known]:
                raise FerError(
                    f"{path}: entry {number}: {key}: no run has {unknown[0]!r}; choose from "
                    f"{', '.join(map(str, known))}."
                )
        chosen = list(selection.runs(cells))
        if not chosen:
            raise FerError(f"{path}: entry {number} selects no run: {entry}.")
        found += chosen
    return list(dict.fromkeys(found))


def order_of(profile: str) -> list[RunConfig]:
    """`written_order` of a profile; nothing for one of a notebook's own, which has no params files."""
    try:
        folder = paths.params_folder(profile)
    except FerError:
        return []
    return written_order(folder)


def in_order(configs: Iterable[RunConfig], first: Sequence[RunConfig] = ()) -> list[RunConfig]:
    """Distinct configs with the pre-training runs they need, in the order to train them.

    Those among `first` come first, in its order. The others follow seed by seed, the longest last. Without a `first`,
    pre-training comes first, what starts from it last, and the longest first in between, so that parallel jobs end
    together.
    """
    wanted = dict.fromkeys(configs)
    if not first:
        before = [run for config in wanted for run in config.before]
        rest = sorted(wanted, key=lambda config: (bool(config.before), -cost.gflop(config)))
        return list(dict.fromkeys([*before, *rest]))
    named = dict.fromkeys(config for config in first if config in wanted)
    rest = [config for config in wanted if config not in named]
    return with_pretraining([*named, *sorted(rest, key=lambda config: (config.seed, cost.gflop(config)))])


def with_pretraining(configs: Iterable[RunConfig]) -> list[RunConfig]:
    """Distinct configs in their order, each after the pre-training run that it starts from."""
    return list(dict.fromkeys(run for config in configs for run in (*config.before, config)))
