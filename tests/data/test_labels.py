"""Label rules on votes whose answer is known by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from fer_lib.data import FER_CLASSES, VOTE_COLUMNS, FaceSet, Labels, apply_rule
from fer_lib.errors import FerError

LEFT_OUT = -1
# votes by column → (plurality10, plurality8, majority8, soft target by column or None where left out)
CASES = {
    "all agree": ({"fear": 10}, "fear", "fear", "fear", {"fear": 1.0}),
    "first column wins a tie": ({"sadness": 5, "happiness": 5}, "happiness", "happiness", None,
                                {"happiness": 0.5, "sadness": 0.5}),
    "exactly half is no majority": ({"neutral": 5, "anger": 3, "fear": 2}, "neutral", "neutral", None,
                                    {"neutral": 5 / 8, "anger": 3 / 8}),
    "half of what remains after single votes": ({"neutral": 4, "anger": 4, "fear": 1, "disgust": 1}, "neutral",
                                                "neutral", None, {"neutral": 0.5, "anger": 0.5}),
    "single votes are dropped first": ({"anger": 5, "disgust": 1, "fear": 1, "sadness": 1, "neutral": 1, "surprise": 1},
                                       "anger", "anger", "anger", {"anger": 1.0}),
    "only single votes": (dict.fromkeys(VOTE_COLUMNS, 1), "neutral", "neutral", None, None),
    "unknown leads": ({"unknown": 6, "anger": 4}, "unknown", None, None, None),
    "no face": ({"NF": 10}, "NF", None, None, None),
    "unknown ties with an emotion": ({"anger": 5, "unknown": 5}, "anger", "anger", None, None),
    "unknown ties behind an emotion": ({"anger": 4, "neutral": 3, "unknown": 3}, "anger", "anger", None,
                                       {"anger": 4 / 7, "neutral": 3 / 7}),
    "unknown is not one of three classes": ({"anger": 2, "fear": 2, "sadness": 2, "unknown": 2, "NF": 1}, "sadness",
                                            "sadness", None, {"anger": 1 / 3, "fear": 1 / 3, "sadness": 1 / 3}),
    "a minority of unknown is cut out": ({"anger": 6, "unknown": 4}, "anger", "anger", "anger", {"anger": 1.0}),
    "the tail beyond 75 % is cut off": ({"happiness": 6, "surprise": 2, "neutral": 2}, "happiness", "happiness",
                                        "happiness", {"happiness": 0.6, "surprise": 0.2, "neutral": 0.2}),
    "75 % reached by one": ({"happiness": 8, "surprise": 2}, "happiness", "happiness", "happiness",
                            {"happiness": 1.0}),
    "four classes are too many": ({"neutral": 3, "anger": 3, "fear": 2, "sadness": 2}, "neutral", "neutral",
                                  None, None),
    "no votes": ({}, None, None, None, None),
}  # fmt: skip


def faces_with(votes: np.ndarray) -> FaceSet:
    n = len(votes)
    return FaceSet("ferplus", np.zeros((n, 48, 48), np.uint8), np.zeros(n, np.uint8), FER_CLASSES, votes=votes)


def under(rule: str) -> Labels:
    votes = [[by_name.get(name, 0) for name in VOTE_COLUMNS] for by_name, *_ in CASES.values()]
    return apply_rule(faces_with(np.array(votes, np.uint8)), rule)


@pytest.mark.parametrize(("rule", "place"), [("plurality10", 1), ("plurality8", 2), ("majority8", 3), ("votes8", 3)])
def test_hard_labels(rule: str, place: int) -> None:
    labels = under(rule)
    found = {case: labels.classes[hard] if hard >= 0 else None for case, hard in zip(CASES, labels.hard, strict=True)}
    assert found == {case: known[place] for case, known in CASES.items()}
    assert len(labels.classes) == (10 if rule == "plurality10" else 8)


@pytest.mark.parametrize(("row", "case"), list(enumerate(CASES)))
def test_soft_targets(row: int, case: str) -> None:
    labels = under("votes8")
    assert labels.soft is not None
    expected = [(CASES[case][4] or {}).get(name, 0.0) for name in labels.classes]
    assert labels.soft[row].tolist() == pytest.approx(expected)
    assert labels.trainable[row] == (CASES[case][4] is not None)
    assert labels.soft.dtype == np.float32


def test_counts_leave_out_what_the_rule_leaves_out() -> None:
    labels = under("majority8")
    rows = np.arange(len(labels.hard))
    assert sum(labels.counts(rows).values()) == (labels.hard >= 0).sum() == labels.trainable.sum()
    assert labels.counts(rows)["anger"] == 2
    assert labels.counts(labels.hard < 0) == dict.fromkeys(labels.classes, 0)


def test_fer7_is_the_sets_own_label() -> None:
    faces = faces_with(np.full((3, 10), 1, np.uint8))
    assert apply_rule(faces, "fer7").hard.tolist() == [0, 0, 0]
    assert apply_rule(faces, "fer7").classes == FER_CLASSES


def test_rules_that_do_not_fit_are_errors() -> None:
    with pytest.raises(FerError, match="label_rule: 'plurality9' does not fit"):
        apply_rule(faces_with(np.ones((1, 10), np.uint8)), "plurality9")
    shapes = SimpleNamespace(name="digits", classes=("disc",), labels=np.zeros(1, np.uint8), votes=None)
    with pytest.raises(FerError, match="'fer7' does not fit digits"):
        apply_rule(shapes, "fer7")
    with pytest.raises(FerError, match="needs FER\\+ votes"):
        apply_rule(shapes, "majority8")
