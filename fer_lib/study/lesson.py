"""What the page on the transformer and its training draws: grids set by hand, losses, turned faces."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fer_lib.explorer.grids import with_grids
from fer_lib.report.style import BLUE, RED


def read_by(face: np.ndarray, thetas: Mapping[str, np.ndarray]) -> Figure:
    """A face, uint8 [48, 48], with the sampling grid of each theta [2, 3] on it; below, what is read on that grid."""
    faces, theta = np.stack([face] * len(thetas)), np.stack(list(thetas.values()))
    return with_grids(faces, theta, labels=("face and grid", "as read"))


def followed(faces: np.ndarray, theta: np.ndarray) -> Figure:
    """Turned faces, uint8 [n, 48, 48], with the grids of thetas [n, 2, 3] on them; below, what is read on the grids."""
    return with_grids(faces, theta, labels=("turned face", "as read"))


def losses(curves: Mapping[str, Sequence[float]]) -> Figure:
    """Two lists of losses by step: the first as a line, the second as dots."""
    figure, axes = plt.subplots(figsize=(5.6, 2.6))
    for (name, values), look in zip(curves.items(), ({"color": BLUE}, {"color": RED, "marker": "o", "linewidth": 0}),
                                    strict=True):  # fmt: skip
        axes.plot(range(1, len(values) + 1), values, label=name, **look)  # type: ignore[arg-type]
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure
