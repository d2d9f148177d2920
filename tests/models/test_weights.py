"""Pre-trained weights: found in TORCH_HOME, downloaded with a hash check, or a message that says what to do."""

import functools
import hashlib
import http.server
import threading
from pathlib import Path

import pytest
import torch
from torchvision.models import ResNet50_Weights

from fer_lib.errors import FerError
from fer_lib.models import build, weights
from fer_lib.models.networks import resnet50
from fer_lib.training import RunConfig
from fer_lib.training.checkpoint import save_weights

NAME = "imagenet1k_v1"


@pytest.fixture
def torch_home(tmp_path, monkeypatch) -> Path:
    """Where torch keeps weights, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def published(monkeypatch):
    """`published(content, at)`: torchvision's v1 weights are `content`, at this address; gives their file name."""

    def set_up(content: bytes, at: str) -> str:
        name = f"resnet50-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        monkeypatch.setitem(weights.IMAGENET, NAME, f"{at}/{name}")
        return name

    return set_up


@pytest.fixture
def server(tmp_path):
    """A web server on this machine: (its folder, its address)."""
    folder = tmp_path / "www"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def vanilla(classes: int, **values) -> torch.nn.Module:
    return build(RunConfig.parse({"dataset": "toyfaces", "model": "vanilla_cnn", **values}), classes=classes)


def test_a_file_in_torch_home_is_used_and_its_head_is_not(torch_home, published, tmp_path):
    theirs = resnet50(classes=1000)[1].state_dict()
    torch.save(theirs, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    (torch_home / published(content, "http://127.0.0.1:9")).write_bytes(content)
    model = build(RunConfig.parse({"dataset": "toyfaces", "pretrained": NAME, "attention": "stn"}), classes=7)
    head = model.network[1].fc.weight.clone()

    weights.load_imagenet(model, weights.imagenet_file(NAME))

    ours = model.network[1].state_dict()
    body = [name for name in theirs if not name.startswith("fc.")]
    assert len(body) == len(theirs) - 2
    assert all(torch.equal(ours[name], theirs[name]) for name in body)
    assert torch.equal(ours["fc.weight"], head)


def test_a_damaged_file_is_named(torch_home, published):
    path = torch_home / published(b"weights", "http://127.0.0.1:9")
    path.write_bytes(b"weihgts")
    with pytest.raises(FerError, match="damaged") as raised:
        weights.imagenet_file(NAME)
    assert not isinstance(raised.value, weights.WeightsUnavailable)
    assert str(path) in str(raised.value)
    assert len(str(raised.value).splitlines()) == 2


def test_what_is_not_there_is_downloaded_once(torch_home, published, server):
    folder, address = server
    name = published(b"weights", address)
    (folder / name).write_bytes(b"weights")
    assert weights.imagenet_file(NAME) == torch_home / name
    assert (torch_home / name).read_bytes() == b"weights"
    (folder / name).unlink()
    assert weights.imagenet_file(NAME) == torch_home / name


def test_a_download_with_another_hash_is_not_kept(torch_home, published, server):
    folder, address = server
    name = published(b"weights", address)
    (folder / name).write_bytes(b"an error page")
    with pytest.raises(weights.WeightsUnavailable, match="invalid hash"):
        weights.imagenet_file(NAME)
    assert list(torch_home.iterdir()) == []


def test_offline_the_message_says_what_to_put_where(torch_home, published):
    name = published(b"weights", "http://127.0.0.1:9")
    with pytest.raises(weights.WeightsUnavailable) as raised:
        weights.imagenet_file(NAME)
    message = str(raised.value)
    assert len(message.splitlines()) <= 2
    assert f"http://127.0.0.1:9/{name}" in message
    assert str(torch_home) in message


def test_the_addresses_are_those_of_torchvision():
    known = {"imagenet1k_v1": ResNet50_Weights.IMAGENET1K_V1, "imagenet1k_v2": ResNet50_Weights.IMAGENET1K_V2}
    assert {name: weight.url for name, weight in known.items()} == weights.IMAGENET


def test_a_run_passes_on_its_body_but_not_its_head(tmp_path):
    before, after = vanilla(10, seed=1), vanilla(7, seed=2, attention="stn")
    save_weights(before, tmp_path / "run.safetensors")
    head = after.network[-1].weight.clone()
    weights.load_run(after, tmp_path / "run.safetensors")
    assert torch.equal(after.network[0].weight, before.network[0].weight)
    assert torch.equal(after.network[-1].weight, head)


def test_weights_that_do_not_fit_are_refused(tmp_path):
    save_weights(vanilla(7), tmp_path / "run.safetensors")
    other = build(RunConfig.parse({"dataset": "toyfaces"}), classes=7)
    with pytest.raises(FerError, match="does not fit the model"):
        weights.load_run(other, tmp_path / "run.safetensors")


@pytest.mark.parametrize("content", [None, b"no safetensors"])
def test_weights_that_cannot_be_read_are_named(tmp_path, content):
    path = tmp_path / "run.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FerError, match="no readable weights") as raised:
        weights.load_run(vanilla(7), path)
    assert str(path) in str(raised.value)
    assert len(str(raised.value).splitlines()) == 2
