"""Draws rows of faces with their sampling grids.

Everything is placed in one axes whose unit is a face's side, which is several times faster than an axes per face.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import Rectangle

from fer_lib.plots.style import BLUE, INK, RED

MARGIN = 0.1  # of a face's side around it, where a grid that leaves the image is still seen
_LINES = 7  # of the grid, in each direction
_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)], float)


@dataclass(frozen=True)
class Tile:
    """A grey image [48, 48] (0 to 255), with theta's [2, 3] sampling grid and the true pose's frame on it."""

    image: np.ndarray
    theta: np.ndarray | None = None
    pose: np.ndarray | None = None


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


def _canvas(width: float, height: float, *, inches: float) -> Axes:
    as_placed = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)
    figure = Figure(figsize=(width * inches, height * inches), dpi=96, layout=as_placed)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    return axes
