"""Is one arm better than another: over seeds, and network by network on the same images."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from fer_lib.results import Results
from fer_lib.study import statistics
from fer_lib.study.notebook import Study
from fer_lib.study.pooled import Quantity, pool_of
from fer_lib.study.wording import ARM, SPLIT, N, certainty, interval, interval_in_words, p_value, seeds_in_words, spread


def show_comparisons(study: Study, results: Results, *, against: str, name: str) -> None:
    """Every arm against one on test accuracy: over seeds, then network by network on the same images."""
    paired = comparisons(results, against=against)
    if paired.empty:
        study.note(f"No arm can be compared with {against} yet.")
        return
    study.table(
        paired,
        name=name,
        caption=f"Test accuracy of each arm minus {against} over n seeds, under each split, with its 95 % interval: "
        "fitted to all runs as arm + seed + error, so it may differ a little from the difference of two means; degrees "
        "of freedom of the spread and whose it is (own, shared by all arms of the data set, borrowed from the other); "
        "p, corrected for all comparisons planned on this page, and the difference that would be found in 80 of 100 "
        "such studies, likewise.",
        of=results,
    )
    study.table(
        same_images(results, against=against),
        name=f"{name}_images",
        caption=f"The first seed's network of each arm and that of {against} on the same test images, by split: how "
        "many only one of them gets right, difference in accuracy [95 % bootstrap interval], McNemar's p (Holm); and "
        "in how many of n seeds the arm's network is better or worse at 5 %. It compares networks, not arms.",
        formats={"p (Holm)": p_value, "Images": "{:,}"},
        of=results,
    )


def comparisons(results: Results, *, against: str) -> pd.DataFrame:
    """Every arm against one: difference in test accuracy, interval, and how sure it is (`certainty`).

    All planned pairs count in Holm's correction; those that cannot be compared yet have no row.
    """
    pairs = _pairs(results, against)
    rows = [
        {
            ARM: arm, "Data set": dataset, SPLIT: split, N: value.n,
            f"Test accuracy minus {against}": interval(value, sign=True), **certainty(value, p, tests=len(pairs)),
        }
        for (arm, dataset, split), value, p in pairs if value.n
    ]  # fmt: skip
    return pd.DataFrame(rows).fillna("–")


def _pairs(results: Results, against: str) -> list[tuple[tuple[str, str, str], statistics.Estimate, float]]:
    """Every planned pair: arm, data set and split, the difference in test accuracy, and its corrected p."""
    keys = [(arm, dataset, split) for split, dataset, arm, _ in results.each("split", "dataset", "arm")]
    keys = [key for key in keys if key[0] != against]
    pool = pool_of(results)
    found = [pool.difference(arm, against, dataset=dataset, split=split) for arm, dataset, split in keys]
    p_values = statistics.holm([value.p for value in found])
    return list(zip(keys, found, p_values.tolist(), strict=True))


def sorted_out(results: Results, *, against: str, split: str) -> str:
    """Which arms are better or worse than one by more than chance, as `comparisons` has it, and which may not be."""
    words = {"greater": "better", "less": "worse", "undecided": "not to be told apart"}
    pairs, parts = _pairs(results, against), []
    for dataset in results.of(split=split).datasets():
        told: dict[str, list[str]] = {}
        for (arm, on, under), value, p in pairs:
            if (on, under) == (dataset, split) and value.n:
                told.setdefault(words[statistics.sign(value, p)], []).append(f"*{arm}*")
        if told:
            groups = (f"{kind}: {', '.join(told[kind])}" for kind in words.values() if kind in told)
            parts.append(f"{dataset} {'; '.join(groups)}")
    return f"Against {against}, corrected for all comparisons: on {'. On '.join(parts)}." if parts else ""


def side_by_side(results: Results, of: Mapping[str, Quantity], *, against: str) -> pd.DataFrame:
    """Several quantities of every arm, mean ± sd over seeds, and each minus that of one arm (Δ), with its interval."""
    pool, lines = pool_of(results), []
    for split, dataset, arm, own in results.each("split", "dataset", "arm"):
        values = {title: statistics.estimate(quantity(own).values()) for title, quantity in of.items()}
        n = min(value.n for value in values.values())
        line: dict[str, object] = {ARM: arm, "Data set": dataset, SPLIT: split, N: n}
        for title, quantity in of.items():
            gap = pool.difference(arm, against, dataset=dataset, split=split, of=quantity)
            line[title] = spread(values[title])
            line[f"Δ {title}"] = interval(gap, sign=True) if arm != against else "–"
        lines += [line] if n else []
    return pd.DataFrame(lines)


def in_words(results: Results, arms: Iterable[str], *, against: str, split: str, of: Mapping[str, Quantity]) -> str:
    """What each of `arms` changes in each quantity against one arm, with intervals; arms without a run are left out."""
    parts = []
    for dataset, arm in itertools.product(results.of(split=split).datasets(), arms):
        changes = {
            title: pool_of(results).difference(arm, against, dataset=dataset, split=split, of=quantity)
            for title, quantity in of.items()
        }
        told = [f"{title} {interval(change, digits=3, sign=True)}" for title, change in changes.items() if change.n]
        if told and arm != against:
            parts.append(f"{arm} on {dataset}: {', '.join(told)}")
    return f"Against {against}, {'; '.join(parts)}." if parts else f"Nothing can be compared with {against} yet."


def same_images(results: Results, *, against: str) -> pd.DataFrame:
    """Every arm against one on the very same test images: the first seed's counts, and how many seeds' pairs differ.

    p is McNemar's, Holm-corrected for all pairs of all seeds. Pairs without a seed in common are left out.
    """
    pairs = []
    for split, dataset, runs in results.each("split", "dataset"):
        theirs = runs.predictions(arm=against)
        for arm in (arm for arm in runs.arms() if arm != against):
            ours = runs.predictions(arm=arm)
            for seed in sorted(ours.keys() & theirs.keys()):
                pairs.append(((arm, dataset, split), statistics.on_shared_rows(ours[seed], theirs[seed])))
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


def networks(results: Results, first: str, second: str, dataset: str, split: str) -> str:
    """Whether two arms' networks of the first seed that both have differ on the same test images, in words."""
    ours, theirs = (results.predictions(arm=arm, dataset=dataset, split=split) for arm in (first, second))
    seed = min(ours.keys() & theirs.keys(), default=None)
    if seed is None or not ("rows" in ours[seed] and "rows" in theirs[seed]):
        return "predictions of a seed that both have are not here"
    same = statistics.on_shared_rows(ours[seed], theirs[seed])
    differ = "differ" if same.p < 1 - statistics.LEVEL else "cannot be told apart"
    p = p_value(same.p) if same.p < 0.001 else f"= {p_value(same.p)}"
    return f"on these {same.images:,} images the two networks {differ} (p {p})"


