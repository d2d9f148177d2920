"""Labelled faces from anywhere: other names, sizes and colours, and what is not understood."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_lib.data.labelled import EXPRESSIONS, expression, read_labelled
from fer_lib.errors import DataMissing, FerError

FACE = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))


def save(path: Path, image: np.ndarray = FACE, mode: str = "L", **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).convert(mode).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "meant"),
    [("angry", "angry"), ("Anger", "angry"), ("Happiness", "happy"), (" surprised ", "surprise"),
     ("contempt", "contempt"), ("NEUTRAL", "neutral"), ("scared", "fear"), ("normal", None), ("", None)],
)  # fmt: skip
def test_the_usual_names_are_understood(name, meant):
    assert expression(name) == meant


def test_folders_are_read_in_order_with_their_other_names(tmp_path):
    save(tmp_path / "Anger" / "b.png")
    save(tmp_path / "Anger" / "person 1" / "a.JPG", quality=95)
    save(tmp_path / "normal" / "c.png", mode="RGB")
    (tmp_path / "normal" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    faces = read_labelled(tmp_path, names={"Normal": "neutral"})
    assert [EXPRESSIONS[label] for label in faces.labels] == ["angry", "angry", "neutral"]
    assert [path.name for path in faces.files] == ["b.png", "a.JPG", "c.png"]
    assert np.array_equal(faces.images[0], FACE), "an image of 48 by 48 stays as it is"
    assert np.array_equal(faces.images[2], FACE), "grey in three channels"


def test_another_size_is_cut_to_its_middle_and_brought_to_48(tmp_path):
    large = np.kron(FACE, np.ones((3, 3), np.uint8))
    wide = np.pad(large, ((0, 0), (40, 40)))
    save(tmp_path / "happy" / "large.png", large)
    save(tmp_path / "happy" / "wide.png", wide, "RGB")
    faces = read_labelled(tmp_path).images
    assert np.abs(faces[0].astype(int) - FACE).max() <= 3
    assert np.array_equal(faces[0], faces[1])


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90° clockwise
    save(tmp_path / "sad" / "turned.png", np.rot90(FACE), exif=exif)
    assert np.array_equal(read_labelled(tmp_path).images[0], FACE)


def test_what_cannot_be_read_is_left_out_and_told(tmp_path):
    whole = save(tmp_path / "fear" / "whole.png").read_bytes()
    bad = {"broken.png": b"\x89PNG\r\n\x1a\n" + b"x" * 99, "text.jpg": b"hello", "cut.png": whole[:-60]}
    for name, content in bad.items():
        (tmp_path / "fear" / name).write_bytes(content)
    (tmp_path / "fear" / "notes.txt").write_text("no image")
    (tmp_path / "README.md").write_text("no image")
    faces = read_labelled(tmp_path)
    assert [path.name for path in faces.files] == ["whole.png"]
    first, *unread, last = faces.left_out
    assert first == f"{tmp_path / 'fear'}: 1 file left out: 1 .txt."
    assert [name for name in bad if any(name in line for line in unread)] == list(bad)
    assert last == f"{tmp_path}: 1 file beside the class folders left out."
    (tmp_path / "fear" / "whole.png").unlink()
    with pytest.raises(FerError, match=r"not a single image in 1 class folders\. .*broken.png"):
        read_labelled(tmp_path)


def test_what_is_not_understood_is_told_with_what_would_be(tmp_path):
    with pytest.raises(DataMissing, match="is no folder"):
        read_labelled(tmp_path / "nothing")
    with pytest.raises(FerError, match="holds no folders"):
        read_labelled(tmp_path)
    (tmp_path / "happy").mkdir()
    with pytest.raises(FerError, match="not a single image in 1 class folders"):
        read_labelled(tmp_path)
    save(tmp_path / "normal" / "a.png")
    with pytest.raises(FerError, match=r"no expression: normal. Understood are angry, .*\n.*--map normal=neutral"):
        read_labelled(tmp_path)
    for part in ("train", "test"):
        save(tmp_path / "splits" / part / "happy" / "a.png")
    with pytest.raises(FerError, match=r"class folders in them\.\nName one: test, train\."):
        read_labelled(tmp_path / "splits")
    with pytest.raises(FerError, match="'calm' is no expression"):
        read_labelled(tmp_path, names={"normal": "calm"})
