"""One toy face on demand: this person, this expression, this pose."""

import numpy as np

from fer_lib.data.canvas import Array, Draws, render
from fer_lib.data.faceset import FER_CLASSES
from fer_lib.data.portrait import paint
from fer_lib.data.toyfaces import _DRAWS, _draw_people, _express
from fer_lib.geometry import compose_pose


def draw_face(
    expression: str,
    *,
    pose: Array | None = None,
    seed: int = 0,
    intensity: float = 1.0,
    light: float = 0.0,
    noise: float = 0.0,
) -> Array:
    """Draw one face, uint8 [48, 48]: the person that `seed` names, upright unless a `pose` [2, 3] is given.

    `light` is the strength of a gradient from the left, `noise` the standard deviation of the sensor's noise,
    both as a fraction of full scale.
    """
    draws = Draws(1, width=_DRAWS, seed=seed)
    face = _draw_people(draws) | _express(draws, np.array([FER_CLASSES.index(expression)]), np.array([intensity]))
    lamp = {"gain": 1.0, "offset": 0.0, "light_x": -light, "light_y": 0.0, "noise": noise}
    theta = compose_pose() if pose is None else np.asarray(pose, np.float32)
    return render(paint, face | {k: np.array([v]) for k, v in lamp.items()}, theta.reshape(1, 2, 3), seed=seed)[0]
