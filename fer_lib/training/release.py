"""Networks that come with the package: weights of named runs in half precision, each file with its run's record.

A file also has the temperature that its run's probabilities need (`temperature`), fitted on the selection images.
"""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from fer_lib.errors import FerError
from fer_lib.evaluation import metrics
from fer_lib.files import write_atomically
from fer_lib.training.record import Record
from fer_lib.training.store import RunStore

FOLDER = Path(__file__).resolve().parents[1] / "weights"


def release(run_id: str, store: RunStore, folder: Path = FOLDER) -> Path:
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
        state = load_file(weights)
    except SafetensorError as error:
        raise FerError(f"{weights} is damaged ({error}).\nDelete it and train the run again.") from error
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    told = record.model_copy(update={"history": [], "robustness": []}).model_dump_json()
    kind = "poses" if record.config.loss == "pose" else record.config.model
    path = folder / f"{kind}_{record.config.dataset}.safetensors"
    write_atomically(path, save(halved, {"record": told, "temperature": repr(temperature(record, store))}))
    return path


def temperature(record: Record, store: RunStore) -> float:
    """What a run's logits are to be divided by, so that its confidence is its accuracy on the selection images.

    Guo et al. 2017 (https://arxiv.org/abs/1706.04599). 1 where there were no selection images.
    """
    arrays = store.predictions(record)
    if "select_probabilities" not in arrays:
        return 1.0
    return round(metrics.temperature(arrays["select_probabilities"], arrays["select_actual"]), 4)


def released(folder: Path = FOLDER) -> dict[Path, Record]:
    """The files in `folder` with the records of the runs that they are from.

    Raises:
        FerError: a file is damaged.
    """
    return {path: record_of(path) for path in sorted(folder.glob("*.safetensors"))}


def record_of(path: Path) -> Record:
    """The record in a file that `release` wrote.

    Raises:
        FerError: it is damaged, or another file.
    """
    return contents(path)[0]


def contents(path: Path) -> tuple[Record, float]:
    """The record and the temperature in a file that `release` wrote.

    Raises:
        FerError: it is damaged, or another file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata()
            return Record.model_validate_json(told["record"]), float(told.get("temperature", 1.0))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FerError(
            f"{path} is damaged, or no released network ({str(error).splitlines()[0]}).\nInstall the package again."
        ) from error
