"""Networks that come with the package: weights of named runs in half precision, each file with its run's record."""

from pathlib import Path

from pydantic import BaseModel

from fer_lib.errors import FerError
from fer_lib.evaluation import metrics
from fer_lib.paths import WEIGHTS
from fer_lib.tensors import read_tensors, write_tensors
from fer_lib.training.record import Record
from fer_lib.training.store import RunStore


class Released(BaseModel, extra="forbid"):
    """What a file says of itself: the record of its run, and what the logits are to be divided by (`temperature`)."""

    record: Record
    temperature: float = 1.0


def release(run_id: str, store: RunStore, folder: Path = WEIGHTS) -> Path:
    """Writes a run's weights, float16, and its record without the history into `folder`; returns the file.

    It is called after what it tells and the images that it learnt from: `compact_fer2013.safetensors`.

    Raises:
        FerError: the run or its weights are not in the store, or the folder cannot be written.
    """
    record, weights = store.get(run_id), store.weights_path(run_id)
    if record is None or not weights.is_file():
        raise FerError(
            f"{run_id}: {store.folder} has no {'weights of this run' if record else 'such run'}.\n"
            "Train it with its weights: python -m fer_lib run PARAMS --only … --weights."
        )
    try:
        state, _ = read_tensors(weights)
    except ValueError as error:
        raise FerError(f"{weights} is damaged ({error}).\nDelete it and train the run again.") from error
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    told = Released(
        record=record.model_copy(update={"history": [], "robustness": [], "sha256": ""}),
        temperature=temperature(record, store),
    )
    kind = "poses" if record.config.loss == "pose" else record.config.model
    path = folder / f"{kind}_{record.config.dataset}.safetensors"
    write_tensors(path, halved, released=told.model_dump_json())
    return path


def temperature(record: Record, store: RunStore) -> float:
    """What a run's logits are to be divided by, so that its confidence is its accuracy on the selection images.

    Guo et al. 2017 (https://arxiv.org/abs/1706.04599). 1 where there were no selection images.
    """
    arrays = store.predictions(record)
    if "select_probabilities" not in arrays:
        return 1.0
    return round(metrics.temperature(arrays["select_probabilities"], arrays["select_actual"]), 4)


def released(folder: Path = WEIGHTS) -> dict[Path, Record]:
    """The files in `folder` with the records of the runs that they are from.

    Raises:
        FerError: a file is damaged.
    """
    return {path: contents(path).record for path in sorted(folder.glob("*.safetensors"))}


def classifiers(folder: Path = WEIGHTS) -> dict[Path, Record]:
    """Those of the released networks that tell expressions."""
    return {path: record for path, record in released(folder).items() if record.config.loss == "cross_entropy"}


def contents(path: Path) -> Released:
    """What a file that `release` wrote says of itself.

    Raises:
        FerError: it is damaged, or another file.
    """
    try:
        return Released.model_validate_json(read_tensors(path)[1]["released"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FerError(
            f"{path} is damaged, or no released network ({str(error).splitlines()[0]}).\nInstall the package again."
        ) from error
