"""How figures look: an arm has one colour, marker and line throughout, no two arms of a figure share them, and all are
safe for colour-blind readers.

Colours after Okabe and Ito 2008, https://jfly.uni-koeln.de/color/.
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, BROWN = (
    "#0072B2", "#C87F00", "#008A66", "#D55E00", "#B0578D", "#3A9BD0", "#5F6368", "#7A4B2A",
)  # fmt: skip
SEQUENTIAL = LinearSegmentedColormap.from_list("study", ["#FFFFFF", "#CFE3F0", BLUE, "#003554"])
INK, FAINT = "#202124", "#DADCE0"


@dataclass(frozen=True)
class Look:
    """Colour, marker and line style of an arm."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]


_DASHED, _DOTTED, _DASHDOT = (0, (5, 2)), (0, (1, 1)), (0, (5, 1, 1, 1))
_LOOKS = {
    # ResNet50 with Adam at 0.001 is one run under several names
    **dict.fromkeys(("ResNet50", "Adam", "0.001"), Look(BLUE, "o", "-")),
    "VGGFace": Look(ORANGE, "s", _DASHED),
    "Vanilla CNN": Look(GREEN, "^", _DOTTED),
    "SGD": Look(RED, "s", _DASHED),
    "NAdam": Look(PURPLE, "^", _DOTTED),
    "RMSprop": Look(ORANGE, "D", _DASHDOT),
    "RAdam": Look(GREEN, "v", _DASHED),
    "SGD, momentum": Look(SKY, "X", _DASHDOT),
    "ResNet50, small stem": Look(PURPLE, "P", _DASHED),
    "VGGFace, 0.0001": Look(RED, "D", _DASHDOT),
    "0.03": Look(RED, "s", _DASHED),
    "0.01": Look(ORANGE, "D", _DASHDOT),
    "0.003": Look(GREY, "v", _DOTTED),
    "0.0003": Look(PURPLE, "^", _DASHED),
    "0.0001": Look(GREEN, "P", _DASHDOT),
    "ResNet50 + STN": Look(RED, "s", "-"),
    "STN without warp": Look(PURPLE, "^", _DOTTED),
    "STN, slow localisation": Look(GREEN, "v", _DASHDOT),
    "STN, pulled to identity": Look(ORANGE, "P", _DASHED),
    "STN, batch norm": Look(SKY, "X", (0, (3, 1, 1, 1, 1, 1))),
    **dict.fromkeys(("ResNet50 + ImageNet", "ResNet50 + digits"), Look(GREEN, "v", _DASHED)),
    "ResNet50 + Tiny-ImageNet": Look(SKY, "X", _DASHDOT),
    **dict.fromkeys(("ResNet50 + STN + ImageNet", "ResNet50 + STN + digits"), Look(ORANGE, "P", "-")),
    "ResNet50 + STN + Tiny-ImageNet": Look(BROWN, "*", "-"),
    "CNN, augmented": Look(BLUE, "o", "-"),
    "CNN + STN": Look(PURPLE, "v", _DASHDOT),
    "CNN + STN, shown": Look(RED, "s", "-"),
    "CNN + STN, shown, augmented": Look(SKY, "P", _DASHED),
    "CNN + STN, shown, tuned": Look(ORANGE, "D", _DASHED),
    "CNN + STN, shown, twice": Look(BROWN, "*", _DASHDOT),
}
_OTHERS = [Look(GREEN, "p", _DASHED), Look(ORANGE, "h", _DASHDOT), Look(PURPLE, "<", _DOTTED), Look(SKY, ">", _DASHED)]


def arm_title(arm: str) -> str:
    """An arm's name beside an axis, where a bare learning rate would be a riddle."""
    return f"learning rate {arm}" if arm[0].isdigit() else arm


def arm_style(arm: str) -> Look:
    """The look of an arm: fixed for the paper's arms, and fixed by its name for any other."""
    return _LOOKS.get(arm) or _OTHERS[sum(arm.encode()) % len(_OTHERS)]


def arm_lines(table: pd.DataFrame, *, x: str, y: str, **facets: Any) -> sns.FacetGrid:
    """A line of `y` over `x` for each of a table's arms: the mean over its seeds, and behind it their range.

    `facets` are those of seaborn's `relplot`, such as col="dataset".
    """
    looks = {arm: arm_style(arm) for arm in dict.fromkeys(table["arm"])}
    grid = sns.relplot(
        table, x=x, y=y, kind="line", errorbar=("pi", 100), hue="arm", style="arm", markeredgewidth=0,
        palette={arm: look.colour for arm, look in looks.items()},
        markers={arm: look.marker for arm, look in looks.items()},
        dashes={arm: "" if isinstance(look.line, str) else look.line[1] for arm, look in looks.items()},
        **{"height": 3.6, "aspect": 1.5, **facets},
    )  # fmt: skip
    if named := [f"{{{kind}_name}}" for kind in ("row", "col") if kind in facets]:
        grid.set_titles(", ".join(named))
    for axis in [axes.xaxis for axes in grid.axes.flat if x == "epoch"]:
        axis.set_major_locator(MaxNLocator(integer=True))
    grid.legend.set_title("")
    return grid


