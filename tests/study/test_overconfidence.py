"""How sure networks are, against how often they are right."""

import numpy as np

from fer_lib.campaign import expand, parse_grid
from fer_lib.results import collect
from fer_lib.results.pooled import overconfidence
from fer_lib.training import Record


def test_confidence_above_accuracy_is_too_sure():
    grid = {"profile": "x", "arms": {"CNN": {}}, "datasets": {"FER2013": {"dataset": "fer2013"}}}
    (cell,) = expand(parse_grid(grid, where="test"))
    record = Record(run_id="a", config=cell.config, fingerprint="d", status="finished", metrics={"test_accuracy": 0.5})
    arrays = {"actual": np.array([0, 1]), "predicted": np.array([0, 0]), "confidence": np.array([0.9, 0.7])}
    found = overconfidence(collect([cell], [record], load=lambda record: arrays, reasons={}))
    assert found == {0: np.float64(0.8) - 0.5}
