"""What is said of confusions, from counts."""

import pandas as pd

from fer_lib.study.mistakes import confusions


def counts(*rows: tuple[int, ...]) -> pd.DataFrame:
    names = ["angry", "happy", "sad"]
    return pd.DataFrame(rows, columns=names).assign(actual=names)[["actual", *names]]


def test_the_largest_confusion_is_named_and_small_classes_are_passed_over():
    told = confusions(counts((30, 0, 10), (1, 79, 0), (0, 9, 1)), what="CNN")
    assert told.startswith("CNN: the largest confusion is that angry is taken for sad, 25% of its 40 test images")


def test_where_none_is_large_enough_that_is_said():
    assert confusions(counts((3, 0, 1), (1, 7, 0), (0, 9, 1)), what="CNN") == (
        "CNN: no class of 20 test images or more is taken for another."
    )
    assert confusions(pd.DataFrame(), what="CNN") == "CNN: no finished run."
