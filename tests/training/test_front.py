"""`fer_lib.train`: any module on any images, by the study's own loop."""

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision.models import squeezenet1_1
from training.tiny import tiny

import fer_lib as fer
from fer_lib import FerError
from fer_lib.training import evaluate
from fer_lib.training.engine import train as engine
from fer_lib.training.session import DeviceSession

SMALL = {"epochs": 2, "batch_size": 8, "train_limit": 16, "test_limit": 8, "precision": "fp32"}


class WithSideOutput(nn.Module):
    """Gives a second answer while it is trained, as GoogLeNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))

    def forward(self, images: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        logits = self.head(images)
        return (logits, logits) if self.training else logits


@pytest.fixture(scope="module")
def coloured() -> fer.FaceSet:
    """40 images, uint8 [40, 96, 96, 3]; those called `red` are."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 96, 96, 3), dtype=np.uint8)
    names = np.array(["grey", "red"])[np.arange(40) % 2]
    images[names == "red", ..., 0] |= 128
    return fer.FaceSet.of(images, names)


def test_a_module_of_ones_own_is_trained_as_the_study_trains_its_own():
    faces, config = fer.load("toyfaces"), tiny(model="compact", attention="stn", augment="affine", mixup=0.2, ema=0.9)
    torch.set_num_threads(1)
    theirs = engine(config, faces, workspace=DeviceSession(torch.device("cpu")))
    keys = ("epochs", "batch_size", "train_limit", "test_limit", "precision", "augment", "mixup", "ema")
    ours = fer.train(
        fer.build(config, classes=7), faces, device="cpu", threads=1, **{key: getattr(config, key) for key in keys}
    )
    assert ours.metrics == theirs.metrics
    assert ours.history["train_loss"].tolist() == [line.train_loss for line in theirs.history]
    assert ours.predictions["row"].tolist() == theirs.arrays["rows"].tolist()


@pytest.mark.parametrize("split", ["random80", "grouped80"])
def test_colour_size_and_classes_are_those_of_the_images(coloured, split):
    model = fer.STNClassifier(squeezenet1_1(num_classes=2), transformer=fer.SpatialTransformer(channels=3))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = torch.get_rng_state()
    first, again = (fer.train(model, coloured, split=split, augment="crop_flip", threads=1, **SMALL) for _ in range(2))
    assert first.metrics == again.metrics
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert set(first.predictions["actual"]) <= {"grey", "red"}
    assert first.test.images.shape == (8, 96, 96, 3)
    assert len(fer.show_grids(first.model, first.test.images[:3]).axes[0].images) == 6


def test_a_network_of_timm_is_trained_behind_a_transformer(coloured):
    network = timm.create_model("resnet10t", num_classes=2)
    model = fer.STNClassifier(network, transformer=fer.SpatialTransformer(channels=3))
    run = fer.train(model, coloured, threads=1, **SMALL)
    assert isinstance(run.model.network, type(network))
    assert len(run.history) == 2
    moved = [not torch.equal(one, other) for one, other in zip(run.model.parameters(), model.parameters(), strict=True)]
    assert any(moved)


def test_what_is_learnt_is_right(coloured):
    """Red or not is a matter of three means."""
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    done = fer.train(model, coloured, epochs=60, batch_size=16, lr=0.1)
    assert done.metrics["test_accuracy"] == 1.0
    assert (done.predictions["actual"] == done.predictions["predicted"]).all()
    with pytest.raises(FerError, match="no transformer"):
        fer.show_grids(done.model, coloured.images[:2])


def test_the_explorer_opens_on_it(coloured):
    run = fer.train(fer.STNClassifier("tiny", classes=7), fer.load("toyfaces"), split="official", **SMALL)
    explorer = fer.explore(run)
    (own,) = (one for one in explorer.player.networks if one["name"] == "yours" and one["role"] == "classifier")
    assert own["title"].startswith("your network: ")
    assert own["classes"] == list(run.classes)
    assert (explorer.player.straighten, explorer.player.classify) == ("yours", "yours")
    assert explorer.face.index.value in run.predictions["row"].tolist()
    assert explorer.player.answer({"load": "yours"}, [])["layers"]
    grey = fer.FaceSet.of(coloured.images[:, :48, :48, 0], coloured.labels, coloured.classes)
    mine = fer.explore(fer.train(fer.STNClassifier("tiny", classes=2), grey, **SMALL))
    assert mine.player.face["called"].startswith("Image 0 of your images: ")
    assert mine.player.classify == "yours"
    plain = fer.train(nn.Sequential(nn.Flatten(), nn.Linear(96 * 96 * 3, 2)), coloured, **SMALL)
    with pytest.raises(FerError, match=r"grey images of 48×48 pixels, not \[96, 96, 3\]"):
        fer.explore(plain)


@pytest.mark.parametrize(("values", "said"), [
    ({"learning_rate": 1.0}, "did you mean 'lr'"),
    ({"model": "compact"}, "model is for networks that a params file names"),
    ({"split": "official"}, "needs FER2013's Usage column"),
    ({"lr": 1e30, "optimizer": "sgd", **SMALL}, "the training loss is not finite in epoch 1"),
])  # fmt: skip
def test_a_mistake_is_one_clear_line(coloured, values, said):
    with pytest.raises(FerError, match=said):
        fer.train(squeezenet1_1(num_classes=2), coloured, **values)


def test_a_module_that_does_not_fit_is_told_before_it_trains(coloured):
    with pytest.raises(FerError, match=r"gives \[2, 5\] for two images in training; expected \[2, 2\]"):
        fer.train(squeezenet1_1(num_classes=5), coloured)
    with pytest.raises(FerError, match="gives tuple for two images in training"):
        fer.train(WithSideOutput(), coloured)
    with pytest.raises(FerError, match=r"does not take images \[2, 3, 96, 96\]"):
        fer.train(fer.STNClassifier("tiny", classes=2), coloured)


@pytest.mark.parametrize(("images", "labels", "classes", "said"), [
    (np.zeros((2, 8, 8)), [0, 1], (), "found float64"),
    (np.zeros((2, 64), np.uint8), [0, 1], (), "expected uint8"),
    (np.zeros((2, 8, 8), np.uint8), [0], (), r"labels: found int64 \[1\]"),
    (np.zeros((2, 8, 8), np.uint8), [-1, 0], (), "from -1 to 0"),
    (np.zeros((2, 8, 8), np.uint8), ["a", "b"], ("a",), "'b' is none of the classes a"),
])  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(images, labels, classes, said):
    with pytest.raises(FerError, match=said):
        fer.FaceSet.of(images, labels, classes)


def test_parts_of_a_set_are_told_apart(coloured):
    """Groups of copies are kept by fingerprint."""
    few, many = coloured.take(np.arange(20)), coloured.take(np.arange(40))
    assert len({few.fingerprint, many.fingerprint, coloured.fingerprint}) == 3
    net = nn.Sequential(nn.Flatten(), nn.Linear(96 * 96 * 3, 2))
    for part in (few, many):
        fer.train(net, part, split="grouped80", epochs=1, batch_size=4)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="'resnet18' is unknown; choose one of resnet50"):
        fer.STNClassifier("resnet18")


@pytest.mark.parametrize(("shape", "batch"), [((1, 48, 48), 512), ((3, 224, 224), 7), ((3, 2000, 2000), 1)])
def test_larger_images_are_looked_at_fewer_at_a_time(shape, batch):
    assert evaluate._batch(torch.empty(2, *shape)) == batch
