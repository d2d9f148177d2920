"""A step may be captured and taken over by the next run; neither changes a number.

Where there is no CUDA, a capture is played by a function that does to the step what a real one does: it runs the body
to warm it up, and hands back something that replays it.
"""

import contextlib
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from training.tiny import same_arrays, tiny

from fer_lib import data
from fer_lib.data import FaceSet, apply_rule
from fer_lib.training import RunConfig, graph, machine
from fer_lib.training.checkpoint import Training
from fer_lib.training.engine import Outcome, Stopped, train
from fer_lib.training.session import DeviceSession

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
    """Counts its captures, and looks whether another is under way."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, body, generator):
        self.count += 1
        assert graph.CAPTURE_LOCK.locked()
        for _ in range(3):
            body()
        return lambda: body()


def trained(config: RunConfig, faces: FaceSet, workspace: DeviceSession | None = None, **options) -> Outcome:
    return train(config, faces, workspace=workspace or DeviceSession(CPU), **options)


def assert_same(first: Outcome, second: Outcome) -> None:
    ours, theirs = (
        [line.model_dump(exclude={"seconds", "eval_seconds"}) for line in done.history] for done in (first, second)
    )
    assert ours == theirs
    assert same_arrays(first.arrays, second.arrays)


def test_an_optimizer_of_ones_own_begins_anew_and_is_not_captured(faces):
    config = tiny(optimizer="torch.optim:Adagrad")  # its first state is no zero
    workspace = DeviceSession(CPU, capture=(capture := PlayedCapture()))
    trained(tiny(optimizer="torch.optim:Adagrad", seed=3), faces, workspace)
    assert_same(trained(config, faces, workspace), trained(config, faces))
    assert capture.count == 0


@pytest.mark.parametrize("changes", OPTIMIZERS, ids=lambda changes: changes["optimizer"])
def test_a_run_in_a_used_workspace_is_that_of_a_fresh_one(faces, changes):
    """Other seed, split, epochs and learning rate, after a run that diverged; dropout and transformer included."""
    config = tiny(attention="stn", augment="affine", **changes)
    workspace = DeviceSession(CPU, capture=(capture := PlayedCapture()))
    first = workspace.images(faces)
    assert trained(tiny(**{**config.model_dump(), "lr": 1e30, "seed": 3}), faces, workspace).status == "diverged"
    again = trained(config, faces, workspace)
    assert capture.count == 1, "the second run did not take over the first one's step"
    assert workspace.images(faces) is first
    assert_same(again, trained(config, faces))


@pytest.mark.slow
def test_a_workspace_does_not_take_over_another_shape(faces):
    workspace = DeviceSession(CPU, capture=(capture := PlayedCapture()))
    same = [tiny(seed=1), tiny(lr=0.01, schedule="cosine"), tiny(split="official", epochs=1)]
    other = [tiny(attention="stn"), tiny(batch_size=4), tiny(label_smoothing=0.1), tiny(train_limit=5), tiny()]
    captures = []
    for config in [tiny(), *same, *other]:
        trained(config, faces, workspace)
        captures.append(capture.count)
    assert captures == [1, 1, 1, 1, 2, 3, 4, 5, 6]


def test_a_captured_run_is_an_eager_one(faces):
    config = tiny(attention="stn", optimizer="nadam", split="official", mixup=0.4, ema=0.9)
    captured = trained(config, faces, DeviceSession(CPU, capture=PlayedCapture()))
    eager = trained(config, faces)
    assert_same(captured, eager)
    assert (captured.step, eager.step) == ("cuda graph", "eager")


@pytest.mark.parametrize(
    ("changes", "how"),
    [({"model": "resnet50", "attention": "stn"}, "cuda graph, compiled"), ({"model": "compact"}, "cuda graph")],
)
@pytest.mark.filterwarnings("ignore:Dynamo detected")  # the CPU's convolutions keep their taps in a cache
def test_a_captured_step_may_be_compiled(faces, changes, how, monkeypatch):
    config, traced = tiny(epochs=1, **changes), []
    plain = trained(config, faces, DeviceSession(CPU, capture=PlayedCapture()))

    def backend(graph, inputs):
        traced.append(graph)
        return graph.forward

    torch.compiler.reset()
    monkeypatch.setenv("FER_MODE", "compile")
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    assert trained(config, faces).step == "eager"
    found = trained(config, faces, DeviceSession(CPU, capture=PlayedCapture()))
    assert (found.step, bool(traced)) == (how, how.endswith("compiled"))
    assert_same(found, plain)


def test_a_capture_is_warmed_up_on_images_that_have_labels():
    """On a GPU a loss stops the process at a class that is none, and the set's first image may have none."""
    plus = data.load("toyfacesplus")
    faces = replace(plus, votes=np.where(np.arange(len(plus))[:, None] > 0, plus.votes, 0))
    assert apply_rule(faces, "majority8").hard[0] == -1
    config = tiny(dataset="toyfacesplus", label_rule="majority8", epochs=1)
    assert_same(trained(config, faces, DeviceSession(CPU, capture=PlayedCapture())), trained(config, faces))


