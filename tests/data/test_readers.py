"""FER2013 reads the same from every form, and so do FER+ and Tiny-ImageNet."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data.fer_files import FER_HEADER, VOTE_HEADER, Table, make_table, write_csv
from PIL import Image

from fer_lib.data import FER_CLASSES, apply_rule, load, split_rows
from fer_lib.data.fer2013 import find, read
from fer_lib.errors import DataMissing, FerError


def as_csv(folder: Path, table: Table) -> None:
    write_csv(folder / "fer2013.csv", FER_HEADER, table.rows())


def as_csv_in_a_folder(folder: Path, table: Table) -> None:
    write_csv(folder / "fer2013" / "fer2013.csv", FER_HEADER, table.rows())


def as_csv_with_byte_order_mark(folder: Path, table: Table) -> None:
    path = write_csv(folder / "fer2013.csv", FER_HEADER, table.rows())
    path.write_text(path.read_text(), encoding="utf-8-sig")


def as_csv_in_utf16_without_a_mark(folder: Path, table: Table) -> None:
    path = write_csv(folder / "fer2013.csv", FER_HEADER, table.rows())
    path.write_text(path.read_text(), encoding="utf-16-le")


def as_csv_with_semicolons(folder: Path, table: Table) -> None:
    path = write_csv(folder / "fer2013.csv", FER_HEADER, table.rows())
    path.write_text(path.read_text().replace(",", ";"))


def as_icml(folder: Path, table: Table) -> None:
    rows = [[label, usage, pixels] for label, pixels, usage in table.rows()]
    write_csv(folder / "icml_face_data.csv", ("emotion", " Usage", " pixels"), rows)


def as_tar_gz(folder: Path, table: Table) -> None:
    path = write_csv(folder / "scratch.csv", FER_HEADER, table.rows())
    with tarfile.open(folder / "fer2013.tar.gz", "w:gz") as archive:
        archive.add(path, "fer2013/fer2013.csv")
    path.unlink()


def as_competition_zip(folder: Path, table: Table) -> None:
    as_icml(folder, table)
    _into_zip(folder, "icml_face_data.csv", f"challenges-in-representation-learning-{folder.name}.zip")


def as_zip_of_tar_gz(folder: Path, table: Table) -> None:
    as_tar_gz(folder, table)
    _into_zip(folder, "fer2013.tar.gz", "anything.zip")


def _into_zip(folder: Path, member: str, name: str) -> None:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", "emotion,pixels\n")
        archive.writestr("example_submission.csv", "0\n")
        archive.write(folder / member, member)
    (folder / member).unlink()


FORMS = (
    as_csv, as_csv_in_a_folder, as_csv_with_byte_order_mark, as_csv_in_utf16_without_a_mark, as_csv_with_semicolons,
    as_icml, as_tar_gz, as_competition_zip, as_zip_of_tar_gz,
)  # fmt: skip


@pytest.mark.parametrize("write", FORMS)
def test_every_form_gives_the_same_arrays(write: Callable, tmp_path: Path, table: Table) -> None:
    write(tmp_path, table)
    (tmp_path / "unrelated.zip").write_bytes(b"no zip at all")
    source = find(tmp_path)
    arrays = read(source)
    assert np.array_equal(arrays["images"], table.images)
    assert np.array_equal(arrays["labels"], table.labels)
    assert np.array_equal(arrays["usage"], table.usage)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.uint8)}
    assert find(source) == source


@pytest.mark.parametrize("parts", [("",), ("train", "test"), ("Training", "PublicTest", "PrivateTest")])
def test_class_folders_hold_the_same_images_and_their_own_split(parts: tuple, tmp_path: Path, table: Table) -> None:
    for row, (image, label) in enumerate(zip(table.images, table.labels, strict=True)):
        folder = tmp_path / parts[row % len(parts)] / FER_CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{row}.png")
    (tmp_path / ".hidden").mkdir()
    arrays = read(find(tmp_path))
    assert "usage" not in arrays
    assert ("parts" in arrays) == (len(parts) > 1)
    read_back = {(int(label), image.tobytes()) for image, label in zip(arrays["images"], arrays["labels"], strict=True)}
    assert read_back == {(int(label), image.tobytes()) for image, label in zip(table.images, table.labels, strict=True)}
    faces = load("fer2013", data=tmp_path)
    assert faces.usage is None
    assert "no official splits" in faces.warnings[0]
    assert ("`folders` is their own split" in faces.warnings[0]) == (len(parts) > 1)
    if len(parts) > 1:
        number = {"train": 0, "Training": 0, "PublicTest": 1, "test": 2, "PrivateTest": 2}
        wanted = [number[parts[row % len(parts)]] for row in range(len(table.labels))]
        assert sorted(faces.parts) == sorted(wanted)
        split = split_rows(faces, apply_rule(faces, "fer7"), protocol="folders", seed=0)
        tested = {image.tobytes() for image, part in zip(table.images, wanted, strict=True) if part == 2}
        assert {image.tobytes() for image in faces.images[split.report]} == tested


def test_class_folders_take_other_sizes_colours_and_spellings(tmp_path: Path) -> None:
    (tmp_path / "Happiness").mkdir()
    Image.new("RGB", (96, 96), (90, 90, 90)).save(tmp_path / "Happiness" / "one.jpg")
    arrays = read(tmp_path)
    assert arrays["labels"].tolist() == [FER_CLASSES.index("happy")]
    assert arrays["images"].shape == (1, 48, 48)


def test_ferplus_joins_by_row_order(fer_csv: Callable[..., Path], table: Table) -> None:
    folder = fer_csv()
    faces = load("ferplus", data=folder)
    assert np.array_equal(faces.votes, table.votes)
    assert faces.fingerprint != load("fer2013", data=folder).fingerprint
    assert np.array_equal(load("fer2013", data=folder / "fer2013.csv").votes, table.votes)


def test_fer2013_alone_loads_with_a_warning(fer_csv: Callable[..., Path]) -> None:
    folder = fer_csv(ferplus=False)
    assert any("No FER+ votes" in warning for warning in load("fer2013", data=folder).warnings)
    with pytest.raises(FerError, match=r"No fer2013new\.csv"):
        load("ferplus", data=folder)


def _jpeg(tone: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (64, 64), tone).save(data, "JPEG")
    return data.getvalue()


TINY = {
    "wnids.txt": b"n02\nn01\n",
    "train/n01/images/n01_0.JPEG": _jpeg(10),
    "train/n02/images/n02_0.JPEG": _jpeg(20),
    "train/n02/images/n02_1.JPEG": _jpeg(30),
    "val/images/val_0.JPEG": _jpeg(40),
    "val/val_annotations.txt": b"val_0.JPEG\tn01\t0\t0\t62\t62\n",
}


@pytest.mark.parametrize("zipped", [True, False])
def test_tiny_imagenet_from_zip_and_folder(tmp_path: Path, zipped: bool) -> None:
    if zipped:
        with zipfile.ZipFile(tmp_path / "tiny-imagenet-200.zip", "w") as archive:
            for name, data in TINY.items():
                archive.writestr(f"tiny-imagenet-200/{name}", data)
    else:
        for name, data in TINY.items():
            path = tmp_path / "tiny-imagenet-200" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    faces = load("tiny_imagenet", data=tmp_path)
    assert faces.classes == ("n02", "n01")
    assert faces.images.mean(axis=(1, 2)).round().tolist() == [10, 20, 30, 40]
    assert faces.labels.tolist() == [1, 0, 0, 1]
    assert faces.usage is not None
    assert faces.usage.tolist() == [0, 0, 0, 2]


def test_tiny_imagenet_that_is_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(FerError, match=r"looked for tiny-imagenet-200\.zip"):
        load("tiny_imagenet", data=tmp_path)
    with zipfile.ZipFile(tmp_path / "tiny-imagenet-200.zip", "w") as archive:
        archive.writestr("tiny-imagenet-200/wnids.txt", "n01\n")
    with pytest.raises(FerError, match="not in the standard layout") as caught:
        load("tiny_imagenet", data=tmp_path)
    assert str(caught.value).count("\n") == 1


def test_an_unknown_data_set_is_named() -> None:
    with pytest.raises(FerError, match="dataset: 'fer2014' is unknown; choose one of fer2013, ferplus"):
        load("fer2014")


def in_folders(folder: Path, parts: tuple[str, ...], *, names: tuple[str, ...] = ("happy", "sad")) -> Path:
    """Ten images of each class in each part."""
    for part in parts:
        for name in names:
            (folder / part / name).mkdir(parents=True)
            for number in range(10):
                Image.new("L", (48, 48), 20 * number).save(folder / part / name / f"{number}.png")
    return folder


@pytest.mark.parametrize("validation", ["val", "valid", "Validation", "dev"])
def test_the_usual_names_of_a_validation_part_are_understood(tmp_path: Path, validation: str) -> None:
    faces = load("fer2013", data=in_folders(tmp_path, ("train", validation, "test")))
    assert np.bincount(faces.parts).tolist() == [20, 20, 20]


def test_without_a_test_part_the_validation_part_is_reported_on(tmp_path: Path) -> None:
    faces = load("fer2013", data=in_folders(tmp_path, ("train", "val")))
    assert np.bincount(faces.parts).tolist() == [20, 0, 20]
    assert any("There is no test folder" in line for line in faces.warnings)


def test_what_is_left_out_of_class_folders_is_told(tmp_path: Path) -> None:
    in_folders(tmp_path, ("train", "test"), names=("happy", "suprise", "contempt"))
    in_folders(tmp_path, ("more",))
    (tmp_path / "train" / "happy" / "notes.txt").write_text("no image")
    (tmp_path / "train" / "loose.png").write_bytes(b"")
    (tmp_path / "train" / "happy" / ".thumbnails").mkdir()
    Image.new("L", (48, 48)).save(tmp_path / "train" / "happy" / ".thumbnails" / "small.png")
    album = tmp_path.parent / f"{tmp_path.name}_album"
    album.mkdir()
    Image.new("L", (48, 48)).save(album / "linked.png")
    (tmp_path / "test" / "happy" / "album").symlink_to(album)
    (tmp_path / "test" / "happy" / "round").symlink_to(tmp_path / "test")
    for _ in range(2):  # the second time from the cache
        faces = load("fer2013", data=tmp_path)
        assert np.bincount(faces.labels).tolist() == [0, 0, 0, 21, 0, 20]
        told = " ".join(faces.warnings)
        assert "more: left out; a part is called one of train," in told
        assert "train/happy: 1 file left out: 1 .txt." in told
        assert "test/contempt: 10 images left out; FER2013 has no contempt." in told
        assert "train: 1 file beside the class folders left out." in told
        assert "thumbnails" not in told


def test_another_encoding_is_read(tmp_path: Path, table: Table) -> None:
    path = write_csv(tmp_path / "fer2013.csv", FER_HEADER, table.rows())
    path.write_text(path.read_text(), encoding="utf-16")
    assert np.array_equal(read(path)["images"], table.images)


def test_an_archive_of_class_folders_and_the_folders_of_ferplus_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("train/angry/1.jpg", b"")
    with pytest.raises(DataMissing, match=r"Unpack .*archive\.zip"):
        load("fer2013", data=tmp_path)
    (tmp_path / "archive.zip").unlink()
    (tmp_path / "images" / "FER2013Train").mkdir(parents=True)
    with pytest.raises(DataMissing, match=r"(?s)FER\+'s own folders.*Put fer2013\.csv"):
        load("fer2013", data=tmp_path)


def test_files_that_changed_are_read_again(tmp_path: Path, table: Table) -> None:
    write_csv(tmp_path / "fer2013.csv", FER_HEADER, table.rows())
    first = load("fer2013", data=tmp_path)
    assert load("fer2013", data=tmp_path) is first
    write_csv(tmp_path / "fer2013.csv", FER_HEADER, make_table(50, seed=1).rows())
    assert len(load("fer2013", data=tmp_path)) == 50
    write_csv(tmp_path / "fer2013new.csv", VOTE_HEADER, make_table(50, seed=1).vote_rows())
    assert load("fer2013", data=tmp_path).votes is not None
