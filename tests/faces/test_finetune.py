"""Fine-tuning on class folders of one's own: better than before, a frozen body stays, and `predict` takes the files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from fer_lib import data
from fer_lib.cli import app
from fer_lib.data.labelled import LabelledFaces, read_classes
from fer_lib.errors import FerError
from fer_lib.faces.finetune import finetune
from fer_lib.faces.network import TrainedNetwork
from fer_lib.faces.onnx_network import OnnxNetwork
from fer_lib.report.face_page import page


def drawn(count: int) -> LabelledFaces:
    """Drawn faces under labels that no network of the package tells."""
    faces = data.load("toyfaces")
    happy = (faces.labels[:count] == faces.classes.index("happy")).astype(np.int64)
    return LabelledFaces(np.asarray(faces.images[:count]), happy, (), classes=("other", "smiling"))


@pytest.fixture(scope="module")
def start() -> TrainedNetwork:
    return TrainedNetwork.open("tiny_toyfaces")


@pytest.mark.parametrize("frozen", [False, True])
def test_it_learns_classes_that_it_did_not_know(start, frozen):
    weights = {name: value.clone() for name, value in start.classifier.state_dict().items()}
    found = finetune(start, drawn(300), frozen=frozen, epochs=3)
    assert found.before is None
    assert found.after > 0.85  # four fifths of the faces do not smile
    assert found.held_out == found.network.record.test_images
    assert found.network.classes == ("other", "smiling")
    assert all(torch.equal(value, weights[name]) for name, value in start.classifier.state_dict().items()), "changed"
    tuned = found.network.classifier.state_dict()
    body = {name for name in tuned if tuned[name].shape == weights[name].shape and "num_batches" not in name}
    same = {name for name in body if torch.equal(tuned[name], weights[name])}
    assert same == body if frozen else not same


def test_it_keeps_what_it_knows_of_classes_by_another_name(start):
    faces = data.load("toyfaces")
    names = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "no expression")
    own = LabelledFaces(np.asarray(faces.images[:200]), faces.labels[:200].astype(np.int64), (), classes=names)
    found = finetune(start, own, epochs=1, frozen=True)
    assert found.before is not None
    assert 0.6 < found.before < 0.95, "all but the neutral ones, which it knows under another name"
    assert found.after > 0.9
    assert found.network.record.provenance["started_from"] == start.run_id


def folders(where: Path, faces: LabelledFaces) -> Path:
    for number, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        (where / faces.classes[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(where / faces.classes[label] / f"{number:04}.png")
    return where


def test_the_command_writes_a_network_that_the_others_take(tmp_path):
    faces, file = folders(tmp_path / "mine", drawn(120)), tmp_path / "mine.safetensors"
    done = CliRunner().invoke(app, ["finetune", str(faces), str(file), "--from", "tiny_toyfaces", "--epochs", "2"])
    assert done.exit_code == 0, done.output
    assert "accuracy" in done.output
    network, graph = TrainedNetwork.open(str(file)), OnnxNetwork.open(file.with_suffix(".onnx"))
    assert network.name == graph.name == "mine"
    assert network.classes == graph.classes == ("other", "smiling")
    assert network.run_id == graph.run_id
    images = drawn(8).images
    assert np.abs(network.probabilities(images) - graph.probabilities(images)).max() < 1e-4
    (photo, *_) = sorted((faces / "smiling").glob("*.png"))
    said = [
        CliRunner().invoke(app, ["predict", str(photo), "--crop", "--model", str(model)]).output.split(": ")[1]
        for model in (file, file.with_suffix(".onnx"))
    ]
    assert said[0] == said[1]
    assert "faces that its user labelled" in page(network)
    (faces / "asleep").mkdir()
    Image.fromarray(images[0]).save(faces / "asleep" / "one.png")
    judged = CliRunner().invoke(app, ["evaluate", str(file), "--data", str(faces), "--json"])
    assert judged.exit_code == 0, judged.output
    told = json.loads(judged.output)
    assert (told["images"], told["left_out"]) == (120, {"asleep": 1})
    assert [row["class"] for row in told["classes"]] == ["other", "smiling"]
    mapped = CliRunner().invoke(app, ["evaluate", str(file), "--data", str(faces), "--map", "grin=smiling"])
    assert "classes of its own, such as 'other'" in str(mapped.exception)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["happy"], "expected a folder for each class"), (["train", "test"], "expected a folder for each class"),
        (["a,b", "c"], "without a comma"), ([], "holds no folders"), (["happy", "sad"], "not a single image"),
    ],
)  # fmt: skip
def test_what_are_no_class_folders_is_said(tmp_path, names, wanted):
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(FerError, match=wanted):
        read_classes(tmp_path)


def test_nothing_is_trained_for_a_file_of_another_kind(tmp_path):
    done = CliRunner().invoke(app, ["finetune", str(tmp_path), str(tmp_path / "mine.onnx")])
    assert isinstance(done.exception, FerError)
    assert "ends in .safetensors" in str(done.exception)
