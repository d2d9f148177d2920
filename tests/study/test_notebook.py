"""What a notebook calls, with a profile of the notebook's own."""

import pytest
from training.tiny import SMALL

from fer_lib.errors import FerError
from fer_lib.study.notebook import Study


def test_a_profile_of_ones_own_needs_no_params_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_REPORT", str(tmp_path))
    monkeypatch.setenv("FER_DEVICE", "cpu")
    monkeypatch.setenv("FER_JOBS", "1")
    study = Study("mine")
    results = study.run(base=SMALL, arms={"CNN": {}}, datasets={"Toy faces": {"dataset": "toyfaces"}})
    assert results.runs["status"].tolist() == ["finished"]
    with pytest.raises(FerError, match="'mine' has no params files"):
        study.everything()
    with pytest.raises(FerError, match="unknown key 'armz'"):
        study.run(armz={"CNN": {}}, arms={"CNN": {}}, datasets={"Toy faces": {"dataset": "toyfaces"}})
