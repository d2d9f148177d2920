"""The paper's own numbers, claims and contradictions, from `published.yaml` beside this module."""

from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
import yaml

ROLES = ("FER2013", "FER+")


@cache
def facts() -> dict[str, Any]:
    """`published.yaml` as a mapping."""
    return yaml.safe_load(resources.files(__package__).joinpath("published.yaml").read_text())


def accuracies() -> pd.DataFrame:
    """Every accuracy the paper prints: columns table, notebook, arm, role (FER2013 or FER+), part, published."""
    columns = [("train", "FER2013"), ("train", "FER+"), ("test", "FER2013"), ("test", "FER+")]
    rows = [
        (number, table["notebook"], arm, role, part, value)
        for number, table in facts()["tables"].items()
        for arm, values in table["arms"].items()
        for (part, role), value in zip(columns, values, strict=True)
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["table", "notebook", "arm", "role", "part", "published"])


def of_tests() -> pd.Series:
    """The test accuracies that the paper prints, by (arm, role); one that stands in several tables is here once."""
    printed = accuracies().query("part == 'test'").drop_duplicates(["arm", "role"])
    return printed.set_index(["arm", "role"])["published"]
