"""A grid's records as tables: what every figure, table and verdict is made from."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from fer_lib.campaign import Cell
from fer_lib.data import DATASETS
from fer_lib.evaluation import metrics
from fer_lib.training import Epoch, Record
from fer_lib.training.record import Arrays


@dataclass(frozen=True, eq=False)
class Results:
    """The runs of a grid, in its order.

    Attributes:
        runs: a row per run: arm, dataset, role (of the paper's data sets), split, seed, status (`missing`: no record),
            reason, run_id, config (`RunConfig.canonical`), recipe (the same without the seed), stands_in (whether the
            data set only stands in for one of the paper); every setting by its name, such as optimizer, lr, epochs;
            train_images, test_images, and what was measured (NaN where nothing was): test_accuracy,
            test_balanced_accuracy, test_macro_f1, test_loss, test_calibration_error, train_accuracy and the like.
        history: a row per run and epoch: arm, dataset, role, split, seed, status and the fields of `Epoch`.
        study: the runs that these are a part of, and that share their spread over seeds; None if they are all.
    """

    runs: pd.DataFrame
    history: pd.DataFrame
    records: dict[str, Record] = field(repr=False, default_factory=dict)
    load: Callable[[Record], Arrays] = field(repr=False, default=lambda record: {})
    study: "Results | None" = field(repr=False, default=None)

    def arms(self) -> list[str]:
        """Names of the arms, in the grid's order."""
        return list(dict.fromkeys(self.runs["arm"]))

    def datasets(self) -> list[str]:
        """Names of the data sets, in the grid's order."""
        return list(dict.fromkeys(self.runs["dataset"]))

    @property
    def stand_in(self) -> bool:
        """Whether one of the data sets only stands in for the paper's, so that nothing is compared with the paper."""
        return bool(self.runs["stands_in"].any())

    def roles(self) -> dict[str, str]:
        """Which of the paper's data sets each data set stands for."""
        first = self.runs.drop_duplicates("dataset")
        return dict(zip(first["dataset"], first["role"], strict=True))

    def standing_for(self, role: str) -> str:
        """The data set in the place of one of the paper's; empty where there is none."""
        return next(iter(self.of(role=role).datasets()), "")

    def splits(self) -> list[str]:
        """Names of the splits, in the grid's order."""
        return list(dict.fromkeys(self.runs["split"]))

    def coverage(self) -> str:
        """`Measured: 7 of 350 planned runs.`, each counted once; one that diverged is measured, too. Empty for all."""
        planned = self.runs["config"]
        measured = self.runs["status"].isin(("finished", "diverged"))
        done, wanted = planned[measured].nunique(), planned.nunique()
        return "" if done == wanted else f"Measured: {done} of {wanted} planned runs."

    def of(self, **values: str | int) -> "Results":
        """The results whose columns (arm, dataset, role, split, seed) have these values."""
        runs, history = self.runs, self.history
        for column, value in values.items():
            runs = runs[runs[column] == value]
            history = history[history[column] == value]
        return self._part(runs, history)

    def among(self, *arms: str) -> "Results":
        """The results of these arms."""
        runs, history = self.runs, self.history
        return self._part(runs[runs["arm"].isin(arms)], history[history["arm"].isin(arms)])

    def distinct(self) -> "Results":
        """Every run once, under the first of its names: one run may stand for an arm of several notebooks."""
        again = self.runs.duplicated(["run_id", "dataset"]) & (self.runs["run_id"] != "")
        names = ["arm", "dataset", "split", "seed"]
        kept = self.history.merge(self.runs.loc[~again, names])
        return self._part(self.runs[~again], kept)

    def _part(self, runs: pd.DataFrame, history: pd.DataFrame) -> "Results":
        return replace(self, runs=runs, history=history, study=self.study or self)

    def each(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """The values of these columns that occur together, in the grid's order, each with the results that have them.

        `for dataset, arm, own in results.each("dataset", "arm")` goes through the arms of the first data set, then on.
        """
        if not columns:
            yield (self,)
            return
        for value in dict.fromkeys(self.runs[columns[0]]):
            for found in self.of(**{columns[0]: value}).each(*columns[1:]):
                yield value, *found

    def finished(self) -> Iterator[tuple[dict[Hashable, Any], Record]]:
        """The row in `runs` and the record of every finished run."""
        for run in self.of(status="finished").runs.to_dict("records"):
            yield run, self.records[run["run_id"]]

    def by_seed(self, metric: str = "test_accuracy", **values: str | int) -> dict[int, float]:
        """The metric of one arm, data set and split, by seed; runs without it are left out."""
        runs = self.of(**values).runs.reindex(columns=["seed", metric]).dropna()
        return dict(zip(runs["seed"].tolist(), runs[metric].tolist(), strict=True))

    def curves(self, **values: str | int) -> dict[int, pd.Series]:
        """`eval_accuracy` by epoch of every finished run of one arm, data set and split, by seed."""
        history = self.of(status="finished", **values).history
        return {int(str(seed)): run.set_index("epoch")["eval_accuracy"] for seed, run in history.groupby("seed")}

    def predictions(self, **values: str | int) -> dict[int, Arrays]:
        """The prediction arrays (`RunStore.predictions`) of one arm, data set and split, by seed."""
        return {run["seed"]: self.load(record) for run, record in self.of(**values).finished()}

    def confusions(self, **values: str | int) -> dict[int, pd.DataFrame]:
        """Test images of one arm, data set and split, by seed: a row per actual class, a column per predicted one."""
        found = {}
        for run, record in self.of(**values).finished():
            arrays, names = self.load(record), record.classes
            counts = metrics.confusion(arrays["actual"], arrays["predicted"], classes=len(names))
            found[run["seed"]] = pd.DataFrame(counts, index=names, columns=names)
        return found

    def rates(self, **values: str | int) -> dict[int, pd.DataFrame]:
        """Of each of the `confusions`: images, true and false positive rate and precision per class."""
        return {seed: metrics.rates(counts) for seed, counts in self.confusions(**values).items()}

    def first_record(self, **values: str | int) -> Record | None:
        """The record of the first finished run with these values, or None."""
        return next((record for _, record in self.of(**values).finished()), None)


def collect(
    cells: Sequence[Cell],
    records: Sequence[Record | None],
    *,
    load: Callable[[Record], Arrays],
    reasons: dict[int, str],
) -> Results:
    """Results of cells and their records; `reasons` says, by position, why a record is missing."""
    runs, history = [], []
    for position, (cell, record) in enumerate(zip(cells, records, strict=True)):
        role = "FER2013" if cell.config.label_rule == "fer7" else "FER+"  # every other rule takes FER+'s votes
        names = {"arm": cell.arm, "dataset": cell.dataset, "role": role, "split": cell.split, "seed": cell.seed}
        line = {**names, "status": "missing", "reason": reasons.get(position, "not trained yet"), "run_id": ""}
        line |= {
            "config": cell.config.canonical(),
            "recipe": cell.config.model_copy(update={"seed": 0}).canonical(),
            "stands_in": DATASETS[cell.config.dataset].stands_in,
            **{key: value for key, value in cell.config if key not in ("dataset", "pretraining")},
            "test_accuracy": np.nan,
            "train_accuracy": np.nan,
        }
        if record is not None:
            line |= {"status": record.status, "reason": record.reason, "run_id": record.run_id}
            line |= {"train_images": record.train_images, "test_images": record.test_images, **record.metrics}
            history += [names | {"status": record.status} | epoch.model_dump() for epoch in record.history]
        runs.append(line)
    return Results(
        pd.DataFrame(runs),
        pd.DataFrame(history, columns=["arm", "dataset", "role", "split", "seed", "status", *Epoch.model_fields]),
        {record.run_id: record for record in records if record is not None},
        load,
    )
