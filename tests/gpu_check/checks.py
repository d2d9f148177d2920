"""What is looked at: each check says what it found, or raises."""

import os
import statistics
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from training.tiny import assert_same_runs, outcome, place, same_arrays, tiny

from fer_lib.campaign import run_all
from fer_lib.campaign.pool import RunQueue, run_in_threads
from fer_lib.campaign.schedule import ON_A_GPU
from fer_lib.data.batches import apply_augmentation, augmentation_plan
from fer_lib.geometry import sampling_grid
from fer_lib.training import RunConfig, RunStore, run_one
from fer_lib.training.event import Event

TRIED = ((2, 11), (2, 15))  # torch's versions that the path on a GPU was read against
SHAPES = [
    {"attention": "stn"}, {"optimizer": "sgd", "momentum": 0.9, "augment": "affine"},
    {"model": "compact", "ema": 0.9, "mixup": 0.4}, {"optimizer": "nadam"},
]  # fmt: skip
MODELS = [
    {"model": "vanilla_cnn"}, {"model": "compact", "mixup": 0.4, "ema": 0.9, "class_weight": "balanced"},
    {"model": "resnet50"}, {"model": "resnet50", "stem": "small"}, {"model": "resnet50", "attention": "stn"},
    {"attention": "stn", "localisation": "hidden", "warps": 2}, {"attention": "stn_no_warp", "identity_pull": 0.1},
    {"model": "vggface", "width_per_group": 16},
    *({"optimizer": name, "augment": "crop_flip"} for name in ("sgd", "nadam", "radam", "rmsprop")),
    {"optimizer": "adamw", "weight_decay": 0.01},
]  # fmt: skip


def machine(device: str, folder: Path) -> str:
    """torch is one of the versions that the code was read against, and there is a GPU that computes in bf16."""
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    assert TRIED[0] <= version <= TRIED[1], f"torch {torch.__version__}, expected 2.11 to 2.15"
    if device == "cpu":
        return f"torch {torch.__version__}, no GPU asked for"
    assert torch.cuda.is_available(), "torch finds no GPU"
    assert torch.cuda.is_bf16_supported(), "it does not compute in bf16"
    found = torch.cuda.get_device_properties(0)
    return f"torch {torch.__version__}, {found.name}, {found.total_memory / 2**30:.0f} GiB"


def threads(device: str, folder: Path) -> str:
    """Runs side by side, each capturing while others train and evaluate, come out as one after the other."""
    os.environ["FER_MODE"] = "strict"
    configs = [tiny(seed=seed, **shape) for seed in range(4) for shape in SHAPES]
    one, beside = place(folder / "one", device=device), place(folder / "beside", device=device)
    ends: list[Event] = []
    waiting = RunQueue([(config, False) for config in configs], held_back=lambda config: "", report=ends.append)
    run_in_threads(waiting, beside, jobs=4, deadline=None)
    broken = [event.reason for event in ends if event.state not in ("", "trained")]
    assert not broken, broken[0]
    run_all(configs, one)
    assert_same_runs(RunStore(one.store), RunStore(beside.store))
    return f"{len(configs)} runs of {len(SHAPES)} shapes, 4 at once, equal one after the other"


def captured(device: str, folder: Path) -> str:
    """Every model and optimizer, captured, does what it does kernel by kernel."""
    os.environ["FER_MODE"] = "strict"
    exact, worst = 0, 0.0
    for changes in MODELS:
        config = tiny(train_limit=64, **changes)
        records, stores = [], []
        for mode in ("strict", "strict,eager"):
            os.environ["FER_MODE"] = mode
            where = place(folder / mode, device=device)
            try:
                records.append(run_one(config, where))
            except Exception as error:
                error.add_note(f"in {changes}, FER_MODE={mode}")
                raise
            stores.append(RunStore(where.store))
        if device != "cpu":
            steps = [record.provenance["step"] for record in records]
            assert steps == ["cuda graph", "eager"], f"{changes}: {steps}"
        losses = [[line.train_loss or 0.0 for line in record.history] for record in records]
        off = max(abs(ours - theirs) / theirs for ours, theirs in zip(*losses, strict=True))
        assert off < 0.01, f"{changes}: training losses differ by {off:.2%}"
        worst = max(worst, off)
        arrays = [store.predictions(record) for store, record in zip(stores, records, strict=True)]
        exact += outcome(records[0]) == outcome(records[1]) and same_arrays(*arrays)
    return f"{exact} of {len(MODELS)} equal bit by bit, losses apart by {worst:.1e} at most"


