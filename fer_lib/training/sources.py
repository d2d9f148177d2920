"""What a run starts from: the weights of other runs, and the networks that teach it."""

from collections.abc import Callable
from pathlib import Path

from fer_lib import data
from fer_lib.data import apply_rule
from fer_lib.errors import Fatal, FerError
from fer_lib.models import Classifier
from fer_lib.models.weights import (
    IMAGENET,
    WeightsUnavailable,
    imagenet_file,
    load_imagenet,
    load_localisation,
    load_run,
    open_network,
)  # fmt: skip
from fer_lib.tensors import is_whole
from fer_lib.training.config import RunConfig
from fer_lib.training.record import Record
from fer_lib.training.release import released
from fer_lib.training.store import RunStore

Train = Callable[[RunConfig], Record]  # trains another run with its weights, unless they are there


def starting_weights(config: RunConfig, store: RunStore, *, train: Train) -> Callable[[Classifier], None]:
    """What puts the weights that a run starts from into its network.

    Raises:
        WeightsUnavailable: they are not here and cannot be trained.
    """

    def weights_of(run: RunConfig) -> Path:
        try:
            before = train(run)
        except Fatal:
            raise
        except FerError as error:
            raise WeightsUnavailable(f"no pre-training on {run.dataset}: {error}") from error
        if before.status != "finished":
            raise WeightsUnavailable(f"the pre-training run {before.run_id} {before.status}: {before.reason}")
        return store.weights_path(before.run_id)

    loads: list[tuple[Callable[[Classifier, Path], None], Path]] = []
    if config.pretrained in IMAGENET:
        loads.append((load_imagenet, imagenet_file(config.pretrained)))
    if config.pretraining is not None:
        loads.append((load_run, weights_of(config.pretraining)))
    if config.pose_run is not None:
        loads.append((load_localisation, weights_of(config.pose_run)))

    def start(model: Classifier) -> None:
        for load, path in loads:
            load(model, path)

    return start


def teachers(config: RunConfig, faces: data.FaceSet, store: RunStore, *, train: Train) -> list[Classifier]:
    """The networks that teach a run: from the package, from the store, or trained again from their record's config.

    Raises:
        WeightsUnavailable: no record of that id.
        FerError: a teacher that tells other classes, or learnt from what its student is tested on.
    """
    found = []
    shipped = {record.run_id: (path, record) for path, record in released().items()} if config.teacher else {}
    for run_id in config.teacher:
        path, record = store.weights_path(run_id), store.get(run_id)
        if run_id in shipped:  # whoever has the package gets the same student
            path, record = shipped[run_id]
        if record is None:
            raise WeightsUnavailable(f"no teacher {run_id}: {store.folder} has no such run, nor has the package.")
        classes = apply_rule(faces, config.label_rule).classes
        if tuple(record.classes) != tuple(classes):
            raise FerError(f"teacher {run_id} tells {', '.join(record.classes)}, not {', '.join(classes)}.")
        ours, theirs = ((run.split, run.split not in data.FIXED and run.seed) for run in (config, record.config))
        if ours != theirs:
            raise FerError(f"teacher {run_id} was trained under another split, so it may have seen the test images.")
        if not is_whole(path):
            train(record.config)
        found.append(open_network(record.config, path, classes=len(classes)))
    return found
