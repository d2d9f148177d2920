"""The panel without a kernel: what its controls do to picture and numbers, and what it says of what is missing."""

import io
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image
from training.tiny import SMALL

from fer_lib import data
from fer_lib.data.photo import find_faces
from fer_lib.data.picture import read_picture
from fer_lib.errors import DataMissing, FerError
from fer_lib.explorer import models, picture
from fer_lib.explorer import panel as panel_module
from fer_lib.explorer.face import ANY, PHOTO
from fer_lib.explorer.panel import FRESH, NOBODY, Explorer
from fer_lib.explorer.scene import NOTHING, Model, observe
from fer_lib.models import build
from fer_lib.study.notebook import Study
from fer_lib.training import RunConfig

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
        patch.setenv("FER_DEVICE", "cpu")
        patch.setenv("FER_JOBS", "1")
        patch.setenv("FER_DATA", str(tmp_path_factory.mktemp("nothing")))
        study = Study("demo")
        yield study, study.run(**GRID, keep_weights=list(GRID["arms"]))


@pytest.fixture(autouse=True)
def _nothing_released(monkeypatch):
    monkeypatch.setattr(models, "released", dict)


@pytest.fixture
def panel(study):
    return Explorer(study[1], study[0].store, profile="demo")


def shown(panel: Explorer, side: int = 0) -> tuple[bytes, str, str]:
    side = panel.sides[side]
    return side.picture.value, side.theta.value, side.probabilities.value


def controls(panel: Explorer) -> list[widgets.Widget]:
    face = panel.face
    return [panel.run, panel.beside, face.dataset, face.category, face.index, face.next, face.photo,
            *panel.sliders.values(), panel.epoch, panel.spin, panel.reset, panel.save]  # fmt: skip


def choose(choice: widgets.Dropdown, start: str) -> None:
    choice.value = next(run for title, run in choice.options if title.startswith(start))


def test_it_opens_on_a_test_image_of_the_trained_run(panel, study):
    assert panel.run.label.startswith("CNN + STN · Toy faces · random80 · seed 0 · ")
    assert panel.face.index.value == panel.run.value.test_rows[0]
    assert "in this run&#x27;s test set" in panel.status.value
    assert set(panel.sides[0].view.probabilities) == set(data.FER_CLASSES)
    assert sum(panel.sides[0].view.probabilities.values()) == pytest.approx(1)
    assert not np.array_equal(panel.sides[0].view.theta, np.eye(2, 3)), "trained"
    record = panel.run.value.record
    arrays = study[0].store.predictions(record)
    assert (
        data.FER_CLASSES.index(max(panel.sides[0].view.probabilities, key=panel.sides[0].view.probabilities.get))
        == arrays["predicted"][0]
    )
    assert max(panel.sides[0].view.probabilities.values()) == pytest.approx(arrays["confidence"][0], abs=2e-3)


def test_every_control_is_a_standard_one_with_a_description(panel):
    """Those of ipywidgets take the keyboard, which the browser test tries."""
    standard = (
        widgets.Dropdown, widgets.BoundedIntText, widgets.Button, widgets.FileUpload, widgets.FloatSlider,
        widgets.IntSlider,
    )  # fmt: skip
    assert all(isinstance(control, standard) and control.description for control in controls(panel))
    assert len({control.description for control in controls(panel)}) == len(controls(panel))
    assert all(getattr(control, "tabbable", None) is not False for control in controls(panel))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("rotation", 20),
        ("scale", 1.4),
        ("shift_x", 0.2),
        ("shift_y", 0.2),
        ("shear", 0.3),
        ("light", 0.6),
        ("noise", 0.2),
    ],
)
def test_a_slider_changes_picture_theta_and_probabilities_and_reset_takes_it_back(panel, part, value):
    before, view = shown(panel), panel.sides[0].view
    panel.sliders[part].value = value
    assert panel.sides[0].picture.value != before[0]
    assert not np.array_equal(panel.sides[0].view.theta, view.theta)
    assert panel.sides[0].view.probabilities != view.probabilities
    assert part in ("light", "noise") or panel.sides[0].theta.value != before[1], "the true pose moves with the face"
    panel.reset.click()
    assert {name: slider.value for name, slider in panel.sliders.items()} == vars(NOTHING)
    assert shown(panel) == before


def test_a_fresh_transformer_is_the_identity_and_classifies_nothing(panel):
    panel.run.value = FRESH
    panel.sliders["rotation"].value = 30
    assert np.array_equal(panel.sides[0].view.theta, np.eye(2, 3))
    assert "no classifier" in panel.sides[0].probabilities.value
    assert "true pose" in panel.sides[0].theta.value


