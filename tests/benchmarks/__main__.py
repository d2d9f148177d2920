"""`make bench`: ours, the usual way and the limit, in turns on the device at hand; a table and a JSON file.

Every round times each contender once, and a ratio is the median of the rounds' ratios, so that what else the machine
does hits all alike. On a CPU they count images per CPU second, loader processes included; on a GPU per second.
"""

import argparse
import json
import os
import statistics
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import torch
from benchmarks.contenders import Lane, Racer, Timing

from fer_lib import data
from fer_lib.training import RunConfig
from fer_lib.training.machine import arithmetic, cores, default_device, provenance

MODELS = {
    "ResNet50": {"model": "resnet50"},
    "ResNet50, small stem": {"model": "resnet50", "stem": "small"},
    "STN + ResNet50": {"model": "resnet50", "attention": "stn"},
    "VGGFace": {"model": "vggface"},
    "Vanilla CNN": {"model": "vanilla_cnn"},
}
QUICK = {"Tiny": {"model": "tiny"}}
CPU_BATCH = {"ResNet50, small stem": 16, "VGGFace": 32}
GPU_RUNS = (1, 4, 8)


def config_of(name: str, *, device: str, augment: str = "crop_flip", **changes: Any) -> RunConfig:
    batch = 128 if device != "cpu" else CPU_BATCH.get(name, 128)
    model = (MODELS | QUICK).get(name, {})
    values = {"dataset": "toyfaces", "augment": augment, "batch_size": batch, **model, **changes}
    return RunConfig.parse(values)


def race(lanes: dict[str, Lane], *, rounds: int, seconds: float) -> tuple[dict[str, list[Timing]], dict[str, float]]:
    """Timings of each lane by round, and its peak memory in MB; a lane's turn takes about `seconds`."""
    with ExitStack() as stack:
        racers = {name: stack.enter_context(Racer(lane)) for name, lane in lanes.items()}
        steps = {}
        for name, racer in racers.items():
            racer.time(1)
            steps[name] = max(1, round(seconds / max(racer.time(1).wall, 1e-6)))
            racer.time(steps[name])  # a loader's workers start here
        timings: dict[str, list[Timing]] = {name: [] for name in lanes}
        for _ in range(rounds):
            for name, racer in racers.items():
                timings[name].append(racer.time(steps[name]))
        return timings, {name: racer.finish() for name, racer in racers.items()}


def speed(timing: Timing, *, device: str) -> float:
    return timing.images / (timing.cpu if device == "cpu" else timing.wall)


