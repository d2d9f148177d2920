"""The rule that says whether a variant is compatible with the paper's numbers, at its borders."""

import pandas as pd
import pytest

from fer_lib.paper import published, slips

PAPER = published.accuracies().query("arm == 'Vanilla CNN'").set_index(["role", "part"])["published"]


def found(*, test=0.0, overfit=0.0, between=0.0, roles=published.ROLES):
    """A variant that misses the paper's marks by so much."""
    rows = []
    for role in roles:
        more = test + (between if role == "FER+" else 0.0)
        rows.append({
            "variant": "v", "stands_for": "Vanilla CNN", "role": role, "n": 1,
            "train": PAPER[role, "train"] + more + overfit, "test": PAPER[role, "test"] + more,
            "paper_train": PAPER[role, "train"], "paper_test": PAPER[role, "test"],
        })  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("missed", "verdict"),
    [
        ({}, "compatible"),
        ({"test": 0.029, "overfit": -0.029}, "compatible"),
        ({"test": -0.031}, "not compatible"),
        ({"overfit": 0.031}, "not compatible"),
        ({"between": 0.019}, "compatible"),
        ({"between": 0.021}, "not compatible"),
        ({"roles": ("FER2013",)}, "one data set only"),
    ],
)
def test_a_variant_passes_within_the_bounds_and_not_beyond(missed, verdict):
    (row,) = slips.judged(found(**missed)).to_dict("records")
    assert row["verdict"] == verdict
    assert row["level FER2013"] == pytest.approx(missed.get("test", 0.0))
    assert row["overfit FER2013"] == pytest.approx(missed.get("overfit", 0.0))
