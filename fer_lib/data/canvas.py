"""What `toyfaces` draws with: poses, light, noise, and random numbers that depend on seed and row alone.

A picture is a function of canonical coordinates, and each pixel's coordinates are pushed through the inverse of the
picture's affine pose: nothing is resampled and the pose is exact. Row i of a draw depends on the seed and i alone.
Past the pose, which is computed in double precision and rounded, and the noise, drawing uses only operations that
IEEE 754 rounds exactly, so that a seed gives the same images on any machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_lib.data.faceset import SIZE
from fer_lib.geometry import compose_pose

CHUNK = 32  # images whose intermediate arrays stay in a core's cache
Array = NDArray[Any]


@dataclass(frozen=True)
class PoseRange:
    """Bounds of the uniform random pose; a shift of 1 is half the image's width."""

    max_angle: float = 15.0  # degrees
    max_log_scale: float = 0.15
    max_shift: float = 0.1
    max_shear: float = 0.08


class Draws:
    """Hands out columns of a uniform random matrix [N, width] whose row i depends on the seed and i alone."""

    def __init__(self, n: int, *, width: int, seed: int) -> None:
        self._columns = iter(np.random.Generator(np.random.PCG64(seed)).random((n, width)).T)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Array:
        return low + (high - low) * next(self._columns)

    def chance(self, probability: float) -> Array:
        return next(self._columns) < probability

    def choose(self, weights: tuple[float, ...]) -> Array:
        return np.searchsorted(np.cumsum(weights)[:-1] / sum(weights), next(self._columns), side="right")

    def pose(self, bounds: PoseRange) -> Array:
        """Draw thetas float32 [N, 2, 3] uniformly within the bounds."""
        return compose_pose(
            rotation=self.uniform(-bounds.max_angle, bounds.max_angle),
            log_scale=self.uniform(-bounds.max_log_scale, bounds.max_log_scale),
            shift_x=self.uniform(-bounds.max_shift, bounds.max_shift),
            shift_y=self.uniform(-bounds.max_shift, bounds.max_shift),
            shear=self.uniform(-bounds.max_shear, bounds.max_shear),
        )

    def light(self) -> dict[str, Array]:
        """Draw a gain, an offset and a directional gradient; `finish` applies them."""
        return {
            "gain": self.uniform(0.85, 1.15),
            "offset": self.uniform(-0.05, 0.05),
            "light_x": self.uniform(-0.25, 0.25),
            "light_y": self.uniform(-0.15, 0.1),
            "noise": self.uniform(0.01, 0.03),
        }


def pixel_centres() -> tuple[Array, Array]:
    """Image coordinates of the pixels, float32 [1, 48] and [48, 1], with `align_corners=False`."""
    centres = ((2 * np.arange(SIZE) + 1) / SIZE - 1).astype(np.float32)
    return centres[None, :], centres[:, None]


def canonical_coordinates(theta: Array) -> tuple[Array, Array]:
    """Where each pixel lies on the unposed picture: x and y, float32 [N, 48, 48]."""
    a, b, tx, c, d, ty = theta.reshape(-1, 6, 1, 1).transpose(1, 0, 2, 3)
    x, y = pixel_centres()
    x, y, determinant = x - tx, y - ty, a * d - b * c
    return (d * x - b * y) / determinant, (a * y - c * x) / determinant


def cover(distance: Array, *, soft: float = 0.03) -> Array:
    """Turn a signed distance (negative inside) into coverage: 1 inside, 0 outside, smooth over ±soft."""
    ramp = distance * (-0.5 / soft) + 0.5
    np.clip(ramp, 0, 1, out=ramp)
    return ramp * ramp * (3 - 2 * ramp)


def finish(picture: Array, light: dict[str, Array], noise: Array) -> Array:
    """Light pictures [N, 48, 48] with tones in [0, 1], add standard normal noise, quantise to uint8."""
    x, y = pixel_centres()
    gradient = 1 + light["light_x"] * x + light["light_y"] * y
    lit = light["gain"] * gradient * picture + light["offset"] + light["noise"] * noise
    return np.rint(np.clip(lit, 0, 1) * 255).astype(np.uint8)


def render(
    draw: Callable[[dict[str, Array], Array, Array], Array], picture: dict[str, Array], theta: Array, *, seed: int
) -> Array:
    """Draw, light and quantise pictures in chunks, uint8 [N, 48, 48].

    `draw(picture, x, y)` returns tones in [0, 1]; the columns of `picture`, [N] each, reach it as [n, 1, 1],
    so that they broadcast against the canonical coordinates.
    """
    images = np.empty((len(theta), SIZE, SIZE), np.uint8)
    generator = np.random.Generator(np.random.PCG64([seed, 1]))  # not the stream of the columns
    for start in range(0, len(theta), CHUNK):
        rows = slice(start, start + CHUNK)
        part = {name: np.asarray(column[rows], np.float32)[:, None, None] for name, column in picture.items()}
        tones = draw(part, *canonical_coordinates(theta[rows]))
        images[rows] = finish(tones, part, generator.standard_normal(tones.shape, np.float32))
    return images