def test_images_are_chosen_by_class_and_index_and_next(panel):
    faces = data.load("toyfaces")
    panel.face.category.value = "surprise"
    first = panel.face.index.value
    assert faces.labels[first] == data.FER_CLASSES.index("surprise")
    panel.face.next.click()
    assert panel.face.index.value > first
    assert panel.sides[0].view.label == "surprise"
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


def test_two_stand_side_by_side_and_a_plain_classifier_has_no_transformer(panel):
    assert panel.sides[1].layout.display == "none"
    choose(panel.beside, "CNN ·")
    assert panel.sides[1].layout.display is None
    panel.sliders["rotation"].value = 20
    stn, plain = panel.sides
    assert np.array_equal(plain.view.image, stn.view.image)
    assert np.array_equal(plain.view.theta, np.eye(2, 3))
    assert not np.array_equal(stn.view.theta, np.eye(2, 3))
    assert sum(plain.view.probabilities.values()) == pytest.approx(1)
    assert plain.view.probabilities != stn.view.probabilities
    assert "CNN · Toy faces" in plain.title.value
    panel.spin.click()
    assert plain.curve.value
    panel.beside.value = NOBODY
    assert panel.sides[1].layout.display == "none"


def test_the_epoch_slider_goes_back_to_what_was_recorded(panel, study):
    """On a face that the run has recorded, undisturbed; any other control brings the trained network back."""
    run = panel.run.value
    arrays = study[0].store.predictions(run.record)
    assert (panel.epoch.value, panel.epoch.max) == (2, 2)
    live = panel.sides[0].view
    assert np.allclose(live.theta, arrays["theta"][2, 0], atol=1e-3), "the last epoch's, within half precision"
    panel.face.index.value = next(row for row in range(3000) if row not in run.test_rows)
    panel.sliders["rotation"].value = 20
    panel.epoch.value = 0
    assert panel.face.index.value == run.test_rows[0], "a recorded face"
    assert panel.sliders["rotation"].value == 0
    assert np.array_equal(panel.sides[0].view.theta, np.eye(2, 3)), "before training"
    assert "before training" in panel.sides[0].title.value
    assert "no classifier" in panel.sides[0].probabilities.value
    panel.beside.value = run
    assert np.array_equal(panel.sides[1].view.theta, live.theta), "the same run beside it stays at its end"
    assert np.array_equal(panel.sides[0].view.theta, np.eye(2, 3))
    panel.beside.value = NOBODY
    panel.sliders["rotation"].value = 20
    assert panel.epoch.value == 2
    panel.reset.click()
    assert np.array_equal(panel.sides[0].view.theta, live.theta)
    panel.run.value = FRESH
    assert panel.epoch.layout.display == "none"


def test_a_frame_that_leaves_the_picture_is_told(panel):
    panel.sliders["scale"].value = 0.7
    assert "reaches beyond the picture" not in panel.status.value
    panel.sliders["scale"].value = 1.6
    assert "reaches beyond the picture" in panel.status.value


def test_saving_writes_both_files_and_says_where(panel, study):
    panel.save.click()
    panel.save.click()
    folder = study[0].folder / "explorer"
    written = sorted(folder.iterdir())
    assert [path.suffix for path in written] == [".png", ".svg"] * 2
    assert all(path.stat().st_size > 10_000 for path in written)
    run_id = panel.run.value.record.run_id
    assert written[-1].name == f"toyfaces_{panel.face.index.value}_{run_id}_2.svg"
    assert str(written[-1]) in panel.status.value
    assert written[0].read_bytes().startswith(b"\x89PNG")


def test_a_place_that_cannot_be_written_is_told(panel, tmp_path):
    (tmp_path / "file").write_text("")
    panel._folder = tmp_path / "file"
    panel.save.click()
    assert "Cannot write" in panel.status.value


def test_missing_weights_say_what_to_train(study, monkeypatch):
    made, results = study
    hidden = Study("demo").store.folder / "elsewhere"
    monkeypatch.setattr(made.store, "weights_path", lambda run_id: hidden / run_id)
    panel = Explorer(results, made.store, profile="demo")
    assert panel.run.value == FRESH
    assert "No trained transformer is here yet" in panel.status.value
    assert len(panel.run.options) == 2, "a plain classifier without weights shows nothing"
    panel.run.value = panel.run.options[0][1]
    assert panel.run.label.endswith("(no weights here)")
    assert "weights of this run are not here" in panel.status.value
    assert "keep_weights" in panel.status.value
    assert np.array_equal(panel.sides[0].view.theta, np.eye(2, 3)), "not one of its test images"
    assert "untrained transformer is shown instead" in panel.status.value
    panel.face.index.value = int(panel.run.value.test_rows[0])
    assert "as it was recorded" in panel.status.value
    assert not np.array_equal(panel.sides[0].view.theta, np.eye(2, 3))


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
    monkeypatch.setattr(panel_module, "offered", lambda results, store: [elsewhere])
    panel = Explorer(results, made.store, profile="demo")
    assert (panel.face.dataset.value, panel.face.index.value) == ("toyfaces", 0)
    assert panel.run.value is elsewhere
    assert panel.epoch.layout.display == "none"


