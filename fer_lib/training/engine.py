"""One training loop for every model: the data set on the device, batches by index, no DataLoader.

A run on a GPU and on a CPU differ in arithmetic only: initial weights, order and augmentation come from CPU
generators keyed by (seed, purpose, epoch).
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fer_lib.data import PRETRAINING_SETS, FaceSet, Split, apply_rule
from fer_lib.data.batches import DeviceData, augmentation_plan, generator, key, mixing_plan
from fer_lib.data.duplicates import copies_of
from fer_lib.data.faceset import OWN
from fer_lib.data.labels import tied
from fer_lib.data.preparation import Prepared, prepare
from fer_lib.evaluation.theta import collapse, theta_summary
from fer_lib.models import Classifier
from fer_lib.training.checkpoint import Training
from fer_lib.training.config import RunConfig
from fer_lib.training.evaluate import (
    FINAL_THETAS,
    Evaluation,
    accuracy_under_warps,
    evaluate,
    probabilities,
    some_thetas,
    thetas_under_poses,
)
from fer_lib.training.machine import arithmetic
from fer_lib.training.optim import learning_rate
from fer_lib.training.record import Arrays, Epoch, Probe, Status
from fer_lib.training.session import DeviceSession
from fer_lib.training.step import Step
from fer_lib.training.teaching import taught, view_of

THETA_IMAGES = 64  # test images whose theta is kept for every epoch
PROBE_SHARE = 200  # training images for one that is looked at under all transformations, about 2 % of the time


class Stopped(Exception):
    """The run was asked to stop between two epochs; its checkpoint is saved."""


@dataclass(frozen=True)
class Outcome:
    """What training gives: the fields of a `Record`, and those below.

    Attributes:
        arrays: see `RunStore.predictions`.
        model: has the reported weights, until the workspace's next run changes them.
        step: how its steps ran, see `Step.how`.
        arithmetic: `fp32`, `bf16`, or `bf16, fp32` for a run that began on one machine and ended on another.
    """

    status: Status
    reason: str
    classes: tuple[str, ...]
    train_images: int
    history: list[Epoch]
    metrics: dict[str, float]
    robustness: list[Probe]
    arrays: Arrays
    model: Classifier
    step: str
    arithmetic: str


def prepared(config: RunConfig, faces: FaceSet) -> Prepared:
    """What a run learns from and is tested on: images, labels under its rule, training, selection and test rows.

    Raises:
        FerError: the data does not have what the config asks for.
    """
    labels = apply_rule(faces, config.label_rule)
    limits = {"train_limit": config.train_limit, "test_limit": config.test_limit}
    return prepare(faces, labels, protocol=config.split, seed=config.seed, preparation=config.preparation, **limits)


def train(
    config: RunConfig,
    faces: FaceSet,
    *,
    workspace: DeviceSession,
    start: Callable[[Classifier], None] = lambda model: None,
    teachers: Sequence[Classifier] = (),
    resume: Callable[[Training], bool] = lambda training: False,
    after_epoch: Callable[[Training, int], bool] = lambda training, images: True,
) -> Outcome:
    """Trains one run from its first epoch, or from where `resume` puts it, to its end.

    Args:
        start: puts pre-trained weights into the fresh model.
        teachers: the networks of the config's `teacher`.
        resume: restores a checkpoint into the `Training`, and says whether there was one.
        after_epoch: told of every finished epoch and its training images; False stops the run.

    Raises:
        Stopped: `after_epoch` said so.
        FerError: the data does not have what the config asks for.
    """
    given = prepared(config, faces)
    images = workspace.images(given.faces)

    def on_device(split: Split) -> list[DeviceData]:
        return [DeviceData.of(images, given.labels, rows) for rows in (split.train, split.select, split.report)]

    training_data, select, report = on_device(given.split)
    first_half = on_device(given.first_half or given.split)
    step = workspace.step(config, training_data, given.labels, start)
    model = step.eval_model
    training = Training(step.model, step.optimizer, step.average)
    watched = select if len(select) else report
    resume(training)
    training.arithmetics = [*dict.fromkeys([*training.arithmetics, arithmetic(config, workspace.device)])]
    answers = taught(config, teachers, training_data, autocast=step.autocast)
    status: Status = "finished"
    reason = ""
    if model.attention is not None and not training.thetas:
        training.thetas.append(some_thetas(model, report, count=THETA_IMAGES))
    for epoch in range(len(training.history), config.epochs):
        early = given.first_half is not None and epoch < config.epochs // 2
        trained_on, looked_at = (first_half[0], first_half[2]) if early else (training_data, watched)
        line = _run_epoch(step, trained_on, looked_at, config, epoch, images=given.epoch_images, answers=answers)
        training.history.append(line)
        if line.train_loss is None:
            status, reason = "diverged", f"the training loss is not finite in epoch {line.epoch}"
            break
        if len(select) and line.epoch == _best(training.history).epoch:
            training.best = {name: value.clone() for name, value in model.state_dict().items()}
        if model.attention is not None:
            training.thetas.append(some_thetas(model, report, count=THETA_IMAGES))
        if not after_epoch(training, given.epoch_images):
            raise Stopped
    if training.best:
        model.load_state_dict(training.best)
    found = evaluate(model, report, config, autocast=step.autocast)
    if not math.isfinite(found.loss) and status == "finished":
        status, reason = "diverged", "the test loss is not finite"
    final: dict[str, float] = {}
    probes: list[Probe] = []
    arrays = _arrays(training, found, report)
    if status == "finished":
        final = _final_metrics(training.history, found)
    if status == "finished" and config.loss != "pose":
        count = max(100, config.epochs * given.epoch_images // PROBE_SHARE)
        probes = accuracy_under_warps(model, report, autocast=step.autocast, images=count)
        arrays |= _response(model, report, config, autocast=step.autocast)
        if len(select):
            arrays |= _probabilities(model, select, report, autocast=step.autocast)
    return Outcome(
        status=status,
        reason=reason,
        classes=given.labels.classes,
        train_images=given.epoch_images,
        history=training.history,
        metrics=final,
        robustness=probes,
        arrays=arrays | _leak_flags(config, faces, given.split),
        model=model,
        step=step.how,
        arithmetic=", ".join(training.arithmetics),
    )


def _run_epoch(
    step: Step, data: DeviceData, watched: DeviceData, config: RunConfig, epoch: int, *, images: int,
    answers: torch.Tensor | None,
) -> Epoch:  # fmt: skip
    began = time.perf_counter()
    images = min(images, len(data))
    steps = max(1, images // config.batch_size)  # the last, smaller batch is left out; every epoch another one
    learns = round(
        config.localisation_from * config.epochs * steps
    )  # the first step in which the localisation net does

    def lr(number: int) -> float:
        return learning_rate(config, step=epoch * steps + number, steps=config.epochs * steps)

    order = torch.randperm(len(data), generator=generator(config.seed, "order", epoch))[:images]
    order_here, view = order.to(data.index.device), view_of(config, epoch)
    plan = augmentation_plan(config.augment, len(data), seed=config.seed, epoch=view)
    loss, accuracy = step.epoch(
        data.index[order_here],
        None if plan is None else plan[order].to(data.index.device),
        dropout_seed=key(config.seed, "dropout", epoch),
        lr=lr,
        mix=mixing_plan(config.mixup, steps, seed=config.seed, epoch=epoch),
        taught=None if answers is None else answers[view][order_here],
        localisation=lambda number: epoch * steps + number >= learns,
    )
    gradient = step.localisation_share()
    trained = time.perf_counter()
    found = evaluate(step.eval_model, watched, config, autocast=step.autocast)
    return Epoch(
        epoch=epoch + 1,
        lr=lr(steps - 1),
        train_loss=_finite(loss),
        train_accuracy=accuracy if math.isfinite(accuracy) else 0.0,
        eval_loss=_finite(found.loss),
        eval_accuracy=found.accuracy,
        seconds=round(trained - began, 3),
        eval_seconds=round(time.perf_counter() - trained, 3),
        theta=None if found.theta is None else {**theta_summary(found.theta), "gradient": [_rounded(gradient)]},
        collapse="" if found.theta is None else collapse(found.theta),
    )


def _best(history: list[Epoch]) -> Epoch:
    return max(history, key=lambda line: line.eval_accuracy)  # the first of several


def _final_metrics(history: list[Epoch], found: Evaluation) -> dict[str, float]:
    best = _best(history)
    return {f"test_{name}": value for name, value in found.metrics().items()} | {
        "test_loss": found.loss,
        "train_accuracy": history[-1].train_accuracy,
        "best_epoch": best.epoch,
        "best_eval_accuracy": best.eval_accuracy,
    }


def _arrays(training: Training, found: Evaluation, data: DeviceData) -> Arrays:
    arrays = {"rows": data.rows.astype(np.uint16 if data.rows.max() < 2**16 else np.uint32), **found.arrays()}
    if training.thetas:
        arrays["theta_rows"] = arrays["rows"][:THETA_IMAGES]
        arrays["theta"] = torch.stack(training.thetas).numpy()
    return arrays


def _response(model: Classifier, data: DeviceData, config: RunConfig, *, autocast: torch.autocast) -> Arrays:
    """How a transformer's theta answers known poses of test images; nothing without a transformer."""
    if model.attention is None:
        return {}
    theta, wanted = thetas_under_poses(model, data, images=FINAL_THETAS, seed=config.seed, autocast=autocast)
    return {"response_theta": theta.to(torch.float16).numpy(), "response_wanted": wanted.to(torch.float16).numpy()}


def _probabilities(model: Classifier, select: DeviceData, report: DeviceData, *, autocast: torch.autocast) -> Arrays:
    """Class probabilities of the test images and their mirror images, and of the selection images likewise."""
    arrays = {"select_actual": select.classes[select.index].cpu().numpy().astype(np.uint8)}
    for before, data in (("", report), ("select_", select)):
        for mirrored, name in ((False, "probabilities"), (True, "mirrored_probabilities")):
            arrays[before + name] = probabilities(model, data, autocast=autocast, mirrored=mirrored)
    return arrays


def _leak_flags(config: RunConfig, faces: FaceSet, split: Split) -> Arrays:
    """What may make a test image easy that says nothing of the model: copies of it, and a tie that its rule decided."""
    if config.dataset in (*PRETRAINING_SETS, OWN) or config.preparation != "none":
        return {}
    found: Arrays = {"copies": copies_of(faces, split.report, split.train)}
    if faces.votes is not None and config.label_rule != "fer7":
        found["tied"] = tied(np.asarray(faces.votes[split.report]))
    return found


def _rounded(value: float | None) -> float:
    return round(value, 5) if value is not None and math.isfinite(value) else 0.0


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
