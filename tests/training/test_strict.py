"""`strict`: two runs on one machine agree bit by bit, the transformer on the raw image included."""

import pytest
import torch
from training.tiny import assert_same_runs, place, tiny

from fer_lib.training import RunStore, run_one

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")),
]


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.setenv("FER_MODE", "strict")
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("model", ["vanilla_cnn", "resnet50"])
def test_two_strict_runs_are_bitwise_equal(tmp_path, device, model):
    config = tiny(model=model, attention="stn", augment="affine", precision="auto")
    places = [place(tmp_path / name, device=device) for name in ("first", "second")]
    records = [run_one(config, where) for where in places]
    assert [record.provenance["level"] for record in records] == ["strict", "strict"]
    assert torch.are_deterministic_algorithms_enabled()
    assert_same_runs(*(RunStore(where.store) for where in places))


def test_the_usual_level_is_fast(tmp_path):
    assert run_one(tiny(epochs=1), place(tmp_path)).provenance["level"] == "fast"
    assert not torch.are_deterministic_algorithms_enabled()
