"""Is one arm better than another, over seeds."""

from collections.abc import Mapping

import pandas as pd

from fer_lib.report.show import show_note
from fer_lib.results import Results, statistics
from fer_lib.results.pooled import Quantity, pool_of
from fer_lib.results.wording import ARM, SPLIT, N, certainty, interval, mean_sd_text
from fer_lib.study.notebook import Study


def show_comparisons(study: Study, results: Results, *, against: str, name: str) -> None:
    """Puts every arm against one, by test accuracy over seeds, on the page."""
    paired = comparisons(results, against=against)
    if paired.empty:
        show_note(f"No arm can be compared with {against} yet.")
        return
    study.table(
        paired,
        name=name,
        caption=f"Test accuracy of each arm minus {against} over n seeds, under each split, with its 95 % interval.",
        of=results,
    )


def comparisons(results: Results, *, against: str) -> pd.DataFrame:
    """Every arm against one: difference in test accuracy, interval, and how sure it is (`certainty`).

    All planned pairs count in Holm's correction; those that cannot be compared yet have no row.
    """
    pairs = _pairs(results, against)
    rows = [
        {
            ARM: arm, f"Test accuracy minus {against}": interval(value, sign=True), "Data set": dataset, SPLIT: split,
            N: value.n, **certainty(value, p, tests=len(pairs)),
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


def side_by_side(results: Results, of: Mapping[str, Quantity], *, against: str) -> pd.DataFrame:
    """Several quantities of every arm, mean ± sd over seeds, and each minus that of one arm (Δ), with its interval."""
    pool, lines = pool_of(results), []
    for split, dataset, arm, own in results.each("split", "dataset", "arm"):
        values = {title: statistics.estimate(quantity(own).values()) for title, quantity in of.items()}
        n = min(value.n for value in values.values())
        line: dict[str, object] = {ARM: arm}
        for title, quantity in of.items():
            gap = pool.difference(arm, against, dataset=dataset, split=split, of=quantity)
            line[f"Δ {title}"] = interval(gap, digits=3, sign=True) if arm != against else "–"
        line |= {"Data set": dataset, N: n, SPLIT: split} | {
            title: mean_sd_text(value) for title, value in values.items()
        }
        lines += [line] if n else []
    return pd.DataFrame(lines)
