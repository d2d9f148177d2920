"""Toy faces: a procedurally drawn stand-in for FER2013 that needs no file and no network.

48×48 grey faces with the seven expressions of FER2013, ten simulated FER+ votes each, and the true affine
pose, so that a spatial transformer's theta can be checked against it. As in FER2013, some labels are wrong,
some images are copies of earlier ones and a few show no face. A seed gives the same faces everywhere
(`canvas` says how).

The expressions follow the prototypes of emotion in the Facial Action Coding System (Ekman, Friesen and Hager
2002, https://www.paulekman.com/facial-action-coding-system/).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_lib.data.canvas import Array, Draws, PoseRange, render
from fer_lib.data.faceset import FER_CLASSES, VOTE_COLUMN, VOTE_COLUMNS
from fer_lib.data.portrait import Face, paint

_CLASS_WEIGHTS = (0.14, 0.095, 0.135, 0.21, 0.15, 0.12, 0.15)
_TRUTH = np.eye(len(VOTE_COLUMNS))[list(VOTE_COLUMN)]  # what a tagger says who sees the class
_NO_FACE = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0.15, 0.85])
_CONFUSIONS = np.array(  # what a tagger says who misses the class; columns as VOTE_COLUMNS
    [
        (0.20, 0.00, 0.02, 0.12, 0.00, 0.42, 0.06, 0.12, 0.06, 0),
        (0.08, 0.02, 0.02, 0.10, 0.52, 0.00, 0.04, 0.14, 0.08, 0),
        (0.04, 0.02, 0.62, 0.14, 0.04, 0.06, 0.00, 0.01, 0.07, 0),
        (0.70, 0.00, 0.14, 0.01, 0.01, 0.01, 0.01, 0.08, 0.04, 0),
        (0.62, 0.01, 0.01, 0.00, 0.10, 0.06, 0.10, 0.03, 0.07, 0),
        (0.08, 0.16, 0.00, 0.02, 0.02, 0.02, 0.64, 0.00, 0.06, 0),
        (0.00, 0.34, 0.04, 0.36, 0.10, 0.02, 0.02, 0.07, 0.05, 0),
    ]
)
# In face units: the face spans about ±0.9, y down. Brows: rise of the inner and the outer end, how far they
# close in, frown lines. Eyes: opening above and below, slant (positive lowers the lid's inner corner).
# Mouth: rise of the corners, half width, opening above and below, squareness of the opening, teeth (1 upper,
# 2 bared), tilt. Skin: nose wrinkles, cheek folds, forehead lines.
_ACTIONS = (
    *("inner", "outer", "close", "frown", "open_up", "open_low", "slant"),
    *("corner", "width", "gape_up", "gape_low", "square", "teeth", "tilt", "wrinkle", "fold", "lines"),
)
_FORMS = np.array(
    [
        (-0.18, 0.10, 0.08, 1.0, 0.090, 0.040, 0.8, -0.10, 0.28, 0.00, 0.00, 0.0, 0, 0.00, 0.0, 0.2, 0.0),
        (-0.11, -0.07, 0.03, 0.3, 0.045, 0.030, 0.2, -0.10, 0.32, 0.16, 0.01, 0.4, 1, 0.11, 1.0, 1.0, 0.0),
        (0.18, 0.05, 0.06, 0.5, 0.165, 0.090, -0.2, -0.03, 0.40, 0.06, 0.15, 1.0, 2, 0.00, 0.0, 0.1, 1.0),
        (0.02, 0.02, 0.00, 0.0, 0.080, 0.010, 0.0, 0.20, 0.48, 0.00, 0.23, 0.2, 1, 0.00, 0.0, 0.9, 0.0),
        (0.18, -0.13, 0.04, 0.3, 0.070, 0.050, -0.8, -0.21, 0.30, 0.00, 0.00, 0.0, 0, 0.00, 0.0, 0.3, 0.2),
        (0.18, 0.18, 0.00, 0.0, 0.175, 0.110, 0.0, 0.00, 0.21, 0.17, 0.25, 0.9, 0, 0.00, 0.0, 0.0, 0.9),
        (0.00, 0.00, 0.00, 0.0, 0.105, 0.060, 0.0, 0.00, 0.31, 0.00, 0.00, 0.0, 0, 0.00, 0.0, 0.1, 0.0),
        # second forms: angry baring teeth, disgust sneering, happy with closed lips, fear gaping
        (-0.18, 0.10, 0.08, 1.0, 0.090, 0.040, 0.8, -0.06, 0.38, 0.07, 0.10, 1.0, 2, 0.00, 0.3, 0.6, 0.0),
        (-0.11, -0.07, 0.03, 0.3, 0.045, 0.030, 0.2, -0.14, 0.29, 0.10, 0.00, 0.2, 1, 0.14, 1.0, 1.0, 0.0),
        (0.02, 0.02, 0.00, 0.0, 0.080, 0.010, 0.0, 0.22, 0.45, 0.00, 0.00, 0.0, 0, 0.00, 0.0, 0.9, 0.0),
        (0.18, 0.03, 0.06, 0.6, 0.165, 0.090, -0.2, -0.06, 0.34, 0.07, 0.17, 0.6, 0, 0.00, 0.0, 0.3, 1.0),
    ]
)
_NEUTRAL = _FORMS[FER_CLASSES.index("neutral")]
_SECOND_FORM = np.array((7, 8, 10, 9, 4, 5, 6))  # row of _FORMS by class; most have none
_TEETH = _ACTIONS.index("teeth")
_DRAWS = 80  # random numbers per face, a few to spare


@dataclass(frozen=True)
class ToyFaces:
    """A drawn data set; row i of every field belongs to the same image."""

    images: Array  # uint8 [N, 48, 48]
    labels: Array  # uint8 [N], index into FER_CLASSES
    votes: Array  # uint8 [N, 10], ten taggers over VOTE_COLUMNS
    pose: Array  # float32 [N, 2, 3], the theta an ideal spatial transformer would give


def _draw_people(draws: Draws) -> Face:
    """Draw who is in the picture: everything that is not expression, pose or light; columns [N]."""
    skin, woman = draws.uniform(0.6, 0.85), draws.chance(0.5)
    glasses, beard = draws.chance(0.12), draws.chance(0.2) & ~woman
    hair, wall = draws.uniform(0.08, 0.35) * skin / 0.7, draws.uniform(0.2, 0.75)
    return {
        "background": wall + 0.25 * (np.abs(wall - hair) < 0.12),  # hair that melts into it deforms the head
        "slope": draws.uniform(-0.25, 0.25),
        "skin": skin,
        "hair": hair,
        "hair_length": np.where(woman, draws.uniform(0.2, 1.2), draws.uniform(-0.3, -0.1)),
        "hairline": draws.uniform(-0.78, -0.62) - 0.1 * beard,
        "hair_curve": draws.uniform(0.1, 0.7),
        "parting": draws.uniform(-0.3, 0.3),
        "ears": (~woman).astype(float),
        "beard": beard * draws.uniform(0.3, 0.7),
        "glasses": glasses * 0.85,
        "face_width": draws.uniform(0.66, 0.78),
        "face_height": draws.uniform(0.88, 0.96),
        "jaw": draws.uniform(0.1, 0.3),
        "eye_gap": draws.uniform(0.31, 0.36),
        "eye_y": draws.uniform(-0.16, -0.11),
        "eye_width": draws.uniform(0.195, 0.225),
        "gaze": draws.uniform(-0.03, 0.03),
        "brow_y": draws.uniform(-0.43, -0.38),
        "brow": np.where(woman, 0.034, 0.046) + draws.uniform(0.0, 0.02),
        "arch": draws.uniform(0.0, 0.05),
        "nose": draws.uniform(0.17, 0.23),
        "mouth_y": draws.uniform(0.47, 0.53),
        "lip": draws.uniform(0.04, 0.08),
        "side": np.where(draws.chance(0.5), 1.0, -1.0),
    }


def _express(draws: Draws, shown: Array, intensity: Array) -> Face:
    """Move each face from neutral towards its expression, intensity 1 being the full one; columns [N]."""
    form = np.where(draws.chance(0.35), _SECOND_FORM[shown], shown)
    moved = _NEUTRAL + intensity[:, None] * (_FORMS[form] - _NEUTRAL)
    moved *= np.stack([draws.uniform(0.85, 1.15) for _ in _ACTIONS], axis=1)
    moved[:, _TEETH] = _FORMS[form, _TEETH]  # a weaker smile shows no thinner teeth
    return dict(zip(_ACTIONS, moved.T, strict=True))


def _vote(draws: Draws, shown: Array, intensity: Array, no_face: Array) -> Array:
    """Let ten taggers vote, uint8 [N, 10]: a faint expression spreads over its plausible confusions."""
    agreement = 1.2 * intensity[:, None] - 0.22  # 0.5 at the faintest, 0.98 at the strongest
    odds = agreement * _TRUTH[shown] + (1 - agreement) * _CONFUSIONS[shown]
    steps = np.cumsum(np.where(no_face[:, None], _NO_FACE, odds), axis=1)[:, None, :-1]
    ballots = np.stack([draws.uniform() for _ in range(10)], axis=1)
    choices = (steps <= ballots[:, :, None]).sum(axis=2)  # (N, taggers)
    return (choices[:, :, None] == np.arange(10)).sum(axis=1).astype(np.uint8)


def draw(n: int, *, seed: int, pose_range: PoseRange | None = None) -> ToyFaces:
    """Draw n faces; the first m of them are those of `draw(m, seed=seed)`.

    About 3 % of the labels name another class than the face shows (the votes do not), 3 % of the images are
    copies of an earlier one, with its votes and pose but label noise of their own, and one in 300 shows no
    face, so that its label and pose mean nothing.
    """
    draws = Draws(n, width=_DRAWS, seed=seed)
    shown, intensity = draws.choose(_CLASS_WEIGHTS), draws.uniform(0.6, 1.0)
    theta = draws.pose(pose_range or PoseRange())
    no_face = draws.chance(1 / 300)
    wrong, other = draws.chance(0.03), 1 + np.floor(6 * draws.uniform()).astype(int)
    copied, source = draws.chance(0.03), np.floor(np.arange(n) * draws.uniform()).astype(int)
    votes = _vote(draws, shown, intensity, no_face)
    light = draws.light()
    light["gain"] = np.where(no_face, 0.0, light["gain"])
    light["offset"] = np.where(no_face, 0.5, light["offset"])
    faces = _draw_people(draws) | _express(draws, shown, intensity) | light
    images = render(paint, faces, theta, seed=seed)
    for row in np.flatnonzero(copied):  # in order, so that a copy of a copy is one of the original too
        for column in (images, votes, theta, shown):
            column[row] = column[source[row]]
    labels = np.where(wrong, (shown + other) % len(FER_CLASSES), shown).astype(np.uint8)
    return ToyFaces(images=images, labels=labels, votes=votes, pose=theta)
