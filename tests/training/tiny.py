"""The smallest runs that are still runs (16 toy faces, two batches, tenths of a second), and how to compare them."""

import multiprocessing
from pathlib import Path

import numpy as np

from fer_lib.training import Record, RunConfig, RunContext, RunStore
from fer_lib.training.record import Arrays

SMALL = {
    "dataset": "toyfaces", "model": "vanilla_cnn", "epochs": 2, "batch_size": 8, "train_limit": 16, "test_limit": 8,
    "precision": "fp32",
}  # fmt: skip
FORKS = multiprocessing.get_context("forkserver")  # its processes need not import torch again
FORKS.set_forkserver_preload(["fer_lib.training"])
PRETRAINING = {**SMALL, "dataset": "digits", "epochs": 1}


def tiny(**changes) -> RunConfig:
    """A small run's config."""
    return RunConfig.parse({**SMALL, **changes})


def fine_tuned(**changes) -> RunConfig:
    """A small run that starts from a smaller one on digits."""
    return tiny(**{"pretrained": "digits", "pretraining": PRETRAINING, **changes})


def place(folder: Path, **changes) -> RunContext:
    """A store in `folder`, on the CPU, with a checkpoint after every epoch."""
    return RunContext(folder / "store", **{"device": "cpu", "threads": 1, "checkpoint_every": 0.0, **changes})


def outcome(record: Record) -> dict:
    """What two trainings of one run must agree in: everything but times, machine and the bytes of the npz file."""
    return record.model_dump(
        exclude={
            "seconds": True, "images_per_second": True, "provenance": True, "predictions_sha256": True, "sha256": True,
            "history": {"__all__": {"seconds", "eval_seconds"}},
        }
    )  # fmt: skip


def same_arrays(first: Arrays, second: Arrays) -> bool:
    """Whether two runs left the same predictions and thetas, bit by bit."""
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def assert_same_runs(first: RunStore, second: RunStore) -> None:
    """Both stores hold the same runs with the same outcome, and nothing damaged."""
    ours, theirs = ({record.run_id: record for record in store.records()} for store in (first, second))
    assert first.damaged == second.damaged == {}
    assert ours.keys() == theirs.keys()
    for run_id, record in ours.items():
        mine, other = outcome(record), outcome(theirs[run_id])
        assert {name: (mine[name], other[name]) for name in mine if mine[name] != other[name]} == {}
        assert same_arrays(first.predictions(record), second.predictions(theirs[run_id]))
