"""The record table: the best networks of this study by size and by time, and what others print beside them."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from fer_lib.errors import FerError
from fer_lib.models import build
from fer_lib.paper.gap import IN_TRAINING
from fer_lib.results import Results
from fer_lib.study.beyond import mirrored_too
from fer_lib.training import Record
from fer_lib.training.record import Arrays

WRITTEN = Path(__file__).with_suffix(".yaml")
TESTS = {"FER2013": ("fer7",), "FER+": ("majority8", "votes8")}  # label rules by the test images' labels
FEWEST = 2  # seeds of an entry
GPU_MINUTES, CORE_MINUTES = 2, (30, 120)
SIZES = {"at most 0.3 M parameters": 0.3e6, "at most 2 M parameters": 2e6, "any size": float("inf")}


@dataclass(frozen=True)
class Entry:
    """An arm under FER2013's own split, and the records of its seeds with their predictions."""

    arm: str
    records: list[Record]
    arrays: list[Arrays]

    @cached_property
    def parameters(self) -> int:
        """Of one network."""
        model = build(self.records[0].config, classes=len(self.records[0].classes))
        return sum(value.numel() for value in model.parameters())

    @cached_property
    def chosen_by(self) -> float:
        """Mean accuracy on PublicTest, with flips: what an arm is chosen by."""
        return float(np.mean([_accuracy(_selection(own)) for own in self.arrays]))

    def minutes(self, *, gpu: bool) -> float:
        """The longest that one run took on a GPU, or on a core of a CPU; infinite where none did."""
        took = [record.seconds / 60 for record in self.records if _on_gpu(record) == gpu]
        return max(took, default=float("inf"))


def best(entries: list[Entry], fits: Callable[[Entry], bool]) -> Entry | None:
    """The entry that fits and is best on PublicTest; PrivateTest has no say."""
    return max(filter(fits, entries), key=lambda entry: entry.chosen_by, default=None)


def entries(results: Results) -> dict[str, list[Entry]]:
    """By test, the arms that the rules allow, each with at least `FEWEST` seeds."""
    found: dict[str, list[Entry]] = {test: [] for test in TESTS}
    for _, arm, own in results.of(split="official").distinct().each("dataset", "arm"):
        records = [record for _, record in own.finished() if _is_clean(record)]
        arrays = [own.load(record) for record in records]
        if len(records) >= FEWEST and all("probabilities" in one for one in arrays):
            test = next((test for test, rules in TESTS.items() if records[0].config.label_rule in rules), None)
            if test:
                found[test].append(Entry(arm, records, arrays))
    return found


def records_table(results: Results) -> pd.DataFrame:
    """The best of each test by size and by time of one run."""
    bounds = (
        {name: functools.partial(_is_small, most=most) for name, most in SIZES.items()}
        | {f"a GPU, {GPU_MINUTES} min a run": functools.partial(_is_quick, gpu=True, most=GPU_MINUTES)}
        | {f"a CPU core, {most} min a run": functools.partial(_is_quick, gpu=False, most=most) for most in CORE_MINUTES}
    )
    rows, dates = [], written()["dates"]
    for test, own in entries(results).items():
        within: dict[str, list[str]] = {}  # bounds by the arm that is best in them; the empty name: none yet
        for bound, fits in bounds.items():
            entry = best(own, fits)
            within.setdefault(entry.arm if entry else "", []).append(bound)
        for entry in own:
            if entry.arm in within:
                rows.append({"Test": test, "Best within": "; ".join(within.pop(entry.arm))} | _line(entry, dates))
        rows += [{"Test": test, "Best within": "; ".join(left), "Network": "none yet"} for left in within.values()]
    return pd.DataFrame(rows).fillna("–")


def _line(entry: Entry, dates: dict[str, Any]) -> dict[str, Any]:
    accuracy = [_accuracy(own) for own in entry.arrays]
    alone = [_accuracy(own, only=own["copies"] < IN_TRAINING) for own in entry.arrays]
    both = ("probabilities", "mirrored_probabilities")
    means = {part: np.mean([own[part].astype(float) for own in entry.arrays], axis=0) for part in both}
    first = entry.records[0]
    commit = first.provenance["commit"]
    if commit not in dates:
        raise FerError(f"{WRITTEN.name}: no date for {commit}.\nAdd what `git show -s --format=%cs {commit}` says.")
    devices = [name for gpu, name in ((True, "GPU"), (False, "core")) if entry.minutes(gpu=gpu) < float("inf")]
    took = ", ".join(f"{entry.minutes(gpu=name == 'GPU'):.0f} ({name})" for name in devices)
    return {
        "Network": entry.arm, "Accuracy": f"{np.mean(accuracy):.4f} ± {np.std(accuracy, ddof=1):.4f}",
        "n": str(len(accuracy)), "Without copies": f"{np.mean(alone):.4f}",
        "Together": f"{_accuracy(entry.arrays[0] | means):.4f}",
        "Parameters": f"{entry.parameters / 1e6:.2f} M", "Minutes": took, "Committed": str(dates[commit]),
        "Commit": commit[:7], "Run": f"`{first.run_id}`",
    }  # fmt: skip


def published_table() -> pd.DataFrame:
    """What others print, with where it stands and whether it was chosen cleanly."""
    titles = {"test": "Test", "network": "Network", "accuracy": "Accuracy", "scratch": "From scratch",
              "clean": "Chosen on other images", "source": "Source"}  # fmt: skip
    return pd.DataFrame(written()["published"])[list(titles)].rename(columns=titles)


def written() -> dict[str, Any]:
    """`records.yaml`: dates by commit, and the numbers of others."""
    return yaml.safe_load(WRITTEN.read_text("utf-8"))


def _is_small(entry: Entry, *, most: float) -> bool:
    return entry.parameters <= most


def _is_quick(entry: Entry, *, gpu: bool, most: float) -> bool:
    return entry.minutes(gpu=gpu) <= most


def _is_clean(record: Record) -> bool:
    """Whether a run had no other images, and none of those it is judged on."""
    config = record.config
    return (config.pretrained, config.pretraining, config.preparation) == ("none", None, "none")


def _on_gpu(record: Record) -> bool:
    return record.provenance["threads"] is None


def _selection(arrays: Arrays) -> Arrays:
    return {name.removeprefix("select_"): values for name, values in arrays.items() if name.startswith("select_")}


def _accuracy(arrays: Arrays, only: Any = slice(None)) -> float:
    return float((mirrored_too(arrays).argmax(1) == arrays["actual"])[only].mean())
