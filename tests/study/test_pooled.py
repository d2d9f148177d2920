"""One spread for all arms: least squares against closed forms, what does not enter it, and simulated studies."""

import math
from collections.abc import Container
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_lib.results import Results, collect
from fer_lib.study import accuracy, comparisons, learning
from fer_lib.study.additive import LAST, UNSTEADY, AdditiveModel, Spread, unsteadiness, weighed
from fer_lib.study.claims import OTHER_OPTIMIZERS, OTHER_RATES, Claim, Part
from fer_lib.study.pooled import Pool
from fer_lib.training import Cell, Epoch, Record, RunConfig

BALANCED = {"A": {0: 0.50, 1: 0.53, 2: 0.52}, "B": {0: 0.60, 1: 0.62, 2: 0.64}}


def test_two_arms_with_the_same_seeds_are_a_paired_t_test():
    found = AdditiveModel(BALANCED).difference("B", "A")
    gaps = [BALANCED["B"][seed] - BALANCED["A"][seed] for seed in range(3)]
    test = stats.ttest_rel(list(BALANCED["B"].values()), list(BALANCED["A"].values()))
    assert (found.n, found.df, found.source) == (3, 2, "own")
    assert found.mean == pytest.approx(np.mean(gaps))
    assert found.se == pytest.approx(np.std(gaps, ddof=1) / math.sqrt(3))
    assert found.p == pytest.approx(test.pvalue)
    assert found.pairs == pytest.approx(gaps)


def test_overlapping_splits_add_their_part_to_the_variance():
    """Nadeau and Bengio 2003 for a paired difference: sd² of the differences, 2s², times 1/n + test/train."""
    plain, corrected = (AdditiveModel(BALANCED, overlap=overlap).difference("B", "A") for overlap in (0.0, 0.25))
    assert corrected.se**2 == pytest.approx(2 * plain.sd**2 * (1 / 3 + 0.25))


def test_one_seed_of_an_arm_is_compared_with_the_spread_of_the_others():
    """Arm C has seed 0 alone: its seed's part is estimated from the arms that have more."""
    values = {**BALANCED, "C": {0: 0.70}}
    found = AdditiveModel(values).difference("C", "A")
    seed_0 = np.mean([values[arm][0] - np.mean(list(values[arm].values())) for arm in "AB"])
    assert found.mean == pytest.approx(0.70 - seed_0 - np.mean(list(values["A"].values())))
    assert (found.n, found.df, found.source) == (1, 2, "shared")
    assert found.sd == pytest.approx(AdditiveModel(BALANCED).difference("B", "A").sd)
    assert found.se > AdditiveModel(values).difference("B", "A").se


@pytest.mark.parametrize("deep", [1, 3])
def test_degrees_of_freedom_are_those_of_the_plan(deep):
    """Seed 0 of all arms, and seeds 1 and 2 of `deep`: two for each arm but the first."""
    rng = np.random.default_rng(0)
    values = {str(arm): {seed: rng.normal() for seed in range(3 if arm < deep else 1)} for arm in range(11)}
    spread = AdditiveModel(values).spread
    assert (spread.df if spread else 0) == 2 * (deep - 1)


def test_without_a_second_seed_a_difference_has_no_interval_unless_it_is_lent_one():
    model = AdditiveModel({"A": {0: 0.5}, "B": {0: 0.6}})
    alone = model.difference("B", "A")
    assert (alone.n, alone.mean, alone.known) == (1, pytest.approx(0.1), False)
    lent = model.difference("B", "A", spread=Spread(0.0001, 4, frozenset("XY"), borrowed=True))
    assert (lent.df, lent.source) == (4, "borrowed")
    assert lent.se == pytest.approx(0.01 * math.sqrt(2))


def test_arms_that_no_seed_joins_are_not_compared():
    values = {"A": {0: 0.5, 1: 0.52}, "B": {2: 0.6}}
    with pytest.warns(Warning, match="rank-deficient"):
        assert AdditiveModel(values).difference("B", "A").n == 0
    joined = {**values, "C": {1: 0.7, 2: 0.71}}
    assert AdditiveModel(joined).difference("B", "A").mean == pytest.approx(
        0.6 - 0.71 + 0.7 - 0.52 + (0.52 - 0.5) / 2, abs=0.02
    )
    assert AdditiveModel(values).difference("B", "nobody").n == 0


