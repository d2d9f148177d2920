"""The store believes only what is whole, and says what is wrong with the rest."""

import errno
import json
import multiprocessing
import os
import stat
import tempfile

import numpy as np
import pytest
from training.tiny import assert_same_runs, outcome, place, tiny

from fer_lib.campaign import run_all
from fer_lib.errors import FerError
from fer_lib.training import Record, RunStore, run_one
from fer_lib.training.record import Epoch
from fer_lib.training.store import Busy, write_atomically


def a_record(seed: int = 0, **changes) -> Record:
    config = tiny(seed=seed)
    line = Epoch(epoch=1, lr=0.1, train_loss=1.0, train_accuracy=0.5, eval_loss=None, eval_accuracy=0.5, seconds=1.0)
    values = {"run_id": config.run_id("data"), "config": config, "fingerprint": "data", "status": "finished"}
    return Record(**{**values, "history": [line], "metrics": {"test_accuracy": 0.5}, **changes})


ARRAYS = {"rows": np.arange(5, dtype=np.uint16), "confidence": np.linspace(0, 1, 5).astype(np.float16)}


def test_what_is_put_is_what_is_got(tmp_path):
    store = RunStore(tmp_path)
    stored = store.put(a_record(), ARRAYS)
    assert RunStore(tmp_path).get(stored.run_id) == stored
    assert RunStore(tmp_path).records() == [stored]
    found = store.predictions(stored)
    assert {name: array.dtype for name, array in found.items()} == {"rows": np.uint16, "confidence": np.float16}
    assert np.array_equal(found["rows"], ARRAYS["rows"])
    assert store.find(stored.config) == store.find(stored.config, fingerprint="data") == stored
    assert store.find(stored.config, fingerprint="other data") is None
    assert store.find(tiny(seed=7)) is None
    assert store.get("0123456789ab") is None
    assert store.damaged == {}
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert files == [f"{stored.run_id}.json", f"{stored.run_id}.npz"]


def _cut(store, record):
    path = store.record_path(record.run_id)
    path.write_bytes(path.read_bytes()[:-20])


def _empty(store, record):
    store.record_path(record.run_id).write_bytes(b"")


def _other_schema(store, record):
    path = store.record_path(record.run_id)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 2}))


def _other_config(store, record):
    path = store.record_path(record.run_id)
    values = json.loads(path.read_text())
    values["config"]["lr"] = 0.5
    path.write_text(json.dumps(values))


def _other_number(store, record):
    path = store.record_path(record.run_id)
    values = json.loads(path.read_text())
    values["seconds"] += 1
    path.write_text(json.dumps(values))


def _no_predictions(store, record):
    store.record_path(record.run_id).with_suffix(".npz").unlink()


def _flipped_predictions(store, record):
    path = store.record_path(record.run_id).with_suffix(".npz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


DAMAGE = [
    (_cut, "not a readable record"), (_empty, "not a readable record"), (_other_schema, "record version 2, expected 1"),
    (_other_config, "do not belong together"), (_no_predictions, "predictions are missing"),
    (_flipped_predictions, "predictions are damaged"), (_other_number, "not what was written"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "problem"), DAMAGE)
def test_damage_is_noticed_and_named(tmp_path, damage, problem):
    whole = RunStore(tmp_path).put(a_record(1), ARRAYS)
    record = RunStore(tmp_path).put(a_record(0), ARRAYS)
    damage(RunStore(tmp_path), record)
    store = RunStore(tmp_path)
    assert store.get(record.run_id) is None
    assert problem in store.damaged[record.run_id]
    assert store.records() == [whole]
    store.put(a_record(0), ARRAYS)
    assert store.get(record.run_id) is not None
    assert store.damaged == {}


@pytest.mark.slow
def test_a_damaged_run_is_trained_again_and_says_so(tmp_path):
    where, undisturbed = place(tmp_path / "a"), place(tmp_path / "b")
    config = tiny(epochs=1)
    first = run_one(config, where)
    run_one(config, undisturbed)
    _flipped_predictions(RunStore(where.store), first)
    events = []
    again = run_all([config], where, report=events.append)
    assert again.states == {config: "trained"}
    assert "damaged" in again.reasons[config]
    assert_same_runs(RunStore(where.store), RunStore(undisturbed.store))


def test_a_record_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def crash(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old", "written in place: a reader, or a crash, would see a part"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def _no_space(*words, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("place_of_failure", [(os, "fsync"), (tempfile, "mkstemp")])
def test_a_full_disk_is_two_lines_and_nothing_half_written(tmp_path, monkeypatch, place_of_failure):
    monkeypatch.setattr(*place_of_failure, _no_space)
    with pytest.raises(FerError, match="No space left on device") as raised:
        RunStore(tmp_path).put(a_record(), ARRAYS)
    assert len(str(raised.value).splitlines()) == 2
    assert "FER_REPORT" in str(raised.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_store_that_cannot_be_written_is_two_lines(tmp_path):
    """A file where the folder should be: the same for every user, root as well."""
    (tmp_path / "store").write_text("")
    with pytest.raises(FerError, match="Cannot write") as raised:
        run_one(tiny(), place(tmp_path))
    assert len(str(raised.value).splitlines()) == 2
    with pytest.raises(FerError, match="Cannot write"):
        RunStore(tmp_path / "store").put(a_record())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_store_is_two_lines(tmp_path):
    (tmp_path / "store").mkdir(mode=0o500)
    with pytest.raises(FerError, match="Permission denied") as raised:
        run_one(tiny(), place(tmp_path))
    assert len(str(raised.value).splitlines()) == 2


def _hold(folder, run_id, held, release):
    with RunStore(folder).claim(run_id):
        held.set()
        release.wait(60)


@pytest.mark.slow
def test_a_run_that_another_process_has_is_left_to_it(tmp_path, monkeypatch):
    """The campaign trains the others meanwhile, and comes back to it."""
    monkeypatch.setattr("fer_lib.campaign.pool.BUSY_WAIT", 0.01)
    where, theirs, ours = place(tmp_path), tiny(), tiny(epochs=1)
    run_id = run_one(theirs, place(tmp_path / "other")).run_id
    store = RunStore(where.store)
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(where.store, run_id, held, release))
    holder.start()
    assert held.wait(60)
    with pytest.raises(Busy), store.claim(run_id, wait=False):
        pass
    ended = []

    def report(event):
        if event.state:
            ended.append(event.config)
            release.set()
            holder.join(60)

    assert run_all([theirs, ours], where, report=report).count("trained") == 2
    assert ended == [ours, theirs]


def test_what_a_killed_process_left_half_written_is_swept_away(tmp_path):
    where, config = place(tmp_path), tiny(epochs=1)
    run_id = run_one(config, place(tmp_path / "other")).run_id
    scraps = [where.store / "runs" / f".{run_id}.json-abc", where.store / "work" / f".{run_id}.safetensors-xyz"]
    another = where.store / "runs" / ".ffffffffffff.json-abc"
    for scrap in (*scraps, another):
        scrap.parent.mkdir(parents=True, exist_ok=True)
        scrap.write_text("{")
    run_one(config, where)
    assert [scrap.exists() for scrap in (*scraps, another)] == [False, False, True]


def test_records_are_plain_json_without_nan(tmp_path):
    record = run_one(tiny(optimizer="sgd", lr=1e30, attention="stn"), place(tmp_path))
    assert record.status == "diverged"
    text = RunStore(place(tmp_path).store).record_path(record.run_id).read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert outcome(Record.model_validate_json(text)) == outcome(record)
