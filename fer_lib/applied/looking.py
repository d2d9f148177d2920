"""Many photos, or a camera: what `predict` prints, line by line."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from fer_lib import __version__
from fer_lib.applied.predict import Predictor
from fer_lib.data.labelled import images_in
from fer_lib.data.photo import opencv
from fer_lib.data.picture import read_picture
from fer_lib.errors import FerError
from fer_lib.files import write_atomically

CAUTION = "An expression is what a face shows, not what its owner feels; see MODEL_CARD.md."
EVERY = 1.0  # seconds between two looks through a camera


@dataclass
class Told:
    """What was said of photos: an object for each face, photos without a face, and a line for each that failed."""

    faces: list[dict[str, Any]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [_line(face) for face in self.faces]
        lines += [f"{file}  no face found (--crop: the picture is the face)" for file in self.empty]
        return "\n".join([*lines, CAUTION] if self.faces else lines)


def look(predictor: Predictor, photos: Sequence[Path], *, crop: bool = False, out: Path | None = None) -> Told:
    """What `predictor` says of photos and of those in folders; pictures of it in `out`. A bad photo stops no other."""
    told, drawn = Told(), Counter[str]()
    for path in _files(photos, told):
        try:
            photo = read_picture(path)
            predictions = predictor(photo, crop=crop)
        except FerError as error:
            told.errors.append(str(error).splitlines()[0])
            continue
        about = {"file": str(path), "model": predictor.network.name, "version": __version__}
        told.faces += [about | prediction.as_dict() for prediction in predictions]
        if not predictions:
            told.empty.append(str(path))
        if out is not None:
            from fer_lib.applied.annotate import as_png  # brings matplotlib and seaborn, for seconds

            drawn[path.stem] += 1
            again = f"_{drawn[path.stem]}" if drawn[path.stem] > 1 else ""  # x.jpg and x.png, or those of two folders
            write_atomically(out / f"{path.stem}_faces{again}.png", as_png(photo, predictions))
    return told


def _files(photos: Sequence[Path], told: Told) -> Iterable[Path]:
    for path in photos:
        if not path.is_dir():
            yield path
            continue
        if not (found := images_in(path)):
            told.errors.append(f"{path} holds no picture.")
        yield from found


def _line(face: dict[str, Any]) -> str:
    best = sorted(face["probabilities"].items(), key=lambda pair: -pair[1])[:3]
    left, top, width, _ = face["box"]
    where = f"{width} px at {left}, {top}" + (f", turned {face['angle']:+.0f}°" if face["angle"] else "")
    return f"{face['file']}  {where}: {', '.join(f'{name} {value:.2f}' for name, value in best)}"


def through_camera(predictor: Predictor, number: int, *, say: Callable[[str], None] = print) -> None:
    """Says once a second what faces the camera sees, until Ctrl-C or the camera's end.

    Raises:
        FerError: OpenCV is not installed, or there is no such camera.
    """
    cv2, _ = opencv()
    camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        raise FerError(f"--camera {number}: no such camera, or another program has it.")
    say(f"{CAUTION} Ctrl-C ends it.")
    try:
        while (seen := camera.read())[0]:
            began = time.monotonic()
            found = predictor(Image.fromarray(cv2.cvtColor(seen[1], cv2.COLOR_BGR2RGB)))
            said = [_line({"file": f"camera {number}", **prediction.as_dict()}) for prediction in found]
            say("\n".join(said) or f"camera {number}  no face")
            time.sleep(max(0.0, EVERY - (time.monotonic() - began)))
    finally:
        camera.release()