def test_an_arm_that_is_out_is_compared_with_the_others_spread_and_leaves_theirs_alone():
    lost = {**BALANCED, "lost": {0: 0.25, 1: 0.40, 2: 0.10}}
    with_it, without = AdditiveModel(lost, out=["lost"]), AdditiveModel(BALANCED)
    assert with_it.spread == without.spread
    assert with_it.difference("B", "A") == without.difference("B", "A")
    assert with_it.difference("B", "lost").mean == pytest.approx(0.62 - 0.25)
    assert with_it.difference("B", "lost").sd == without.difference("B", "A").sd


def test_the_mean_of_an_arm_has_the_spread_within_arms():
    model = AdditiveModel(BALANCED, overlap=0.25)
    found = model.mean("A")
    within = np.mean([np.var(list(by.values()), ddof=1) for by in BALANCED.values()])
    assert found.se**2 == pytest.approx(within * (1 / 3 + 0.25))
    assert 2 <= found.df <= 4, "two arms of one seed each tell less than four independent runs"
    alike = {arm: {0: level, 1: level + 0.2, 2: level - 0.1} for arm, level in (("A", 0.5), ("B", 0.6), ("C", 0.1))}
    assert AdditiveModel(alike).mean("A").df == pytest.approx(2), "seeds that add the same to all arms are three values"


def test_a_spread_that_one_arm_alone_has_shown_serves_that_arm_only():
    model = AdditiveModel({"steady": {0: 0.589, 1: 0.5889, 2: 0.588}, "other": {0: 0.55}})
    assert model.mean("steady").known
    assert not model.mean("other").known
    both = AdditiveModel({"steady": {0: 0.589, 1: 0.5889, 2: 0.588}, "third": {0: 0.5, 1: 0.52}, "other": {0: 0.55}})
    assert both.mean("other").known


def test_one_degree_of_freedom_is_too_few():
    """Two seeds of two arms may agree by chance; a t interval of one degree of freedom then looks sure of it."""
    model = AdditiveModel({"A": {0: 0.5, 1: 0.5001}, "B": {0: 0.6, 1: 0.6}})
    assert model.spread is None
    assert not model.difference("A", "B").known


def test_an_arm_is_as_unsteady_as_it_leaves_its_straight_line():
    flat, rising = [0.5, 0.51, 0.5, 0.51, 0.5], [0.3, 0.36, 0.4, 0.46, 0.5]
    found = unsteadiness({"A": [flat], "B": [flat, flat], "C": [rising], "dip": [[0.5, 0.5, 0.5, 0.5, 0.3]]})
    assert found["A"] == found["B"] == pytest.approx(1)
    assert found["C"] < 1.2
    assert found["dip"] > 10
    assert unsteadiness({"A": [flat], "dip": [[*flat[:4], 0.3]]}, out=["dip"])["dip"] > UNSTEADY
    assert unsteadiness({"A": [[0.5]], "B": [[0.6]]}) == {"A": 1, "B": 1}


def test_the_unsteady_widen_an_interval_or_leave_it_undecided():
    found = AdditiveModel(BALANCED).difference("B", "A")
    assert weighed(found, [0.5, 1.0]) == found
    assert weighed(found, [2.0, 0.5]).se == pytest.approx(found.se * math.sqrt((4 + 1) / 2))
    assert (weighed(found, [2.0, 1.0]).steady, weighed(found, [2.1, 1.0]).steady) == (True, False)


CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
ACTUAL = np.repeat([3, 0], [30, 70])  # the constant answer is right on 70 of 100


