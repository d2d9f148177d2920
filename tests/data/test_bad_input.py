"""Whatever is wrong with the files, the user reads two lines: which file and row, what was expected, what to do."""

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data.fer_files import FER_HEADER, VOTE_HEADER, Table, make_table, write_csv
from PIL import Image

from fer_lib.data import apply_rule, load, split_rows
from fer_lib.errors import FerError


def complaint(read: Callable[[], object]) -> str:
    """The message of the FerError that `read` raises."""
    with pytest.raises(FerError) as caught:
        read()
    message = str(caught.value)
    assert len(message.splitlines()) <= 2, message
    assert "np." not in message, message
    assert all(len(line) < 500 for line in message.splitlines()), message
    return message


def complaint_about(folder: Path, dataset: str = "fer2013") -> str:
    return complaint(lambda: load(dataset, data=folder))


def with_cell(folder: Path, column: str, value: str, *, row: int = 7) -> Path:
    """A FER2013 whose `row` (from 1) has `value` in `column`."""
    rows = make_table().rows()
    rows[row - 1][FER_HEADER.index(column)] = value
    write_csv(folder / "fer2013.csv", FER_HEADER, rows)
    return folder


def test_nothing_there_lists_the_places_and_how_to_get_it(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        message = complaint_about(folder)
        for part in (str(folder), "fer2013.csv", "icml_face_data.csv", "fer2013.tar.gz", "zip", "class folders",
                     "make data", "kaggle.com", "FER_DATA"):  # fmt: skip
            assert part in message


def test_a_truncated_tar_gz(tmp_path: Path, table: Table) -> None:
    path = write_csv(tmp_path / "scratch", FER_HEADER, table.rows())
    archive = tmp_path / "fer2013.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(path, "fer2013/fer2013.csv")
    whole = archive.read_bytes()
    for size in (len(whole) // 2, 40, 5, 0):
        archive.write_bytes(whole[:size])
        message = complaint_about(tmp_path)
        assert "fer2013.tar.gz cannot be read to its end" in message
        assert "download it again" in message


def test_a_damaged_zip_alone_is_named(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04 and no more")
    assert "archive.zip is damaged or not yet whole" in complaint_about(tmp_path)


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0])
def test_a_truncated_zip(tmp_path: Path, table: Table, share: float) -> None:
    path = write_csv(tmp_path / "scratch", FER_HEADER, table.rows())
    archive = tmp_path / "challenges-in-representation-learning-facial-expression-recognition-challenge.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(path, "icml_face_data.csv")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole))])
    message = complaint_about(tmp_path)
    assert f"{archive.name} cannot be read to its end" in message
    assert complaint_about(archive) == message


def test_a_damaged_byte_in_a_zip(tmp_path: Path, table: Table) -> None:
    path = write_csv(tmp_path / "scratch", FER_HEADER, table.rows())
    archive = tmp_path / "fer2013.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(path, "icml_face_data.csv")
    damaged = bytearray(archive.read_bytes())
    damaged[5000:5040] = bytes(40)
    archive.write_bytes(damaged)
    assert "fer2013.zip cannot be read to its end" in complaint_about(tmp_path)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    for name in ("fer2013.tar.gz", "notes.txt"):
        (tmp_path / name).write_text("<html>sign in first</html>" * 100)
        assert f"{name} cannot be read" in complaint_about(tmp_path / name)
    (tmp_path / "fer2013.csv").write_bytes(bytes(range(128, 256)) * 10)
    assert "fer2013.csv cannot be read" in complaint_about(tmp_path / "fer2013.csv")


def test_archives_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "scratch").write_text("hello")
    with tarfile.open(tmp_path / "fer2013.tar.gz", "w:gz") as file:
        file.add(tmp_path / "scratch", "readme")
    assert "fer2013.tar.gz holds none of fer2013.csv, icml_face_data.csv" in complaint_about(tmp_path)
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("readme", "hello")
    assert "some.zip holds none of fer2013.csv" in complaint_about(tmp_path / "some.zip")


