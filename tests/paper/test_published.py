"""The paper's numbers as the paper prints them."""

import pytest

from fer_lib.paper import published

NUMBERS = [
    ("I", "ResNet50", "FER2013", "test", 0.771539),
    ("I", "Vanilla CNN", "FER+", "train", 0.873216),
    ("II", "SGD", "FER2013", "train", 0.390426),
    ("II", "NAdam", "FER+", "test", 0.822016),
    ("III", "0.0001", "FER2013", "test", 0.677038),
    ("IV", "ResNet50 + STN", "FER2013", "test", 0.778905),
    ("IV (transfer)", "ResNet50 + STN + ImageNet", "FER+", "test", 0.846896),
]


@pytest.mark.parametrize(("table", "arm", "role", "part", "value"), NUMBERS)
def test_a_number_stands_where_the_paper_has_it(table, arm, role, part, value):
    found = published.accuracies()
    row = found[(found["table"] == table) & (found["arm"] == arm) & (found["role"] == role) & (found["part"] == part)]
    assert row["published"].tolist() == [value]


def test_what_the_paper_does_not_print_is_left_out():
    found = published.accuracies()
    assert found["published"].between(0.2, 1).all()
    assert found[found["arm"] == "RAdam"]["part"].tolist() == ["train"]
    assert not found.duplicated(["table", "arm", "role", "part"]).any()
    assert set(found["role"]) == set(published.ROLES)


def test_the_claims_are_nine():
    assert list(published.facts()["claims"]) == [f"C{number}" for number in range(1, 10)]