def runs(
    accuracy: dict[str, dict[int, float | None]], dataset: str = "fer2013", *, split: str = "random80",
    dips: Container[str] = (),
) -> Results:  # fmt: skip
    """Runs by arm and seed; None: diverged. The last epochs of `dips` go up and down more than others'."""
    cells, records = [], []
    for place, (arm, by) in enumerate(accuracy.items()):
        for seed, value in by.items():
            config = RunConfig.parse({"dataset": dataset, "split": split, "lr": 0.01 / (1 + place), "seed": seed})
            cells.append(Cell(arm, dataset, split, seed, config))
            known = {"run_id": f"{arm} {seed}", "config": config, "fingerprint": "data", "classes": CLASSES}
            end = {"status": "diverged"} if value is None else {"status": "finished"}
            metrics = {} if value is None else {"test_accuracy": value}
            history = [
                Epoch(epoch=e, lr=0.1, train_loss=1.0, train_accuracy=0.5, eval_loss=1.0,
                      eval_accuracy=0.8 + (0.01 if arm in dips else 0.001) * (e % 2), seconds=1)
                for e in range(1, LAST + 1)
            ]  # fmt: skip
            records.append(Record(**known, **end, metrics=metrics, history=history))
    return collect(cells, records, load=lambda record: {"actual": ACTUAL, "predicted": ACTUAL}, reasons={})


def test_a_diverged_arm_counts_as_the_constant_answer_and_one_that_learnt_nothing_lends_no_spread():
    arms = {arm: {seed: value + 0.3 for seed, value in by.items()} for arm, by in BALANCED.items()}
    pool = Pool(runs({**arms, "lost": {0: None}, "idle": {0: 0.71, 1: 0.74, 2: 0.70}}))
    where = {"dataset": "fer2013", "split": "random80"}
    assert pool.difference("B", "A", **where) == Pool(runs(arms)).difference("B", "A", **where)
    assert pool.difference("B", "lost", **where).mean == pytest.approx(
        0.92 - 0.0183 - 0.70, abs=1e-4
    )  # what seed 0 adds is -0.0183
    assert pool.difference("B", "idle", **where).source == "shared"


def test_arms_are_sorted_into_better_worse_and_not_to_be_told_apart():
    arms = {"A": {0: 0.80, 1: 0.81, 2: 0.80}, "B": {0: 0.90, 1: 0.90, 2: 0.91}, "C": {0: 0.80, 1: 0.81, 2: 0.81}}
    found = runs({**arms, "D": {0: 0.76, 1: 0.77, 2: 0.76}})
    told = "Against A, corrected for all comparisons: on fer2013 better: *B*; worse: *D*; not to be told apart: *C*."
    assert comparisons.sorted_out(found, against="A", split="random80") == told
    assert comparisons.sorted_out(found, against="A", split="official") == ""


@pytest.mark.parametrize(("split", "decides"), [("random80", False), ("official", True)])
def test_last_epochs_count_only_where_the_last_one_does(split, decides):
    arms = {"A": {0: 0.80, 1: 0.81, 2: 0.80}, "B": {0: 0.90, 1: 0.90, 2: 0.91}, "C": {0: 0.85, 1: 0.86, 2: 0.85}}
    pool = Pool(runs(arms, split=split, dips=["B"]))
    assert pool.difference("B", "A", dataset="fer2013", split=split).steady == decides


def test_arms_are_ranked_by_the_means_of_their_table_and_those_that_learnt_nothing_are_named():
    arms = {"A": {0: 0.80, 1: 0.84}, "B": {0: 0.82, 1: 0.92, 2: 0.90}, "idle": {0: 0.71, 1: 0.80}, "lost": {0: None}}
    found = runs(arms)
    assert "fer2013: B (0.880) leads A (0.820)" in accuracy.ranking(found, split="random80")
    named = (
        "Learnt hardly more than to answer the most frequent class always (within 0.05 of that, in some seed under "
        "random80): on fer2013, where that gives 0.700, idle."
    )
    assert accuracy.learnt_nothing(found, split="random80") == named
    assert accuracy.learnt_nothing(found.of(arm="B"), split="random80") == ""


def test_what_runs_took_is_told_by_device():
    found = runs({"A": {0: 0.8, 1: 0.8, 2: 0.8}})
    for record, device, seconds in zip(found.records.values(), ("GPU", "CPU", "GPU"), (2.0, 90.0, 4.0), strict=True):
        record.provenance |= {"device": device, "arithmetic": "bf16"}
        record.seconds = seconds
    shown = learning.run_costs(found)
    assert shown[["n", "Device", "Seconds per run"]].to_numpy().tolist() == [[1, "CPU", 90.0], [2, "GPU", 3.0]]


