"""From photos to expressions: which faces are found, what is cropped, and what becomes of pictures that are none."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from training.tiny import place, tiny
from typer.testing import CliRunner

from fer_lib import data
from fer_lib.applied import looking, predict
from fer_lib.applied.predict import Predictor
from fer_lib.cli import app
from fer_lib.data import photo, picture
from fer_lib.data.photo import find_faces, whole
from fer_lib.data.picture import read_picture
from fer_lib.errors import FerError
from fer_lib.study.beyond import mirrored_too
from fer_lib.training import RunStore, run_one
from fer_lib.training.release import classifiers

ROOT = Path(__file__).parents[2]
SIDE, LEFT, TOP = 120, 260, 150  # of the drawn face in a photo


@pytest.fixture(scope="module")
def predictors(tmp_path_factory) -> dict[str, Predictor]:
    """Two small networks on drawn faces, the second behind a transformer."""
    where = place(tmp_path_factory.mktemp("networks"))
    store = RunStore(where.store)
    return {
        attention: Predictor(
            run_one(tiny(attention=attention, split="official"), where, keep_weights=True).run_id, store
        )
        for attention in ("none", "stn")
    }


def pasted(row: int, *, angle: float = 0.0, at: tuple[int, int] = (LEFT, TOP)) -> Image.Image:
    """A grey photo of 640×480 with one drawn face, turned clockwise, on a quiet background."""
    noise = np.random.default_rng(row).integers(90, 150, (480, 640)).astype(np.uint8)
    scene = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(6))
    face = Image.fromarray(data.load("toyfaces").images[row]).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    mask = Image.new("L", (SIDE, SIDE), 255).rotate(-angle, Image.Resampling.BICUBIC)
    scene.paste(face.rotate(-angle, Image.Resampling.BICUBIC), at, mask)
    return scene.convert("RGB")


def near(face: photo.Face, *, at: tuple[int, int] = (LEFT, TOP)) -> bool:
    return all(abs(face.centre[i] - at[i] - SIDE / 2) < SIDE / 4 for i in (0, 1)) and 0.6 < face.side / SIDE < 1.3


def test_drawn_faces_are_found_where_they_were_pasted():
    found = {row: find_faces(pasted(row, angle=angle)) for row, angle in zip(range(10), range(-15, 15, 3), strict=True)}
    assert sum(any(near(face) for face in faces) for faces in found.values()) == 10
    assert sum(len(faces) for faces in found.values()) <= 11


def test_a_turned_face_is_cropped_upright():
    upright = next(face for row in range(9) for face in find_faces(pasted(row)) if near(face) and not face.angle)
    row = next(row for row in range(9) if any(near(face) for face in find_faces(pasted(row))))
    turned = [face for angle in (25, -25) for face in find_faces(pasted(row, angle=angle)) if near(face)]
    assert {np.sign(face.angle) for face in turned} == {1.0, -1.0}, "clockwise is positive"
    straight = find_faces(pasted(row))[0].crop
    for face in turned:
        assert face.crop.shape == upright.crop.shape == (48, 48)
        assert np.corrcoef(face.crop.ravel(), straight.ravel())[0, 1] > 0.7


def test_several_faces_come_largest_first_and_an_empty_scene_has_none():
    row = next(row for row in range(9) if any(near(face) for face in find_faces(pasted(row))))
    scene = pasted(row, at=(60, 150))
    small = pasted(row).crop((LEFT, TOP, LEFT + SIDE, TOP + SIDE)).resize((80, 80))
    scene.paste(small, (420, 170))
    sides = [face.side for face in find_faces(scene)]
    assert len(sides) == 2
    assert sides == sorted(sides, reverse=True)
    assert find_faces(Image.new("RGB", (300, 200), "grey")) == []
    assert find_faces(Image.new("RGB", (1, 1))) == []


def test_a_face_of_the_data_set_is_its_own_crop(predictors):
    images = data.load("toyfaces").images[:4]
    assert all(np.array_equal(whole(Image.fromarray(image)).crop, image) for image in images)
    predictor = predictors["none"]
    said = [predictor(image, crop=True)[0].probabilities for image in images]
    wanted = predictor.network.probabilities(images)
    assert np.allclose([list(own.values()) for own in said], wanted, atol=1e-6)
    assert list(said[0]) == list(predictor.network.classes)
    assert predictor(images[0], crop=True)[0].expression == predictor.network.classes[wanted[0].argmax()]


def test_a_transformer_says_how_it_looks(predictors):
    image = data.load("toyfaces").images[0]
    assert predictors["none"](image, crop=True)[0].theta is None
    told = predictors["stn"](image, crop=True)[0]
    assert told.theta.shape == (2, 3)
    assert np.shape(told.as_dict()["theta"]) == (2, 3)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("rgb.jpg", "RGB"), ("cmyk.jpg", "CMYK"), ("grey.png", "L"), ("palette.png", "P"), ("clear.png", "RGBA"),
     ("one.png", "1"), ("deep.png", "I;16"), ("both.png", "LA"), ("float.tiff", "F"), ("moving.gif", "P")],
)  # fmt: skip
def test_every_kind_of_picture_is_read(tmp_path, name, mode):
    grey = np.linspace(0, 255, 60 * 40).reshape(40, 60).astype(np.uint8)
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    several = {"save_all": True, "append_images": [image, image]} if name == "moving.gif" else {}
    image.save(tmp_path / name, **several)
    seen = read_picture(tmp_path / name)
    assert (seen.mode, seen.size) == ("RGB", (60, 40))
    if mode != "1":
        assert np.abs(np.asarray(seen.convert("L"), float) - grey).mean() < 6


def test_a_photo_is_turned_as_its_exif_says_and_what_is_clear_becomes_white(tmp_path):
    image, exif = Image.new("RGB", (60, 40)), Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    image.save(tmp_path / "phone.jpg", exif=exif)
    assert read_picture(tmp_path / "phone.jpg").size == (40, 60)
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not there"),
        (b"", "is no image"),
        (b"hello", "is no image"),
        (b"\xff\xd8\xff\xe0rest", "cannot be"),
    ],
)
def test_what_is_no_picture_is_told_in_one_line(tmp_path, content, said):
    path = tmp_path / "face.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FerError, match=said) as caught:
        read_picture(path)
    assert "\n" not in str(caught.value)


def test_a_cut_off_file_and_one_too_large_are_refused(tmp_path, monkeypatch):
    pasted(0).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:3000])
    with pytest.raises(FerError, match="cannot be read"):
        read_picture(tmp_path / "cut.jpg")
    monkeypatch.setattr(picture, "MEGAPIXELS", 0.1)
    with pytest.raises(FerError, match=r"megapixels; at most 0\.1"):
        read_picture(tmp_path / "whole.jpg")


def test_the_command_answers_for_every_photo_and_says_which_failed(predictors, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "Predictor", lambda model, store: predictors["stn"])
    faces, row = tmp_path / "faces", next(row for row in range(9) if any(near(f) for f in find_faces(pasted(row))))
    for name in ("one.jpg", "one.png"):
        faces.mkdir(exist_ok=True)
        pasted(row).save(faces / name)
    Image.new("RGB", (90, 90), "grey").save(faces / "empty.png")
    (faces / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    ended = CliRunner().invoke(app, ["predict", str(faces), "--json", "--out", str(tmp_path / "out")])
    told = json.loads(ended.output)
    assert [Path(face["file"]).name for face in told] == ["one.jpg", "one.png"]
    assert all(sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3) for face in told)
    assert {"box", "angle", "expression", "theta", "model", "version"} <= set(told[0])
    assert isinstance(ended.exception, FerError)
    assert "broken.jpg" in str(ended.exception)
    drawn = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert drawn == ["empty_faces.png", "one_faces.png", "one_faces_2.png"]
    text = CliRunner().invoke(app, ["predict", str(faces)]).output
    assert "empty.png  no face found" in text
    assert looking.CAUTION in text
    assert "--camera" in str(CliRunner().invoke(app, ["predict"]).exception)
    (tmp_path / "nothing").mkdir()
    assert "holds no picture" in str(CliRunner().invoke(app, ["predict", str(tmp_path / "nothing")]).exception)


def test_a_camera_is_looked_through_until_it_ends(predictors, monkeypatch):
    cv2, _ = photo.opencv()
    frames = [np.asarray(pasted(0))[..., ::-1], np.zeros((90, 90, 3), np.uint8)]

    class Camera:
        def isOpened(self) -> bool:  # noqa: N802 OpenCV's name
            return bool(frames)

        def read(self) -> tuple[bool, np.ndarray | None]:
            return (True, frames.pop(0)) if frames else (False, None)

        def release(self) -> None:
            frames.append(np.zeros(0))

    monkeypatch.setattr(cv2, "VideoCapture", lambda number: Camera())
    monkeypatch.setattr(looking, "EVERY", 0.0)
    said: list[str] = []
    looking.through_camera(predictors["none"], 0, say=said.append)
    assert len(said) == 3
    assert "Ctrl-C" in said[0]
    assert said[2] == "camera 0  no face"
    frames.clear()
    with pytest.raises(FerError, match="no such camera"):
        looking.through_camera(predictors["none"], 0)


def test_without_a_shipped_network_or_opencv_it_is_said(monkeypatch):
    monkeypatch.setattr(predict, "classifiers", dict)
    with pytest.raises(FerError, match="Name a run"):
        Predictor()
    photo.opencv.cache_clear()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(FerError, match=r"pip install 'fer_lib\[predict\]'"):
        photo.opencv()
    photo.opencv.cache_clear()


def test_an_array_of_another_kind_is_refused(predictors):
    with pytest.raises(ValueError, match=r"found float64 \[4, 4\], expected uint8"):
        predictors["none"](np.zeros((4, 4)))


@pytest.mark.real_data
@pytest.mark.slow
def test_released_networks_say_of_test_images_what_their_records_say(real_data):
    """The records were evaluated in bf16, so an answer between two classes may turn."""
    store = RunStore(ROOT / "reports" / "paper")
    networks = [path.stem for path in classifiers()]
    assert networks
    for name in networks:
        predictor = Predictor(name)
        recorded, heat = store.predictions(predictor.network.record), predictor.network.temperature
        faces = data.load(predictor.network.record.config.dataset, data=real_data)
        images = faces.images[recorded["rows"][:512].astype(int)]
        said = predictor.faces([whole(Image.fromarray(image)) for image in images])
        wanted = [predictor.network.classes[number] for number in mirrored_too(recorded, heat)[:512].argmax(1)]
        same = np.mean([one.expression == other for one, other in zip(said, wanted, strict=True)])
        assert same > 0.99