def ratio(ours: list[Timing], other: list[Timing], *, device: str) -> dict[str, float]:
    """Median and range of the rounds' ratios."""
    ratios = [speed(a, device=device) / speed(b, device=device) for a, b in zip(ours, other, strict=True)]
    return {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def compare(
    name: str, task: str, *, device: str, rounds: int, seconds: float, augment: str, quick: bool
) -> dict[str, Any]:
    """One case: ours (also in fp32 where it would be bf16), the usual way, and the limits.

    `limit` is our step on one fixed batch, `torch` ours with torch's own convolutions, `matmul` the FLOPs of that as
    matrix products, `compiled` the usual way with its network compiled by PyTorch, `skorch` its images in skorch's
    loop.
    """
    config = config_of(name, device=device, augment=augment)
    ours = Lane("ours", task, config, device)  # type: ignore[arg-type]
    lanes = {"ours": ours, "naive": replace(ours, way="naive")}
    heats = [lanes]  # lanes that race at once: all of a large network's would not fit into the memory
    if task != "load":
        lanes["limit"] = replace(ours, way="limit")
    if task == "train":
        rivals = {"ours": ours, "skorch": replace(ours, way="skorch")}
        heats.append(rivals if quick else rivals | {"compiled": replace(ours, way="compiled")})
    if task == "train" and device == "cpu":
        lanes |= {"torch": replace(ours, way="torch"), "matmul": replace(ours, way="matmul")}
        if not quick and arithmetic(config, torch.device(device)) == "bf16":
            fp32 = config.model_copy(update={"precision": "fp32"})
            held = {name: replace(lane, config=fp32) for name, lane in lanes.items()}
            heats.append({name if name == "naive" else f"{name}, fp32": lane for name, lane in held.items()})
    if device != "cpu" and task == "train":
        lanes |= {f"ours, {runs} runs": replace(ours, runs=runs) for runs in GPU_RUNS[1:]}
    speeds: dict[str, float] = {}
    memory: dict[str, float] = {}
    ratios: dict[str, dict[str, float]] = {}
    for heat in heats:
        timings, peaks = race(heat, rounds=rounds, seconds=seconds)
        first = next(iter(heat))
        pairs = [(first, lane) for lane in heat if not lane.startswith("ours")]
        pairs += [(lane, "naive") for lane in heat if lane.endswith("runs")]
        ratios |= {f"{a} / {b}": ratio(timings[a], timings[b], device=device) for a, b in pairs}
        speeds |= {
            lane: statistics.median(speed(timing, device=device) for timing in found) for lane, found in timings.items()
        }
        memory |= peaks
    return {
        "case": name, "task": task, "augment": augment, "batch_size": config.batch_size, "images_per_second": speeds,
        "memory_mb": memory, "ratios": ratios,
    }  # fmt: skip


def two_jobs(name: str, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Two single-thread processes against one process with two threads, by the clock on the wall."""
    lane = Lane("ours", "train", config_of(name, device="cpu"))
    with Racer(replace(lane, threads=2)) as one, Racer(lane) as first, Racer(lane) as second:
        pair = first, second
        for racer in (one, *pair):
            racer.time(1)
        steps = max(1, round(seconds / one.time(1).wall))
        ratios, speeds = [], []
        for _ in range(rounds):
            alone = one.time(steps)
            for racer in pair:
                racer.begin(steps)
            both = [racer.result() for racer in pair]
            together = sum(timing.images for timing in both) / max(timing.wall for timing in both)
            ratios.append(together / (alone.images / alone.wall))
            speeds.append((together, alone.images / alone.wall))
    return {
        "case": f"{name}, two jobs", "task": "train", "augment": "crop_flip", "batch_size": lane.config.batch_size,
        "images_per_second": dict(zip(("two jobs", "two threads"), map(statistics.median, zip(*speeds, strict=True)),
                                      strict=True)),
        "memory_mb": {},
        "ratios": {"two jobs / two threads": {"median": statistics.median(ratios), "least": min(ratios),
                                              "most": max(ratios)}},
    }  # fmt: skip


def growth(*, device: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Images per second and memory as the batch grows, and as the data set does (FER2013, where it is here)."""
    by_batch = {f"batch {size}": Lane("ours", "train", config_of("ResNet50", device=device, batch_size=size), device)
                for size in (16, 64, 128, 512)}  # fmt: skip
    lane = Lane("ours", "train", config_of("Vanilla CNN", device=device), device)
    by_rows = {"3,000 images": replace(lane, rows=3_000)}
    if opening("fer2013"):
        real = lane.config.model_copy(update={"dataset": "fer2013"})
        by_rows = {f"{rows:,} images": replace(lane, config=real, rows=rows) for rows in (1_000, 7_000, 28_000)}
    speeds: dict[str, float] = {}
    memory: dict[str, float] = {}
    for lanes in (by_batch, by_rows):
        timings, peaks = race(lanes, rounds=rounds, seconds=seconds)
        speeds |= {name: statistics.median(speed(one, device=device) for one in own) for name, own in timings.items()}
        memory |= peaks
    return {"case": "growth", "task": "train", "augment": "crop_flip", "images_per_second": speeds, "memory_mb": memory,
            "ratios": {}}  # fmt: skip


def opening(dataset: str) -> dict[str, float] | None:
    """Seconds and resident MB of opening a data set from its cache; None where its files are not here."""
    try:
        data.load(dataset)
    except Exception as error:
        print(f"{dataset}: not here ({str(error).splitlines()[0]})")
        return None
    data.catalogue._load.cache_clear()
    before, began = psutil.Process().memory_info().rss, time.perf_counter()
    data.load(dataset)
    return {"seconds": time.perf_counter() - began, "mb": (psutil.Process().memory_info().rss - before) / 1e6}


def show(found: dict[str, Any]) -> None:
    """Prints one case as lines of a table."""
    for pair, values in found["ratios"].items():
        what = f"{found['case']}, {found['task']}" + (f" {found['augment']}" if found["task"] == "load" else "")
        a, b = pair.split(" / ")
        rates = "  against ".join(f"{found['images_per_second'][lane]:12,.1f}" for lane in (a, b))
        print(f"{what:32} {pair:26} {values['median']:7.2f} ({values['least']:.2f}–{values['most']:.2f}) {rates}"
              " images/s", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small model, in under two minutes")
    parser.add_argument("--out", type=Path, default=Path("reports/bench/bench.json"))
    parser.add_argument("--only", default="", help="cases whose name has this")
    options = parser.parse_args()
    device = default_device().type
    rounds, seconds = (2, 0.3) if options.quick else (5, 3.0)
    names = [*QUICK] if options.quick else [name for name in MODELS if options.only in name]
    results = []
    todo = [("images", "load", augment) for augment in (["affine"] if options.quick else ["crop_flip", "affine"])]
    todo += [(name, task, "crop_flip") for name in names for task in ("train", "evaluate")]
    for name, task, augment in todo:
        results.append(
            compare(name, task, device=device, rounds=rounds, seconds=seconds, augment=augment, quick=options.quick)
        )
        show(results[-1])
    if device == "cpu" and cores() >= 2 and not options.quick:
        for name in ("ResNet50", "Vanilla CNN"):
            results.append(two_jobs(name, rounds=rounds, seconds=seconds))
            show(results[-1])
    if not options.quick and not options.only:
        results.append(growth(device=device, rounds=rounds, seconds=seconds))
    summary = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {**provenance(torch.device(device), computed_in=""), "cores": cores(),
                    "load": os.getloadavg()[0], "memory_gb": round(psutil.virtual_memory().total / 1e9, 1)},
        "counted": "images per CPU second, loaders included" if device == "cpu" else "images per second",
        "opening": {name: opening(name) for name in ("ferplus",)},
        "cases": results,
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(summary, indent=1) + "\n")
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
