"""Results → tables. Every table has n, its split, and mean ± standard deviation over seeds."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from fer_lib.data import DATASETS, FIXED
from fer_lib.evaluation import published, statistics
from fer_lib.evaluation.pooled import metric, pool_of
from fer_lib.results import Results
from fer_lib.training import Record

ARM, SPLIT, N = "Arm", "Split", "n"


def spread(estimate: statistics.Estimate, *, digits: int = 4) -> str:
    """`0.6512 ± 0.0031`, without the spread for one seed, a dash for none."""
    if estimate.n == 0:
        return "–"
    text = f"{estimate.mean:.{digits}f}"
    return text if estimate.n == 1 else f"{text} ± {estimate.sd:.{digits}f}"


def interval(estimate: statistics.Estimate, *, digits: int = 4, sign: bool = False) -> str:
    """`0.6512 [0.6473, 0.6551]`, without the interval where no spread is known."""
    if estimate.n == 0:
        return "–"
    form = f"{'+' if sign else ''}.{digits}f"
    text = format(estimate.mean, form)
    return f"{text} [{estimate.low:{form}}, {estimate.high:{form}}]" if estimate.known else text


def p_value(p: float) -> str:
    """`0.012`, or `<0.001`; a dash where there is none."""
    return "–" if math.isnan(p) else f"{p:.3f}" if p >= 0.001 else "<0.001"


def certainty(difference: statistics.Estimate, p: float, *, tests: int) -> dict[str, str]:
    """How sure a difference is, one of `tests`: df, whose spread, corrected p, what would have been found."""
    least = statistics.smallest_detectable(difference, tests=tests)
    known = difference.known
    row = {
        "df": f"{difference.df:.3g}" if known else "–", "Spread": difference.source if known else "–",
        "p (Holm)": p_value(p) if difference.steady else "unsteady",
        "Smallest detectable": f"{least:.4f}" if known else "–",
    }  # fmt: skip
    flip = statistics.sign_flip(difference.pairs)
    return row if math.isnan(flip) else row | {"p (sign flip)": p_value(flip)}


def accuracy(results: Results, *, table: str | None = None) -> pd.DataFrame:
    """The paper's tables I to IV: training and test accuracy of each arm with a record, by split and data set.

    `table` is the paper's table whose numbers stand beside ours, unless the data only stands in for the paper's. "Best
    epoch" is the highest test accuracy over all epochs, which is what choosing the epoch on the test set would report;
    it is left out where the epoch is chosen on other images (`official`, `folders`). Training accuracy is that of the
    last epoch. Epochs stand in a column where arms differ in them.
    """
    paper = published.accuracies()
    rows = []
    for split in results.splits():
        for arm in results.arms():
            chosen = results.of(split=split, arm=arm)
            if (chosen.runs["status"] == "missing").all():
                continue
            row: dict[tuple[str, str], object] = {("", ARM): arm, ("", SPLIT): split, ("", N): _finished(chosen)}
            if len(set(results.runs["epochs"])) > 1:
                row["", "Epochs"] = ", ".join(map(str, sorted(set(chosen.runs["epochs"]))))
            for dataset in results.datasets():
                values = {"arm": arm, "dataset": dataset, "split": split}
                for title, name in (("Training", "train_accuracy"), ("Test", "test_accuracy")):
                    row[dataset, title] = _state(results, name, **values)
                if split not in FIXED:
                    row[dataset, "Best epoch"] = _state(results, "best_eval_accuracy", **values)
                if table is not None and not results.stand_in:
                    row[dataset, "Paper"] = _published(paper, results, table=table, arm=arm, dataset=dataset)
            rows.append(row)
    if not rows:
        return pd.DataFrame()
    frame = pd.DataFrame(rows)
    frame.columns = pd.MultiIndex.from_tuples(list(dict.fromkeys(column for row in rows for column in row)))
    return frame.fillna("–")


def unmeasured(results: Results) -> str:
    """One sentence on what `accuracy` leaves out, by split; empty where nothing is."""
    parts = []
    for split in results.splits():
        runs = results.of(split=split).runs
        there = set(runs.loc[runs["status"] != "missing", "arm"])
        if lacking := [arm for arm in results.arms() if arm in set(runs["arm"]) - there]:
            parts.append(f"under {split} {', '.join(lacking) if there else 'any arm'}")
    return f"Not measured yet: {'; '.join(parts)}." if parts else ""


def _finished(results: Results) -> str:
    """Seeds that finished, by data set if they differ."""
    counts = [int((results.of(dataset=name).runs["status"] == "finished").sum()) for name in results.datasets()]
    return str(counts[0]) if len(set(counts)) == 1 else ", ".join(map(str, counts))


def _state(results: Results, metric: str, **values: str) -> str:
    runs = results.of(**values).runs
    text = spread(statistics.estimate(list(results.by_seed(metric, **values).values())))
    diverged = int((runs["status"] == "diverged").sum())
    if diverged:
        return f"{text} ({diverged} diverged)" if text != "–" else "diverged"
    skipped = text == "–" and (runs["status"] == "skipped").any()
    return "skipped" if skipped else text


def _published(paper: pd.DataFrame, results: Results, *, table: str, arm: str, dataset: str) -> str:
    roles = results.of(dataset=dataset).runs["role"]
    match = paper[(paper["table"] == table) & (paper["arm"] == arm) & (paper["part"] == "test")]
    match = match[match["role"] == roles.iloc[0]] if len(roles) else match.iloc[:0]
    return f"{match['published'].iloc[0]:.4f}" if len(match) else "–"


def comparisons(results: Results, *, against: str) -> pd.DataFrame:
    """Every arm against one: difference in test accuracy, interval, and how sure it is (`certainty`).

    All planned pairs count in Holm's correction; those that cannot be compared yet have no row.
    """
    pairs = [
        (arm, dataset, split)
        for split in results.splits()
        for dataset in results.datasets()
        for arm in results.of(dataset=dataset, split=split).arms()
        if arm != against
    ]
    pool = pool_of(results)
    found = [pool.difference(arm, against, dataset=dataset, split=split) for arm, dataset, split in pairs]
    p_values = statistics.holm([value.p if value.steady else math.nan for value in found])
    rows = [
        {
            ARM: arm, "Data set": dataset, SPLIT: split, N: value.n,
            f"Test accuracy minus {against}": interval(value, sign=True), **certainty(value, p, tests=len(pairs)),
        }
        for (arm, dataset, split), value, p in zip(pairs, found, p_values, strict=True) if value.n
    ]  # fmt: skip
    return pd.DataFrame(rows).fillna("–")


def same_images(results: Results, *, against: str) -> pd.DataFrame:
    """Every arm against one on the very same test images: the first seed's counts, and how many seeds' pairs differ.

    p is McNemar's, Holm-corrected for all pairs of all seeds. Pairs without a seed in common are left out.
    """
    pairs = []
    for split in results.splits():
        for dataset in results.datasets():
            for arm in results.of(dataset=dataset).arms():
                for seed in sorted(set(results.of(dataset=dataset, split=split).runs["seed"])):
                    values = {"dataset": dataset, "split": split, "seed": seed}
                    found = [results.predictions(arm=name, **values)[:1] for name in (arm, against)]
                    if arm != against and all(found):
                        pairs.append(
                            ((arm, dataset, split), statistics.on_shared_rows(*(arrays[0] for arrays in found)))
                        )
    corrected = statistics.holm([pair.p for _, pair in pairs])
    rows = []
    for key in dict.fromkeys(key for key, _ in pairs):
        own = [(pair, p) for (other, pair), p in zip(pairs, corrected, strict=True) if other == key]
        first, differ = own[0][0], [pair for pair, p in own if p < 1 - statistics.LEVEL]
        rows.append({
            **dict(zip((ARM, "Data set", SPLIT), key, strict=True)), N: len(own), "Images": first.images,
            f"Right alone : {against} alone": f"{first.only_first} : {first.only_second}",
            "Difference": f"{first.difference:+.3f} [{first.low:+.3f}, {first.high:+.3f}]", "p (Holm)": own[0][1],
            "Seeds better, worse": f"{sum(p.difference > 0 for p in differ)}, {sum(p.difference < 0 for p in differ)}",
        })  # fmt: skip
    return pd.DataFrame(rows)


def run_costs(results: Results) -> pd.DataFrame:
    """What the runs were computed on: arm, n runs, median images per second, seconds, device and arithmetic."""
    rows = []
    for arm in results.arms():
        ids = [run_id for run_id in results.of(arm=arm).runs["run_id"] if run_id]
        records = [results.records[run_id] for run_id in ids if results.records[run_id].seconds]
        if records:
            rows.append({
                ARM: arm, N: len(records),
                "Images/s": float(np.median([record.images_per_second for record in records])),
                "Seconds per run": float(np.median([record.seconds for record in records])),
                "Device": ", ".join(sorted({record.provenance["device"] for record in records})),
                "Arithmetic": ", ".join(sorted({record.provenance["arithmetic"] for record in records})),
            })  # fmt: skip
    return pd.DataFrame(rows)


def pretraining(records: Sequence[Record]) -> pd.DataFrame:
    """The study's own pre-training runs: data set, split, training images, classes, epochs, accuracy beside chance."""
    lines = [
        {
            "Data set": DATASETS[record.config.dataset].title, SPLIT: record.config.split,
            "n images": record.train_images, "Classes": len(record.classes), "Epochs": len(record.history),
            "Accuracy": record.metrics.get("test_accuracy", math.nan), "Chance": 1 / max(1, len(record.classes)),
        }
        for record in records
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=["Data set", SPLIT, "n images", "Classes", "Epochs", "Accuracy", "Chance"])


