"""A trained network on labelled faces: the numbers of its record, whatever the classes are called."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from release import release
from training.tiny import place, tiny
from typer.testing import CliRunner

from fer_lib import data
from fer_lib.cli import app
from fer_lib.data.labelled import EXPRESSIONS, LabelledFaces
from fer_lib.errors import FerError
from fer_lib.evaluation import metrics
from fer_lib.faces.assess import assess
from fer_lib.faces.network import TrainedNetwork
from fer_lib.training import RunStore, run_one


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a trained network on each labelling of the drawn faces; the first one's id, and the other's."""
    where = place(tmp_path_factory.mktemp("networks"))
    seven = run_one(tiny(split="official", test_limit=None), where, keep_weights=True)
    eight = run_one(tiny(dataset="toyfacesplus", epochs=1), where, keep_weights=True)
    return RunStore(where.store), seven, eight


def faces_of(rows: np.ndarray) -> LabelledFaces:
    faces = data.load("toyfaces")
    return LabelledFaces(faces.images[rows], faces.labels[rows].astype(np.int64), ())


def test_it_says_what_its_record_says(store):
    where, record, _ = store
    network = TrainedNetwork.open(record.run_id, where)
    arrays = where.predictions(record)
    images = data.load("toyfaces").images[arrays["rows"]]
    assert network.temperature != 1
    cold = replace(network, temperature=1.0)
    plain, both = (cold.probabilities(images, mirrored=mirrored) for mirrored in (False, True))
    assert np.allclose(plain, arrays["probabilities"], atol=1e-3)
    recorded = (arrays["probabilities"].astype(float) + arrays["mirrored_probabilities"]) / 2
    assert np.allclose(both, recorded, atol=1e-3)
    calibrated = network.probabilities(images, mirrored=False)
    assert np.allclose(calibrated, metrics.apply_temperature(plain, network.temperature), atol=1e-5)
    found = assess(network, faces_of(arrays["rows"]))
    assert found.as_dict()["accuracy"] == pytest.approx((recorded.argmax(1) == arrays["actual"]).mean(), abs=0.01)
    low, high = found.as_dict()["accuracy_interval"]
    assert low < found.as_dict()["accuracy"] < high
    assert found.confusion.to_numpy().sum() == len(arrays["rows"])


def test_no_image_has_no_probabilities_and_another_shape_is_an_error(store):
    network = TrainedNetwork.open(store[1].run_id, store[0])
    assert network.probabilities(np.empty((0, 48, 48), np.uint8)).shape == (0, 7)
    with pytest.raises(ValueError, match=r"found float64 \[1, 48, 48\], expected uint8"):
        network.probabilities(np.zeros((1, 48, 48)))


def test_classes_meet_by_meaning_and_those_it_does_not_know_are_left_out(store):
    where, seven, eight = store
    faces = data.load("toyfaces")
    contempt = LabelledFaces(faces.images[:5], np.full(5, EXPRESSIONS.index("contempt")), ())
    mixed = LabelledFaces(
        np.concatenate([faces.images[:20], contempt.images]),
        np.concatenate([faces.labels[:20].astype(np.int64), contempt.labels]), (),
    )  # fmt: skip
    found = assess(TrainedNetwork.open(seven.run_id, where), mixed)
    assert (found.left_out, len(found.actual)) == ({"contempt": 5}, 20)
    assert [found.classes[number] for number in found.actual] == [
        data.FER_CLASSES[label] for label in faces.labels[:20]
    ]
    assert "contempt: 5 images left out" in str(found)
    known = assess(TrainedNetwork.open(eight.run_id, where), mixed)
    assert (known.left_out, len(known.actual)) == ({}, 25)
    assert known.classes[known.actual[-1]] == "contempt"
    with pytest.raises(FerError, match="knows none of these classes: contempt"):
        assess(TrainedNetwork.open(seven.run_id, where), contempt)


def test_a_network_is_found_by_file_and_a_wrong_one_is_told(store, tmp_path):
    where, record, _ = store
    path = release(record.run_id, where, tmp_path)
    images = data.load("toyfaces").images[:50]
    networks = [TrainedNetwork.open(name, where) for name in (str(path), record.run_id)]
    assert networks[0].temperature == networks[1].temperature
    halved, whole = (network.probabilities(images) for network in networks)
    assert np.allclose(halved, whole, atol=5e-3)
    with pytest.raises(FerError, match=rf"(?s)no network of this name.*There are: .*{record.run_id}"):
        TrainedNetwork.open("resnet", where)
    with pytest.raises(FerError, match="tells how a face is turned"):
        TrainedNetwork.open("poses_toyfaces", where)
    with pytest.raises(FerError, match="damaged, or no released network"):
        TrainedNetwork.open(str(where.weights_path(record.run_id)))
    (tmp_path / "other.safetensors").write_bytes(b"nothing")
    with pytest.raises(FerError, match="damaged, or no released network"):
        TrainedNetwork.open(str(tmp_path / "other.safetensors"), where)
    where.weights_path(record.run_id).rename(tmp_path / "moved")
    with pytest.raises(FerError, match=r"(?s)were not kept.*--weights"):
        TrainedNetwork.open(record.run_id, where)
    (tmp_path / "moved").rename(where.weights_path(record.run_id))


def test_the_command_tells_it_as_text_and_as_json(store, tmp_path):
    where, record, _ = store
    path = release(record.run_id, where, tmp_path)
    faces = data.load("toyfaces")
    for row, name in enumerate(("anger", "normal", "happy")):
        folder = tmp_path / "faces" / name
        folder.mkdir(parents=True)
        Image.fromarray(faces.images[row]).save(folder / "face.png")
    command = ["evaluate", str(path), "--data", str(tmp_path / "faces")]
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, FerError)
    assert "normal" in str(refused.exception)
    told = CliRunner().invoke(app, [*command, "--map", "normal=neutral"], catch_exceptions=False).output
    assert "on 3 images" in told
    assert "actual (rows) against predicted" in told
    found = json.loads(CliRunner().invoke(app, [*command, "--map", "normal=neutral", "--json"]).output)
    assert (found["images"], sum(map(sum, found["confusion"]))) == (3, 3)
    assert [line["n"] for line in found["classes"] if line["n"]] == [1, 1, 1]
    assert "write it as name=meaning" in str(CliRunner().invoke(app, [*command, "--map", "normal"]).exception)
