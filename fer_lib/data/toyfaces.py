"""Toy faces: a procedurally drawn stand-in for FER2013 that needs no file and no network.

48×48 grey faces with the seven expressions of FER2013, ten simulated FER+ votes each, and the true affine
pose, so that a spatial transformer's theta can be checked against it. As in FER2013, some labels are wrong,
some images are copies of earlier ones and a few show no face. A seed gives the same faces everywhere
(`toyshapes` says how).

The expressions follow the prototypes of emotion in the Facial Action Coding System (Ekman, Friesen and Hager
2002, https://www.paulekman.com/facial-action-coding-system/).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_lib.data.toyshapes import Array, Draws, PoseRange, compose_pose, cover, render
from fer_lib.data.toyshapes import pose_components as pose_components

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # FER2013's order
VOTE_COLUMNS = (  # FER+'s order
    *("neutral", "happiness", "surprise", "sadness", "anger"),
    *("disgust", "fear", "contempt", "unknown", "NF"),
)
Face = dict[str, Array]  # column [N] by name, or [n, 1, 1] while drawing

_CLASS_WEIGHTS = (0.14, 0.095, 0.135, 0.21, 0.15, 0.12, 0.15)
_TRUTH = np.eye(10)[[4, 5, 6, 1, 3, 2, 0]]  # each class in VOTE_COLUMNS
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
_NEUTRAL = _FORMS[CLASSES.index("neutral")]
_SECOND_FORM = np.array((7, 8, 10, 9, 4, 5, 6))  # row of _FORMS by class; most have none
_TEETH = _ACTIONS.index("teeth")
_DRAWS = 80  # random numbers per face, a few to spare


@dataclass(frozen=True)
class ToyFaces:
    """A drawn data set; row i of every field belongs to the same image."""

    images: Array  # uint8 [N, 48, 48]
    labels: Array  # uint8 [N], index into CLASSES
    votes: Array  # uint8 [N, 10], ten taggers over VOTE_COLUMNS
    pose: Array  # float32 [N, 2, 3], the theta an ideal spatial transformer would give


def _ellipse(x: Array, y: Array, width: Array | float, height: Array | float) -> Array:
    """Signed distance to an axis-aligned ellipse, exact where it is zero."""
    return (np.sqrt((x / width) ** 2 + (y / height) ** 2) - 1) * np.minimum(width, height)


def _glow(x: Array, y: Array, width: float, height: float) -> Array:
    """A soft round spot: 1 at the centre, 0 beyond the ellipse."""
    return np.maximum(1 - (x / width) ** 2 - (y / height) ** 2, 0) ** 2


def _paint(picture: Array, coverage: Array, tone: Array | float) -> None:
    picture += coverage * (tone - picture)


def _draw_head(f: Face, x: Array, y: Array) -> Array:
    """Background, hair, neck, ears and the shaded oval."""
    ax, low = np.abs(x), np.maximum(y, 0)
    picture = f["background"] * (1 + f["slope"] * x)
    outline = f["face_width"] * (1 - f["jaw"] * low * low)
    head = _ellipse(x, y + 0.02, outline, f["face_height"])
    _paint(picture, cover(np.maximum(ax - 0.42, 0.3 - y)), 0.62 * f["skin"])
    mane = _ellipse(x, np.minimum(y + 0.1, 0), f["face_width"] * 1.13, f["face_height"] * 1.02)
    _paint(picture, cover(mane, soft=0.05) * cover(y - f["hair_length"], soft=0.08), f["hair"])
    _paint(picture, cover(_ellipse(ax - f["face_width"], y + 0.02, 0.09, 0.17)) * f["ears"], 0.8 * f["skin"])
    depth = np.minimum((x / outline) ** 2 + (y / f["face_height"]) ** 2, 1.2)
    skin = f["skin"] * (1.06 - 0.3 * depth * depth + 0.06 * _glow(ax - 0.42, y - 0.22, 0.3, 0.3))
    _paint(picture, cover(head), skin)
    hairline = y - f["hairline"] - f["hair_curve"] * (x - f["parting"]) ** 2
    _paint(picture, cover(hairline, soft=0.05) * cover(head - 0.05), f["hair"])
    bare = _ellipse(x, y - f["mouth_y"] + 0.03, 0.36, 0.17)
    moustache = np.maximum(np.abs(y - f["mouth_y"] + 0.17 - 0.3 * x * x) - 0.035, ax - 0.27)
    beard = np.minimum(np.maximum(0.5 - 0.9 * ax * ax - y, -bare), moustache)
    _paint(picture, f["beard"] * cover(head) * cover(beard, soft=0.06), 0.8 * f["hair"])
    return picture


def _draw_lines(f: Face, x: Array, y: Array, picture: Array) -> None:
    """Nose, and what the muscles fold: brow, forehead, nose wrinkles, cheeks."""
    ax, shade = np.abs(x), 0.55 * f["skin"]
    bridge = cover(np.abs(x - f["side"] * (0.06 + 0.1 * (y + 0.1))) - 0.012) * cover(np.abs(y) - 0.16)
    _paint(picture, 0.35 * bridge, shade)
    _paint(picture, 0.8 * _glow(ax - 0.09, y - f["nose"], 0.09, 0.06), 0.3 * f["skin"])
    base = cover(np.abs(y - f["nose"] - 0.03 + 2 * x * x) - 0.012) * cover(ax - 0.13)
    _paint(picture, 0.5 * base, shade)
    frown = cover(np.abs(ax - 0.055) - 0.014) * cover(np.abs(y + 0.31) - 0.09)
    _paint(picture, 0.8 * f["frown"] * frown, 0.4 * f["skin"])
    ripple = np.abs(np.abs(np.abs(y + 0.06 - 0.6 * x * x) - 0.055) - 0.055)
    wrinkles = cover(ripple - 0.012, soft=0.02) * cover(ax - 0.10) * cover(np.abs(y + 0.06) - 0.15)
    _paint(picture, 0.85 * f["wrinkle"] * wrinkles, 0.4 * f["skin"])
    lines = cover(np.abs(np.abs(y + 0.70 - 0.15 * x * x) - 0.045) - 0.01, soft=0.02) * cover(ax - 0.34)
    _paint(picture, 0.6 * f["lines"] * lines, np.minimum(picture, shade))  # not across a dark fringe
    down = y - f["nose"] + 0.04
    fold = np.abs(ax - 0.2 - (1.1 - 1.3 * down) * down - 0.3 * (f["width"] - 0.28))
    _paint(picture, 0.5 * f["fold"] * cover(fold - 0.014) * cover(np.abs(down - 0.15) - 0.13), 0.5 * f["skin"])


def _draw_eyes(f: Face, x: Array, y: Array, picture: Array) -> None:
    """Eyes, brows and glasses; |x| draws both sides at once."""
    ax, ey = np.abs(x) - f["eye_gap"], y - f["eye_y"]
    u = ax / f["eye_width"]
    bulge = np.maximum(1 - u * u, 0)
    upper = -f["open_up"] * bulge * (1 + 0.8 * f["slant"] * u) + 0.03 * f["slant"] * -u
    lower = f["open_low"] * bulge + 0.03 * f["slant"] * -u
    eye = np.maximum(np.maximum(upper - ey, ey - lower), np.abs(ax) - f["eye_width"])
    _paint(picture, 0.3 * _glow(ax, ey + 0.03, 0.3, 0.22), 0.5 * f["skin"])
    inside = cover(eye)
    _paint(picture, inside, 0.95)
    pupil = _ellipse(x - np.sign(x) * f["eye_gap"] - f["gaze"], ey + 0.02, 0.085, 0.085)
    _paint(picture, inside * cover(pupil), 0.06)
    lash = np.maximum(np.abs(ey - upper) - 0.022, np.abs(ax) - f["eye_width"] - 0.02)
    _paint(picture, 0.9 * cover(lash), 0.1)
    _paint(picture, 0.35 * cover(np.maximum(np.abs(ey - lower) - 0.008, np.abs(ax) - f["eye_width"])), 0.2)

    v = (np.abs(x) - f["eye_gap"] + f["eye_width"] * 1.05 + f["close"]) / (f["eye_width"] * 2.25)
    height = f["brow_y"] - f["inner"] * (1 - v) - f["outer"] * v - f["arch"] * 4 * v * (1 - v)
    brow = np.maximum(np.abs(y - height) - f["brow"] * (1.2 - 0.6 * v), (np.abs(v - 0.5) - 0.5) * 0.4)
    _paint(picture, 0.95 * cover(brow), 0.5 * f["hair"])
    frame = np.abs(_ellipse(ax, ey - 0.02, f["eye_width"] * 1.2, 0.2)) - 0.012
    frame = np.minimum(frame, np.maximum(np.abs(ey) - 0.012, np.abs(x) - f["eye_gap"] + f["eye_width"] * 1.2))
    _paint(picture, f["glasses"] * cover(frame), 0.12)


def _draw_mouth(f: Face, x: Array, y: Array, picture: Array) -> None:
    """Lips around an opening between two curves over u in -1..1 from corner to corner."""
    u = x / f["width"]
    lens, box = np.maximum(1 - u * u, 0), np.sqrt(np.maximum(1 - (u * u) ** 2, 0))
    form = lens + f["square"] * (box - lens)
    middle = f["mouth_y"] - f["corner"] * (u * u - 0.45) + f["side"] * f["tilt"] * u
    skew = 1 - 4 * f["side"] * f["tilt"] * u
    top, bottom = middle - f["gape_up"] * form * skew, middle + f["gape_low"] * form
    beyond = np.abs(x) - f["width"]
    lips = np.maximum(top - 0.6 * f["lip"] * lens - y, y - bottom - f["lip"] * lens)
    _paint(picture, 0.8 * cover(np.maximum(lips, beyond)), 0.55 * f["skin"])
    inside = cover(np.maximum(np.maximum(top - y, y - bottom), beyond))
    _paint(picture, inside, 0.1)
    _paint(picture, 0.6 * inside * _glow(x, y - bottom + 0.02, 0.2, 0.14), 0.5)
    bared = np.maximum(f["teeth"] - 1, 0)
    edge = top + (0.5 + 0.5 * bared) * (bottom - top)
    _paint(picture, inside * cover(y - edge + 0.01) * np.minimum(f["teeth"], 1), 0.95)
    _paint(picture, 0.7 * bared * inside * cover(np.abs(y - (top + bottom) / 2) - 0.008, soft=0.02), 0.2)
    line = np.maximum(np.abs(y - (top + bottom) / 2) - 0.022, beyond - 0.02)
    _paint(picture, 0.9 * cover(line) * cover(bottom - top - 0.04), 0.12)
    _paint(picture, 0.5 * _glow(x, y - bottom - 0.13, 0.2, 0.06), 0.6 * f["skin"])


def _draw_faces(f: Face, x: Array, y: Array) -> Array:
    picture = _draw_head(f, x, y)
    _draw_lines(f, x, y, picture)
    _draw_mouth(f, x, y, picture)
    _draw_eyes(f, x, y, picture)
    return picture


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
    images = render(_draw_faces, faces, theta, seed=seed)
    for row in np.flatnonzero(copied):  # in order, so that a copy of a copy is one of the original too
        for column in (images, votes, theta, shown):
            column[row] = column[source[row]]
    labels = np.where(wrong, (shown + other) % len(CLASSES), shown).astype(np.uint8)
    return ToyFaces(images=images, labels=labels, votes=votes, pose=theta)


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
    both as a fraction of full scale. Raises ValueError for an expression that is not one of CLASSES.
    """
    if expression not in CLASSES:
        raise ValueError(f"expression {expression!r}: expected one of {', '.join(CLASSES)}")
    draws = Draws(1, width=_DRAWS, seed=seed)
    face = _draw_people(draws) | _express(draws, np.array([CLASSES.index(expression)]), np.array([intensity]))
    lamp = {"gain": 1.0, "offset": 0.0, "light_x": -light, "light_y": 0.0, "noise": noise}
    theta = compose_pose() if pose is None else np.asarray(pose, np.float32)
    return render(_draw_faces, face | {k: np.array([v]) for k, v in lamp.items()}, theta.reshape(1, 2, 3), seed=seed)[0]
