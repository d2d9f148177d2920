"""The verdict's tables and pictures; what two networks on the same images come to."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fer_lib.campaign import Cell
from fer_lib.paper import overview, published, verdict
from fer_lib.paper.claims import decide
from fer_lib.paper.rule import Claim, Part
from fer_lib.results import Results, collect
from fer_lib.results.statistics import Estimate, estimate
from fer_lib.study import accuracy
from fer_lib.training import Record, RunConfig

TRANSFER = "ResNet50 + STN + ImageNet"
CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
WRONG = {"ResNet50": 30, "ResNet50 + STN": 10}  # of 100 test images, the first ones


def results(seeds: Sequence[int], *, split: str = "random80") -> Results:
    """ResNet50 and the transformer on FER2013, one run for each seed."""
    cells, records, arrays = [], [], {}
    for arm, wrong in WRONG.items():
        for seed in seeds:
            attention = "stn" if "STN" in arm else "none"
            given = {"dataset": "fer2013", "seed": seed, "split": split, "attention": attention}
            config = RunConfig.parse(given | ({"pretrained": "imagenet1k_v1"} if "ImageNet" in arm else {}))
            cells.append(Cell(arm, "FER2013", split, seed, config))
            run_id = f"{arm} {seed}"
            accuracy = 1 - wrong / 100 + 0.001 * (seed if arm == "ResNet50" else -seed)
            metrics = {"test_accuracy": accuracy, "train_accuracy": 0.9}
            known = {"run_id": run_id, "config": config, "fingerprint": "data", "classes": CLASSES}
            records.append(Record(**known, status="finished", metrics=metrics))
            arrays[run_id] = {
                "rows": np.arange(100), "actual": np.arange(100) % 7,
                "predicted": (np.arange(100) + (np.arange(100) < wrong)) % 7,
            }  # fmt: skip
    if not cells:
        cells = [Cell("ResNet50", "FER2013", split, 0, RunConfig.parse({"dataset": "fer2013"}))]
        return collect(cells, [None], load=lambda record: {}, reasons={})
    return collect(cells, records, load=lambda record: arrays[record.run_id], reasons={})


def known(n: int, mean: float) -> Estimate:
    return Estimate(n, mean, sd=0.02, se=0.02, df=31, source="shared")


def test_the_numbers_behind_a_claim_are_those_that_speak_least_for_it():
    measured = {"for it": 0.05, "hardly": 0.01, "rather not": -0.01}
    parts = [Part(text, "FER2013", known(5, mean)) for text, mean in measured.items()]
    parts += [Part(text, "FER2013", estimate(values)) for text, values in (("alone", [-0.3]), ("missing", []))]
    claim = Claim("C2", "", parts)
    assert [part.text for part in verdict.deciding(claim)] == ["rather not", "hardly"]
    (row,) = verdict.claims_table([claim], results([]), remarks={"C2": "By chance."}).to_dict("records")
    assert row["Numbers behind it"].startswith("rather not: -0.0100")
    assert row["Numbers behind it"].endswith("1 of 5 comparisons not measured. By chance.")
    against = [
        Part("one seed", "FER2013", known(1, -0.3)),
        Part("five", "FER2013", known(5, -0.1)),
        Part("open", "FER2013", known(5, 0.01)),
    ]
    assert verdict.deciding(Claim("C1", "", against))[0].text == "five"


def test_the_picture_has_every_published_test_accuracy_once():
    for found in (results([]), results([0]), results([0, 1], split="official")):
        figure, drawn = overview.overview(found)
        crosses = [line.get_xdata() for axes in figure.axes for line in axes.lines if line.get_marker() == "x"]
        assert np.isfinite(np.array(crosses, float)).sum() == drawn["paper"].notna().sum()
        paper = published.accuracies().query("part == 'test'")
        assert set(drawn["paper"].dropna()) == set(paper["published"])
        plt.close(figure)
    assert drawn.loc[drawn["official n"] == 2, "arm"].tolist() == list(WRONG)


def test_a_claim_leads_to_its_records(tmp_path):
    found = results([0, 1])
    runs = verdict.runs_table(decide(found, transfer=TRANSFER), found).set_index("Claim")
    assert runs.loc["C4", "n runs"] == 4
    assert runs.loc["C2", "n runs"] == 0
    shown = verdict.linked_records(tmp_path / "runs")("0123456789ab")
    assert 'data-file="runs/0123456789ab.json"' in shown.html
    assert str(shown) == "0123456789ab"


def half_measured() -> Results:
    """One arm with a record, one planned under two protocols, one that diverged."""
    plan = [
        ("ResNet50", "random80", {}), ("VGGFace", "random80", {"model": "vggface"}), ("SGD", "random80", {"lr": 9.0}),
        ("VGGFace", "official", {"model": "vggface"}),
    ]  # fmt: skip
    cells, records = [], []
    for arm, split, changes in plan:
        config = RunConfig.parse({"dataset": "fer2013", "split": split, **changes})
        cells.append(Cell(arm, "FER2013", split, 0, config))
        status = {"ResNet50": "finished", "SGD": "diverged"}.get(arm)
        known = {"run_id": arm, "config": config, "fingerprint": "data", "classes": CLASSES}
        metrics = {"test_accuracy": 0.5, "train_accuracy": 0.9} if status == "finished" else {}
        records.append(Record(**known, status=status, metrics=metrics) if status else None)
    arrays = {"actual": np.arange(7), "predicted": np.arange(7)}
    return collect(cells, records, load=lambda record: arrays, reasons={})


def test_tables_list_what_is_measured():
    found = half_measured()
    assert found.coverage() == "Measured: 2 of 4 planned runs."
    assert found.of(arm="ResNet50").coverage() == "", "nothing is said of what is complete"
    shown = accuracy.accuracy(found, table="I")
    assert shown["Arm"].tolist() == ["ResNet50", "SGD"]
    assert shown["FER2013"].tolist() == ["0.5000", "diverged"]
    assert shown["FER2013, paper"].tolist() == ["0.7715", "0.4858"]
    assert accuracy.accuracy(found.of(arm="VGGFace")).empty


def test_comparisons_are_listed_where_they_are_measured():
    assert verdict.parts_table(decide(half_measured(), transfer=TRANSFER)).empty
    measured = decide(results([0, 1]), transfer=TRANSFER)
    assert (verdict.parts_table(measured)["n"] > 0).all()


def test_every_claim_has_a_row_in_the_picture_and_a_bar_where_it_is_measured():
    claims = decide(results([0, 1, 2]), transfer=TRANSFER)
    figure, drawn = overview.claims_figure(claims)
    assert len(figure.axes[0].get_yticklabels()) == len(claims) == 9
    assert drawn["claim"].tolist() == [claim.key for claim in claims if verdict.deciding(claim)]
    c4 = drawn.set_index("claim").loc["C4"]
    assert (c4["mean"], c4["paper"]) == (pytest.approx(19.8, abs=0.3), pytest.approx(0.74, abs=0.01))
    plt.close(figure)
