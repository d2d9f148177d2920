"""Photos: the faces in them, and each as FER2013 would have cropped it.

FER2013's faces were found by OpenCV's face detector and resized to 48×48 (Goodfellow et al. 2013,
https://arxiv.org/abs/1307.0414), so the same detector's box is the crop here.
"""

import importlib
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fer_lib.data.faceset import SIZE
from fer_lib.data.picture import center_square
from fer_lib.errors import FerError

CASCADE = "haarcascade_frontalface_alt2.xml"
# degrees by which a photo is turned; the next ones where no face was found with those before
ANGLES = ((0.0,), (-20.0, 20.0), (-10.0, 10.0, -30.0, 30.0))
LONGEST = 400  # pixels of the longer side, to which a photo is reduced to find faces in it
SMALLEST = 20  # pixels of the smallest face there
STEP = 1.15  # from one size of face that is looked for to the next
NEIGHBOURS = 4  # detections on top of each other that make a face
SAME = 0.3  # two boxes that share so much of their union are one face


@dataclass(frozen=True)
class Face:
    """A face in a photo: a square around `centre` (x, y in pixels of the photo), `side` pixels wide.

    `angle` is how far the head is turned in the picture, in degrees, clockwise; `crop` is uint8 [48, 48], upright.
    """

    centre: tuple[float, float]
    side: float
    angle: float
    crop: np.ndarray

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels of the photo."""
        x, y = self.centre
        return round(x - self.side / 2), round(y - self.side / 2), round(self.side), round(self.side)


def find_faces(photo: Image.Image) -> list[Face]:
    """The faces in a photo, the largest first: upright ones, or where there is none, turned ones (`ANGLES`).

    Raises:
        FerError: OpenCV is not installed.
    """
    grey = photo.convert("L")
    scale = min(1.0, LONGEST / max(grey.size))
    small = np.asarray(grey if scale == 1 else grey.resize((_whole(grey.width * scale), _whole(grey.height * scale))))
    for angles in ANGLES:
        found = sorted((face for angle in angles for face in _detect(small, angle)), key=lambda face: -face[3])
        kept: list[tuple[float, float, float, float, float]] = []
        for face in found:
            if all(_overlap(face, other) < SAME for other in kept):
                kept.append(face)
        if kept:
            faces = [
                crop(grey, (x / scale, y / scale), side / scale, angle)
                for x, y, side, _, angle in sorted(kept, key=lambda face: -face[2])
            ]
            return faces
    return []


def whole(photo: Image.Image) -> Face:
    """A picture that is a face already: its `middle`."""
    return Face((photo.width / 2, photo.height / 2), float(min(photo.size)), 0.0, center_square(photo))


def _whole(value: float) -> int:
    return max(1, round(value))


def crop(photo: Image.Image, centre: tuple[float, float], side: float, angle: float = 0.0) -> Face:
    """The square around `centre`, `side` pixels wide, of a photo that is turned by -`angle` about it first."""
    (x, y), grey = centre, photo.convert("L")
    left, top = x - side / 2, y - side / 2
    if angle:  # some more of the picture, turned about the face
        margin = math.ceil(side)
        around = (round(x) - margin, round(y) - margin, round(x) + margin, round(y) + margin)
        grey = grey.crop(around).rotate(angle, Image.Resampling.BILINEAR)
        left, top = margin - side / 2, margin - side / 2
    box = (round(left), round(top), round(left + side), round(top + side))
    return Face(centre, side, angle, np.asarray(grey.crop(box).resize((SIZE, SIZE), Image.Resampling.BILINEAR)))


def _detect(grey: np.ndarray, angle: float) -> Iterator[tuple[float, float, float, float, float]]:
    """x, y, side, certainty and angle of the faces in a grey picture that is turned by -`angle` first."""
    cv2 = opencv()
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)  # counter-clockwise, so it undoes `angle`
    seen = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE) if angle else grey
    smallest = (SMALLEST, SMALLEST)
    boxes, votes = _cascade(cv2).detectMultiScale2(seen, scaleFactor=STEP, minNeighbors=NEIGHBOURS, minSize=smallest)
    back = cv2.invertAffineTransform(turn)
    for (left, top, side, _), vote in zip(boxes, votes, strict=True):
        x, y = back @ np.array([left + side / 2, top + side / 2, 1.0])
        yield float(x), float(y), float(side), float(vote), angle


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two squares x, y, side."""
    width, height = (max(0.0, (one[2] + other[2]) / 2 - abs(one[i] - other[i])) for i in (0, 1))
    shared = min(width, one[2], other[2]) * min(height, one[2], other[2])
    return shared / (one[2] ** 2 + other[2] ** 2 - shared)


def opencv() -> Any:
    """OpenCV.

    Raises:
        FerError: it is not installed.
    """
    try:
        return importlib.import_module("cv2")
    except ImportError:
        raise FerError(
            "Faces are found by OpenCV, which is not here.\nInstall it: pip install 'fer_lib[predict]'."
        ) from None


_own = threading.local()


def _cascade(cv2: Any) -> Any:
    """This thread's face detector: while one works, it keeps the picture in itself."""
    if not hasattr(_own, "cascade"):
        _own.cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / CASCADE))
    return _own.cascade