def falls(results: Results, *, split: str) -> pd.DataFrame:
    """Per arm and data set: the largest fall of test accuracy between two epochs, and the epoch after it."""
    lines = []
    for dataset in results.datasets():
        for arm in results.of(dataset=dataset).arms():
            worst, where = [], []
            history = results.of(arm=arm, dataset=dataset, split=split, status="finished").history
            for _, run in history.groupby("seed"):
                change = run.sort_values("epoch").set_index("epoch")["eval_accuracy"].diff().iloc[1:]
                if len(change):
                    worst.append(max(0.0, -float(change.min())))
                    where.append(str(change.idxmin()) if worst[-1] else "none")
            if not worst:
                continue
            line = {ARM: arm, "Data set": dataset, SPLIT: split, N: len(worst)}
            line |= {"Largest fall": spread(statistics.estimate(worst)), "Into epoch": ", ".join(where) or "–"}
            lines.append(line)
    return pd.DataFrame(lines)


def numbers(results: Results) -> pd.DataFrame:
    """Every published number beside ours: where it stands, the paper's, n, ours with interval, difference, verdict.

    `results` holds the grids of all notebooks; the paper's FER2013 column meets the data set with FER2013's labels,
    its FER+ column the one with votes. A published arm that we did not run has n = 0.
    """
    rows = []
    for line in published.accuracies().itertuples():
        paper = float(line.published)  # type: ignore[arg-type]
        ours = pool_of(results).mean(
            str(line.arm), dataset=results.standing_for(str(line.role)), split="random80",
            of=metric("test_accuracy" if line.part == "test" else "train_accuracy"),
        )  # fmt: skip
        rows.append({
            "Arm": line.arm, "Table": line.table, "Data set": line.role, "Part": line.part,
            "Paper": paper, "n": ours.n, "Ours [95 % interval]": interval(ours),
            "df": f"{ours.df:.3g}" if ours.known else "–", "Spread": ours.source if ours.known else "–",
            "Difference": ours.mean - paper, "Verdict": number_verdict(ours, paper),
        })  # fmt: skip
    return pd.DataFrame(rows)


def number_verdict(ours: statistics.Estimate, paper: float) -> str:
    """`holds` if the paper's number could be one more run of ours (95 % prediction interval), else `fails`.

    `undecided` where no spread is known, `missing` without a run.
    """
    if not ours.known:
        return "undecided" if ours.n else "missing"
    return "holds" if ours.predicts(paper) else "fails"