def test_wrong_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "fer2013.csv", ("label", "image"), [["1", "2"]])
    assert "found columns label, image, expected emotion, pixels, Usage" in complaint_about(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").touch()
    assert "fer2013.csv: found columns none" in complaint_about(tmp_path)
    write_csv(tmp_path / "fer2013.csv", FER_HEADER, [])
    assert "fer2013.csv: no rows below the header" in complaint_about(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("pixels", " ".join(["7"] * 2303), "row 7 has 2,303 pixels, expected 2304 numbers from 0 to 255"),
        ("pixels", "", "row 7 has 0 pixels"),
        ("pixels", " ".join(["256"] * 2304), "row 7 has a pixel of 256, expected 2304 numbers from 0 to 255"),
        ("pixels", " ".join(["-1"] * 2304), "row 7 has a pixel of -1"),
        ("pixels", " ".join(["7"] * 2303) + " x", "row 7 has a pixel 'x'"),
        ("pixels", " ".join(["7.5"] * 2304), "row 7 has a pixel '7.5'"),
        ("Usage", "Testing", "row 7 has Usage 'Testing', expected one of Training, PublicTest, PrivateTest"),
        ("emotion", "7", "row 7 has emotion '7', expected one of 0, 1, 2, 3, 4, 5, 6"),
        ("emotion", "", "row 7 has emotion ''"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, column: str, value: str, expected: str) -> None:
    message = complaint_about(with_cell(tmp_path, column, value))
    assert expected in message
    assert str(tmp_path / "fer2013.csv") in message


def test_a_table_cut_within_a_row(tmp_path: Path, table: Table) -> None:
    path = write_csv(tmp_path / "fer2013.csv", FER_HEADER, table.rows())
    text = path.read_text().splitlines()
    path.write_text("\n".join(text[:20]) + "\n" + text[20][:1])
    assert "fer2013.csv: row 20 has 1 fields, expected 3" in complaint_about(tmp_path)
    path.write_text("\n".join(text[:20]) + "\n" + text[20][:99])
    assert "fer2013.csv: row 20 has" in complaint_about(tmp_path)


def test_kaggles_unlabelled_test_csv(tmp_path: Path, table: Table) -> None:
    write_csv(tmp_path / "test.csv", ("pixels",), [[row[1]] for row in table.rows()])
    assert "its test.csv no labels" in complaint_about(tmp_path)
    assert "found Kaggle's unlabelled test.csv" in complaint_about(tmp_path / "test.csv")


def _with_votes(fer_csv: Callable[..., Path], change: Callable[[list[list[str]]], object]) -> Path:
    folder = fer_csv()
    rows = make_table().vote_rows()
    change(rows)
    write_csv(folder / "fer2013new.csv", VOTE_HEADER, rows)
    return folder


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows.pop(), "has 39 rows and FER2013 has 40"),
        (lambda rows: rows.reverse(), "row 1 is 'PrivateTest', FER2013's is 'Training': another order"),
        (
            lambda rows: rows[4].__setitem__(slice(2, 12), ["0"] * 10),
            "row 5 has the votes 0, 0, 0, 0, 0, 0, 0, 0, 0, 0",
        ),
        (lambda rows: rows[4].__setitem__(3, "many"), "row 5 has the votes"),
        (lambda rows: rows[4].__setitem__(3, "-1"), "row 5 has the votes"),
        (lambda rows: rows[4].__setitem__(3, "300"), "row 5 has the votes"),
        (lambda rows: rows[4].__setitem__(3, "0.5"), "row 5 has the votes"),
    ],
)
def test_ferplus_that_does_not_fit(fer_csv: Callable[..., Path], change: Callable, expected: str) -> None:
    for dataset in ("ferplus", "fer2013"):
        message = complaint_about(_with_votes(fer_csv, change), dataset)
        assert expected in message
        assert "fer2013new.csv" in message


def test_ferplus_that_is_no_table(fer_csv: Callable[..., Path]) -> None:
    folder = fer_csv()
    for content, expected in (("", "is no readable table"), ("a,b\n1,2\n", "no column Usage, Image name, neutral")):
        (folder / "fer2013new.csv").write_text(content)
        assert expected in complaint_about(folder, "ferplus")


def _class_folders(folder: Path) -> Path:
    for name in ("angry", "happy"):
        (folder / name).mkdir()
        Image.new("L", (48, 48), 9).save(folder / name / "1.png")
    return folder


def test_class_folders_with_an_unreadable_image(tmp_path: Path) -> None:
    folder = _class_folders(tmp_path)
    (folder / "happy" / "2.png").write_text("no image")
    assert "happy/2.png is no image" in complaint_about(folder)
    noise = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "happy" / "2.png")
    whole = (folder / "happy" / "2.png").read_bytes()
    (folder / "happy" / "2.png").write_bytes(whole[: len(whole) // 2])
    assert "happy/2.png cannot be read" in complaint_about(folder)


def test_class_folders_with_an_unknown_class_or_no_image(tmp_path: Path) -> None:
    folder = _class_folders(tmp_path)
    (folder / "smug").mkdir()
    assert "unknown class 'smug', expected angry, disgust" in complaint_about(folder)
    (tmp_path / "empty" / "fear").mkdir(parents=True)
    assert "without a single image" in complaint_about(tmp_path / "empty")


def test_class_folders_have_no_official_split_and_no_votes(tmp_path: Path) -> None:
    faces = load("fer2013", data=_class_folders(tmp_path))
    message = complaint(lambda: split_rows(faces, apply_rule(faces, "fer7"), protocol="official", seed=0))
    assert "'official' needs FER2013's Usage column" in message
    assert "needs FER+ votes" in complaint(lambda: apply_rule(faces, "majority8"))
    assert "no FER+ labels" in complaint_about(tmp_path, "ferplus")


def test_the_command_says_it_in_two_lines_and_leaves_nothing(tmp_path: Path) -> None:
    folder = with_cell(tmp_path, "pixels", "1 2 3")
    command = [sys.executable, "-m", "fer_lib", "data", "check", "--fast", "--data", str(folder)]
    environment = {**os.environ, "FER_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "row 7 has 3 pixels" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not (tmp_path / "cache").exists()


def test_commands_end_with_exit_code_2(
    tmp_path: Path, fer_csv: Callable[..., Path], exit_of: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No FER2013 under" in exit_of("data", "check", "--data", str(tmp_path))
    assert "dataset: 'faces' is unknown" in exit_of("data", "check", "--dataset", "faces")
    (tmp_path / "cache").write_text("a file, not a folder")
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    assert "Cannot write the image cache" in exit_of("data", "check", "--data", str(fer_csv()), "--fast")
