"""What the study adds to the paper: computed from records with known answers."""

import numpy as np
import pytest

from fer_lib.campaign import expand, parse_grid
from fer_lib.results import Results, collect
from fer_lib.study import beyond, comparisons
from fer_lib.training import Record

NAMES = {"FER2013": ["angry", "happy", "neutral"], "FER+": ["neutral", "happiness", "contempt"]}
TRUTH = {"FER2013": [2] * 40 + [1] * 59 + [0], "FER+": [0] * 50 + [1] * 40 + [2] * 10}
ROWS = np.arange(1000, 1100)


def said(actual: np.ndarray, wrong: slice, *, sure: float = 0.8) -> np.ndarray:
    """Probabilities [N, 3] of a network that is right, `sure` of it, but for the images in `wrong`."""
    says = actual.copy()
    says[wrong] = (says[wrong] + 1) % 3
    chances = np.full((len(says), 3), (1 - sure) / 2)
    chances[np.arange(len(says)), says] = sure
    return chances.astype(np.float16)


def made_up(wrong: dict[tuple[str, int], slice], *, rows: dict[int, np.ndarray] | None = None) -> Results:
    """Runs of arms and seeds that are wrong on some images; their mirror images they all know."""
    arms, seeds = dict.fromkeys(arm for arm, _ in wrong), sorted({seed for _, seed in wrong})
    changes = {arm: {} if arm == "Small" else {"class_weight": "balanced"} for arm in arms}
    grid = parse_grid({
        "profile": "x", "base": {"model": "compact", "epochs": 1}, "arms": changes, "seeds": seeds,
        "splits": ["official"],
        "datasets": {"FER2013": {"dataset": "fer2013"}, "FER+": {"dataset": "ferplus", "label_rule": "majority8"}},
    }, where="test")  # fmt: skip
    records, arrays = [], {}
    for cell in (cells := expand(grid)):
        actual = np.array(TRUTH[cell.dataset])
        chances = said(actual, wrong.get((cell.arm, cell.seed), slice(0)))
        kept = (rows or {}).get(cell.seed, np.arange(100))
        record = Record(
            run_id=f"{cell.config.run_id('d')}", config=cell.config, fingerprint="d", status="finished",
            classes=NAMES[cell.dataset], metrics={"test_accuracy": float((chances.argmax(1) == actual)[kept].mean()),
                                                  "test_macro_f1": 0.5},
        )  # fmt: skip
        records.append(record)
        arrays[record.run_id] = {
            "rows": ROWS[kept], "actual": actual[kept], "predicted": chances.argmax(1)[kept],
            "probabilities": chances[kept], "mirrored_probabilities": said(actual, slice(0), sure=0.9)[kept],
            "select_actual": actual, "select_probabilities": chances,
        }  # fmt: skip
    return collect(cells, records, load=lambda record: arrays[record.run_id], reasons={})


def test_the_mirror_image_counts_as_much_as_the_face():
    results = made_up({("Small", 0): slice(0, 25)})
    assert beyond.flipped(results.of(dataset="FER2013", arm="Small")) == {0: 1.0}


def test_effects_are_told_against_one_arm_with_and_without_flips():
    results = made_up({("Small", 0): slice(0, 25), ("Even", 0): slice(0, 10)})
    effects = beyond.effects(results, against="Small", split="official")
    own = effects[effects["dataset"] == "FER2013"].set_index("quantity")["difference"]
    assert own.to_dict() == pytest.approx({"Accuracy": 0.15, "With flips": 0.0})
    assert beyond.effects(results.among("Small"), against="Small", split="official").empty


def test_networks_together_outvote_the_one_that_errs():
    results = made_up({("Small", 0): slice(0, 30), ("Small", 1): slice(30, 60), ("Small", 2): slice(60, 90)})
    line = beyond.together(results, split="official").set_index("Data set").loc["FER2013"]
    assert (line["n"], line["One"], line["Together"]) == (3, "0.7000 ± 0.0000", 1.0)
    assert line["Together, with flips"] == 1.0
    assert 0.96 < line["From"] < line["To"] == 1.0
    assert beyond.together(made_up({("Small", 0): slice(0, 9)}), split="official").empty


def test_networks_are_joined_image_by_image():
    """Where a limit gives every seed its own test images, only those count that all networks were shown."""
    rows = {0: np.arange(80), 1: np.arange(99, 19, -1)}
    results = made_up({("Small", 0): slice(20, 40), ("Small", 1): slice(20, 40)}, rows=rows)
    line = beyond.together(results, split="official").iloc[0]
    assert (line["Images"], line["Together"]) == (60, pytest.approx(40 / 60))


def test_the_rare_classes_are_counted():
    results = made_up({("Small", 0): slice(99, 100), ("Weighted", 0): slice(0, 10)})
    own = results.of(dataset="FER2013")
    assert set(beyond.trade(own)) == {"Accuracy", "Macro-F1", "TPR, rare"}
    assert set(beyond.trade(results.of(dataset="FER+"))) == {"Accuracy", "Macro-F1"}, "ten of a hundred are not rare"
    table = comparisons.side_by_side(own, beyond.trade(own), against="Small").set_index("Arm")
    assert table["TPR, rare"].tolist() == ["0.0000", "1.0000"]
    assert table.loc["Weighted", "Δ TPR, rare"] == "+1.000"
    assert table.loc["Weighted", "Δ Accuracy"] == "-0.090"


def test_the_other_labelling_judges_what_both_know():
    """Of 100 images FER+ calls 10 contempt and FER2013 one angry, which the other does not know: 90 are left."""
    results = made_up({("Small", 0): slice(0, 5)})
    table = beyond.across_labellings(results, "Small", "Weighted", split="official")
    assert table["Images"].tolist() == [90, 90, 90]
    assert table["Right by FER2013"].tolist() == [f"{85 / 90:.4f}", f"{75 / 90:.4f}", "–"]
    assert table["Right by FER+"].tolist() == [f"{75 / 90:.4f}", f"{85 / 90:.4f}", f"{80 / 90:.4f}"]
    alone = results.of(dataset="FER2013")
    assert beyond.across_labellings(alone, "Small", split="official").empty
    assert beyond.across_labellings(results, "Nobody", split="official").empty


@pytest.mark.parametrize("key", ["class_weight", "mixup"])
def test_arms_are_found_by_what_they_change(key):
    arms = {"A": {}, "B": {"class_weight": "balanced"}, "C": {"mixup": 0.2, "epochs": 1}}
    assert beyond.changing(arms, key) == [{"class_weight": "B", "mixup": "C"}[key]]
