"""Many photos, or a camera: what `predict` prints, line by line."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_lib.data.folder import Pictures
from fer_lib.data.picture import read_picture
from fer_lib.errors import FerError
from fer_lib.faces.finding import opencv
from fer_lib.faces.predict import UNSURE, Prediction, Predictor
from fer_lib.files import write_atomically

CAUTION = "An expression is what a face shows, not what its owner feels; see docs/MODEL_CARD.md."
EVERY = 1.0  # seconds between two looks through a camera


@dataclass(frozen=True)
class Answer:
    """What a network says of a photo: its faces, largest first, or the `error` that kept it from being read.

    `drawn` is the picture of it with its faces, if there is one.
    """

    file: str
    faces: tuple[Prediction, ...] = ()
    error: str = ""
    drawn: Path | None = None

    def __str__(self) -> str:
        if self.error:
            return self.error
        lines = [_line(self.file, face) for face in self.faces]
        lines = lines or [f"{self.file}  no face found (--crop: the picture is the face)"]
        return "\n".join(lines + ([f"{self.file}  drawn in {self.drawn}"] if self.drawn else []))

    def as_dict(self) -> dict[str, Any]:
        """File, faces (`Prediction.as_dict`) and, where it could not be read, the error; for JSON."""
        told: dict[str, Any] = {"file": self.file, "faces": [face.as_dict() for face in self.faces]}
        told |= {"drawn": str(self.drawn)} if self.drawn else {}
        return told | ({"error": self.error} if self.error else {})


def answers(
    predictor: Predictor, photos: Iterable[Path], *, crop: bool = False, out: Path | None = None
) -> Iterator[Answer]:
    """What `predictor` says of each photo, one by one as it is done; pictures of it in `out`.

    Whatever is wrong with a photo is told in its answer, and stops no other.

    Raises:
        FerError: OpenCV is not installed, or `out` cannot be written.
    """
    drawn = Counter[str]()
    for path in photos:
        try:
            photo = read_picture(path)
        except FerError as error:
            yield Answer(str(path), error=str(error).splitlines()[0])
            continue
        found, picture = predictor(photo, crop=crop), None
        if out is not None:
            from fer_lib.faces.annotate import as_png

            drawn[path.stem] += 1
            again = f"_{drawn[path.stem]}" if drawn[path.stem] > 1 else ""  # x.jpg and x.png, or those of two folders
            picture = out / f"{path.stem}_faces{again}.png"
            write_atomically(picture, as_png(photo, found))
        yield Answer(str(path), tuple(found), drawn=picture)


def photos_in(photos: Iterable[Path]) -> tuple[list[Path], list[str]]:
    """The photos named and those in named folders; and what was left out, a line each."""
    files, left_out = [], []
    for path in photos:
        if not path.is_dir():
            files.append(path)
            continue
        found = Pictures.under(path)
        files += found.files
        left_out += [f"{path}: {found}."] if found.left_out else []
        left_out += [] if found.files else [f"{path} holds no picture."]
    return files, left_out


def _line(file: str, face: Prediction) -> str:
    best = sorted(face.probabilities.items(), key=lambda pair: -pair[1])[:3]
    left, top, width, _ = face.face.box
    where = f"{width} px at {left}, {top}" + (f", turned {face.face.angle:+.0f}°" if face.face.angle else "")
    unsure = f"{UNSURE}, " if face.expression == UNSURE else ""
    return f"{file}  {where}: {unsure}{', '.join(f'{name} {value:.2f}' for name, value in best)}"


def through_camera(predictor: Predictor, number: int, *, say: Callable[[str], None] = print) -> None:
    """Says once a second what faces the camera sees, until Ctrl-C or the camera's end.

    Raises:
        FerError: OpenCV is not installed, or there is no such camera.
    """
    camera = opencv().VideoCapture(number)
    if not camera.isOpened():
        raise FerError(f"--camera {number}: no such camera, or another program has it.")
    say(f"{CAUTION} Ctrl-C ends it.")
    try:
        while (seen := camera.read())[0]:
            began = time.monotonic()
            found = predictor(seen[1], channels="BGR")
            say("\n".join(_line(f"camera {number}", face) for face in found) or f"camera {number}  no face")
            time.sleep(max(0.0, EVERY - (time.monotonic() - began)))
    finally:
        camera.release()
