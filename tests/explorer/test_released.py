"""What comes with the package turns a turned face back, and the explorer opens with it."""

import numpy as np
import pytest
import torch
from release import release, write_graph
from training.tiny import place, tiny

from fer_lib import data
from fer_lib.campaign import run_all
from fer_lib.data.batches import DeviceData, images_on
from fer_lib.errors import FerError
from fer_lib.explorer.jupyterlab import Explorer
from fer_lib.explorer.models import open_run
from fer_lib.faces.network import TrainedNetwork
from fer_lib.faces.onnx_network import OnnxNetwork
from fer_lib.files import file_hash
from fer_lib.geometry import compose_pose, pose_components, warp
from fer_lib.models.weights import open_network
from fer_lib.paths import WEIGHTS
from fer_lib.plots.scene import observe
from fer_lib.study.notebook import Study
from fer_lib.training import RunStore, run_one
from fer_lib.training.engine import prepared
from fer_lib.training.evaluate import evaluate
from fer_lib.training.release import classifiers, released


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """The explorer of a study in which nothing has been trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_REPORT", str(tmp_path_factory.mktemp("study")))
        patch.setenv("FER_DATA", str(tmp_path_factory.mktemp("nothing")))
        patch.setenv("FER_MODE", "publish")
        study = Study("demo")
        results = study.run(base={}, arms={"R": {}}, datasets={"Toy faces": {"dataset": "toyfaces"}})
        yield Explorer(results, study.store, profile="demo")


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.astype(float).ravel(), other.astype(float).ravel())[0, 1])


def test_it_opens_with_the_transformer_that_undoes_the_most(panel):
    runs = [run for run in panel._transformers.values() if run.is_here()]
    assert panel.player.straighten == runs[0].weights.stem
    assert runs[0].record.metrics["test_rotation"] == max(run.record.metrics["test_rotation"] for run in runs)
    assert panel.player.classify == "tiny_toyfaces", "for the same faces"


def test_a_turned_face_turns_back(panel):
    run = panel._transformers[panel.player.straighten]
    model, faces = open_run(run, profile="demo"), data.load("toyfaces").images
    followed, back, turned = [], [], []
    for row in run.test_rows[:12]:
        upright = observe(faces[row], model)
        tones = warp(torch.tensor(faces[row])[None, None].float(), torch.tensor(compose_pose(rotation=-30))[None])
        view = observe(tones[0, 0].round().byte().numpy(), model)
        before, after = (float(pose_components(one.theta)["rotation"]) for one in (upright, view))
        followed.append(after - before)
        back.append(alike(view.seen, upright.seen))
        turned.append(alike(view.image, upright.seen))
    assert followed[0] > 25, "the face that it opens with"
    assert np.mean(followed) > 20, "less where the face looks askew by itself: the net saw turns by 45° at most"
    assert np.mean(back) > np.mean(turned) + 0.2, "nearer to the upright face, pixel by pixel"


def test_what_is_released_is_small_and_does_what_its_record_says():
    files = released()
    assert sum(path.stat().st_size for path in files) < 10e6
    for path, record in files.items():
        config = record.config
        try:
            faces = data.load(config.dataset)
        except FerError:
            continue
        assert faces.fingerprint == record.fingerprint
        given = prepared(config, faces)
        labels, split = given.labels, given.split
        model = open_network(config, path, classes=len(record.classes))
        found = evaluate(
            model, DeviceData.of(images_on(faces, torch.device("cpu")), labels, split.report), config,
            autocast=torch.autocast("cpu", torch.bfloat16, enabled=False),
        )  # fmt: skip
        for name, value in found.metrics().items():
            close = 0.001 if name == "accuracy" else 0.01  # half precision moves a loss more than an answer
            assert value == pytest.approx(record.metrics[f"test_{name}"], abs=close), (path.stem, name)


def test_a_run_is_released_with_its_record_or_says_what_is_missing(tmp_path):
    config = tiny(attention="stn", localisation="hidden", shown_poses=1).pose_run
    run_all([config], place(tmp_path), keep_weights=frozenset([config]))
    store = RunStore(place(tmp_path).store)
    record = store.find(config)
    path = release(record.run_id, store, tmp_path / "weights")
    assert path.name == "poses_toyfaces.safetensors"
    (told,) = released(tmp_path / "weights").values()
    assert (told.run_id, told.config, told.metrics) == (record.run_id, config, record.metrics)
    before = file_hash(path)
    assert file_hash(release(record.run_id, store, tmp_path / "weights")) == before
    with pytest.raises(FerError, match="has no such run"):
        release("0123456789ab", store, tmp_path / "weights")
    store.weights_path(record.run_id).unlink()
    with pytest.raises(FerError, match="has no weights of this run"):
        release(record.run_id, store, tmp_path / "weights")
    path.write_bytes(b"nothing")
    with pytest.raises(FerError, match="is damaged"):
        released(tmp_path / "weights")


@pytest.mark.slow
def test_a_graph_reads_its_weights_from_the_file_beside_it(tmp_path):
    where, config = place(tmp_path), tiny(model="tiny", split="official")
    run_id = run_one(config, where, keep_weights=True).run_id
    weights = release(run_id, RunStore(where.store), tmp_path / "weights")
    graph = write_graph(weights)
    assert graph.stat().st_size < weights.stat().st_size / 3
    faces = data.load("toyfaces").images[:9]
    network = TrainedNetwork.open(str(weights))
    found = OnnxNetwork("own", graph.read_bytes(), weights).probabilities(faces)
    assert np.abs(found - network.probabilities(faces)).max() < 1e-5


def test_the_package_takes_them_along():
    files = {path.name for path in WEIGHTS.iterdir()}
    assert files == {f"{path.stem}{path.suffix}" for path in released()} | {
        f"{path.stem}.onnx" for path in classifiers()
    }
