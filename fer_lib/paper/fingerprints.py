"""Marks that the paper's numbers have, each beside a bound or a yardstick: descriptions, not tests.

The patterns were found by looking, so no p belongs to them, and what a mark is compatible with is no more than that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_lib.paper import published
from fer_lib.paper.claims import SPLIT
from fer_lib.results import Results
from fer_lib.results.pooled import hardly_learnt, pool_of

TEST_SIZES = (7177, 7178)  # a fifth of 35,887 images, rounded down or up
DIGITS = 6  # that the paper prints
LOST = "0.03"  # the learning rate with which its network learnt nothing
FAILED = ("SGD", LOST)  # the arms in which its test accuracy is above that of training


def printed() -> dict[str, dict[tuple[str, str], float]]:
    """What the paper prints of each arm, once: accuracy by part (train, test) and data set."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for line in published.accuracies().to_dict("records"):
        found.setdefault(line["arm"], {}).setdefault((line["part"], line["role"]), float(line["published"]))
    whole = {arm: values for arm, values in found.items() if len(values) == 4}
    once = {values["test", "FER2013"]: arm for arm, values in reversed(whole.items())}  # the first of its names
    return {arm: values for arm, values in whole.items() if arm in once.values()}


@dataclass(frozen=True)
class Mark:
    """One mark: what it is, the paper's value, the bound or yardstick beside it, and what it is compatible with."""

    what: str
    paper: str
    yardstick: str
    reading: str


def between_data_sets(part: str) -> np.ndarray:
    """FER+ minus FER2013 of each arm of the paper, `part` being test or train."""
    return np.array([values[part, "FER+"] - values[part, "FER2013"] for values in printed().values()])


def same_order(accuracies: Mapping[str, Sequence[float]]) -> bool:
    """Whether arms have one order of accuracy on both data sets, given theirs on each."""
    first, second = (np.argsort([values[place] for values in accuracies.values()]).tolist() for place in (0, 1))
    return bool(first == second)


def shares_of(size: int) -> int:
    """How many of the paper's test accuracies are a whole number of `size` images, to the digits that it prints."""
    values = [values["test", role] for values in printed().values() for role in published.ROLES]
    return sum(abs(round(value * size) / size - value) <= 0.5 * 10**-DIGITS for value in values)


def most_false_positives(*, tpr: float, accuracy: float, share: float) -> float:
    """The highest false positive rate of a class with this true positive rate and `share` of the images.

    All errors of the other classes are then answers of this one: (1 - accuracy - (1 - tpr) share) / (1 - share).
    """
    return (1 - accuracy - (1 - tpr) * share) / (1 - share)


def one_minus_precision(*, tpr: float, accuracy: float, share: float) -> float:
    """The share of wrong among the answers of that class, at that highest rate."""
    wrong = 1 - accuracy - (1 - tpr) * share
    return wrong / (wrong + tpr * share)


def share_seen(*, paper_test: float, paper_train: float, ours: float) -> float:
    """The s of paper = (1 - s) ours + s (its training accuracy): the share of test faces that were as if trained on."""
    return (paper_test - ours) / (paper_train - ours)


def ours(results: Results) -> dict[str, tuple[float, float]]:
    """Our mean test accuracy on FER2013 and FER+ of each arm of the paper that learnt something on both."""
    pool, datasets = pool_of(results), [results.standing_for(role) for role in published.ROLES]
    lost = {arm for dataset in datasets for arm in hardly_learnt(results, dataset=dataset, split=SPLIT)}
    found = {}
    for arm in printed():
        first, second = (pool.mean(arm, dataset=dataset, split=SPLIT) for dataset in datasets)
        if first.n and second.n and arm not in lost:
            found[arm] = (first.mean, second.mean)
    return found


def seen(results: Results) -> dict[str, list[float]]:
    """`share_seen` of each measured arm with which the paper's network learnt something, by data set."""
    table, found = printed(), {}
    for place, role in enumerate(published.ROLES):
        learnt = {
            arm: own for arm, own in ours(results).items() if table[arm]["train", role] > table[arm]["test", role]
        }
        found[role] = [
            share_seen(paper_test=table[arm]["test", role], paper_train=table[arm]["train", role], ours=own[place])
            for arm, own in learnt.items()
        ]
    return found


