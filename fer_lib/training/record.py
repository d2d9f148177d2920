"""What a run leaves behind: a JSON record and, beside it, its test predictions."""

from typing import Any, Literal

import numpy as np
from pydantic import BaseModel

from fer_lib.training.config import SCHEMA, RunConfig

Status = Literal["finished", "diverged", "skipped"]
Arrays = dict[str, np.ndarray]


class Epoch(BaseModel, extra="forbid"):
    """One line of a run's history.

    Training loss and accuracy are running means over the epoch, in training mode. `eval_*` is the rest of the images
    (`random80`, `grouped80`), PublicTest (`official`) or the validation part (`folders`). `theta` is
    `evaluation.theta.theta_summary` of the evaluated images, and `gradient`: the localisation net's part of the
    norm of the epoch's last gradient. `collapse` names what became of the transformer, if it did
    (`evaluation.theta.collapse`).
    """

    epoch: int  # from 1
    lr: float
    train_loss: float | None  # None: not finite
    train_accuracy: float
    eval_loss: float | None
    eval_accuracy: float
    seconds: float  # of training alone
    eval_seconds: float = 0.0
    theta: dict[str, list[float]] | None = None
    collapse: str = ""


class Probe(BaseModel, extra="forbid"):
    """Accuracy on test images under one transformation (`evaluation.theta.ROBUSTNESS`; 0 is none)."""

    transform: str
    strength: float
    accuracy: float
    images: int


class Record(BaseModel, extra="forbid"):
    """A run as it is stored. `metrics` is empty unless the run finished; `reason` says why it did not.

    `seconds` are those of all epochs, evaluation included; `images_per_second` is of training alone.
    """

    schema_version: int = SCHEMA
    run_id: str
    config: RunConfig
    fingerprint: str
    status: Status
    reason: str = ""
    classes: list[str] = []
    train_images: int = 0
    test_images: int = 0
    history: list[Epoch] = []
    metrics: dict[str, float] = {}
    robustness: list[Probe] = []
    seconds: float = 0.0
    images_per_second: float = 0.0
    provenance: dict[str, Any] = {}
    predictions_sha256: str = ""
    sha256: str = ""  # of the stored record without this; empty in those from before there was one
