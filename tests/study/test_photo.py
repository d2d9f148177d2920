"""The page on a face of one's own: what it shows of a photo, and what it says where there is no face."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_lib import Predictor
from fer_lib.errors import FerError
from fer_lib.study import photo as own

ANGLES = [-30, 0, 30]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


def test_a_turned_face_is_read_upright_and_judged_both_ways(predictor):
    picture, what = own.chosen("")
    faces = own.turned(picture, ANGLES)
    views = own.turned_back(faces)
    assert "public domain" in what
    likeness = [np.corrcoef(view.seen.ravel(), views[1].seen.ravel())[0, 1] for view in views]
    before = [np.corrcoef(view.image.ravel().astype(float), views[1].image.ravel())[0, 1] for view in views]
    assert min(likeness) > 0.5 > max(before[0], before[2])
    table = own.when_turned(predictor, picture, faces, views, ANGLES)
    assert table["Turned by"].tolist() == ["-30°", "0°", "+30°"]
    (upright,) = predictor(picture)
    assert table.loc[1, "As it is"] == upright.best
    assert table.loc[1, f"P({upright.best}), as it is"] == pytest.approx(upright.probabilities[upright.best], abs=1e-4)
    tilted = own.when_turned(predictor, picture, faces[2:], views[2:], ANGLES[2:])
    assert list(tilted) == list(table), "no angle need be zero"
    assert own.reading(views) is not None


def test_without_a_face_it_says_so(predictor):
    nobody = Image.new("RGB", (200, 200), "grey")
    assert own.turned(nobody, ANGLES) == []
    assert own.reading(own.turned_back([])) is None
    assert own.when_turned(predictor, nobody, [], [], ANGLES).empty
    assert own.in_words([]) == "No face was found."
    drawn, what = own.drawn_face()
    assert what.startswith("A face drawn as ")
    assert own.in_words(predictor(drawn, crop=True) * 2).startswith("2 faces: ")
    with pytest.raises(FerError, match=r"nowhere\.jpg is not there"):
        own.chosen(str(Path("nowhere.jpg")))