def test_a_run_of_the_params_is_named_with_its_command(study, monkeypatch):
    made, _ = study
    monkeypatch.setenv("FER_TRAIN", "0")
    results = made.run(base={}, arms={"R": {}}, datasets={"Toy faces": {"dataset": "toyfaces"}})
    panel = Explorer(results, made.store, profile="demo")
    command = "python -m fer_lib run params/demo/06_attention_ablation.yaml --only attention=stn,dataset=toyfaces,"
    assert command + "split=random80,seed=0 --weights" in panel.status.value


def test_damaged_weights_are_told(study, panel, tmp_path):
    broken = Path(tmp_path / "broken.safetensors")
    broken.write_bytes(b"no weights")
    run = panel.run.value
    object.__setattr__(run, "weights", broken)
    panel.sliders["rotation"].value = 5
    assert "no weights of this run" in panel.status.value
    assert "untrained transformer is shown instead" in panel.status.value


def test_what_breaks_is_told_and_raised(panel, monkeypatch):
    monkeypatch.setattr(picture, "png", lambda figure: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        panel.sliders["rotation"].value = 5
    assert "ZeroDivisionError" in panel.status.value


@pytest.mark.clock
def test_a_redraw_is_quick():
    """About 30 ms without and 70 ms with ResNet50 on one core of an AMD EPYC; the bounds leave room for a busy one."""
    faces = data.load("toyfaces")
    classifier = build(RunConfig(dataset="toyfaces", attention="stn"), classes=7).eval()
    trained = Model(classifier.attention, classifier.network, data.FER_CLASSES)
    for model, bound in ((Model.fresh(), 0.15), (trained, 0.4)):
        seconds = []
        for row in range(12):
            began = time.perf_counter()
            picture.png(picture.render(observe(faces.images[row], model, pose=faces.pose[row])))
            seconds.append(time.perf_counter() - began)
        assert np.median(seconds) < bound


def upload(panel: Explorer, name: str, content: bytes) -> None:
    file = {"name": name, "type": "", "size": len(content), "content": memoryview(content)}
    panel.face.photo.value = ({**file, "last_modified": datetime.now(UTC)},)


def photo_with(*images: np.ndarray) -> bytes:
    """A PNG of drawn faces side by side, each 160 pixels wide, on grey."""
    scene = Image.new("L", (240 * len(images) + 80, 320), 120)
    for number, image in enumerate(images):
        scene.paste(Image.fromarray(image).resize((160, 160), Image.Resampling.BICUBIC), (80 + 240 * number, 80))
    content = io.BytesIO()
    scene.save(content, "PNG")
    return content.getvalue()


def test_a_photo_takes_the_place_of_a_data_set(panel):
    images = data.load("toyfaces").images
    faces = [row for row in range(20) if len(find_faces(read_picture(io.BytesIO(photo_with(images[row]))))) == 1][:2]
    upload(panel, "us.png", photo_with(*images[faces]))
    assert (panel.face.dataset.label, panel.face.index.max) == ("Your photo", 1)
    assert "Face 0 of us.png" in panel.status.value
    assert panel.face.pose is None
    assert panel.sides[0].view.probabilities
    alike = np.corrcoef(panel.face.image.ravel(), images[faces[0]].ravel())[0, 1]
    before = shown(panel)
    panel.face.next.click()
    assert shown(panel) != before
    other = np.corrcoef(panel.face.image.ravel(), images[faces[1]].ravel())[0, 1]
    assert max(alike, other) > 0.5, "a crop of a face that was pasted"
    panel.sliders["rotation"].value = 20
    panel.spin.click()
    assert "Theta" in panel.sides[0].curve.value
    panel.save.click()
    assert "photo_1_" in panel.status.value
    panel.face.dataset.value = "toyfaces"
    assert "Toy faces" in panel.status.value
    panel.face.dataset.value = PHOTO
    assert "us.png" in panel.status.value
    upload(panel, "other.png", photo_with(images[faces[0]]))
    assert (panel.face.index.value, panel.face.index.max) == (0, 0)
    assert [name for _, name in panel.face.dataset.options].count(PHOTO) == 1


def test_a_photo_without_a_face_shows_its_middle_and_a_bad_one_says_so(panel):
    upload(panel, "wall.png", photo_with())
    assert "no face was found: its middle" in panel.status.value
    assert panel.face.image.shape == (48, 48)
    before = shown(panel)
    upload(panel, "broken.jpg", b"\xff\xd8\xff")
    assert "broken.jpg" in panel.status.value
    assert 'role="alert"' in panel.status.value
    assert shown(panel) == before
