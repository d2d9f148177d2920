"""The explorer without a browser: what it hands to the player, answers it, and says of what is missing."""

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from training.tiny import SMALL

from fer_lib import data
from fer_lib.data.batches import normalise
from fer_lib.errors import DataMissing, FerError
from fer_lib.explorer import jupyterlab, models
from fer_lib.explorer.face_choice import ANY, PHOTO
from fer_lib.explorer.jupyterlab import Explorer
from fer_lib.faces.finding import find_faces
from fer_lib.geometry import warp
from fer_lib.study.notebook import Study

BASE = {**SMALL, "train_limit": 64}
GRID = {
    "base": BASE,
    "arms": {"CNN": {}, "CNN + STN": {"attention": "stn"}},
    "datasets": {"Toy faces": {"dataset": "toyfaces"}},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study with a trained transformer and a plain classifier, and its results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_REPORT", str(tmp_path_factory.mktemp("study")))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setenv("FER_DATA", str(tmp_path_factory.mktemp("nothing")))
        study = Study("demo")
        yield study, study.run(**GRID, keep_weights=list(GRID["arms"]))


@pytest.fixture(autouse=True)
def _nothing_released(monkeypatch):
    monkeypatch.setattr(models, "released", dict)


@pytest.fixture
def panel(study):
    return Explorer(study[1], study[0].store, profile="demo")


def answered(panel: Explorer, image: np.ndarray) -> np.ndarray:
    """What the chosen classifier answers the player of a face uint8 [48, 48]."""
    seen = normalise(torch.tensor(image)[None]).numpy()
    return np.array(panel.player.answer({"classify": panel.player.classify}, [seen.tobytes()])[0])


def pixels(panel: Explorer) -> np.ndarray:
    """The face that the player shows."""
    return np.frombuffer(base64.b64decode(panel.player.face["pixels"]), np.uint8).reshape(48, 48)


def test_it_opens_on_a_test_image_of_the_trained_run(panel, study):
    run = panel._transformers[panel.player.straighten]
    assert run.title.startswith("CNN + STN, Toy faces, random80, seed 0: ")
    assert panel.face.index.value == run.test_rows[0]
    assert "in the run&#x27;s test set" in panel.status.value
    assert np.array_equal(pixels(panel), panel.face.image)
    assert panel.player.classify == panel.player.straighten, "the classifier behind it"
    arrays = study[0].store.predictions(run.record)
    told = {one["name"]: one for one in panel.player.networks if one["role"] == "classifier"}
    assert told[panel.player.classify]["classes"] == list(data.FER_CLASSES)
    loaded = panel.player.answer({"load": panel.player.straighten}, [])
    assert loaded["layers"][-1]["op"] == "linear"
    theta = torch.tensor(arrays["theta"][2, 0]).float()
    with torch.inference_mode():
        straight = warp(normalise(torch.tensor(panel.face.image)[None, None]), theta[None])
    found = np.array(panel.player.answer({"classify": panel.player.classify}, [straight.numpy().tobytes()])[0])
    assert found.argmax() == arrays["predicted"][0]
    assert found.max() == pytest.approx(arrays["confidence"][0], abs=5e-3)
    assert found.sum() == pytest.approx(1)


def test_images_are_chosen_by_class_and_index_and_next(panel):
    faces = data.load("toyfaces")
    panel.face.category.value = "surprise"
    first = panel.face.index.value
    assert faces.labels[first] == data.FER_CLASSES.index("surprise")
    panel.face.next.click()
    assert panel.face.index.value > first
    assert np.array_equal(pixels(panel), faces.images[panel.face.index.value])
    assert panel.player.face["called"] == f"Image {panel.face.index.value} of Toy faces: surprise."
    assert np.allclose(panel.player.face["pose"], faces.pose[panel.face.index.value].ravel())
    panel.face.index.value = int(np.flatnonzero(faces.labels != faces.labels[first])[0])
    assert panel.face.category.value == ANY, "an image of another class was asked for"
    panel.face.index.value = len(faces) - 1
    panel.face.next.click()
    assert panel.face.index.value == 0


def test_another_data_set_brings_its_classes_and_those_that_are_not_here_are_not_offered(panel):
    panel.face.dataset.value = "toyfacesplus"
    assert "happiness" in panel.face.category.options
    assert [name for _, name in panel.face.dataset.options] == ["toyfaces", "toyfacesplus"]
    assert "Not here: FER2013 and FER+ (see `make data`)." in panel.status.value
    panel.face.dataset.value = "toyfaces"
    assert panel.face.category.options == (ANY, *data.FER_CLASSES)
    assert panel.face.index.description == "Image 0–2999"


def test_a_damaged_data_set_is_named_with_what_is_wrong(study, monkeypatch):
    def damaged(name):
        if name == "fer2013":
            raise FerError("fer2013.csv is damaged.\nFetch it again.")
        return load(name)

    load = data.load
    monkeypatch.setattr(data, "load", damaged)
    panel = Explorer(study[1], study[0].store, profile="demo")
    assert "Not here: FER2013 (fer2013.csv is damaged.) and FER+" in panel.status.value


def test_any_transformer_before_any_classifier(panel):
    plain = next(one for one in panel.player.networks if one["title"].startswith("CNN, Toy faces"))
    before = answered(panel, panel.face.image)
    panel.player.classify = plain["name"]
    assert not np.allclose(answered(panel, panel.face.image), before)
    panel.player.straighten = "none"
    assert (panel.player.epochs, panel.player.recorded) == (0, None)


def test_the_epoch_slider_goes_back_to_what_was_recorded_and_keeps_the_face(panel, study):
    run = panel._transformers[panel.player.straighten]
    arrays, face = study[0].store.predictions(run.record), panel.face.index.value
    assert (panel.player.epoch, panel.player.epochs, panel.player.recorded) == (2, 2, None)
    panel.player.epoch = 1
    assert np.allclose(panel.player.recorded, arrays["theta"][1, 0].ravel())
    assert "after epoch 1 of 2" in panel.status.value
    panel.player.epoch = 0
    assert panel.player.recorded == [1, 0, 0, 0, 1, 0], "before training"
    assert panel.face.index.value == face
    panel.face.index.value = next(row for row in range(3000) if row not in run.test_rows)
    assert (panel.player.epochs, panel.player.recorded) == (0, None), "not recorded for this one"


def test_missing_weights_say_what_to_train_and_show_what_was_recorded(study, monkeypatch):
    made, results = study
    hidden = Study("demo").store.folder / "elsewhere"
    monkeypatch.setattr(made.store, "weights_path", lambda run_id: hidden / run_id)
    panel = Explorer(results, made.store, profile="demo")
    assert [one["role"] for one in panel.player.networks].count("classifier") == 0
    (run,) = panel._transformers.values()
    assert run.title.endswith("(no weights here)")
    panel.face.index.value = int(run.test_rows[0])
    assert "weights of this run are not here" in panel.status.value
    assert "keep_weights" in panel.status.value
    assert "as it was recorded" in panel.status.value
    arrays = made.store.predictions(run.record)
    assert np.allclose(panel.player.recorded, arrays["theta"][2, 0].ravel())
    panel.face.index.value = next(row for row in range(3000) if row not in run.test_rows)
    with pytest.raises(FerError, match="weights of this run are not here"):
        panel.player.answer({"load": panel.player.straighten}, [])


def test_without_the_runs_images_it_opens_on_a_drawn_face(study, monkeypatch):
    made, results = study
    load = data.load

    def without(name):
        if name == "toyfacesplus":
            raise DataMissing("No images here.")
        return load(name)

    monkeypatch.setattr(data, "load", without)
    run = models.offered(results, made.store)[0]
    config = run.record.config.model_copy(update={"dataset": "toyfacesplus"})
    elsewhere = replace(run, record=run.record.model_copy(update={"config": config}))
    monkeypatch.setattr(jupyterlab, "offered", lambda results, store: [elsewhere])
    panel = Explorer(results, made.store, profile="demo")
    assert (panel.face.dataset.value, panel.face.index.value) == ("toyfaces", 0)
    assert panel.player.straighten == elsewhere.weights.stem
    assert panel.player.epochs == 0


def test_a_run_without_weights_is_named_with_its_command(study):
    made, results = study
    run = replace(models.offered(results, made.store)[0], weights=Path("nowhere"))
    with pytest.raises(FerError, match=rf"run params/demo/\*\.yaml --only {run.record.run_id} --weights"):
        models.open_run(run, profile="demo")


def test_damaged_weights_are_told(panel, tmp_path):
    broken = Path(tmp_path / "broken.safetensors")
    broken.write_bytes(b"no weights")
    object.__setattr__(panel._transformers[panel.player.straighten], "weights", broken)
    with pytest.raises(FerError, match="no weights of this run"):
        panel.player.answer({"load": panel.player.straighten}, [])


def photo_with(*images: np.ndarray) -> Image.Image:
    """Drawn faces side by side, each 160 pixels wide, on grey."""
    scene = Image.new("L", (240 * len(images) + 80, 320), 120)
    for number, image in enumerate(images):
        scene.paste(Image.fromarray(image).resize((160, 160), Image.Resampling.BICUBIC), (80 + 240 * number, 80))
    return scene


def test_a_photo_takes_the_place_of_a_data_set(panel):
    images = data.load("toyfaces").images
    photo = photo_with(*images[[row for row in range(20) if len(find_faces(photo_with(images[row]))) == 1][:2]])
    panel.face.show_photo(photo, "us.png", find_faces(photo))
    assert (panel.face.dataset.label, panel.face.index.max) == ("Your photo", 1)
    assert panel.player.face["called"] == "Face 0 of us.png."
    assert "pose" not in panel.player.face
    before = pixels(panel)
    panel.face.next.click()
    assert not np.array_equal(pixels(panel), before)
    panel.face.dataset.value = "toyfaces"
    assert "Toy faces" in panel.player.face["called"]
    panel.face.dataset.value = PHOTO
    assert "us.png" in panel.player.face["called"]
    panel.face.show_photo(photo_with(), "wall.png", [])
    assert "no face was found: its middle" in panel.player.face["called"]
    assert (panel.face.index.value, panel.face.index.max) == (0, 0)
    assert [name for _, name in panel.face.dataset.options].count(PHOTO) == 1
