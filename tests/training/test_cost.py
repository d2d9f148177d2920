"""Predictions come from what ran on the same device, and from FLOPs before anything did."""

import pytest
import torch
from training.tiny import tiny

from fer_lib.training import Record
from fer_lib.training.cost import gflop, measured_speed, predicted_seconds
from fer_lib.training.device import provenance
from fer_lib.training.record import Epoch

CPU = torch.device("cpu")
HERE = provenance(CPU, computed_in="fp32")["device"]


def a_record(config, *, seconds: float, device: str = HERE, epochs: int | None = None) -> Record:
    line = Epoch(epoch=1, lr=0.1, train_loss=1.0, train_accuracy=0.5, eval_loss=1.0, eval_accuracy=0.5, seconds=1.0)
    return Record(
        run_id="x", config=config, fingerprint="data", status="finished", seconds=seconds,
        history=[line] * (epochs or config.epochs), provenance={"device": device},
    )  # fmt: skip


def test_a_run_is_predicted_from_its_like():
    ran = tiny(epochs=2)
    records = [a_record(ran, seconds=10), a_record(tiny(model="vggface"), seconds=1e6)]
    assert predicted_seconds(tiny(epochs=6), device=CPU, records=records) == pytest.approx(30)


def test_other_devices_do_not_count_and_other_models_do_where_there_is_nothing_else():
    elsewhere = [a_record(tiny(), seconds=1e6, device="an abacus")]
    assert measured_speed(tiny(), device=CPU, records=elsewhere) is None
    assert predicted_seconds(tiny(), device=CPU, records=elsewhere) == predicted_seconds(tiny(), device=CPU)
    other = [a_record(tiny(model="vggface"), seconds=8)]
    wanted = 8 * gflop(tiny()) / gflop(tiny(model="vggface"))
    assert predicted_seconds(tiny(), device=CPU, records=other) == pytest.approx(wanted)


def test_a_run_that_diverged_early_counts_for_the_epochs_it_ran():
    records = [a_record(tiny(epochs=10), seconds=4, epochs=2)]
    assert predicted_seconds(tiny(epochs=10), device=CPU, records=records) == pytest.approx(20)


def test_more_work_costs_more():
    base = gflop(tiny())
    assert gflop(tiny(epochs=4)) == 2 * base
    assert gflop(tiny(attention="stn")) > base
    assert gflop(tiny(train_limit=64)) > base
    assert gflop(tiny(model="resnet50", stem="small")) > gflop(tiny(model="resnet50")) > base
