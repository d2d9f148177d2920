"""Networks that come with the package: weights of named runs in half precision, each file with its run's record."""

from pathlib import Path

from pydantic import BaseModel

from fer_lib.errors import FerError
from fer_lib.evaluation import metrics
from fer_lib.paths import WEIGHTS
from fer_lib.tensors import read_tensors
from fer_lib.training.record import Record
from fer_lib.training.store import RunStore


class Released(BaseModel, extra="forbid"):
    """What a file says of itself: the record of its run, and what the logits are to be divided by (`temperature`)."""

    record: Record
    temperature: float = 1.0


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
            f"{path} is damaged, or no released network ({str(error).splitlines()[0]}).\n"
            "Name a run by its id; a file of the package comes back when that is installed again."
        ) from error