def marks(results: Results) -> list[Mark]:
    """All marks, computed from `published.yaml` and from our runs."""
    first, second = published.ROLES
    table, own = printed(), ours(results)
    gap, trained = between_data_sets("test"), between_data_sets("train")
    gaps = [values[1] - values[0] for values in own.values()]
    over = [table[arm]["test", role] - table[arm]["train", role] for arm in FAILED for role in published.ROLES]
    overfit = np.array([[v["train", role] - v["test", role] for role in published.ROLES] for v in table.values()])
    constant = {role: pool_of(results).constant(results.standing_for(role), SPLIT) for role in published.ROLES}
    neutral = published.facts()["classification_error"][second]
    case = {"tpr": neutral["tpr"], "accuracy": table["ResNet50 + STN"]["test", second], "share": constant[second]}
    share = {role: values for role, values in seen(results).items() if values}
    return [
        Mark(
            f"FER+ minus FER2013, {len(gap)} arms",
            f"{gap.mean():.4f} ± {gap.std(ddof=1):.4f}; in training {trained.mean():.4f} ± {trained.std(ddof=1):.4f}",
            f"ours: {min(gaps):.3f} to {max(gaps):.3f} over {len(gaps)} arms" if gaps else "ours: not measured",
            "one number added to all arms",
        ),
        Mark(
            "the arms in order of test accuracy",
            _same(same_order({arm: [v["test", role] for role in published.ROLES] for arm, v in table.items()})),
            f"ours: {_same(same_order(own))}" if own else "ours: not measured",
            "one number added to all arms",
        ),
        Mark(
            f"training accuracy at a rate of {LOST}",
            f"{table[LOST]['train', first]:.3f} on {first}, {table[LOST]['train', second]:.3f} on {second}",
            f"the constant answer: {constant[first]:.3f} and {constant[second]:.3f}",
            f"the constant answer on {first}, and less than that on {second}",
        ),
        Mark(
            f"test minus training accuracy of {' and '.join(FAILED)}",
            f"{min(over):+.3f} to {max(over):+.3f}",
            "about zero, or below, where test images are new",
            "test images that are easier than those of training",
        ),
        Mark(
            f"training minus test accuracy, {first} against {second}",
            f"equal to within {np.abs(overfit[:, 0] - overfit[:, 1]).max():.4f} in every arm, from "
            f"{overfit.min():+.3f} to {overfit.max():+.3f}",
            f"it differs by {np.ptp(overfit):.3f} between arms",
            "one number added to all arms",
        ),
        Mark(
            f"false positive rate of {neutral['class']}, {second}",
            f"{neutral['fpr']:.3f}, at TPR {neutral['tpr']:.3f} and accuracy {case['accuracy']:.3f}",
            f"at most {most_false_positives(**case):.3f}, and one minus precision {one_minus_precision(**case):.3f}",
            "one minus precision in its place",
        ),
        Mark(
            "test accuracies that are whole numbers of images",
            "; ".join(f"{shares_of(size)} of {2 * len(table)} with {size:,} images" for size in TEST_SIZES),
            "all, where a network is tested once on a fifth of the images",
            "averages over batches or folds, or another number of images",
        ),
        Mark(
            "s in: paper = (1 - s) ours + s (its training accuracy)",
            "; ".join(f"{np.mean(s):.2f} on {role} ({min(s):.2f} to {max(s):.2f})" for role, s in share.items())
            or "not measured",
            "zero, where no test face was seen in training",
            "that share of the test faces seen in training, if ours is the level without",
        ),
    ]  # fmt: skip


def _same(order: bool) -> str:
    return "one order on both data sets" if order else "another order on each"


def marks_table(results: Results) -> pd.DataFrame:
    """`marks` as a table."""
    columns = {"what": "Mark", "paper": "The paper", "yardstick": "Beside it", "reading": "Compatible with"}
    return pd.DataFrame([vars(mark) for mark in marks(results)]).rename(columns=columns)
