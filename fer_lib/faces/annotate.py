"""A photo with what a network says drawn on it: boxes, bars, and each crop as the network saw it; a film's timeline."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D
from PIL import Image

from fer_lib.data.folder import OWN
from fer_lib.faces.predict import Prediction
from fer_lib.plots import style
from fer_lib.plots.scene import warped

MOST = 8  # faces with a row of their own; the others have a box alone
LONGEST = 1600  # pixels of the photo's longer side in the picture


def draw(photo: Image.Image, predictions: Sequence[Prediction]) -> Figure:
    """The photo with numbered boxes; a row for each face: crop, crop as a transformer reads it, and probabilities."""
    rows = max(1, min(len(predictions), MOST))
    figure = Figure(figsize=(10, max(3.8, 1.7 * rows)))  # none of pyplot's, which a kernel's other threads would draw
    grid = figure.add_gridspec(rows, 3, width_ratios=(3.2, 1.0, 2.4))
    _photo(figure.add_subplot(grid[:, 0]), photo, predictions)
    for row, prediction in enumerate(predictions[:MOST]):
        seen = prediction.face.crop
        if prediction.theta is not None:
            seen = np.hstack([seen, warped(seen[None], prediction.theta[None])[0]])
        crop = figure.add_subplot(grid[row, 1])
        crop.imshow(seen, cmap="gray", vmin=0, vmax=255)
        crop.set_axis_off()
        crop.set_title(f"face {row + 1}", loc="left", fontsize=9)
        bars = figure.add_subplot(grid[row, 2])
        _bars(bars, prediction)
    if predictions:
        bars.set_xlabel("probability", fontsize=8)
    return figure


def _photo(axes: Axes, photo: Image.Image, predictions: Sequence[Prediction]) -> None:
    small = photo.copy()
    small.thumbnail((LONGEST, LONGEST))
    axes.imshow(small, extent=(0, photo.width, photo.height, 0))
    axes.set_axis_off()
    for number, prediction in enumerate(predictions, start=1):
        left, top, width, height = prediction.face.box
        turn = Affine2D().rotate_deg_around(*prediction.face.centre, prediction.face.angle) + axes.transData
        axes.add_patch(
            Rectangle((left, top), width, height, fill=False, color=style.ORANGE, linewidth=2, transform=turn)
        )
        axes.text(
            left, top, f"{number} {prediction.expression}", color="white", fontsize=9, verticalalignment="bottom",
            bbox={"facecolor": style.ORANGE, "edgecolor": "none", "pad": 2},
        )  # fmt: skip
    if not predictions:
        axes.set_title("no face found")


def _bars(axes: Axes, prediction: Prediction) -> None:
    names, values = list(prediction.probabilities), list(prediction.probabilities.values())
    axes.barh(range(len(names)), values, color=[style.BLUE if v == max(values) else style.GREY for v in values])
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x")


def as_png(photo: Image.Image, predictions: Sequence[Prediction]) -> bytes:
    """`draw` as a PNG file."""
    style.apply()
    return style.as_file(draw(photo, predictions), "png", Software=OWN)


def timeline(moments: Iterable[Sequence[Mapping[str, Any]]]) -> bytes:
    """A PNG with a panel for each face of a film, of those seen longest: the probability of each class over time.

    Args:
        moments: lines of `Answer.rows`.
    """
    style.apply()
    table = pd.DataFrame([row for rows in moments for row in rows])
    longest = table["face"].value_counts().index[:MOST]
    known = ["seconds", "face"]
    long = table.drop(columns=["file", "expression", "left", "top", "width", "height", "angle"]).melt(
        known, var_name="expression", value_name="probability"
    )
    grid = sns.relplot(
        long[long["face"].isin(longest)], x="seconds", y="probability", hue="expression", row="face", kind="line",
        height=2.2, aspect=4, facet_kws={"ylim": (0, 1)},
    )  # fmt: skip
    return style.as_file(grid.figure, "png", Software=OWN)
