"""Films and cameras: faces followed from moment to moment, and a table that is written as it goes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fer_lib import Predictor
from fer_lib.cli import app
from fer_lib.errors import FerError
from fer_lib.faces import finding, looking
from fer_lib.faces.film import watch
from fer_lib.faces.looking import Table
from fer_lib.study.photo import chosen

cv2 = finding.opencv()
RATE = 25


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Two people, of whom the right one comes late and drifts; BGR."""
    face = np.asarray(chosen("")[0].convert("RGB").resize((200, 234)))[..., ::-1]
    found = []
    for number in range(2 * RATE):
        frame = np.full((240, 640, 3), 128, np.uint8)
        frame[3:237, 20:220] = face
        if number >= RATE:
            left = 380 + number - RATE
            frame[3:237, left : left + 200] = face // 2 + 60
        found.append(frame)
    return found


@pytest.fixture(scope="module")
def film(frames, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("film") / "two.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), RATE, (640, 240))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


def read(path: Path) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(str(path)), []
    while (seen := capture.read())[0]:
        found.append(seen[1])
    return found


def predict(*words: object) -> str:
    ended = CliRunner().invoke(app, ["predict", *map(str, words)])
    return ended.output + str(ended.exception or "")


def test_moments_are_those_asked_for_and_a_face_keeps_its_number(film, predictor):
    seen = list(watch(predictor, film, every=0.2, smooth=0.0))
    assert [moment.seconds for moment in seen] == pytest.approx([0.2 * number for number in range(10)], abs=0.001)
    assert [sorted(moment.faces) for moment in seen] == [[1]] * 5 + [[1, 2]] * 5
    left = [[moment.faces[number].face.centre[0] for moment in seen[5:]] for number in (1, 2)]
    assert np.ptp(left[0]) < 5
    assert all(np.diff(left[1]) > 0)


def test_without_smoothing_a_film_is_its_frames_one_by_one(film, predictor, tmp_path):
    predict(film, "--every", 0.2, "--smooth", 0, "--csv", tmp_path / "film.csv")
    lines = list(csv.DictReader((tmp_path / "film.csv").open()))
    wanted = []
    for number, frame in enumerate(read(film)[::5]):
        found = dict(enumerate(predictor(frame, channels="BGR"), start=1))
        wanted += looking.Answer(str(film), found, seconds=number / 5).rows()
    assert len(lines) == len(wanted) == 15

    def without_number(line: dict) -> list[str]:  # in a photo faces are numbered by their size
        return sorted(str(value) for name, value in line.items() if name not in ("face", "error", "model"))

    assert sorted(map(without_number, lines)) == sorted(map(without_number, wanted))


def test_probabilities_are_smoothed_over_time(predictor, monkeypatch):
    """An exponential mean: after the time that it is smoothed over, all but 1/e of the old is forgotten."""
    (one,) = predictor(chosen("")[0])
    answers = iter([{"a": 1.0, "b": 0.0}, *[{"a": 0.0, "b": 1.0}] * 4])
    monkeypatch.setattr(
        predictor.__class__, "__call__",
        lambda self, frame, channels: [replace(one, probabilities=next(answers))],
    )  # fmt: skip
    monkeypatch.setattr("fer_lib.faces.film._frames", lambda source, every: ((0.5 * i, None) for i in range(5)))
    seen = [moment.faces[1].probabilities["a"] for moment in watch(predictor, 0, every=0.5, smooth=1.0)]
    assert seen == pytest.approx([np.exp(-0.5 * number) for number in range(5)])


def test_out_has_the_film_with_boxes_and_its_timeline(film, tmp_path):
    said = predict(film, "--every", 0.2, "--out", tmp_path)
    assert said.splitlines()[0].startswith(f"{film}  0.00 s  face 1  ")
    drawn = read(tmp_path / "two_faces.mp4")
    assert len(drawn) == 10
    assert np.abs(drawn[0].astype(int) - read(film)[0]).max() > 100, "nothing is drawn on it"
    assert Image.open(tmp_path / "two_timeline.png").width > 600
    told = [json.loads(line) for line in predict(film, "--every", 1, "--json").splitlines()]
    assert [(one["seconds"], sorted(one["numbers"])) for one in told] == [(0, [1]), (1, [1, 2])]


def test_what_is_no_film_is_told_and_stops_no_other(film, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    said = predict(tmp_path / "broken.mp4", film, "--every", 1)
    assert "broken.mp4 is not there, or no film that can be read." in said
    assert "1.00 s  face 2" in said
    assert "1 of 2 files could not be read." in said


def test_a_camera_is_looked_through_until_it_ends(frames, monkeypatch):
    left = frames[:3]

    class Camera:
        def isOpened(self) -> bool:  # noqa: N802 OpenCV's name
            return bool(left)

        def grab(self) -> bool:
            time.sleep(0.02)
            return bool(left)

        def retrieve(self) -> tuple[bool, np.ndarray]:
            return True, left.pop(0)

        def release(self) -> None:
            left.clear()

    monkeypatch.setattr(cv2, "VideoCapture", lambda number: Camera())
    said = predict("--camera", 0, "--every", 0.01)
    assert "Ctrl-C ends it" in said
    assert said.count("face 1") == 3
    assert "--camera 0: no such camera" in predict("--camera", 0)


def lines_of(path: Path) -> Counter[str]:
    return Counter(Path(line["file"]).name for line in csv.DictReader(path.open()))


def test_a_table_goes_on_where_it_was_and_answers_each_photo_once(tmp_path, predictor):
    photos, table = tmp_path / "photos", tmp_path / "faces.csv"
    photos.mkdir()
    for number in range(30):
        chosen("")[0].resize((256, 300)).save(photos / f"{number:02}.png")
    (photos / "broken.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "fer_lib", "predict", str(photos), "--csv", str(table)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as stopped:
        while not table.is_file() or len(table.read_text().splitlines()) < 5:
            time.sleep(0.005)
            assert stopped.poll() is None
        os.kill(stopped.pid, signal.SIGKILL)
    there = lines_of(table)
    assert 3 < len(there) < 31
    stamp = table.read_bytes()
    said = predict(photos, "--csv", table)
    assert "broken.png is no image" in said
    assert ": neutral" not in said, "what is in the table is not printed"
    assert lines_of(table) == dict.fromkeys([*(f"{number:02}.png" for number in range(30)), "broken.png"], 1)
    assert table.read_bytes().startswith(b"\n".join(stamp.splitlines()[:-1])), "what was there was written anew"
    first, *_ = csv.DictReader(table.open())
    (said,) = predictor(photos / "00.png")
    assert float(first["neutral"]) == pytest.approx(said.probabilities["neutral"], abs=1e-4)


@pytest.mark.parametrize("content", [b"name,age\nAda,36\n", b"a note", b"\x00\xff\x00", b"file,seconds\n"])
def test_a_table_of_something_else_is_refused(tmp_path, predictor, content):
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(FerError, match="no table of compact_ferplus with these classes"):
        Table(tmp_path / "mine.csv", predictor)
    assert (tmp_path / "mine.csv").read_bytes() == content
    with pytest.raises(FerError, match="cannot be read: Is a directory"):
        Table(tmp_path, predictor)


def test_a_table_of_another_network_is_refused_and_one_of_another_photo_goes_on(tmp_path):
    photo, table = tmp_path / "a.png", tmp_path / "faces.csv"
    chosen("")[0].save(photo)
    photo.with_name("b.png").write_bytes(photo.read_bytes())
    odd = photo.with_name(os.fsdecode(b"odd \xff,\n\r.png"))
    odd.write_bytes(photo.read_bytes())
    for name in ("a.png", "b.png", odd.name, odd.name, "later.png"):
        predict(tmp_path / name, "--csv", table)
    photo.with_name("later.png").write_bytes(photo.read_bytes())
    assert "could not be read" not in predict(tmp_path / "later.png", "--csv", table), "it was not asked about again"
    assert "no table of compact_fer2013" in predict(photo, "--model", "compact_fer2013", "--csv", table)
    with table.open(newline="", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).name for row in rows] == ["a.png", "b.png", odd.name, "later.png"]
    assert {(row["model"], row["error"]) for row in rows} == {("compact_ferplus", "")}


def test_a_film_that_was_not_seen_to_its_end_is_begun_again(film, tmp_path):
    table = tmp_path / "faces.csv"
    predict(film, "--every", 0.5, "--csv", table)
    whole = table.read_text().splitlines()
    assert len(whole) == 7
    table.write_text("\n".join(whole[:4]) + "\n" + whole[4][:20])  # as a kill leaves it
    predict(film, "--every", 0.5, "--csv", table)
    assert table.read_text().splitlines() == whole


def test_a_face_is_followed_however_rare_the_looks_are(film, predictor):
    seen = [sorted(moment.faces) for moment in watch(predictor, film, every=1.9, smooth=0.0)]
    assert seen == [[1], [1, 2]]


def test_films_of_one_name_have_pictures_of_their_own(film, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / film.name).write_bytes(film.read_bytes())
    predict(film, tmp_path / "more" / film.name, "--out", tmp_path / "seen")
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == [
        "two_faces.mp4", "two_faces_2.mp4", "two_timeline.png", "two_timeline_2.png"
    ]  # fmt: skip
    assert cv2.VideoCapture(str(tmp_path / "seen" / "two_faces.mp4")).get(cv2.CAP_PROP_FPS) == pytest.approx(2, abs=0.1)


def test_what_cannot_be_is_told_in_a_line(film, tmp_path):
    assert "--crop is for photos" in predict(film, "--crop")
    assert "name photos, folders of photos and films, or a camera" in predict()
    (tmp_path / "file").write_text("")
    said = predict(film, "--out", tmp_path / "file" / "seen")
    assert said.startswith(f"Cannot write {tmp_path / 'file' / 'seen' / 'two_faces.mp4'}")
