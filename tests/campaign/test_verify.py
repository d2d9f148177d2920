"""A record is trained again: the same, within the spread of seeds, outside of it, or nothing to compare with."""

import pytest
from training.tiny import place, tiny

from fer_lib.campaign.verify import seed_bound, verify
from fer_lib.errors import FerError
from fer_lib.training import Record, RunStore, run_one


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A store with one run, and where it is."""
    where = place(tmp_path_factory.mktemp("verify"))
    return where, run_one(tiny(epochs=1), where)


def with_accuracy(record: Record, accuracy: float, *, seed: int = 0) -> Record:
    config = tiny(epochs=1, seed=seed)
    changed = {"config": config, "run_id": f"seed {seed}", "metrics": record.metrics | {"test_accuracy": accuracy}}
    return record.model_copy(update=changed)


def test_the_same_machine_gives_the_same_run_and_leaves_no_trace(recorded):
    where, record = recorded
    before = RunStore(where.store).get(record.run_id)
    found = verify(record.run_id, where)
    assert (found.outcome, found.difference, found.agreement, found.other) == ("identical", 0.0, 1.0, [])
    assert RunStore(where.store).get(record.run_id) == before
    assert not (where.store / "work" / "verify").exists()


@pytest.mark.parametrize(
    ("seeds", "outcome"), [([], "unknown"), ([0.0, 0.9], "within"), ([0.5, 0.501, 0.502, 0.5], "outside")]
)
def test_another_result_is_held_to_the_spread_of_seeds(recorded, monkeypatch, seeds, outcome):
    where, record = recorded
    changed = record.model_copy(update={
        "metrics": record.metrics | {"test_accuracy": record.metrics["test_accuracy"] - 0.1},
        "history": [line.model_copy(update={"train_loss": 9.0}) for line in record.history],
        "provenance": record.provenance | {"arithmetic": "fp8"},
    })  # fmt: skip
    others = [with_accuracy(record, value, seed=seed) for seed, value in enumerate(seeds, start=1)]
    get = RunStore.get
    monkeypatch.setattr(RunStore, "get", lambda self, key: changed if self.folder == where.store else get(self, key))
    monkeypatch.setattr(RunStore, "records", lambda self: others)
    found = verify(record.run_id, where)
    assert found.outcome == outcome
    assert found.difference == pytest.approx(0.1)
    assert found.other == [f"arithmetic fp8, now {record.provenance['arithmetic']}"]
    assert "another machine: arithmetic fp8, now" in str(found)
    assert ("two seeds lie up to" in str(found)) == bool(seeds)


def test_the_spread_is_pooled_over_arms_of_the_same_data_and_split(recorded):
    _, record = recorded
    pairs = [(0, 0.50), (1, 0.52)]
    one = [with_accuracy(record, value, seed=seed) for seed, value in pairs]
    other = [
        run.model_copy(update={"config": run.config.model_copy(update={"lr": 0.1})})
        for run in (with_accuracy(record, value, seed=seed) for seed, value in [(0, 0.3), (1, 0.3), (2, 0.3)])
    ]
    elsewhere = [run.model_copy(update={"config": tiny(split="official", seed=seed)}) for seed, run in enumerate(one)]
    sd = (0.0002 / 3) ** 0.5  # three degrees of freedom
    assert seed_bound(record, [*one, *other, *elsewhere]) == pytest.approx(3.182 * sd * 2**0.5, rel=1e-3)
    assert seed_bound(record, [one[0], other[0]]) is None


def test_what_cannot_be_verified_says_why(recorded, monkeypatch):
    where, record = recorded
    with pytest.raises(FerError, match="no such run"):
        verify("0123456789ab", where)
    other = record.model_copy(update={"fingerprint": "other"})
    monkeypatch.setattr(RunStore, "get", lambda self, key: other)
    with pytest.raises(FerError, match="trained on other data than the Toy faces"):
        verify(record.run_id, where)
    monkeypatch.setattr(RunStore, "get", lambda self, key: record.model_copy(update={"status": "diverged"}))
    with pytest.raises(FerError, match="diverged, so there is nothing to verify"):
        verify(record.run_id, where)
