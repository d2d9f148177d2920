"""The paper's figures 3 to 5 as vector drawings: residual block, spatial transformer, transformer before ResNet50."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from fer_lib.report.style import BLUE, GREEN, GREY, INK, RED

Point = tuple[float, float]
_FILL = {BLUE: "#E3EFF7", GREEN: "#E0F2EC", RED: "#FBE9DD", GREY: "#F1F3F4"}


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = plt.subplots(figsize=(width, height))
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.set_axis_off()
    return figure, axes


def _box(axes: Axes, centre: Point, text: str, *, colour: str = BLUE, width: float = 1.5, height: float = 0.62) -> None:
    corner = (centre[0] - width / 2, centre[1] - height / 2)
    axes.add_patch(
        FancyBboxPatch(
            corner, width, height, boxstyle="round,pad=0,rounding_size=0.08", fc=_FILL[colour], ec=colour, lw=1.4
        )
    )
    axes.text(*centre, text, ha="center", va="center", fontsize=9, color=INK)


def _arrow(axes: Axes, start: Point, end: Point, *, bend: float = 0.0, text: str = "", above: float = 0.14) -> None:
    style = f"arc3,rad={bend}"
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=INK, lw=1.2, connectionstyle=style)
    )
    if text:
        axes.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + above, text, ha="center", va="bottom", fontsize=9)


def residual_block() -> Figure:
    """ResNet50's bottleneck block: 1×1, 3×3 and 1×1 convolution, and the shortcut that is added."""
    figure, axes = _canvas(8.6, 1.9)
    places = [1.5, 3.5, 5.5]
    for x, text in zip(places, ("1×1 conv\nBN, ReLU", "3×3 conv\nBN, ReLU", "1×1 conv\nBN"), strict=True):
        _box(axes, (x, 0.6), text)
    axes.text(7.15, 0.6, "+", ha="center", va="center", fontsize=16, color=INK)
    for start, end in ((0.1, 0.75), (2.25, 2.75), (4.25, 4.75), (6.25, 6.95), (7.35, 8.4)):
        _arrow(axes, (start, 0.6), (end, 0.6))
    axes.text(0.3, 0.72, "x", fontsize=10, style="italic")
    axes.text(7.5, 0.72, "ReLU(F(x) + x)", fontsize=9)
    axes.plot([0.45, 0.45, 7.15], [0.6, 1.6, 1.6], color=INK, lw=1.2)
    _arrow(axes, (7.15, 1.6), (7.15, 0.78))
    axes.text(3.6, 1.66, "shortcut (1×1 convolution where the shape changes)", ha="center", fontsize=9)
    return figure


def spatial_transformer() -> Figure:
    """Localisation net, grid generator and sampler."""
    figure, axes = _canvas(8.6, 2.5)
    _box(axes, (0.95, 0.65), "input U\n48×48", colour=GREY, width=1.3)
    _box(axes, (2.9, 1.85), "localisation net\n2 conv × 64, linear", width=2.0)
    _box(axes, (5.3, 1.85), "grid generator\nT$_θ$(G)", width=1.5)
    _box(axes, (5.3, 0.65), "bilinear sampler", colour=GREEN, width=1.6)
    _box(axes, (7.7, 0.65), "output V\n48×48", colour=GREY, width=1.3)
    _arrow(axes, (1.2, 0.98), (1.95, 1.7))
    _arrow(axes, (3.9, 1.85), (4.55, 1.85), text="θ (2×3)", above=0.06)
    _arrow(axes, (5.3, 1.54), (5.3, 0.98))
    _arrow(axes, (1.6, 0.65), (4.5, 0.65))
    _arrow(axes, (6.1, 0.65), (7.05, 0.65))
    return figure


def transformer_and_resnet() -> Figure:
    """The model under study: the image is warped, and ResNet50 classifies what comes out."""
    figure, axes = _canvas(8.6, 1.4)
    _box(axes, (0.8, 0.6), "image\n1×48×48", colour=GREY, width=1.2)
    _box(axes, (2.95, 0.6), "spatial\ntransformer", colour=RED, width=1.5)
    _box(axes, (5.3, 0.6), "ResNet50\n23.5 M parameters", width=1.8)
    _box(axes, (7.65, 0.6), "expression\n7 or 10 classes", colour=GREY, width=1.5)
    _arrow(axes, (1.4, 0.6), (2.2, 0.6))
    _arrow(axes, (3.7, 0.6), (4.4, 0.6), text="warped", above=0.06)
    _arrow(axes, (6.2, 0.6), (6.9, 0.6), text="logits", above=0.06)
    axes.text(2.95, 1.15, "starts as the identity", ha="center", fontsize=8, color=GREY)
    axes.text(4.05, 0.08, "the gradient of the loss reaches θ through the sampler", ha="center", fontsize=8, color=GREY)
    return figure
