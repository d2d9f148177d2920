"""Draws faces with their sampling grids: the figure that the explorer saves, and the report's sheets.

Everything is placed in one axes whose unit is a face's side, which is several times faster than an axes per face.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import Rectangle

from fer_lib.explorer.scene import View
from fer_lib.report.style import BLUE, FAINT, GREY, INK, RED, SKY

MARGIN = 0.1  # of a face's side around it, where a grid that leaves the image is still seen
TITLES = ("input with sampling grid", "what the classifier sees")
_LINES = 7  # of the grid, in each direction
_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], float)


@dataclass(frozen=True)
class Tile:
    """A grey image [48, 48] (0 to 255), with theta's [2, 3] sampling grid and the true pose's frame on it."""

    image: np.ndarray
    theta: np.ndarray | None = None
    pose: np.ndarray | None = None


def render(view: View) -> Figure:
    """The input with its grid, what the transformer hands on, theta and probabilities."""
    axes = _canvas(2 * (1 + 2 * MARGIN) + 1.85, 1.3 + MARGIN, inches=2.9)
    tiles = (Tile(view.image, view.theta, view.pose), Tile(view.seen))
    for number, (title, tile) in enumerate(zip(TITLES, tiles, strict=True)):
        x = MARGIN + number * (1 + 2 * MARGIN)
        draw_tile(axes, tile, x=x, y=0.3)
        axes.text(x, 0.14, title, fontsize=11, fontweight="bold", color=INK)
    _draw_theta(axes, view, x=2 + 5 * MARGIN)
    _draw_bars(axes, view, x=2 + 5 * MARGIN, y=0.62)
    return axes.figure  # type: ignore[return-value]


def sheet(rows: Sequence[Sequence[Tile]], *, labels: Sequence[str]) -> Figure:
    """Rows of tiles, each with its label on the left."""
    step, left = 1 + 2 * MARGIN, 1.0
    axes = _canvas(left + step * max(map(len, rows)), step * len(rows), inches=0.85)
    for line, (row, label) in enumerate(zip(rows, labels, strict=True)):
        y = MARGIN + step * line
        axes.text(left - MARGIN, y + 0.5, label, ha="right", va="center", fontsize=9, color=INK)
        for column, tile in enumerate(row):
            draw_tile(axes, tile, x=left + MARGIN + step * column, y=y, line_width=0.7)
    return axes.figure  # type: ignore[return-value]


def draw_tile(axes: Axes, tile: Tile, *, x: float, y: float, line_width: float = 1.1) -> None:
    """The tile at (x, y), its upper left corner, one unit wide and high."""
    axes.imshow(tile.image, extent=(x, x + 1, y + 1, y), cmap="gray", vmin=0, vmax=255, interpolation="nearest",
                aspect="auto")  # fmt: skip
    window = Rectangle((x - MARGIN, y - MARGIN), 1 + 2 * MARGIN, 1 + 2 * MARGIN, transform=axes.transData)

    def add(lines: Sequence[np.ndarray], theta: np.ndarray, **look: object) -> None:
        placed = [(mapped + 1) / 2 + (x, y) for mapped in (line @ theta[:, :2].T + theta[:, 2] for line in lines)]
        collection = LineCollection(placed, **look)  # type: ignore[arg-type]
        axes.add_collection(collection, autolim=False)
        collection.set_clip_path(window)

    if tile.theta is not None:
        ticks = np.linspace(-1, 1, _LINES)
        across = [np.array([(-1, tick), (1, tick)]) for tick in ticks]
        add(across + [line[:, ::-1] for line in across], tile.theta, colors=RED, linewidths=line_width)
    if tile.pose is not None:
        add([_SQUARE], tile.pose, colors="white", linewidths=3 * line_width)
        add([_SQUARE], tile.pose, colors=BLUE, linewidths=1.7 * line_width, linestyles="dashed")


def files(view: View) -> dict[str, bytes]:
    """The picture as a reader keeps it: `svg` and `png` (at twice the size on a page)."""
    figure, found = render(view), {}
    for kind, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=192, metadata=metadata, facecolor="white")
        found[kind] = buffer.getvalue()
    return found


def _canvas(width: float, height: float, *, inches: float) -> Axes:
    as_placed = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)
    figure = Figure(figsize=(width * inches, height * inches), dpi=96, layout=as_placed)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    return axes


def _draw_theta(axes: Axes, view: View, *, x: float) -> None:
    shown = [("theta", RED, view.theta)] + ([] if view.pose is None else [("true pose", BLUE, view.pose)])
    for column, (title, colour, matrix) in enumerate(shown):
        left = x + 0.95 * column
        axes.text(left, 0.14, title, fontsize=11, fontweight="bold", color=colour)
        for line, row in enumerate(matrix):
            numbers = "  ".join(f"{value:+.3f}" for value in row)
            axes.text(left, 0.3 + 0.11 * line, numbers, fontsize=10, color=INK, family="monospace")


def _draw_bars(axes: Axes, view: View, *, x: float, y: float) -> None:
    step = 0.68 / max(1, len(view.probabilities))
    for line, (name, share) in enumerate(view.probabilities.items()):
        top = y + step * line
        weight = "bold" if name == view.label else "normal"
        axes.text(x + 0.55, top + step / 2, name, ha="right", va="center", fontsize=9, color=INK, fontweight=weight)
        axes.add_patch(Rectangle((x + 0.6, top + 0.12 * step), 0.85, 0.76 * step, color=FAINT, linewidth=0))
        colour = BLUE if share == max(view.probabilities.values()) else SKY
        axes.add_patch(Rectangle((x + 0.6, top + 0.12 * step), 0.85 * share, 0.76 * step, color=colour, linewidth=0))
        axes.text(x + 1.5, top + step / 2, f"{share:.0%}", va="center", fontsize=9, color=GREY)
