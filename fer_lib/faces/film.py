"""Films and cameras: faces followed from moment to moment, and what a network says of each, smoothed over time."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_lib.errors import Fatal, FerError
from fer_lib.faces.finding import SAME, opencv, overlap
from fer_lib.faces.predict import Prediction, Predictor
from fer_lib.files import writing

SUFFIXES = frozenset({
    ".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv",
})  # fmt: skip
LOST = 1.0  # seconds after which a face that comes back counts as another one; longer where looks are rarer
_ORANGE = (0, 165, 255)  # BGR


@dataclass(frozen=True)
class Moment:
    """A moment of a film: seconds from its beginning, frame uint8 [H, W, 3] (BGR), faces by number.

    A face keeps its number for as long as it is followed.
    """

    seconds: float
    frame: np.ndarray
    faces: dict[int, Prediction]


def watch(predictor: Predictor, source: Path | int, *, every: float, smooth: float) -> Iterator[Moment]:
    """Looks at a film, or through the camera of this number, again and again; a face is followed by overlapping boxes.

    Args:
        every: seconds between two looks.
        smooth: seconds over which probabilities are smoothed (time constant of an exponential mean); 0: not at all.

    Raises:
        FerError: OpenCV is not installed, or cannot read it.
    """
    known: dict[int, tuple[float, Prediction]] = {}
    count, lost = 0, max(LOST, 1.5 * every)
    for seconds, frame in _frames(source, every):
        free = {number: before for number, before in known.items() if seconds - before[0] <= lost}
        known, faces = dict(free), dict[int, Prediction]()
        for one in predictor(frame, channels="BGR"):
            shares = {number: overlap(_square(one), _square(before)) for number, (_, before) in free.items()}
            number = max(shares, key=shares.__getitem__, default=0)
            if shares.get(number, 0.0) >= SAME:
                then, before = free.pop(number)
                old = math.exp((then - seconds) / smooth) if smooth else 0.0
                mixed = {
                    name: old * before.probabilities[name] + (1 - old) * p for name, p in one.probabilities.items()
                }
                one = replace(one, probabilities=mixed)
            else:
                number = count = count + 1
            faces[number], known[number] = one, (seconds, one)
        yield Moment(seconds, frame, faces)


def _frames(source: Path | int, every: float) -> Iterator[tuple[float, np.ndarray]]:
    cv2 = opencv()
    live = isinstance(source, int)
    capture = cv2.VideoCapture(source if live else str(source))
    if not capture.isOpened():
        camera = f"--camera {source}: no such camera, or another program has it."
        raise FerError(camera if live else f"{source} is not there, or no film that can be read.")
    began, due, last = time.monotonic(), 0.0, -1.0
    try:
        while capture.grab():
            seconds = time.monotonic() - began if live else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if seconds >= due - 1e-3:
                due, last = every * (math.floor(seconds / every + 1e-3) + 1), seconds
                yield seconds, capture.retrieve()[1]
        if last < 0:
            raise FerError(f"{source} has no frame that can be read.")
    finally:
        capture.release()


def _square(one: Prediction) -> tuple[float, float, float]:
    return (*one.face.centre, one.face.side)


class BoxedFilm:
    """Writes moments as a film (MPEG-4) with a numbered box around each face, at least one a second."""

    def __init__(self, path: Path) -> None:
        self._path, self._began, self._writer = path, -1.0, opencv().VideoWriter()
        with writing(path, otherwise="Name another folder."):
            path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, moment: Moment) -> None:
        """Writes a moment's frame.

        Raises:
            Fatal: the file cannot be written.
        """
        cv2, drawn = opencv(), moment.frame.copy()
        for number, one in moment.faces.items():
            x, y, side = _square(one)
            corners = cv2.boxPoints(((x, y), (side, side), one.face.angle)).astype(int)
            cv2.polylines(drawn, [corners], True, _ORANGE, 2)
            place = tuple(int(value) for value in corners.min(0) - 4)
            cv2.putText(drawn, f"{number} {one.expression}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, _ORANGE, 2)
        if self._began < 0:
            self._began, self._first = moment.seconds, drawn
        elif not self._writer.isOpened():
            rate = max(1.0, 1 / (moment.seconds - self._began))
            if not self._writer.open(str(self._path), cv2.VideoWriter_fourcc(*"mp4v"), rate, drawn.shape[1::-1]):
                raise Fatal(f"{self._path} cannot be written as a film.")
            self._writer.write(self._first)
        self._writer.write(drawn)

    def close(self) -> None:
        """Ends the file; of one moment alone there is none."""
        self._writer.release()
