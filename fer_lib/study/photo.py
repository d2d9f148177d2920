"""What the page on a face of one's own shows: a photo as a network sees it, and what becomes of a turned face."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib import cbook
from matplotlib.figure import Figure
from PIL import Image

from fer_lib import data, paths
from fer_lib.data.picture import read_picture
from fer_lib.explorer.jupyterlab import Explorer
from fer_lib.explorer.models import open_run, shipped
from fer_lib.explorer.upload import PhotoPanel
from fer_lib.faces.annotate import draw
from fer_lib.faces.finding import Face, crop, find_faces
from fer_lib.faces.predict import UNSURE, Prediction, Predictor
from fer_lib.plots.drawing import Tile, sheet
from fer_lib.plots.scene import View, observe
from fer_lib.study.notebook import Study

SAMPLE = "Rear Admiral Grace Hopper, official photograph of the United States Navy, in the public domain"


def chosen(path: str) -> tuple[Image.Image, str]:
    """The photo at `path` and what it is; without a path, one in the public domain that comes with matplotlib.

    Raises:
        FerError: the file is not there, or no picture.
    """
    if path:
        return read_picture(paths.here_or_in_project(path)), Path(path).name
    return read_picture(Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))), SAMPLE


def drawn_face() -> tuple[Image.Image, str]:
    """The first face that the study draws, and what it is."""
    faces = data.load("toyfaces")
    return Image.fromarray(faces.images[0]), f"A face drawn as {faces.classes[faces.labels[0]]}"


def ask(study: Study, predictor: Predictor) -> None:
    """A panel that takes a photo of the reader's; needs JupyterLab, so a page shows nothing here."""
    display(PhotoPanel(predictor, Explorer(None, study.store, profile=study.profile)))


def show(study: Study, predictor: Predictor, photo: Image.Image, *, name: str, what: str, whole: bool = False) -> None:
    """Puts a photo with what the network says of its faces on the page; `whole`: the picture is the face."""
    found = predictor(photo, crop=whole)
    study.figure(
        draw(photo, found),
        name=name,
        caption=f"{what}. {in_words(found)}",
        alt="The photo with a box around each face, each face as the network sees it, and a bar for each expression",
        data=pd.DataFrame([{"face": n, **one.probabilities} for n, one in enumerate(found, start=1)]).round(4),
    )


def in_words(found: Sequence[Prediction]) -> str:
    """`One face: happy (0.93).`; the most probable expression of each, and whether that is unsure."""
    if not found:
        return "No face was found."
    unsure = [f"{UNSURE}, " if one.expression == UNSURE else "" for one in found]
    said = ", ".join(
        f"{one.best} ({but}{one.probabilities[one.best]:.2f})" for one, but in zip(found, unsure, strict=True)
    )
    return f"{'One face' if len(found) == 1 else f'{len(found)} faces'}: {said}."


def turned(photo: Image.Image, angles: Sequence[int]) -> list[Face]:
    """The largest face of a photo, turned by each of `angles` (degrees, clockwise); empty where there is no face."""
    largest = next(iter(find_faces(photo)), None)
    if largest is None:
        return []
    return [crop(photo, largest.centre, largest.side, largest.angle - angle) for angle in angles]


def turned_back(faces: Sequence[Face]) -> list[View]:
    """Faces as FER2013's transformer reads them: the one that comes with the package and was shown known poses."""
    run = next(run for run in shipped() if run.has_transformer and run.dataset == "fer2013")
    model = open_run(run, profile="paper")
    return [observe(face.crop, model) for face in faces]


def reading(views: Sequence[View]) -> Figure | None:
    """Each turned face with the sampling grid on it; below, what the transformer hands on."""
    if not views:
        return None
    return sheet(
        [[Tile(view.image, view.theta) for view in views], [Tile(view.seen) for view in views]],
        labels=("turned", "as read"),
    )


def when_turned(
    predictor: Predictor, photo: Image.Image, faces: Sequence[Face], views: Sequence[View], angles: Sequence[int]
) -> pd.DataFrame:
    """Whether the face is still found in the turned photo, and what the network says of it, without and with the warp.

    The probability is that of the expression that it gives the face as it is in the photo.
    """
    if not faces:
        return pd.DataFrame()
    upright = predictor(photo)[0].best
    plain = predictor.faces(faces)
    warped = [predictor(np.rint(view.seen).astype(np.uint8), crop=True)[0] for view in views]
    rows = []
    for angle, one, other in zip(angles, plain, warped, strict=True):
        seen = find_faces(photo.rotate(-angle, Image.Resampling.BILINEAR, fillcolor=(128, 128, 128)))
        rows.append({
            "Turned by": f"{angle:+d}°" if angle else "0°", "Faces found": len(seen),
            "As it is": one.best, f"P({upright}), as it is": one.probabilities[upright],
            "Turned back": other.best, f"P({upright}), turned back": other.probabilities[upright],
        })  # fmt: skip
    return pd.DataFrame(rows).round(4)  # the next digits depend on the machine