class Asked(TorchDispatchMode):
    """Notes numbers that are read back, for which a GPU would be waited for, and tensors that are made of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "lift_fresh"):
            self.found.append(str(function))
        return function(*args, **(kwargs or {}))


HIDDEN = {"attention": "stn", "localisation": "hidden"}
RECIPES = [
    {"ema": 0.9, "mixup": 0.4, "class_weight": "balanced"}, {"model": "compact", "augment": "affine"},
    {"attention": "stn", "identity_pull": 0.1}, {"warps": 2, **HIDDEN},
    {"attention": "stn_no_warp", "augment": "crop_flip"},
    {"model": "resnet50", "label_smoothing": 0.1, "optimizer": "sgd"},
    {"model": "none", "loss": "pose", "augment": "poses", **HIDDEN},
]  # fmt: skip


@pytest.mark.parametrize("changes", RECIPES, ids=str)
def test_a_captured_step_neither_waits_nor_sends_numbers(faces, changes):
    asked = Asked()

    def capture(body, generator):
        body()
        with asked:
            body()
        return body

    assert trained(tiny(epochs=1, **changes), faces, DeviceSession(CPU, capture=capture)).step == "cuda graph"
    assert asked.found == []


class PlayedGraph:
    """What torch.cuda captures with, without a GPU: notes what is asked of it, and may break at the end."""

    def __init__(self, monkeypatch, *, broken: bool = False) -> None:
        self.told, self.broken = [], broken
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: self)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: "stream of slot 2")
        monkeypatch.setattr(torch.cuda, "graph", self.capture)

    def register_generator_state(self, generator):
        self.told.append(generator)

    @contextlib.contextmanager
    def capture(self, graph, *, stream, capture_error_mode):
        self.told += [stream, capture_error_mode]
        try:
            yield
        finally:
            if self.broken:
                raise RuntimeError("operation failed due to a previous error during capture")

    def replay(self):
        self.told.append("replay")


def test_a_step_is_captured_on_the_stream_that_it_is_replayed_on(monkeypatch):
    played, bodies, generator = PlayedGraph(monkeypatch), [], torch.Generator()
    graph.cuda_graph(lambda: bodies.append(1), generator)()
    assert len(bodies) == graph.WARM_UPS + 1
    assert played.told == [generator, "stream of slot 2", "thread_local", "replay"]


def test_a_capture_that_breaks_is_an_error_that_names_the_first_cause(monkeypatch):
    PlayedGraph(monkeypatch, broken=True)
    bodies = []

    def waits_for_the_device():
        bodies.append(1)
        if len(bodies) > graph.WARM_UPS:
            raise RuntimeError("operation not permitted when stream is capturing\nand a long explanation")

    with pytest.raises(graph.CaptureFailed, match=r"graph: operation not permitted when stream is capturing\.\n"):
        graph.cuda_graph(waits_for_the_device, torch.Generator())


def test_what_breaks_before_the_capture_is_not_taken_for_it(monkeypatch):
    PlayedGraph(monkeypatch)

    def too_large():
        raise torch.OutOfMemoryError("tried to allocate 80 GiB")

    with pytest.raises(torch.OutOfMemoryError):
        graph.cuda_graph(too_large, torch.Generator())


def test_a_broken_capture_is_not_followed_by_an_eager_run(faces):
    """Neither in that run nor in the next of the same shape."""

    def broken(body, generator):
        raise graph.CaptureFailed("no more")

    workspace = DeviceSession(CPU, capture=broken)
    for _ in range(2):
        with pytest.raises(graph.CaptureFailed):
            trained(tiny(), faces, workspace)


def test_batches_are_not_counted_in_a_captured_step(faces):
    """A kernel for each normalised layer, in a number that is of no use with a fixed momentum."""
    counted = []

    def capture(body, generator):
        held = workspace._held[1]
        counted.extend(part.num_batches_tracked for part in held.model.modules() if hasattr(part, "momentum"))
        return body

    workspace = DeviceSession(CPU, capture=capture)
    done = trained(tiny(ema=0.9), faces, workspace)
    assert counted
    assert set(counted) == {None}
    assert any(name.endswith("num_batches_tracked") for name in done.model.state_dict())


@pytest.mark.parametrize(("graphs", "how"), [("", graph.cuda_graph), ("eager", None)])
def test_graphs_can_be_done_without(monkeypatch, graphs, how):
    monkeypatch.setenv("FER_MODE", graphs)
    assert DeviceSession(torch.device("cuda"))._capture is how


def test_every_slot_has_a_stream_that_no_other_has(monkeypatch):
    """torch deals 32 streams out in turn: made anew for every capture, two runs side by side would soon share one."""
    made: list[object] = []
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: made.append(object()) or made[-1])
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    machine._stream.cache_clear()
    try:
        workspaces = [DeviceSession(torch.device("cuda"), slot=slot) for slot in range(4) for _ in range(100)]
        streams = [workspace.stream() for workspace in workspaces]
    finally:
        machine._stream.cache_clear()
    assert len(made) == 4
    assert streams == [stream for stream in made for _ in range(100)]


def test_what_a_workspace_holds_is_let_go_of_when_nothing_is_captured(faces):
    with DeviceSession(CPU, capture=PlayedCapture()) as workspace:
        trained(tiny(), faces, workspace)
        assert workspace.suits(tiny(seed=7, lr=0.1))
        assert not workspace.suits(tiny(attention="stn"))
        end = threading.Thread(target=workspace.clear)
        with graph.CAPTURE_LOCK:
            end.start()
            end.join(0.2)
            assert end.is_alive()
        end.join()
        assert not workspace.suits(tiny())


@pytest.mark.slow
@pytest.mark.parametrize("used", [False, True])
def test_a_resumed_run_is_captured_where_it_left_off(faces, used, tmp_path):
    config, path = tiny(optimizer="adam", epochs=3, mixup=0.4, ema=0.9), tmp_path / "x.safetensors"

    def save_and_stop(training: Training, images: int) -> bool:
        training.save(path, run_id="x")
        return False

    with pytest.raises(Stopped):
        trained(config, faces, after_epoch=save_and_stop)
    workspace = DeviceSession(CPU, capture=PlayedCapture())
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
def test_every_optimizer_is_captured_on_cuda(faces, changes, monkeypatch):
    config = tiny(attention="stn", epochs=4, train_limit=64, precision="fp32", **changes)
    found = []
    for graphs in ("", "eager"):
        monkeypatch.setenv("FER_MODE", graphs)
        workspace = DeviceSession(torch.device("cuda"))
        with workspace.stream():
            found.append(trained(config, faces, workspace))
    captured, eager = found
    assert (captured.step, eager.step) == ("cuda graph", "eager")
    for ours, theirs in zip(captured.history, eager.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=0.01)
