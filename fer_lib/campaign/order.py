"""The order of a campaign: what the profile's `order.yaml` names, then the rest seed by seed, the longest last."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from fer_lib import paths
from fer_lib.campaign import cost
from fer_lib.campaign.grid import Cell, Selection, by_name, grids_in, read_params
from fer_lib.errors import FerError
from fer_lib.training.config import RunConfig, validated


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
        selection.check(
            where=f"{path}: entry {number}", arms=[cell.arm for cell in cells], seeds=[cell.seed for cell in cells],
            datasets=[cell.dataset for cell in cells], splits=[cell.split for cell in cells],
        )  # fmt: skip
        chosen = _selected(selection, cells)
        if not chosen:
            raise FerError(f"{path}: entry {number} selects no run: {entry}.")
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
