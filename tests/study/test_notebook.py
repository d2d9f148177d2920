"""What a notebook calls, with a profile of the notebook's own."""

import subprocess
import sys

import pandas as pd
import pytest
from training.tiny import SMALL

from fer_lib import data
from fer_lib.errors import DataMissing, FerError
from fer_lib.study.notebook import Study, check_parameters


def test_a_profile_of_ones_own_needs_no_params_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_REPORT", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    study = Study("mine")
    arms = {"CNN": {}, "Adagrad": {"optimizer": "torch.optim:Adagrad"}}
    results = study.run(base=SMALL, arms=arms, datasets={"Toy faces": {"dataset": "toyfaces"}})
    assert results.runs["status"].tolist() == ["finished", "finished"]
    assert results.runs["optimizer"].tolist() == ["adam", "torch.optim:Adagrad"]
    with pytest.raises(FerError, match="'mine' has no params files"):
        study.everything()
    with pytest.raises(FerError, match="unknown key 'armz'"):
        study.run(armz={"CNN": {}}, arms={"CNN": {}}, datasets={"Toy faces": {"dataset": "toyfaces"}})


def test_a_parameter_of_another_type_is_told_where_it_is_set():
    declared = {"angles": list, "seed": int, "rate": float, "photo": str}
    good = {"angles": [0], "seed": 1, "rate": 1, "photo": ""}
    check_parameters({"__annotations__": declared, **good})
    with pytest.raises(FerError, match=r"(?s)^angles: found '\[0\]' \(str\), expected a list\.\n.*-y 'angles"):
        check_parameters({"__annotations__": declared, **good, "angles": "[0]"})


def test_an_error_in_a_notebook_is_its_message():
    error = FerError("wrong.\nDo this.")
    assert error._render_traceback_() == ["error: wrong.\nDo this."]
    code = "from fer_lib.errors import FerError; print(FerError('wrong.')._render_traceback_())"
    told = subprocess.run([sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, check=True)
    assert "fer_lib.errors.FerError: wrong." in told.stdout


def test_facts_are_computed_once_and_read_where_there_are_no_images(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_REPORT", str(tmp_path))
    faces, asked = data.load("digits"), []

    def count(faces, *, more):
        asked.append(more)
        return pd.DataFrame({"images": [len(faces) + more]})

    study = Study("mine")
    with pytest.raises(DataMissing, match="nor are the images"):
        study.facts("count", count, None, more=0)
    assert study.facts("count", count, faces, more=1)["images"].tolist() == [1_798]
    assert study.facts("count", count, faces, once=True, more=2)["images"].tolist() == [1_798]
    assert study.facts("count", count, None, more=3)["images"].tolist() == [1_798]
    assert study.facts("count", count, faces, more=4)["images"].tolist() == [1_801]
    assert asked == [1, 4]
