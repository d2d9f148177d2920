"""The trained networks that the explorer offers: transformers, with what is behind them, and plain classifiers."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from fer_lib import data
from fer_lib.data.faceset import SIZE
from fer_lib.errors import FerError
from fer_lib.explorer.player import kind_of, title_of
from fer_lib.models import Classifier, SpatialTransformer
from fer_lib.models.weights import open_network
from fer_lib.plots.scene import Model
from fer_lib.results import Results
from fer_lib.training import Record, RunConfig, RunStore
from fer_lib.training.engine import prepared
from fer_lib.training.front import Trained
from fer_lib.training.release import contents, released


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A finished run.

    Attributes:
        title: what it is chosen by.
        record, weights: its record and the file of its weights, which may not be here.
        test_rows: its test images in its data set; none where that is not here.
        thetas: [epochs + 1, n, 2, 3] of its first n test images: before training and after each epoch; n may be 0.
        temperature: what its classifier's logits are divided by.
        model: it, where it is in memory and not in a file.
    """

    title: str
    record: Record
    weights: Path
    test_rows: np.ndarray
    thetas: np.ndarray = field(default_factory=lambda: np.empty((1, 0, 2, 3)))
    temperature: float = 1.0
    model: Model | None = None

    def is_here(self) -> bool:
        """Whether its weights are on this machine."""
        return self.model is not None or self.weights.is_file()

    @property
    def dataset(self) -> str:
        """Its data set's key."""
        return self.record.config.dataset

    @property
    def kind(self) -> str:
        """The faces that it is for, as the player has them."""
        return kind_of(self.dataset)

    @property
    def has_transformer(self) -> bool:
        """Whether it has one; else it is a plain classifier."""
        return self.record.config.attention != "none"

    @property
    def moves_pixels(self) -> bool:
        """Whether what it hands on is warped by its theta."""
        return self.has_transformer and self.record.config.attention != "stn_no_warp"

    def recorded_theta(self, row: int, *, epoch: int) -> np.ndarray | None:
        """Theta float32 [2, 3] of an image of its data set, as it is there, after so many epochs; None if not kept."""
        found = np.flatnonzero(self.test_rows[: self.thetas.shape[1]] == row)
        return self.thetas[epoch, found[0]].astype(np.float32) if len(found) else None


def offered(results: Results | None, store: RunStore) -> list[TrainedRun]:
    """What comes with the package and what was trained: what is here first, transformers first.

    Plain classifiers are among them where their weights are here.
    """
    runs = [*shipped(), *([] if results is None else _trained(results, store))]
    return sorted(runs, key=lambda run: (not run.is_here(), not run.has_transformer))


def shipped() -> list[TrainedRun]:
    """The networks of the package: localisation nets that were shown poses, the best first, then classifiers."""
    found = []
    for weights, record in released().items():
        config, title = record.config, title_of(record.config)
        try:
            faces = data.load(config.dataset)
        except FerError:  # not here, or damaged: the networks work on other faces all the same
            rows = np.empty(0, np.int64)
        else:
            rows = prepared(config, faces).split.report
        title += "" if config.loss == "pose" else f": {record.metrics['test_accuracy']:.0%} right"
        found.append(TrainedRun(title, record, weights, rows, temperature=contents(weights).temperature))
    return sorted(found, key=lambda run: -run.record.metrics.get("test_rotation", 0.0))


def _trained(results: Results, store: RunStore) -> list[TrainedRun]:
    """Finished runs; of those whose weights are not here, the transformers of the first seed only."""
    lines = results.runs[results.runs["status"] == "finished"].drop_duplicates("run_id")
    found = []
    for line in lines.itertuples():
        record = results.records[str(line.run_id)]
        weights = store.weights_path(record.run_id)
        shows_theta = record.config.attention != "none" and line.seed == lines["seed"].min()
        if not (weights.is_file() or shows_theta):
            continue
        title = f"{line.arm}, {line.dataset}, {line.split}, seed {line.seed}: {line.test_accuracy:.0%} right"
        arrays = results.load(record)
        thetas = arrays.get("theta", np.empty((1, 0, 2, 3)))
        title += "" if weights.is_file() else " (no weights here)"
        found.append(TrainedRun(title, record, weights, arrays["rows"], thetas))
    return found


def open_run(run: TrainedRun, *, profile: str) -> Model:
    """The run's transformer (the identity, if it has none) and network, on the CPU, ready to predict.

    Raises:
        FerError: its weights are not here (the message says how to train them) or damaged.
    """
    if run.model is not None:
        return run.model
    if not run.is_here():
        raise FerError(
            f"The weights of this run are not here ({run.weights.name} in {run.weights.parent}).\n"
            f"Train it: python -m fer_lib run params/{profile}/*.yaml --only {run.record.run_id} --weights\n"
            "Of a grid of your own, put its arm into `keep_weights`, and delete its record."
        )
    stamp = run.weights.stat().st_mtime_ns
    return _open(run.record.config, tuple(run.record.classes), run.weights, run.temperature, stamp)


@lru_cache(maxsize=4)
def _open(config: RunConfig, classes: tuple[str, ...], weights: Path, temperature: float, stamp: int) -> Model:
    classifier = open_network(config, weights, classes=len(classes))
    network = None if config.model == "none" else classifier.network
    return Model(_transformer(classifier), network, classes, temperature)


def _transformer(classifier: Classifier) -> SpatialTransformer:
    return (SpatialTransformer() if classifier.attention is None else classifier.attention).eval()


def in_memory(run: Trained) -> TrainedRun:
    """What `fer_lib.train` gave.

    Raises:
        FerError: its images are not grey ones of 48×48, which alone can be shown.
    """
    if run.test.images.shape[1:] != (SIZE, SIZE):
        raise FerError(f"explore: shows grey images of {SIZE}×{SIZE} pixels, not {[*run.test.images.shape[1:]]}.")
    record = Record(run_id="", config=run.config, fingerprint="", status="finished", classes=[*run.classes])
    model = Model(_transformer(run.model), run.model.network, run.classes)
    title = f"your network: {run.metrics['test_accuracy']:.0%} right"
    return TrainedRun(title, record, Path("yours"), run.predictions["row"].to_numpy(), model=model)
