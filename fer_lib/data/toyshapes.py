"""Toy shapes: ten procedural classes of shape and texture, a stand-in for Tiny-ImageNet in pre-training.

A seed gives the same images on any machine (`canvas` says how).
"""

import numpy as np

from fer_lib.data.canvas import Array, Draws, PoseRange, cover, render

CLASSES = ("disc", "ring", "square", "triangle", "cross", "star", "stripes", "checkerboard", "arcs", "blobs")


def _star_distance(x: Array, y: Array) -> Array:
    """Signed distance to a five-pointed star of radius 1, by folding the plane onto one half of one point."""
    x = np.abs(x)
    for fold_x, fold_y in ((0.809017, -0.587785), (-0.809017, -0.587785)):
        excess = 2 * np.maximum(fold_x * x + fold_y * y, 0)
        x, y = x - excess * fold_x, y - excess * fold_y
    return 0.8 * (np.abs(x) * 0.85 + y * 0.35 - 0.35)


def _shape_distance(shape: int, p: dict[str, Array], x: Array, y: Array) -> Array:
    """Signed distance, roughly, to the outline of class `shape`; p["a"] and p["b"] vary the form."""
    radius = np.sqrt(x * x + y * y)
    wave = 0.25 + 0.2 * p["a"]
    match CLASSES[shape]:
        case "disc":
            return radius - 0.7
        case "ring":
            return np.abs(radius - 0.6) - 0.09 - 0.1 * p["a"]
        case "square":
            return np.maximum(np.abs(x), np.abs(y)) - 0.6
        case "triangle":
            return np.maximum(y - 0.5, np.abs(x) * 0.87 - y * 0.5 - 0.4)
        case "cross":
            long, short = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
            return np.maximum(long - 0.75, short - 0.13 - 0.12 * p["a"])
        case "star":
            return _star_distance(x / 0.85, y / 0.85)
        case "stripes":
            return _triangle_wave(x, wave)
        case "checkerboard":
            columns, rows = _triangle_wave(x, wave), _triangle_wave(y, wave)
            return np.maximum(np.minimum(columns, rows), -np.maximum(columns, rows))
        case "arcs":
            return _triangle_wave(np.sqrt(x * x + (y - 1.2) ** 2), wave)
        case _:
            nearest = np.full_like(x, np.inf)
            for u, v in ((0.5, 0.1), (-0.4, -0.5), (-0.3, 0.5), (0.3, -0.6)):
                lump = (x - u - 0.3 * (p["a"] - 0.5) * v) ** 2 + (y - v + 0.3 * (p["b"] - 0.5) * u) ** 2
                nearest = np.minimum(nearest, np.sqrt(lump))
            return nearest - 0.15 - 0.12 * p["a"] * p["b"]


def _triangle_wave(x: Array, half_period: Array) -> Array:
    """Distance to the nearest edge of stripes of width `half_period`, negative on every second stripe."""
    phase = x / half_period
    return half_period * (np.abs(phase - 2 * np.floor(phase / 2) - 1) - 0.5)


def _draw_shapes(p: dict[str, Array], x: Array, y: Array) -> Array:
    distance = np.empty_like(x)
    shapes = p["shape"].ravel().astype(int)
    for shape in np.unique(shapes):
        rows = shapes == shape
        part = {name: column[rows] for name, column in p.items()}
        distance[rows] = _shape_distance(int(shape), part, x[rows], y[rows])
    background = p["background"] * (1 + p["slope"] * x)
    return background + cover(distance) * (p["tone"] - background)


def draw_shapes(n: int, *, seed: int) -> tuple[Array, Array]:
    """Draw n shapes: images uint8 [N, 48, 48] and labels uint8 [N], indices into CLASSES."""
    draws = Draws(n, width=20, seed=seed)
    labels = draws.choose((1.0,) * len(CLASSES))
    theta = draws.pose(PoseRange(max_angle=45, max_log_scale=0.35, max_shift=0.25, max_shear=0.25))
    dark, gap, bright = draws.uniform(0.05, 0.45), draws.uniform(0.25, 0.5), draws.chance(0.5)
    picture = {
        "shape": labels,
        "tone": np.where(bright, dark + gap, dark),
        "background": np.where(bright, dark, dark + gap),
        "slope": draws.uniform(-0.3, 0.3),
        "a": draws.uniform(),
        "b": draws.uniform(),
        **draws.light(),
    }
    return render(_draw_shapes, picture, theta, seed=seed), labels.astype(np.uint8)
