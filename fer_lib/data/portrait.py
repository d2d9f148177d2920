"""Paints a toy face from its numbers: the person's, the expression's (see `toyfaces`) and nothing else.

Face units: the face spans about ±0.9 around the origin, y down.
"""

import numpy as np

from fer_lib.data.canvas import Array, cover

Face = dict[str, Array]  # column [N] by name, or [n, 1, 1] while painting


def _ellipse(x: Array, y: Array, width: Array | float, height: Array | float) -> Array:
    """Signed distance to an axis-aligned ellipse, exact where it is zero."""
    return (np.sqrt((x / width) ** 2 + (y / height) ** 2) - 1) * np.minimum(width, height)


def _glow(x: Array, y: Array, width: float, height: float) -> Array:
    """A soft round spot: 1 at the centre, 0 beyond the ellipse."""
    return np.maximum(1 - (x / width) ** 2 - (y / height) ** 2, 0) ** 2


def _lay(picture: Array, coverage: Array, tone: Array | float) -> None:
    picture += coverage * (tone - picture)


def _draw_head(f: Face, x: Array, y: Array) -> Array:
    """Background, hair, neck, ears and the shaded oval."""
    ax, low = np.abs(x), np.maximum(y, 0)
    picture = f["background"] * (1 + f["slope"] * x)
    outline = f["face_width"] * (1 - f["jaw"] * low * low)
    head = _ellipse(x, y + 0.02, outline, f["face_height"])
    _lay(picture, cover(np.maximum(ax - 0.42, 0.3 - y)), 0.62 * f["skin"])
    mane = _ellipse(x, np.minimum(y + 0.1, 0), f["face_width"] * 1.13, f["face_height"] * 1.02)
    _lay(picture, cover(mane, soft=0.05) * cover(y - f["hair_length"], soft=0.08), f["hair"])
    _lay(picture, cover(_ellipse(ax - f["face_width"], y + 0.02, 0.09, 0.17)) * f["ears"], 0.8 * f["skin"])
    depth = np.minimum((x / outline) ** 2 + (y / f["face_height"]) ** 2, 1.2)
    skin = f["skin"] * (1.06 - 0.3 * depth * depth + 0.06 * _glow(ax - 0.42, y - 0.22, 0.3, 0.3))
    _lay(picture, cover(head), skin)
    hairline = y - f["hairline"] - f["hair_curve"] * (x - f["parting"]) ** 2
    _lay(picture, cover(hairline, soft=0.05) * cover(head - 0.05), f["hair"])
    bare = _ellipse(x, y - f["mouth_y"] + 0.03, 0.36, 0.17)
    moustache = np.maximum(np.abs(y - f["mouth_y"] + 0.17 - 0.3 * x * x) - 0.035, ax - 0.27)
    beard = np.minimum(np.maximum(0.5 - 0.9 * ax * ax - y, -bare), moustache)
    _lay(picture, f["beard"] * cover(head) * cover(beard, soft=0.06), 0.8 * f["hair"])
    return picture


def _draw_lines(f: Face, x: Array, y: Array, picture: Array) -> None:
    """Nose, and what the muscles fold: brow, forehead, nose wrinkles, cheeks."""
    ax, shade = np.abs(x), 0.55 * f["skin"]
    bridge = cover(np.abs(x - f["side"] * (0.06 + 0.1 * (y + 0.1))) - 0.012) * cover(np.abs(y) - 0.16)
    _lay(picture, 0.35 * bridge, shade)
    _lay(picture, 0.8 * _glow(ax - 0.09, y - f["nose"], 0.09, 0.06), 0.3 * f["skin"])
    base = cover(np.abs(y - f["nose"] - 0.03 + 2 * x * x) - 0.012) * cover(ax - 0.13)
    _lay(picture, 0.5 * base, shade)
    frown = cover(np.abs(ax - 0.055) - 0.014) * cover(np.abs(y + 0.31) - 0.09)
    _lay(picture, 0.8 * f["frown"] * frown, 0.4 * f["skin"])
    ripple = np.abs(np.abs(np.abs(y + 0.06 - 0.6 * x * x) - 0.055) - 0.055)
    wrinkles = cover(ripple - 0.012, soft=0.02) * cover(ax - 0.10) * cover(np.abs(y + 0.06) - 0.15)
    _lay(picture, 0.85 * f["wrinkle"] * wrinkles, 0.4 * f["skin"])
    lines = cover(np.abs(np.abs(y + 0.70 - 0.15 * x * x) - 0.045) - 0.01, soft=0.02) * cover(ax - 0.34)
    _lay(picture, 0.6 * f["lines"] * lines, np.minimum(picture, shade))  # not across a dark fringe
    down = y - f["nose"] + 0.04
    fold = np.abs(ax - 0.2 - (1.1 - 1.3 * down) * down - 0.3 * (f["width"] - 0.28))
    _lay(picture, 0.5 * f["fold"] * cover(fold - 0.014) * cover(np.abs(down - 0.15) - 0.13), 0.5 * f["skin"])


