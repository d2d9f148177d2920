"""Tensors in a file come back as they were, or not at all."""

import pytest
import torch

from fer_lib.tensors import read_tensors, write_tensors

STATE = {
    "weights": torch.arange(6.0).view(2, 3), "half": torch.ones(3, dtype=torch.bfloat16), "step": torch.tensor(7),
    "turned": torch.arange(6).view(2, 3).T, "empty": torch.zeros(0),
}  # fmt: skip


def test_they_come_back_with_what_was_told(tmp_path):
    write_tensors(tmp_path / "a", STATE, run_id="x", history="[]")
    state, told = read_tensors(tmp_path / "a")
    assert told == {"run_id": "x", "history": "[]"}
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], value) and state[name].dtype == value.dtype for name, value in STATE.items())


def test_equal_tensors_are_equal_files(tmp_path):
    for name in ("a", "b"):
        write_tensors(tmp_path / name, STATE, run_id="x", history="[]")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_byte_changes_unnoticed(tmp_path):
    write_tensors(tmp_path / "a", STATE, run_id="x")
    written = (tmp_path / "a").read_bytes()
    for place in range(len(written)):
        changed = bytearray(written)
        changed[place] ^= 1 << place % 8
        (tmp_path / "b").write_bytes(changed)
        try:
            state, told = read_tensors(tmp_path / "b")
        except ValueError:
            continue
        assert told == {"run_id": "x"}
        assert all(torch.equal(state[name], value) for name, value in STATE.items())


def test_files_of_others_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "a", {"format": "pt"})
    with pytest.raises(ValueError, match="not those that were written"):
        read_tensors(tmp_path / "a")
