"""How accurate is each arm, and what did it cost: two tables and the dots."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data import FIXED
from fer_lib.data.splits import WATCHED
from fer_lib.paper import published
from fer_lib.plots.style import GREY, arm_lines, arm_style, arm_title, forest
from fer_lib.results import Results, statistics
from fer_lib.results.pooled import pool_of
from fer_lib.results.wording import ARM, SPLIT, SPLITS, N, mean_sd_text
from fer_lib.study.notebook import Study


def show_accuracy(study: Study, results: Results, *, name: str, table: str | None = None) -> None:
    """Puts the table `accuracy` on the page."""
    study.table(
        accuracy(results, table=table),
        name=name,
        number=None if table is None else f"Table {table}",
        caption="Test accuracy of each arm by split, mean ± sd over n seeds.",
        of=results,
    )


def show_dots(study: Study, results: Results, *, name: str) -> None:
    """Puts the figure `dots` of the first split on the page."""
    split = results.splits()[0]
    figure, drawn = dots(results, split=split)
    study.figure(
        figure,
        name=name,
        caption=f"Test accuracy under {split} ({SPLITS.get(split, 'own folders')}): mean, 95 % interval, seeds faint"
        + ("." if results.stand_in else ", the paper's as crosses."),
        alt=f"Test accuracy of every arm under {split}: seeds as faint dots, mean and interval"
        + ("" if results.stand_in else ", the paper as crosses"),
        data=drawn,
    )


def accuracy(results: Results, *, table: str | None = None) -> pd.DataFrame:
    """The paper's tables I to IV: training and test accuracy of each arm with a record, by split and data set.

    Under the number of one of these, `table`, the paper's numbers stand beside ours, unless the data only stands in for
    the paper's. "Best epoch" is the highest test accuracy over all epochs, which is what choosing the epoch on the test
    set would report; it is left out where the epoch is chosen on other images (`official`, `folders`). Training
    accuracy is that of the last epoch. Epochs stand in a column where arms differ in them.
    """
    paper, rows = published.of_tests(), []
    beside = table is not None and not results.stand_in
    for split, arm, chosen in results.each("split", "arm"):
        if (chosen.runs["status"] == "missing").all():
            continue
        shown: dict[str, object] = {ARM: arm if split == results.splits()[0] else f"{arm} ({split})"}
        rest: dict[str, object] = {SPLIT: split, N: _finished(chosen)}
        if len(set(results.runs["epochs"])) > 1:
            rest["Epochs"] = ", ".join(map(str, sorted(set(chosen.runs["epochs"]))))
        for dataset, role in results.roles().items():
            own = chosen.of(dataset=dataset)
            shown[dataset] = _state(own, "test_accuracy")
            if beside:
                shown[f"{dataset}, paper"] = f"{paper[arm, role]:.4f}" if (arm, role) in paper else "–"
            rest[f"{dataset}, training"] = _state(own, "train_accuracy")
            if split not in FIXED:
                rest[f"{dataset}, best epoch"] = _state(own, "best_eval_accuracy")
        rows.append(shown | rest)
    return pd.DataFrame(rows).fillna("–")


def _finished(results: Results) -> str:
    """Seeds that finished, by data set if they differ."""
    counts = [str((own.runs["status"] == "finished").sum()) for _, own in results.each("dataset")]
    return counts[0] if len(set(counts)) == 1 else ", ".join(counts)


def _state(results: Results, metric: str) -> str:
    """Mean ± sd over the seeds of one arm, and what became of the others."""
    text, status = mean_sd_text(statistics.estimate(results.by_seed(metric).values())), results.runs["status"]
    if diverged := int((status == "diverged").sum()):
        return f"{text} ({diverged} diverged)" if text != "–" else "diverged"
    return "skipped" if text == "–" and (status == "skipped").any() else text


def dots(results: Results, *, split: str) -> tuple[Figure | None, pd.DataFrame]:
    """Test accuracy of every arm: one dot per seed, the mean with its 95 % interval, the paper's number as a cross.

    Intervals are from the spread that all arms of a data set share.

    No crosses where the data only stands in for the paper's.
    """
    seeds, marks = [], []
    paper, roles, pool = published.of_tests(), results.roles(), pool_of(results)
    for dataset, arm, own in results.of(split=split).each("dataset", "arm"):
        by_seed, line = own.by_seed(), {"panel": dataset, "row": arm_title(arm), "colour": arm_style(arm).colour}
        names = {"dataset": dataset, "arm": arm}
        seeds += [names | {"seed": seed, "test_accuracy": value} for seed, value in by_seed.items()]
        if not by_seed:
            continue
        ours = pool.mean(arm, dataset=dataset, split=split)
        marks += [line | {"mean": value, "faint": True} for value in by_seed.values()]
        marks.append(line | {"mean": ours.mean, "low": ours.low, "high": ours.high})
        if (arm, roles[dataset]) in paper and not results.stand_in:
            marks.append(line | {"mean": paper[arm, roles[dataset]], "mark": "x", "colour": GREY})
    return forest(pd.DataFrame(marks), xlabel="test accuracy") if marks else None, pd.DataFrame(seeds)


def show_curves(study: Study, results: Results, *, figures: Mapping[int, tuple[str, str]]) -> None:
    """Puts the paper's figures of accuracy by epoch on the page, drawn from our runs under the first split.

    `figures` has, by the paper's number, the role of the data set and the column of the history that is drawn.
    """
    split = results.splits()[0]
    for number, (role, metric) in figures.items():
        own = results.of(role=role, split=split, status="finished").history
        part = "training" if metric == "train_accuracy" else WATCHED[split]
        by_epoch = own.groupby(["dataset", "arm", "epoch"], sort=False)[metric].agg(["mean", "min", "max", "count"])
        if len(own):
            study.figure(
                arm_lines(own, x="epoch", y=metric, col="dataset").set(ylabel=f"{part} accuracy").figure,
                name=f"fig_{number:02}",
                number=f"Fig. {number}",
                caption=f"Accuracy by epoch in {part}, {split}: mean and range over seeds.",
                alt=f"{part.capitalize()} accuracy by epoch on {own['dataset'].iloc[0]}, a line for each arm",
                data=by_epoch.reset_index(),
            )


def show_costs(study: Study, results: Results, *, name: str) -> None:
    """Puts the table `run_costs` on the page."""
    study.table(
        run_costs(results),
        name=name,
        caption="Training speed of the runs above, all splits: median over each arm's n runs on a device.",
        formats={"Images/s": "{:,.0f}", "Seconds per run": "{:,.0f}"},
        of=results,
    )


def run_costs(results: Results) -> pd.DataFrame:
    """What the runs took: arm, n runs on one device in one arithmetic, their median images per second and seconds."""
    recorded = [(arm, results.records[run]) for arm, run in results.runs[["arm", "run_id"]].to_numpy() if run]
    rows = [
        {ARM: arm, "Images/s": record.images_per_second, "Seconds per run": record.seconds,
         "Device": record.provenance["device"], "Arithmetic": record.provenance["arithmetic"]}
        for arm, record in recorded if record.seconds
    ]  # fmt: skip
    of_place = pd.DataFrame(rows, columns=[ARM, "Images/s", "Seconds per run", "Device", "Arithmetic"])
    groups = of_place.groupby([ARM, "Device", "Arithmetic"])
    table = groups.median().assign(**{N: groups.size()}).reset_index()[[*of_place.columns, N]]
    return table.sort_values(ARM, key=lambda arms: arms.map(results.arms().index), kind="stable", ignore_index=True)