def compiled(device: str, folder: Path) -> str:
    """ResNet50 with the transformer, compiled inside its captured step, learns what it learns without."""
    config = tiny(model="resnet50", attention="stn", train_limit=64, precision="bf16")
    losses, steps = [], []
    for mode in ("", "compile"):
        os.environ["FER_MODE"] = mode
        record = run_one(config, place(folder / (mode or "plain"), device=device))
        losses.append([line.train_loss or 0.0 for line in record.history])
        steps.append(record.provenance["step"])
    assert steps == (["eager"] * 2 if device == "cpu" else ["cuda graph", "cuda graph, compiled"]), steps
    off = max(abs(ours - theirs) / theirs for ours, theirs in zip(*losses, strict=True))
    assert off < 0.05, f"training losses differ by {off:.2%}"
    return f"ResNet50 + STN, losses apart by {off:.1e} at most"


def repeated(device: str, folder: Path) -> str:
    """A strict run in bf16 comes out twice the same."""
    os.environ["FER_MODE"] = "strict"
    config = tiny(model="resnet50", attention="stn", augment="affine", precision="bf16")
    first, again = (place(folder / name, device=device) for name in ("first", "again"))
    for where in (first, again):
        run_one(config, where)
    assert_same_runs(RunStore(first.store), RunStore(again.store))
    return "ResNet50 + STN, equal bit by bit"


def geometry(device: str, folder: Path) -> str:
    """Grids and augmented images are those of the CPU, not rounded to TF32."""
    torch.backends.cuda.matmul.allow_tf32 = True
    plan = augmentation_plan("affine", 256, seed=0, epoch=0)
    assert plan is not None
    images = torch.randint(0, 256, (256, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    grids = [sampling_grid(plan.to(there), height=48, width=48).cpu() for there in ("cpu", device)]
    off = float((grids[0] - grids[1]).abs().max()) * 24
    assert off < 1e-4, f"a grid is off by {off:.4f} pixels"
    made = [apply_augmentation(images.to(there), plan.to(there)).cpu().int() for there in ("cpu", device)]
    share = float((made[0] != made[1]).float().mean())
    assert share < 1e-3, f"{share:.2%} of the augmented pixels differ"
    return f"grids within {off:.1e} pixels, {share:.1e} of the augmented pixels differ by rounding"


def speed(device: str, folder: Path) -> str:
    """How many images a second ResNet50 trains on, alone and several runs at once."""
    config, tried = (tiny(), (1,)) if device == "cpu" else (RunConfig(dataset="toyfaces", epochs=20), (1, 2, 4, 8))
    told = []
    for jobs in tried:
        where = place(folder / str(jobs), device=device)
        run_all([config.model_copy(update={"seed": seed}) for seed in range(jobs)], where, jobs=jobs)
        total = sum(
            record.train_images / statistics.median(line.seconds for line in record.history)
            for record in RunStore(where.store).records()
        )
        told.append(f"{jobs}: {total:,.0f}")
    memory = "" if device == "cpu" else f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
    return f"images/s by runs at once {', '.join(told)}{memory}; --jobs 0 takes {ON_A_GPU}"


@dataclass(frozen=True)
class Check:
    """What is checked, in how many seconds at most, and what to do when it fails."""

    what: Callable[[str, Path], str]
    seconds: int
    otherwise: str


CHECKS = [
    Check(machine, 60, "install the locked torch; without bf16 the numbers will differ from the study's"),
    Check(threads, 120, "train with --jobs 1, and open an issue with the lines above"),
    Check(captured, 120, "train with FER_MODE=eager, slower, and open an issue with the lines above"),
    Check(compiled, 120, "leave FER_MODE=compile alone"),
    Check(repeated, 60, "do not call a run on this GPU repeatable"),
    Check(geometry, 30, "do not compare the transformer's thetas with the CPU's"),
    Check(speed, 90, "give --jobs by hand"),
]


def work(told: Connection, check: Check, device: str) -> None:
    """Does a check in a process of its own, and tells whether it passed, and what it found."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            told.send((True, check.what(device, Path(folder))))
        except Exception:
            told.send((False, traceback.format_exc()))
