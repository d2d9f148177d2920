"""How accurate is each arm: the table, the dots, and who leads."""

from itertools import chain

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data import FIXED
from fer_lib.report.style import GREY, arm_title, look
from fer_lib.results import Results
from fer_lib.study import published, statistics
from fer_lib.study.comparisons import networks
from fer_lib.study.notebook import Study
from fer_lib.study.pooled import LEARNT, hardly_learnt, pool_of
from fer_lib.study.wording import ARM, SPLIT, N, interval_in_words, seeds_in_words, seeds_phrase, spread


def show_accuracy(study: Study, results: Results, *, name: str, table: str | None = None) -> None:
    """Puts the table `accuracy` on the page, and what it does not say: which arms learnt nothing, and which lack."""
    study.table(
        accuracy(results, table=table),
        name=name,
        number=None if table is None else f"Table {table}",
        caption=f"{ranking(results, split=results.splits()[0])} Mean ± sd over n seeds, by split.",
        of=results,
    )
    study.say(learnt_nothing(results, split=results.splits()[0]), unmeasured(results))


def show_dots(study: Study, results: Results, *, name: str) -> None:
    """Puts the figure `dots` of the first split on the page."""
    split = results.splits()[0]
    figure, drawn = dots(results, split=split)
    study.figure(
        figure,
        name=name,
        caption=extent(results, split=split),
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
    paper = published.of_tests()
    rows = []
    for split, arm, chosen in results.each("split", "arm"):
        if (chosen.runs["status"] == "missing").all():
            continue
        row: dict[tuple[str, str], object] = {("", ARM): arm, ("", SPLIT): split, ("", N): _finished(chosen)}
        if len(set(results.runs["epochs"])) > 1:
            row["", "Epochs"] = ", ".join(map(str, sorted(set(chosen.runs["epochs"]))))
        for dataset, role in results.roles().items():
            own = chosen.of(dataset=dataset)
            row[dataset, "Training"], row[dataset, "Test"] = _state(own, "train_accuracy"), _state(own, "test_accuracy")
            if split not in FIXED:
                row[dataset, "Best epoch"] = _state(own, "best_eval_accuracy")
            if table is not None and not results.stand_in:
                row[dataset, "Paper"] = f"{paper[arm, role]:.4f}" if (arm, role) in paper else "–"
        rows.append(row)
    if not rows:
        return pd.DataFrame()
    return pd.DataFrame(rows, columns=pd.MultiIndex.from_tuples(list(dict.fromkeys(chain(*rows))))).fillna("–")


def learnt_nothing(results: Results, *, split: str) -> str:
    """One sentence on the arms with a seed hardly better than a constant answer, by data set; or nothing."""
    parts = []
    for dataset, own in results.of(split=split).each("dataset"):
        if arms := hardly_learnt(own, dataset=dataset, split=split):
            constant = pool_of(results).constant(dataset, split)
            parts.append(f"on {dataset}, where that gives {constant:.3f}, {', '.join(arms)}")
    near = f"Learnt hardly more than to answer the most frequent class always (within {LEARNT:g} of that, in some seed"
    return f"{near} under {split}): {'; '.join(parts)}." if parts else ""


def unmeasured(results: Results) -> str:
    """One sentence on the arms that have no row in `accuracy`, by split; empty where every arm has one."""
    parts = []
    for split in results.splits():
        runs = results.of(split=split).runs
        there = set(runs.loc[runs["status"] != "missing", "arm"])
        if lacking := [arm for arm in results.arms() if arm in set(runs["arm"]) - there]:
            parts.append(f"under {split} {', '.join(lacking) if there else 'any arm'}")
    return f"Not measured yet: {'; '.join(parts)}." if parts else ""


def _finished(results: Results) -> str:
    """Seeds that finished, by data set if they differ."""
    counts = [str((own.runs["status"] == "finished").sum()) for _, own in results.each("dataset")]
    return counts[0] if len(set(counts)) == 1 else ", ".join(counts)


def _state(results: Results, metric: str) -> str:
    """Mean ± sd over the seeds of one arm, and what became of the others."""
    text, status = spread(statistics.estimate(results.by_seed(metric).values())), results.runs["status"]
    if diverged := int((status == "diverged").sum()):
        return f"{text} ({diverged} diverged)" if text != "–" else "diverged"
    return "skipped" if text == "–" and (status == "skipped").any() else text


def ranking(results: Results, *, split: str) -> str:
    """Which arm leads on each data set, how far the next is behind, and whether that is more than chance.

    Arms are ranked by the means over their finished seeds, as `accuracy` gives them.
    """
    sentences = []
    for dataset, chosen in results.of(split=split).each("dataset"):
        by_seed = pd.DataFrame({arm: by for arm in chosen.arms() if (by := chosen.by_seed(arm=arm))})
        means = by_seed.mean().sort_values(ascending=False, kind="stable")
        if len(means) < 2:
            sentences.append(f"{dataset}: too few finished runs for a ranking")
            continue
        first, second = means.index[:2]
        sure = _how_sure(chosen, first, second, dataset=dataset, split=split)
        left_out = [arm for arm in chosen.arms() if arm not in by_seed]
        without = f" (without a finished run: {', '.join(left_out)})" if left_out else ""
        leads = f"{first} ({means[first]:.3f}) leads {second} ({means[second]:.3f})"
        sentences.append(f"{dataset}: {leads}, {sure}{without}")
    return f"{split}, {seeds_phrase(results.of(split=split))}. " + "; ".join(sentences) + "."


def _how_sure(results: Results, first: str, second: str, *, dataset: str, split: str) -> str:
    """What is known of a lead: more than chance or not; where no spread is known, what two networks say."""
    gap = pool_of(results).difference(first, second, dataset=dataset, split=split)
    if not gap.known:
        return f"{seeds_in_words(gap.n)}: no interval between seeds; {networks(results, first, second, dataset, split)}"
    chance = "inside the spread of the seeds" if gap.mean > 0 else "a lead that is gone where both have the same seeds"
    lead = {"greater": "more than chance", "less": "though its seeds say otherwise"}.get(gap.sign, chance)
    return f"{lead} ({interval_in_words(gap, digits=3)})"


def extent(results: Results, *, split: str) -> str:
    """The caption of `dots`: the lowest and the highest mean test accuracy on each data set, and whose they are."""
    parts = []
    for dataset, own in results.each("dataset"):
        means = own.of(split=split).runs.groupby("arm", sort=False)["test_accuracy"].mean().dropna()
        if len(means):
            low, high = means.idxmin(), means.idxmax()
            least = f"from {means[low]:.3f} ({low}) to " if low != high else ""
            parts.append(f"{least}{means[high]:.3f} ({high}) on {dataset}")
    listed = " and ".join(parts) or "not measured"
    crosses = "" if results.stand_in else " Crosses are the paper's."
    return f"Test accuracy under {split} ({seeds_phrase(results.of(split=split))}): {listed}.{crosses}"


def dots(results: Results, *, split: str) -> tuple[Figure | None, pd.DataFrame]:
    """Test accuracy of every arm: one dot per seed, the mean with its 95 % interval, the paper's number as a cross.

    Intervals are from the spread that all arms of a data set share.

    No crosses where the data only stands in for the paper's.
    """
    drawn = pd.DataFrame([
        {"dataset": dataset, "arm": arm, "seed": seed, "test_accuracy": value}
        for dataset, arm, own in results.of(split=split).each("dataset", "arm") for seed, value in own.by_seed().items()
    ])  # fmt: skip
    if drawn.empty:
        return None, drawn
    datasets, arms = list(dict.fromkeys(drawn["dataset"])), list(dict.fromkeys(drawn["arm"]))[::-1]
    size = (3.6 * len(datasets) + 1.4, 0.9 + 0.34 * len(arms))
    figure, grid = plt.subplots(1, len(datasets), figsize=size, sharey=True, squeeze=False)
    paper, roles, pool = published.of_tests(), results.roles(), pool_of(results)
    for axes, dataset in zip(grid[0], datasets, strict=True):
        for place, arm in enumerate(arms):
            own = drawn.query("dataset == @dataset and arm == @arm")["test_accuracy"].tolist()
            if (arm, roles[dataset]) in paper and not results.stand_in:
                axes.plot(paper[arm, roles[dataset]], place, "x", color=GREY, markersize=7, markeredgewidth=2)
            if own:
                ours = pool.mean(arm, dataset=dataset, split=split)
                axes.plot(own, [place] * len(own), "o", color=look(arm).colour, alpha=0.35, markersize=4)
                axes.plot([ours.low, ours.high], [place, place], color=look(arm).colour, linewidth=2.5)
                axes.plot(ours.mean, place, "o", color=look(arm).colour, markersize=7)
        axes.set(title=dataset, xlabel="test accuracy" if results.stand_in else "test accuracy (x: the paper's)")
        axes.set_yticks(range(len(arms)), [arm_title(arm) for arm in arms])
        axes.set_ylim(-0.6, len(arms) - 0.4)
        axes.grid(axis="x")
    return figure, drawn