def _draw_eyes(f: Face, x: Array, y: Array, picture: Array) -> None:
    """Eyes, brows and glasses; |x| draws both sides at once."""
    ax, ey = np.abs(x) - f["eye_gap"], y - f["eye_y"]
    u = ax / f["eye_width"]
    bulge = np.maximum(1 - u * u, 0)
    upper = -f["open_up"] * bulge * (1 + 0.8 * f["slant"] * u) + 0.03 * f["slant"] * -u
    lower = f["open_low"] * bulge + 0.03 * f["slant"] * -u
    eye = np.maximum(np.maximum(upper - ey, ey - lower), np.abs(ax) - f["eye_width"])
    _lay(picture, 0.3 * _glow(ax, ey + 0.03, 0.3, 0.22), 0.5 * f["skin"])
    inside = cover(eye)
    _lay(picture, inside, 0.95)
    pupil = _ellipse(x - np.sign(x) * f["eye_gap"] - f["gaze"], ey + 0.02, 0.085, 0.085)
    _lay(picture, inside * cover(pupil), 0.06)
    lash = np.maximum(np.abs(ey - upper) - 0.022, np.abs(ax) - f["eye_width"] - 0.02)
    _lay(picture, 0.9 * cover(lash), 0.1)
    _lay(picture, 0.35 * cover(np.maximum(np.abs(ey - lower) - 0.008, np.abs(ax) - f["eye_width"])), 0.2)

    v = (np.abs(x) - f["eye_gap"] + f["eye_width"] * 1.05 + f["close"]) / (f["eye_width"] * 2.25)
    height = f["brow_y"] - f["inner"] * (1 - v) - f["outer"] * v - f["arch"] * 4 * v * (1 - v)
    brow = np.maximum(np.abs(y - height) - f["brow"] * (1.2 - 0.6 * v), (np.abs(v - 0.5) - 0.5) * 0.4)
    _lay(picture, 0.95 * cover(brow), 0.5 * f["hair"])
    frame = np.abs(_ellipse(ax, ey - 0.02, f["eye_width"] * 1.2, 0.2)) - 0.012
    frame = np.minimum(frame, np.maximum(np.abs(ey) - 0.012, np.abs(x) - f["eye_gap"] + f["eye_width"] * 1.2))
    _lay(picture, f["glasses"] * cover(frame), 0.12)


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
    _lay(picture, 0.8 * cover(np.maximum(lips, beyond)), 0.55 * f["skin"])
    inside = cover(np.maximum(np.maximum(top - y, y - bottom), beyond))
    _lay(picture, inside, 0.1)
    _lay(picture, 0.6 * inside * _glow(x, y - bottom + 0.02, 0.2, 0.14), 0.5)
    bared = np.maximum(f["teeth"] - 1, 0)
    edge = top + (0.5 + 0.5 * bared) * (bottom - top)
    _lay(picture, inside * cover(y - edge + 0.01) * np.minimum(f["teeth"], 1), 0.95)
    _lay(picture, 0.7 * bared * inside * cover(np.abs(y - (top + bottom) / 2) - 0.008, soft=0.02), 0.2)
    line = np.maximum(np.abs(y - (top + bottom) / 2) - 0.022, beyond - 0.02)
    _lay(picture, 0.9 * cover(line) * cover(bottom - top - 0.04), 0.12)
    _lay(picture, 0.5 * _glow(x, y - bottom - 0.13, 0.2, 0.06), 0.6 * f["skin"])


def paint(f: Face, x: Array, y: Array) -> Array:
    """Tones float32 [n, 48, 48] in [0, 1] at canonical coordinates x, y; the numbers of `f` are [n, 1, 1] each."""
    picture = _draw_head(f, x, y)
    _draw_lines(f, x, y, picture)
    _draw_mouth(f, x, y, picture)
    _draw_eyes(f, x, y, picture)
    return picture