def difference(results: Results, *, first: str, second: str, split: str) -> str:
    """A sentence on the first arm's test accuracy minus the second's on each data set, with interval if there is one.

    Without an interval it says whether two of the arms' networks differ (`networks`).
    """
    parts = []
    for dataset in results.of(split=split).datasets():
        gap = pool_of(results).difference(first, second, dataset=dataset, split=split)
        if gap.n == 0:
            parts.append(f"not measured on {dataset}")
        elif not gap.known:
            said = networks(results, first, second, dataset, split)
            parts.append(f"{gap.mean:+.4f} on {dataset} ({seeds_in_words(gap.n)}, no interval; {said})")
        else:
            parts.append(f"{gap.mean:+.4f} on {dataset} ({interval_in_words(gap)})")
    return f"{first} minus {second}, test accuracy under {split}: " + "; ".join(parts) + "."


def differences(results: Results, arms: Sequence[str], *, second: str, split: str) -> list[str]:
    """`difference` of each of `arms` that shares a finished seed with `second`; one sentence names the rest."""
    finished = results.of(split=split, status="finished")
    shared = finished.runs.merge(finished.of(arm=second).runs[["dataset", "seed"]])
    measured = [arm for arm in arms if arm in set(shared["arm"])]
    lacking = [arm for arm in arms if arm not in measured]
    rest = [f"Without a seed in common with {second} yet: {', '.join(lacking)}."] if lacking else []
    return [*(difference(results, first=arm, second=second, split=split) for arm in measured), *rest]
