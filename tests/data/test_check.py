"""`data check` counts right and names what is wrong."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from data.fer_files import FER_HEADER, VOTE_HEADER, make_table, write_csv
from data.one_face import draw_face
from PIL import Image
from typer.testing import CliRunner

from fer_lib.cli import app
from fer_lib.cli.data import as_text
from fer_lib.data import FER_CLASSES, USAGES
from fer_lib.data.check import check


def test_counts_and_hashes(fer_csv: Callable[..., Path]) -> None:
    folder = fer_csv(70)
    report = check(folder)
    assert report["rows"] == 70
    assert report["usage"] == {"Training": 42, "PublicTest": 14, "PrivateTest": 14}
    assert report["labels"]["fer7"]["PublicTest"] == dict.fromkeys(FER_CLASSES, 2)
    assert report["labels"]["majority8"]["Training"]["happiness"] == 6
    assert set(report["labels"]) == {"fer7", "plurality10", "plurality8", "majority8", "votes8"}
    assert all(list(splits) == list(USAGES) for splits in report["labels"].values())
    assert report["kept"]["votes8"] == report["usage"]
    assert report["agreement"]["share"] == 1.0
    for source in report["sources"]:
        assert source["sha256"] == hashlib.sha256(Path(source["path"]).read_bytes()).hexdigest()
    assert report["duplicates"]["exact"]["redundant"] == report["duplicates"]["near"]["redundant"] == 0
    assert report["odd_votes"] == []
    assert json.loads(json.dumps(report)) == report


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    table = make_table(40)
    table.images[3] = 17
    table.images[30] = table.images[5]
    table.votes[8, 0] += 1
    table.votes[20] = 0
    table.votes[20, 9] = 4
    names = table.vote_rows()
    names[1][1] = ""
    names[12][1] = names[11][1]
    write_csv(tmp_path / "fer2013.csv", FER_HEADER, table.rows())
    write_csv(tmp_path / "fer2013new.csv", VOTE_HEADER, names)
    report = check(tmp_path)
    assert report["odd_votes"] == [
        {"row": 9, "votes": 11, "image": "fer0000008.png"},
        {"row": 21, "votes": 4, "image": "fer0000020.png"},
    ]
    problems, notes = "\n".join(report["problems"]), "\n".join(report["notes"])
    assert "The votes of 2 rows don't sum to 10: row 9 (11 votes), row 21 (4 votes)." in problems
    assert "1 row blank (one grey value, so no face): 4." in problems
    assert "Training has 24 rows, published are 28,709" in problems
    assert "PrivateTest has 8 rows, published are 3,589" in problems
    assert "1 row (the join" in notes
    assert report["duplicates"]["exact"]["twins"] == {"PublicTest": 1, "PrivateTest": 0}
    assert yaml.safe_load(as_text(report)) == report


def test_missing_ferplus_is_a_problem(fer_csv: Callable[..., Path]) -> None:
    report = check(fer_csv(ferplus=False), near=False)
    assert list(report["labels"]) == ["fer7"]
    assert any("No FER+ votes" in problem for problem in report["problems"])
    assert report["duplicates"]["near"] is None


def test_class_folders_have_the_one_split_all(tmp_path: Path) -> None:
    for label, name in enumerate(FER_CLASSES):
        (tmp_path / name).mkdir()
        Image.new("L", (48, 48), 20 * label).save(tmp_path / name / "1.png")
    report = check(tmp_path)
    assert report["usage"] is None
    assert report["labels"] == {"fer7": {"all": dict.fromkeys(FER_CLASSES, 1)}}
    assert "no official splits" in report["problems"][0]


def test_class_folders_with_a_split_are_counted_by_it(tmp_path: Path) -> None:
    for part, expressions in (("train", FER_CLASSES), ("test", FER_CLASSES[:2])):
        for expression in expressions:
            (tmp_path / part / expression).mkdir(parents=True)
            Image.fromarray(draw_face(expression)).save(tmp_path / part / expression / "one.png")
    report = check(tmp_path, near=False)
    assert report["usage"] is None
    assert {split: sum(counts.values()) for split, counts in report["labels"]["fer7"].items()} == {
        "train": 7, "validation": 0, "test": 2,
    }  # fmt: skip
    assert "    test: {angry: 1, disgust: 1, fear: 0," in as_text(report)


def test_toy_faces_are_clean_and_drawn() -> None:
    report = check(dataset="toyfaces")
    assert report["folder"] is None
    assert report["sources"] == []
    assert report["usage"] == {"Training": 2400, "PublicTest": 300, "PrivateTest": 300}
    assert report["odd_votes"] == []
    assert as_text(report).startswith("dataset: toyfaces\n")


def test_other_sets_are_checked_too() -> None:
    report = check(dataset="digits", near=False)
    assert list(report["labels"]) == ["given"]
    assert "7" in report["labels"]["given"]["Training"]


@pytest.mark.parametrize("options", [["--fast"], ["--json", "--fast"]])
def test_the_command_prints_text_or_json(fer_csv: Callable[..., Path], options: list[str]) -> None:
    result = CliRunner().invoke(app, ["data", "check", "--data", str(fer_csv()), *options])
    assert result.exit_code == 0
    if "--json" in options:
        assert json.loads(result.stdout)["rows"] == 40
    else:
        assert yaml.safe_load(result.stdout)["rows"] == 40


def test_a_test_image_that_is_in_train_too_is_told(tmp_path):
    for part, number in (("train", 0), ("train", 1), ("test", 1), ("test", 2)):
        folder = tmp_path / part / ("happy" if number else "sad")
        folder.mkdir(parents=True, exist_ok=True)
        Image.linear_gradient("L").resize((48, 48)).rotate(30 * number).save(folder / f"{number}.png")
    facts = check(tmp_path, near=False)
    assert facts["duplicates"]["exact"]["twins"] == {"test": 1}
    assert "1 of the images in test is in train, too." in facts["problems"]
