"""A step may be captured and taken over by the next run; neither changes a number.

Where there is no CUDA, a capture is played by a function that does to the step what a real one does: it runs the body
to warm it up, and hands back something that replays it.
"""

import pytest
import torch
from training.tiny import same_arrays, tiny

from fer_lib import data
from fer_lib.data import FaceSet
from fer_lib.training import RunConfig
from fer_lib.training.checkpoint import Training
from fer_lib.training.engine import Outcome, Stopped, train
from fer_lib.training.step import Workspace

CPU = torch.device("cpu")
OPTIMIZERS = [
    {"optimizer": "sgd", "momentum": 0.9}, {"optimizer": "adam"}, {"optimizer": "adamw", "weight_decay": 0.01},
    {"optimizer": "nadam", "class_weight": "balanced", "mixup": 0.4, "ema": 0.9}, {"optimizer": "radam"},
    {"optimizer": "rmsprop", "momentum": 0.5},
]  # fmt: skip


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    torch.set_num_threads(1)
    return data.load("toyfaces")


class PlayedCapture:
    """Counts its captures; `broken` fails after its warm-up, as a step that waits for the device does."""

    def __init__(self, *, broken: bool = False) -> None:
        self.count, self.broken = 0, broken

    def __call__(self, body, generator):
        self.count += 1
        for _ in range(3):
            body()
        if self.broken:
            raise RuntimeError("operation not permitted when stream is capturing\nand a long explanation")
        return lambda: body()


def trained(config: RunConfig, faces: FaceSet, workspace: Workspace | None = None, **options) -> Outcome:
    return train(config, faces, workspace=workspace or Workspace(CPU), **options)


def assert_same(first: Outcome, second: Outcome) -> None:
    ours, theirs = (
        [line.model_dump(exclude={"seconds", "eval_seconds"}) for line in done.history] for done in (first, second)
    )
    assert ours == theirs
    assert same_arrays(first.arrays, second.arrays)


@pytest.mark.parametrize("changes", OPTIMIZERS, ids=lambda changes: changes["optimizer"])
def test_a_run_in_a_used_workspace_is_that_of_a_fresh_one(faces, changes):
    """Other seed, split, epochs and learning rate, after a run that diverged; dropout and transformer included."""
    config = tiny(attention="stn", augment="affine", **changes)
    workspace = Workspace(CPU, capture=(capture := PlayedCapture()))
    first = workspace.images(faces)
    assert trained(tiny(**{**config.model_dump(), "lr": 1e30, "seed": 3}), faces, workspace).status == "diverged"
    again = trained(config, faces, workspace)
    assert capture.count == 1, "the second run did not take over the first one's step"
    assert workspace.images(faces) is first
    assert_same(again, trained(config, faces))


@pytest.mark.slow
def test_a_workspace_does_not_take_over_another_shape(faces):
    workspace = Workspace(CPU, capture=(capture := PlayedCapture()))
    same = [tiny(seed=1), tiny(lr=0.01, schedule="cosine"), tiny(split="official", epochs=1)]
    other = [tiny(attention="stn"), tiny(batch_size=4), tiny(label_smoothing=0.1), tiny(train_limit=5), tiny()]
    captures = []
    for config in [tiny(), *same, *other]:
        trained(config, faces, workspace)
        captures.append(capture.count)
    assert captures == [1, 1, 1, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("broken", [False, True])
def test_a_captured_run_is_an_eager_one(faces, broken):
    config = tiny(attention="stn", optimizer="nadam", split="official", mixup=0.4, ema=0.9)
    captured = trained(config, faces, Workspace(CPU, capture=PlayedCapture(broken=broken)))
    eager = trained(config, faces)
    assert_same(captured, eager)
    assert eager.step == "eager"
    wanted = "eager, since the step could not be captured: operation not permitted when stream is capturing"
    assert captured.step == (wanted if broken else "cuda graph")


@pytest.mark.slow
@pytest.mark.parametrize("used", [False, True])
def test_a_resumed_run_is_captured_where_it_left_off(faces, used, tmp_path):
    config, path = tiny(optimizer="adam", epochs=3, mixup=0.4, ema=0.9), tmp_path / "x.safetensors"

    def save_and_stop(training: Training, images: int) -> bool:
        training.save(path, run_id="x")
        return False

    with pytest.raises(Stopped):
        trained(config, faces, after_epoch=save_and_stop)
    workspace = Workspace(CPU, capture=PlayedCapture())
    if used:
        trained(tiny(seed=7, mixup=0.4, ema=0.9), faces, workspace)
    resumed = trained(config, faces, workspace, resume=lambda training: training.restore(path, run_id="x"))
    assert_same(resumed, trained(config, faces))


def test_a_run_that_goes_on_in_another_arithmetic_says_so(faces, tmp_path):
    path = tmp_path / "x.safetensors"

    def save_and_stop(training: Training, images: int) -> bool:
        training.save(path, run_id="x")
        return False

    with pytest.raises(Stopped):
        trained(tiny(epochs=2, precision="bf16"), faces, after_epoch=save_and_stop)
    resumed = trained(
        tiny(epochs=2, precision="fp32"), faces, resume=lambda training: training.restore(path, run_id="x")
    )
    assert (resumed.arithmetic, len(resumed.history)) == ("bf16, fp32", 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("changes", OPTIMIZERS, ids=lambda changes: changes["optimizer"])
def test_every_optimizer_is_captured_on_cuda(faces, changes):
    config = tiny(attention="stn", epochs=4, train_limit=64, precision="fp32", **changes)
    captured = trained(config, faces, Workspace(torch.device("cuda")))
    assert captured.step == "cuda graph"
    eager = trained(config, faces)
    for ours, theirs in zip(captured.history, eager.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=0.05)
