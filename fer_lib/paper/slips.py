"""Which slips of evaluation, made on purpose, come near the paper's numbers.

The rule was fixed before the first of these runs (docs/LOG.md): a variant is *compatible* with the paper if, on
both data sets, its test accuracy lies within `LEVEL` of the printed one and training minus test accuracy within `LEVEL`
of the paper's, and if FER+ minus FER2013 lies within `BETWEEN` of the paper's. Compatible is no more than that: other
causes may leave the same marks.
"""

from collections.abc import Mapping

import pandas as pd

from fer_lib.paper import published
from fer_lib.results import Results

LEVEL = 0.03
BETWEEN = 0.02
BEST_EPOCH = "the best epoch on the test set"
COLUMNS = ["variant", "stands_for", "role", "n", "train", "test", "paper_train", "paper_test"]
MARKS = [
    "variant", *(f"{mark} {role}" for mark in ("level", "overfit") for role in published.ROLES), "between", "verdict"
]  # fmt: skip


def readings(results: Results, *, published_as: Mapping[str, str], split: str) -> pd.DataFrame:
    """A row for each variant and data set: what it trained and tested at, and the paper's of the arm it stands for.

    Columns: variant, stands_for, role, n, train, test, paper_train, paper_test; accuracies are fractions, means over
    seeds. `published_as` names the published arm of every arm of `results`. The first arm is also read otherwise: with
    the epoch that was best on the test set.
    """
    printed = published.accuracies().drop_duplicates(["arm", "role", "part"])
    paper = printed.set_index(["arm", "role", "part"])["published"]
    rows = []
    for arm, role, own in results.of(split=split, status="finished").each("arm", "role"):
        ways = {arm: "test_accuracy"} | ({BEST_EPOCH: "best_eval_accuracy"} if arm == results.arms()[0] else {})
        for variant, metric in ways.items():
            rows.append({
                "variant": variant, "stands_for": published_as[arm], "role": role, "n": len(own.runs),
                "train": own.runs["train_accuracy"].mean(), "test": own.runs[metric].mean(),
                "paper_train": paper[published_as[arm], role, "train"],
                "paper_test": paper[published_as[arm], role, "test"],
            })  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def judged(found: pd.DataFrame) -> pd.DataFrame:
    """A row for each variant: how far each mark lies from the paper's, and whether it is compatible by the rule above.

    Columns: variant, `level` and `overfit` (training minus test accuracy) for each data set and `between` (FER+ minus
    FER2013), all minus the paper's; `verdict`: compatible, not compatible, or one data set only.
    """
    first, second = published.ROLES
    lines = found.assign(
        level=found["test"] - found["paper_test"],
        overfit=(found["train"] - found["test"]) - (found["paper_train"] - found["paper_test"]),
    )
    rows = []
    for variant, own in lines.groupby("variant", sort=False):
        level, overfit = (dict(zip(own["role"], own[mark], strict=True)) for mark in ("level", "overfit"))
        row: dict[str, object] = {"variant": variant}
        row |= {f"level {role}": level.get(role) for role in published.ROLES}
        row |= {f"overfit {role}": overfit.get(role) for role in published.ROLES}
        if {first, second} <= level.keys():
            between = level[second] - level[first]
            near = max(map(abs, (*level.values(), *overfit.values()))) <= LEVEL and abs(between) <= BETWEEN
            row |= {"between": between, "verdict": "compatible" if near else "not compatible"}
        rows.append({"verdict": "one data set only"} | row)
    return pd.DataFrame(rows, columns=MARKS)