def forest(table: pd.DataFrame, *, xlabel: str, zero: bool = False) -> Figure:
    """A mark at `mean` for each line of a table, at the height of its `row` and in its `panel`, both in their order.

    Where the table has them: `low` and `high`, the ends of an interval; `mark` (matplotlib's; o), `colour` (blue),
    `hollow`, `faint`, `offset` (upwards, in rows) and `label`, which the legend shows. `zero` draws a line there.
    """
    usual = {"low": np.nan, "high": np.nan, "mark": "o", "colour": BLUE, "hollow": False, "faint": False, "offset": 0.0,
             "label": ""}  # fmt: skip
    table = table.reindex(columns=["panel", "row", "mean", *usual])
    table = table.assign(**{name: table[name].where(table[name].notna(), value) for name, value in usual.items()})
    panels, rows = (list(dict.fromkeys(table[name])) for name in ("panel", "row"))
    size = (3.2 * len(panels) + 2.4, 1.1 + 0.34 * len(rows))
    figure, grid = plt.subplots(1, len(panels), figsize=size, sharex=True, sharey=True, squeeze=False)
    for axes, panel in zip(grid[0], panels, strict=True):
        if zero:
            axes.axvline(0, color=INK, linewidth=0.8)
        for line in table[table["panel"] == panel].to_dict("records"):
            place, colour = rows.index(line["row"]) - line["offset"], line["colour"]
            axes.plot([line["low"], line["high"]], [place, place], color=colour, linewidth=2.5)
            axes.plot(
                line["mean"], place, line["mark"], color=colour, label=line["label"], linestyle="none",
                alpha=0.35 if line["faint"] else 1, markersize=4 if line["faint"] else 14 if line["mark"] == "|" else 7,
                markeredgewidth=2 if line["mark"] in "x|" else 1, markerfacecolor="white" if line["hollow"] else colour,
            )  # fmt: skip
        axes.set(title=panel, xlabel=xlabel, ylim=(len(rows) - 0.4, -0.6))
        axes.grid(axis="x")
    grid[0, 0].set_yticks(range(len(rows)), rows)
    handles = {label: mark for mark, label in zip(*grid[0, 0].get_legend_handles_labels(), strict=True)}
    if handles:
        figure.legend([*handles.values()], [*handles], loc="outside lower center", ncols=min(3, len(handles)))
    return figure


def share_map(shares: pd.DataFrame, axes: Axes, *, square: bool = False) -> None:
    """Draws shares, from 0 to 1, as a heat map with their numbers in it."""
    sns.heatmap(
        shares, annot=True, fmt=".2f", cmap=SEQUENTIAL, vmin=0, vmax=1, cbar=False, square=square,
        annot_kws={"fontsize": 8}, ax=axes,
    )  # fmt: skip
    axes.tick_params(axis="x", rotation=45)
    axes.tick_params(axis="y", rotation=0)


def image_grid(
    lines: Sequence[Sequence[np.ndarray]], *, titles: Sequence[str] = (), rows: Sequence[str] = (), size: float = 0.85
) -> Figure:
    """Grey images [48, 48] (uint8 or 0 to 255) line by line, with a title for each place or a label for each line."""
    columns = max(map(len, lines))
    shape = (size * columns + (0.9 if rows else 0.0), size * len(lines) * (1.28 if titles else 1.0))
    figure, grid = plt.subplots(len(lines), columns, figsize=shape, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for places, images in zip(grid, lines, strict=True):
        for axes, image in zip(places, images, strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    for axes, title in zip(grid.flat, titles, strict=False):
        axes.set_title(title, fontsize=7, fontweight="normal", loc="center", pad=2)
    for axes, label in zip(grid[:, 0], rows, strict=False):
        axes.text(-0.1, 0.5, label, transform=axes.transAxes, ha="right", va="center", fontsize=9)
    return figure


def reliability_line(axes: Axes, table: pd.DataFrame) -> None:
    """Draws accuracy against confidence from the columns of that name; the diagonal is perfect calibration."""
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.plot(table["confidence"], table["accuracy"], "o-", color=BLUE)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")


def as_file(figure: Figure, kind: str, **metadata: str) -> bytes:
    """What a file with the figure holds, `kind` being png, svg or pdf; closes the figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata or None)
    plt.close(figure)
    return buffer.getvalue()


def apply() -> None:
    """Makes the style current for every figure drawn from now on."""
    sns.set_theme(style="ticks", context="notebook")
    warnings.filterwarnings("ignore", message="The figure layout has changed")  # seaborn lays out its panels itself
    mpl.rcParams.update({
        "axes.edgecolor": GREY, "axes.labelcolor": INK, "axes.spines.right": False, "axes.spines.top": False,
        "axes.titlelocation": "left", "axes.titlesize": 11, "axes.titleweight": "bold", "axes.labelsize": 10,
        "axes.grid": True, "axes.grid.axis": "y", "grid.color": FAINT, "grid.linewidth": 0.6,
        "figure.dpi": 96, "figure.constrained_layout.use": True, "font.size": 10, "image.cmap": "gray",
        "legend.frameon": False, "legend.fontsize": 9, "lines.linewidth": 1.8, "lines.markersize": 4.5,
        "svg.fonttype": "none", "text.color": INK, "xtick.color": INK, "ytick.color": INK,
        "xtick.labelsize": 9, "ytick.labelsize": 9,
    })  # fmt: skip
