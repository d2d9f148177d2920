"""Trains a committed run again, and says whether it comes out the same, or as near as another seed would."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from fer_lib import data
from fer_lib.errors import FerError
from fer_lib.training.record import Arrays, Record
from fer_lib.training.run import Report, RunContext, run_one
from fer_lib.training.store import RunStore

Outcome = Literal["identical", "within", "outside", "unknown"]
WORDS: dict[Outcome, str] = {
    "identical": "the same, bit by bit",
    "within": "not the same, within the spread of seeds",
    "outside": "NOT the same, outside the spread of seeds",
    "unknown": "not the same, and no arm has two seeds to know a spread from",
}
_TIMES = ("seconds", "eval_seconds")
_MACHINE = ("device", "arithmetic", "threads", "torch")  # what rounding depends on


@dataclass(frozen=True)
class Verified:
    """A record, its repetition, their share of equal predictions, and the `seed_bound` they are held to."""

    before: Record
    again: Record
    equal: bool
    agreement: float
    bound: float | None

    @property
    def difference(self) -> float:
        """Test accuracy of the repetition minus the record's."""
        return self.again.metrics["test_accuracy"] - self.before.metrics["test_accuracy"]

    @property
    def outcome(self) -> Outcome:
        """How near the repetition came, see `WORDS`."""
        if self.equal:
            return "identical"
        if self.bound is None:
            return "unknown"
        return "within" if abs(self.difference) <= self.bound else "outside"

    def __str__(self) -> str:
        then, now = (record.metrics["test_accuracy"] for record in (self.before, self.again))
        lines = [
            f"{self.before.run_id}: {WORDS[self.outcome]}",
            f"    test accuracy {then:.4f}, now {now:.4f} ({self.difference:+.4f}); "
            f"{self.agreement:.1%} of the test predictions agree",
        ]
        if self.bound is not None:
            lines.append(f"    two seeds lie up to {self.bound:.4f} apart, 95 times in 100")
        if self.other:
            lines.append(f"    another machine: {'; '.join(self.other)}")
        return "\n".join(lines)

    @property
    def other(self) -> list[str]:
        """What differs between the two machines, of that which rounding depends on."""
        pairs = ((key, self.before.provenance.get(key), self.again.provenance.get(key)) for key in _MACHINE)
        return [f"{key} {then}, now {now}" for key, then, now in pairs if then != now]


def verify(run_id: str, place: RunContext, *, report: Report = lambda event: None) -> Verified:
    """Trains the run of a record again, beside the store, and compares; interrupted, the next call goes on from there.

    On a CPU it takes as many threads as the record's run did.

    Raises:
        FerError: no such record, one that did not finish, or data other than it was trained on.
    """
    store = RunStore(place.store)
    before = store.get(run_id)
    if before is None or before.status != "finished":
        reason = store.damaged.get(run_id, "no such run") if before is None else before.status
        raise FerError(f"{store.record_path(run_id)}: {reason}, so there is nothing to verify.")
    config = before.config
    faces = data.load(config.dataset, data=place.data)
    if config.fingerprint(faces) != before.fingerprint:
        title = data.DATASETS[config.dataset].title
        raise FerError(f"{run_id} was trained on other data than the {title} that is here, or by another module.")
    scratch = replace(place, store=beside(place), threads=before.provenance.get("threads") or place.threads)
    again = run_one(config, scratch, report=report)
    if again.status != "finished":
        raise FerError(f"{run_id}: trained again, it {again.status}: {again.reason}.")
    then, now = store.predictions(before), RunStore(scratch.store).predictions(again)
    found = Verified(
        before, again, equal=_history(before) == _history(again) and _same(then, now),
        agreement=float((then["predicted"] == now["predicted"]).mean()), bound=seed_bound(before, store.records()),
    )  # fmt: skip
    shutil.rmtree(scratch.store)  # a second call trains again, as asked
    return found


def beside(place: RunContext) -> Path:
    """Where runs are trained again, apart from the records."""
    return Path(place.store) / "work" / "verify"


def seed_bound(of: Record, records: Iterable[Record]) -> float | None:
    """How far the test accuracies of two seeds of one arm lie apart in 95 of 100 cases, by all arms on the same split.

    Seeds that were computed in bf16 and in fp32 count as seeds of one arm. None where no arm has two seeds.
    """
    key = of.config.dataset, of.config.split
    alike = [one for one in records if one.status == "finished" and (one.config.dataset, one.config.split) == key]
    arms = [one.config.model_copy(update={"seed": 0}).canonical() for one in alike]
    accuracies = pd.Series([one.metrics["test_accuracy"] for one in alike], dtype=float)
    groups = accuracies.groupby(arms)
    if not (df := len(alike) - groups.ngroups):
        return None
    squares = float(((accuracies - groups.transform("mean")) ** 2).sum())
    return float(stats.t.ppf(0.975, df) * np.sqrt(2 * squares / df))


def _history(record: Record) -> list[dict[str, object]]:
    return [line.model_dump(exclude=set(_TIMES)) for line in record.history]


def _same(then: Arrays, now: Arrays) -> bool:
    """Whether all that a record kept came out again; a newer version may keep more."""
    return then.keys() <= now.keys() and all(np.array_equal(then[name], now[name]) for name in then)
