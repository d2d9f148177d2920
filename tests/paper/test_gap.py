"""What each candidate is worth, by hand: two seeds of ten test images, under two splits and two labellings."""

from collections.abc import Sequence

import numpy as np
import pytest

from fer_lib.campaign import Cell
from fer_lib.paper import gap
from fer_lib.paper.gap import Gap, measure_gaps
from fer_lib.results import Results, collect
from fer_lib.training import Epoch, Record, RunConfig

CURVES = {0: [0.1, 0.2, 0.3, 0.5, 0.7, 0.6], 1: [0.2, 0.2, 0.4, 0.6, 0.5, 0.5]}  # test accuracy by seed and epoch
COPIES = np.array([3, 2, 1, 0, 0, 0, 0, 0, 0, 0], np.uint8)
TIED = np.arange(10) >= 8


def results(runs: Sequence[tuple[str, str, int]], *, copies: bool = True) -> Results:
    """ResNet50 by data set, split and seed; it is right on the first images, as many as its last accuracy says."""
    cells, records, arrays = [], [], {}
    for dataset, split, seed in runs:
        config = RunConfig.parse({"dataset": dataset, "seed": seed, "split": split, "epochs": 6})
        cells.append(Cell("ResNet50", dataset, split, seed, config))
        curve = [value - (0.1 if split == "grouped80" else 0.0) for value in CURVES[seed]]
        run_id = f"{dataset} {split} {seed}"
        records.append(
            Record(
                run_id=run_id, config=config, fingerprint="data", status="finished", classes=["a", "b"],
                history=[line(*point) for point in enumerate(curve, start=1)],
                metrics={"test_accuracy": curve[-1], "best_eval_accuracy": max(curve)},
            )
        )  # fmt: skip
        predicted = (np.arange(10) >= round(10 * curve[-1])).astype(int)
        arrays[run_id] = {"rows": np.arange(10), "actual": np.zeros(10, int), "predicted": predicted}
        arrays[run_id] |= {"copies": COPIES} if copies else {}
        arrays[run_id] |= {"tied": TIED} if dataset == "toyfacesplus" else {}
    return collect(cells, records, load=lambda record: arrays[record.run_id], reasons={})


def line(epoch: int, accuracy: float) -> Epoch:
    return Epoch(
        epoch=epoch, lr=0.001, train_loss=1.0, train_accuracy=accuracy, eval_loss=1.0, eval_accuracy=accuracy, seconds=1
    )


def means(gap: Gap) -> dict[str, float]:
    return {candidate.key: candidate.value.mean for candidate in gap.candidates}


def test_every_candidate_is_what_it_says():
    fer, plus = measure_gaps(
        results([(name, split, seed) for name in ("toyfaces", "toyfacesplus") for split in ("random80", "grouped80")
                 for seed in (0, 1)])
    )  # fmt: skip
    assert (fer.role, fer.paper, fer.ours.n, fer.ours.mean) == ("FER2013", 0.771539, 2, 0.55)
    # over the eight images without a copy in training, all of them wrong but the third to sixth (fifth)
    copies = np.mean([0.6 - 4 / 8, 0.5 - 3 / 8])
    trend = np.mean([0.65 - 0.4, 0.5 - 0.5])
    expected = {"epoch": np.mean([0.1, 0.1]), "split": 0.1, "copies": copies, "epochs": trend}
    assert means(fer) == pytest.approx(expected)
    assert means(plus) == pytest.approx(expected | {"ties": 0.2})
    assert fer.total.mean == pytest.approx(0.771539 - 0.55)
    assert fer.left.mean == pytest.approx(0.771539 - 0.65)
    assert plus.left.mean == pytest.approx(0.823987 - 0.65 - 0.2)
    assert [candidate.key for candidate in plus.candidates if candidate.bound] == ["ties"]


def test_candidates_are_paired_by_seed():
    runs = [("toyfaces", "random80", 0), ("toyfaces", "random80", 1), ("toyfaces", "grouped80", 1)]
    fer, _ = measure_gaps(results(runs))
    values = {candidate.key: candidate.value for candidate in fer.candidates}
    assert (values["split"].n, values["epoch"].n) == (1, 2)
    assert np.isnan(values["split"].low)


def test_what_was_not_measured_is_said_and_not_drawn_as_zero():
    nothing = results([("toyfaces", "official", 0)])
    other = results([("toyfaces", "random80", 0)], copies=False)
    assert gap.listed(measure_gaps(nothing), nothing).empty
    fer, plus = measure_gaps(other)
    drawn = gap.listed([fer, plus], other)
    assert set(drawn["n"]) == {1}
    assert len(drawn) == 4  # the gap, the epoch, the epochs, the rest
