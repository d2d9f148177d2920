"""Sections that several notebooks share: the paper's tables and curves, numbered as the paper numbers them."""

from collections.abc import Mapping

from fer_lib.report import curves, findings, tables
from fer_lib.results import Results
from fer_lib.study import Study


def show_accuracy(study: Study, results: Results, *, table: str, name: str) -> None:
    """A table of the paper: every arm, split and data set, with the paper's test accuracy beside ours."""
    study.table(
        tables.accuracy(results, table=table),
        name=name,
        number=f"Table {table}",
        caption=f"{findings.ranking(results, split=results.splits()[0])} Mean ± sd over n seeds, by split.",
        of=results,
    )
    if lacking := tables.unmeasured(results):
        study.say(lacking)


def show_dots(study: Study, results: Results, *, name: str) -> None:
    """All arms at a glance, under the first split."""
    split = results.splits()[0]
    figure, drawn = curves.dots(results, split=split)
    study.figure(
        figure,
        name=name,
        caption=findings.extent(results, split=split),
        alt=f"Test accuracy of every arm under {split}: seeds as faint dots, mean and interval"
        + ("" if results.stand_in else ", the paper as crosses"),
        data=drawn,
    )


def show_curves(study: Study, results: Results, *, numbers: Mapping[int, tuple[str, str]]) -> None:
    """The paper's figures by number under the first split: `numbers` maps one to its data set's role and metric."""
    split = results.splits()[0]
    for number, (role, metric) in sorted(numbers.items()):
        datasets = results.of(role=role).datasets()
        if not datasets:
            study.note(f"Fig. {number}: this profile has no data set in the place of {role}.")
        for place, dataset in enumerate(datasets):
            figure, drawn = curves.curves(results, metric=metric, dataset=dataset, split=split)
            arms = ", ".join(results.of(dataset=dataset).arms())
            study.figure(
                figure,
                name=f"fig_{number:02}" + (f"_{place}" if place else ""),
                number=f"Fig. {number}",
                caption=findings.curve(results, metric=metric, dataset=dataset, split=split),
                alt=f"{findings.watched(metric, split)} accuracy per epoch on {dataset} for {arms}",
                data=drawn,
            )


def show_comparisons(study: Study, results: Results, *, against: str, name: str) -> None:
    """Every arm against one on test accuracy: over seeds, then network by network on the same images."""
    paired = tables.comparisons(results, against=against)
    if paired.empty:
        study.note(f"No arm can be compared with {against} yet.")
        return
    study.table(
        paired,
        name=name,
        caption=f"Test accuracy of each arm minus {against}, seed by seed, under each split: mean [95 % interval] over "
        "n seeds; degrees of freedom of the spread and whose it is (own, shared by all arms of the data set, borrowed "
        "from the other); p, corrected for all planned comparisons; the difference that would be found in 80 of 100 "
        "such studies.",
        of=results,
    )
    study.table(
        tables.same_images(results, against=against),
        name=f"{name}_images",
        caption=f"The first seed's network of each arm and that of {against} on the same test images, by split: how "
        "many only one of them gets right, difference in accuracy [95 % bootstrap interval], McNemar's p (Holm); and "
        "in how many of n seeds the arm's network is better or worse at 5 %. It compares networks, not arms.",
        formats={"p (Holm)": tables.p_value, "Images": "{:,}"},
        of=results,
    )


def show_costs(study: Study, results: Results, *, name: str) -> None:
    """What the runs were computed on and how fast."""
    study.table(
        tables.run_costs(results),
        name=name,
        caption="Training speed of the runs above, all splits: median over the n runs of each arm.",
        formats={"Images/s": "{:,.0f}", "Seconds per run": "{:,.0f}"},
        of=results,
    )