def test_a_run_is_one_run_under_all_its_names():
    found = runs({arm: {seed: value + 0.3 for seed, value in by.items()} for arm, by in BALANCED.items()})
    again = found.runs.assign(arm=found.runs["arm"].map({"A": "Adam", "B": "B again"}))
    both = replace(found, runs=pd.concat([found.runs, again], ignore_index=True))
    where = {"dataset": "fer2013", "split": "random80"}
    assert Pool(both).difference("B again", "Adam", **where) == Pool(found).difference("B", "A", **where)
    assert Pool(both).difference("Adam", "A", **where).mean == pytest.approx(0)


ARMS = ("ResNet50", "STN", "CNN", "VGGFace", *OTHER_OPTIMIZERS, *OTHER_RATES, "transfer", "no warp")
DEEP = ARMS[:3]  # those with seeds 1 and 2
PAIRS = {
    "C1": [("ResNet50", "VGGFace"), ("VGGFace", "CNN"), ("ResNet50", "CNN")],
    "C2": [("ResNet50", o) for o in OTHER_OPTIMIZERS] + [(o, "SGD") for o in OTHER_OPTIMIZERS[:-1]],
    "C3": [("ResNet50", rate) for rate in OTHER_RATES],
    "C4": [("STN", "ResNet50")],
    "C5": [("transfer", "STN")],
    "C7": [(other, "ResNet50") for other in OTHER_OPTIMIZERS],
}  # fmt: skip
ALONE = {"C7": "ResNet50", "C9": "STN"}  # claims with a quantity of one arm


def null_study(rng: np.random.Generator, *, wide: str = "", dips: float = 0.0):
    """(values, last epochs) of one data set on which all arms are equally good.

    A run's error has variance one, a fifth of it shared by the seeds of an arm, since their splits overlap, and two
    fifths new in every epoch. `wide` names an arm whose errors are three times as large; a share `dips` of the runs
    falls by six standard deviations in its last epoch.
    """
    of_seeds, values, last = rng.normal(size=3), {}, {}
    for arm in ARMS:
        scale, seeds = 3.0 if arm == wide else 1.0, range(3 if arm in DEEP else 1)
        shared = math.sqrt(0.2) * rng.normal()
        errors = shared + math.sqrt(0.4) * (rng.normal(size=(len(seeds), 1)) + rng.normal(size=(len(seeds), LAST)))
        errors *= scale
        errors[:, -1] -= 6 * (rng.random(len(seeds)) < dips)
        values[arm] = {seed: float(errors[seed, -1] + of_seeds[seed]) for seed in seeds}
        last[arm] = errors.tolist()
    return values, last


def decided(rng: np.random.Generator, **options) -> set[str]:
    """The claims that one simulated study of two data sets decides."""
    found: dict[str, list[Part]] = {key: [] for key in (*PAIRS, *ALONE)}
    for _ in range(2):
        values, last = null_study(rng, **options)
        model, ratios = AdditiveModel(values, overlap=0.25), unsteadiness(last)
        for key, pairs in PAIRS.items():
            found[key] += [Part("", weighed(model.difference(*pair), [ratios[arm] for arm in pair])) for pair in pairs]
        for key, arm in ALONE.items():
            found[key].append(Part("", weighed(model.mean(arm), [ratios[arm]])))
    return {key for key, parts in found.items() if Claim(key, "", parts).verdict in ("holds", "fails")}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"wide": "VGGFace"}, {"wide": "transfer"}, {"wide": "ResNet50"}, {"dips": 0.1}], ids=str
)
def test_where_nothing_differs_a_claim_is_decided_in_at_most_five_of_a_hundred_studies(options):
    """Seed 0 of all arms and seeds 1 and 2 of three, on two data sets; 2,000 studies."""
    rng = np.random.default_rng(20)
    studies = [decided(rng, **options) for _ in range(2000)]
    wrong = {key: np.mean([key in study for study in studies]) for key in (*PAIRS, *ALONE)}
    print({key: f"{rate:.3f}" for key, rate in wrong.items()}, f"any {np.mean([bool(study) for study in studies]):.3f}")
    assert max(wrong.values()) <= 0.05
