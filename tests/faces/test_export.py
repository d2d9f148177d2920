"""A network as an ONNX file: the same answers by another engine, and a file that says what it is."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from training.tiny import place, tiny
from typer.testing import CliRunner

from fer_lib import data
from fer_lib.cli import app
from fer_lib.errors import DataMissing, FerError
from fer_lib.faces import export as exporting
from fer_lib.faces.export import checked, faces_to_compare
from fer_lib.faces.network import TrainedNetwork
from fer_lib.training import RunStore, run_one
from fer_lib.training.release import classifiers

FACES = data.load("toyfaces").images[:70]


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> TrainedNetwork:
    """A small network behind a transformer that looks twice."""
    where = place(tmp_path_factory.mktemp("network"))
    config = tiny(model="compact", attention="stn", localisation="hidden", warps=2, split="official")
    run_id = run_one(config, where, keep_weights=True).run_id
    return TrainedNetwork.open(run_id, RunStore(where.store))


@pytest.mark.slow
def test_another_engine_says_the_same_for_any_number_of_faces(network, capfd):
    content, difference = checked(network, FACES)
    assert difference < 1e-5
    assert capfd.readouterr().out == ""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for faces in (FACES[:1], FACES[:3], FACES):
        probabilities, theta = session.run(None, {"faces": faces})
        assert np.abs(probabilities - network.probabilities(faces)).max() < 1e-5
        assert np.array_equal(probabilities.argmax(1), network.probabilities(faces).argmax(1))
        assert np.abs(theta - network.thetas(faces)).max() < 1e-5
    told = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert told["classes"].split(",") == list(network.classes)
    assert told["run_id"] == network.record.run_id
    assert {"normalisation", "temperature", "licence", "version"} <= set(told)


@pytest.mark.slow
def test_what_another_engine_computes_otherwise_is_refused(network, monkeypatch):
    monkeypatch.setattr(exporting, "CLOSE", 0.0)
    with pytest.raises(FerError, match=r"differs from PyTorch by .*nothing was written"):
        checked(network, FACES[:1])


def test_without_its_packages_it_is_said(network, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(FerError, match=r"pip install 'fer_lib\[export\]'"):
        checked(network, FACES[:1])


def test_a_file_of_another_kind_is_refused_before_the_work():
    assert "ends in .onnx, or in .html" in str(CliRunner().invoke(app, ["export", "nothing", "n.pt"]).exception)


def test_without_the_data_set_it_is_compared_on_drawn_faces(monkeypatch):
    load = data.load

    def absent(name: str):
        if name == "fer2013":
            raise DataMissing("not here")
        return load(name)

    monkeypatch.setattr(data, "load", absent)
    assert np.array_equal(faces_to_compare("fer2013")[:70], FACES)


@pytest.mark.real_data
@pytest.mark.slow
def test_released_networks_keep_their_answers_on_real_faces(real_data):
    faces = data.load("fer2013", data=real_data).images[-128:]
    names = [path.stem for path in classifiers()]
    assert names
    for name in names:
        shipped = TrainedNetwork.open(name)
        content, difference = checked(shipped, faces)
        assert difference < exporting.CLOSE
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        said = session.run(["probabilities"], {"faces": faces})[0]
        assert np.array_equal(said.argmax(1), shipped.probabilities(faces).argmax(1))
