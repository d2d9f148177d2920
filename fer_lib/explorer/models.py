"""The trained transformers that the explorer offers, and the networks behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fer_lib import data, paths
from fer_lib.data import DATASETS, apply_rule, split_rows
from fer_lib.errors import FerError
from fer_lib.evaluation.theta import undone_by_part
from fer_lib.explorer.scene import Model
from fer_lib.models import build
from fer_lib.models.weights import restore
from fer_lib.results import Results
from fer_lib.training import Record, RunConfig, RunStore, expand, grids_in
from fer_lib.training.grid import Grid
from fer_lib.training.release import released

_BY_HAND = "Put its arm into `keep_weights`, delete its record from runs/ and run the notebook again."


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A finished run with a transformer.

    Attributes:
        title: what it is chosen by.
        record, weights: its record and the file of its weights, which may not be here.
        test_rows: its test images in its data set; none where that is not here.
        undone: R² of the rotations of test images that its theta undoes; None where that was not measured.
    """

    title: str
    record: Record
    weights: Path
    test_rows: np.ndarray
    undone: float | None = None

    def is_here(self) -> bool:
        """Whether its weights are on this machine."""
        return self.weights.is_file()


def offered(results: Results, store: RunStore) -> list[TrainedRun]:
    """What comes with the package and what was trained, those whose weights are here first, the most undone first."""
    runs = [*_released(), *_trained(results, store)]
    return sorted(runs, key=lambda run: (not run.is_here(), -(-1.0 if run.undone is None else run.undone)))


def _released() -> list[TrainedRun]:
    found = []
    for weights, record in released().items():
        if record.config.loss != "pose":
            continue
        config, undone = record.config, record.metrics.get("test_rotation")
        try:
            faces = data.load(config.dataset, labelling=config.labelling)
        except FerError:  # not here, or damaged: the nets work on other faces all the same
            rows = np.empty(0, np.int64)
        else:
            labels = apply_rule(faces, config.label_rule)
            limits = {"train_limit": config.train_limit, "test_limit": config.test_limit}
            rows = split_rows(faces, labels, protocol=config.split, seed=config.seed, **limits).report
        title = f"Shown poses of {DATASETS[config.dataset].title}{_told(undone)}"
        found.append(TrainedRun(title, record, weights, rows, undone))
    return found


def _told(undone: float | None) -> str:
    return "" if undone is None else f" · undoes {max(undone, 0.0):.0%} of a turn"


def _trained(results: Results, store: RunStore) -> list[TrainedRun]:
    """Finished runs with a transformer; of those whose weights are not here, the first seed's only."""
    lines = results.runs[results.runs["status"] == "finished"].drop_duplicates("run_id")
    found = []
    for line in lines.itertuples():
        record = results.records[str(line.run_id)]
        if record.config.attention == "none":
            continue
        weights = store.weights_path(record.run_id)
        if weights.is_file() or line.seed == lines["seed"].min():
            title = f"{line.arm} · {line.dataset} · {line.split} · seed {line.seed} · {line.test_accuracy:.0%} right"
            arrays, undone = results.load(record), None
            if "response_theta" in arrays:
                undone = undone_by_part(arrays["response_theta"].astype(float), arrays["response_wanted"])["rotation"]
            title += _told(undone) if weights.is_file() else " (no weights here)"
            found.append(TrainedRun(title, record, weights, arrays["rows"], undone))
    return found


def open_run(run: TrainedRun, *, profile: str) -> Model:
    """The run's transformer and network, on the CPU, ready to predict.

    Raises:
        FerError: its weights are not here (the message says how to train them) or damaged.
    """
    if not run.is_here():
        raise FerError(
            f"The weights of this run are not here ({run.weights.name} in {run.weights.parent}).\n"
            f"{_how_to_train(run.record.config, profile, run.record.run_id)}"
        )
    return _open(run.record.config, tuple(run.record.classes), run.weights, run.weights.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _open(config: RunConfig, classes: tuple[str, ...], weights: Path, stamp: int) -> Model:
    classifier = build(config, classes=len(classes))
    restore(classifier, weights)
    classifier.eval()
    assert classifier.attention is not None  # none other is offered
    return Model(classifier.attention, None if config.model == "none" else classifier.network, classes)


def what_to_train(runs: Sequence[TrainedRun], profile: str) -> str:
    """What to type where no trained transformer is at hand; empty where one is."""
    if any(run.is_here() for run in runs):
        return ""
    grids = _grids(profile).values()
    if runs:
        how = _how_to_train(runs[0].record.config, profile, runs[0].record.run_id)
    else:
        kept = [cell.config for grid in grids for cell in expand(grid) if cell.keep_weights]
        how = _how_to_train(kept[0], profile) if kept else _BY_HAND
    return f"No trained transformer is here yet.\n{how}"


@lru_cache
def _how_to_train(config: RunConfig, profile: str, run_id: str = "") -> str:
    """What to type so that a run's weights are there; without its `run_id`, of all runs that are like it."""
    for path, grid in _grids(profile).items():
        if any(cell.config == config for cell in expand(grid)):
            alike = (f"{key}={getattr(config, key)}" for key in ("attention", "dataset", "split", "seed"))
            chosen = run_id or ",".join(alike)
            file = path.relative_to(root) if path.is_relative_to(root := paths.project_root()) else path
            return f"Train it: python -m fer_lib run {file} --only {chosen} --weights"
    return _BY_HAND


def _grids(profile: str) -> dict[Path, Grid]:
    try:
        return grids_in(paths.params_files(paths.params_folder(profile)))
    except FerError:  # a notebook's own profile needs no params files
        return {}
