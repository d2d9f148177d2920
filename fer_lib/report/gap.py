"""The figure, table and sentences on why the paper's numbers are higher than ours."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_lib.data.duplicates import COPIES
from fer_lib.evaluation.claims import SPLIT
from fer_lib.evaluation.gap import ARM, Gap, by_copies
from fer_lib.report.style import BLUE, GREY, INK, RED
from fer_lib.report.tables import N, interval, spread
from fer_lib.report.verdict import titles
from fer_lib.results import Results

TOTAL, LEFT = "the paper's number minus ours", "what remains unexplained"


def listed(gaps: Sequence[Gap], results: Results) -> pd.DataFrame:
    """Every candidate of every gap that was measured: data set, n, mean and interval, and whether it is a bound."""
    named = titles(results)
    rows = []
    for gap in gaps:
        candidates = [(c.text, c.value, c.bound) for c in gap.candidates]
        lines = [(TOTAL, gap.total, False), *candidates, (LEFT, gap.left, False)]
        rows += [
            {"Data set": named[gap.role], "What": text.replace("\n", " "), "at most": bound, N: value.n,
             "mean": value.mean, "low": value.low, "high": value.high}
            for text, value, bound in lines if value.n
        ]  # fmt: skip
    return pd.DataFrame(rows)


def draw(gaps: Sequence[Gap], results: Results) -> Figure | None:
    """What each candidate is worth beside the gap it might explain, a panel per data set; None without a run."""
    shown = [gap for gap in gaps if gap.ours.n]
    if not shown:
        return None
    texts = [TOTAL, *dict.fromkeys(c.text for gap in shown for c in gap.candidates), LEFT]
    size = (3.0 + 2.9 * len(shown), 0.8 + 0.46 * len(texts))
    drawn, panels = plt.subplots(1, len(shown), figsize=size, sharex=True, sharey=True, squeeze=False)
    for axes, gap in zip(panels[0], shown, strict=True):
        _panel(axes, gap, texts)
        axes.set(title=titles(results)[gap.role], xlabel="difference in test accuracy")
    panels[0, 0].set(yticks=range(len(texts)), yticklabels=texts, ylim=(len(texts) - 0.5, -0.5))
    return drawn


def _panel(axes: Axes, gap: Gap, texts: Sequence[str]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.grid(axis="x")
    values = {c.text: (c.value, BLUE, c.bound) for c in gap.candidates}
    values |= {TOTAL: (gap.total, RED, False), LEFT: (gap.left, RED, False)}
    for text, (value, colour, bound) in values.items():
        place = texts.index(text)
        if not value.n:
            axes.annotate("not measured", (0, place), (6, 0), textcoords="offset points", va="center", color=GREY)
            continue
        axes.plot([value.low, value.high], [place] * 2, color=colour, linewidth=2.5)
        axes.plot(value.mean, place, "o", color=colour, markersize=7, markerfacecolor="white" if bound else colour)


def caption(gaps: Sequence[Gap], results: Results) -> str:
    """How much of each gap the candidates leave."""
    named = titles(results)
    parts = [f"{gap.left.mean:+.3f} of {gap.total.mean:+.3f} on {named[gap.role]}" for gap in gaps if gap.ours.n]
    seeds = min((gap.ours.n for gap in gaps if gap.ours.n), default=0)
    if not parts:
        return f"What might explain the paper's numbers: {ARM} has not been measured under {SPLIT} yet."
    return (
        f"What choosing the epoch on the test set and ties cannot explain of the paper's {ARM}: {' and '.join(parts)} "
        f"({SPLIT}, n = {seeds}{'; hollow: at most' if any(c.bound for gap in gaps for c in gap.candidates) else ''})."
    )


def paragraph(gap: Gap, results: Results) -> str:
    """What each candidate is worth, and what remains, in words."""
    name = titles(results)[gap.role]
    if not gap.ours.n:
        return f"**{name}.** {ARM} has not been run under {SPLIT} yet; the paper prints {gap.paper:.4f}."
    values = {c.key: c.value for c in gap.candidates}
    said = {key: interval(value, sign=True) if value.n else "not measured" for key, value in values.items()}
    ties = f" Counting every tie of votes as right would add at most {said['ties']}." if "ties" in said else ""
    return (
        f"**{name}.** The paper prints {gap.paper:.4f} for {ARM}; ours ends at {interval(gap.ours)} "
        f"({SPLIT}, n = {gap.ours.n}{', no interval' if gap.ours.n == 1 else ''}). "
        f"Choosing the epoch on the test set is worth {said['epoch']}.{ties} "
        f"If the paper split at random, copies of test images in training are in both numbers and explain none of the "
        f"difference. What they add to ours: {said['split']} (random80 minus grouped80), or {said['copies']} (over "
        f"images without one). "
        f"The last third of the epochs changed the accuracy by {said['epochs']}. "
        f"That leaves {interval(gap.left, sign=True)} unexplained."
    )


def copies_table(results: Results) -> pd.DataFrame:
    """Accuracy on the test images whose copies are nowhere, elsewhere or in training, by data set and split."""
    named = titles(results)
    rows = []
    for (role, split), kinds in by_copies(results).items():
        row: dict[str, object] = {"Data set": named[role], "Split": split, N: max(value.n for _, value in kinds)}
        for kind, (images, value) in zip(COPIES, kinds, strict=True):
            row[kind.capitalize()] = f"{spread(value, digits=3)} ({images:,})" if value.n else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def copies_caption(results: Results) -> str:
    """How accuracy on test images with an identical copy in training compares with that on pictures that are unique."""
    named, found = titles(results), []
    for (role, split), kinds in by_copies(results).items():
        (alone, unique), (images, identical) = kinds[0], kinds[-1]
        if unique.n and identical.n:
            found.append(
                f"{identical.mean:.3f} of {images:,} images with an identical copy in training and {unique.mean:.3f} "
                f"of {alone:,} unique ones are right on {named[role]}, {split}"
            )
    said = f"{'; '.join(found)}. " if found else ""
    return f"{said}{ARM}: accuracy by where a test image's copies are, mean ± sd over n seeds (images of the first)."
