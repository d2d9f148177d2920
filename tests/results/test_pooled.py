"""Each arm's spread moderated by the others': against closed forms, what does not enter it, and who is left alone."""

import math
from collections.abc import Container
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_lib.campaign import Cell
from fer_lib.results import Results, collect
from fer_lib.results.additive import LAST, UNSTEADY, WORTH, AdditiveModel, Usual, unsteadiness
from fer_lib.results.pooled import Pool
from fer_lib.study import accuracy
from fer_lib.training import Epoch, Record, RunConfig

BALANCED = {"A": {0: 0.50, 1: 0.53, 2: 0.52}, "B": {0: 0.60, 1: 0.62, 2: 0.64}}
RNG = np.random.default_rng(2)
MANY = {arm: {seed: 0.5 + float(RNG.normal(0, 0.01)) for seed in range(3)} for arm in "ABCDEFGH"}


def own_variance(arm: str, values=MANY) -> float:
    """Mean square of an arm's residuals in a balanced table: what arm and seed leave."""
    table = np.array([list(by.values()) for by in values.values()])
    left = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    return float((left[list(values).index(arm)] ** 2).sum() / (2 * (len(values) - 1) / len(values)))


def test_a_difference_is_that_of_the_means_where_arms_share_their_seeds():
    found = AdditiveModel(BALANCED).difference("B", "A")
    gaps = [BALANCED["B"][seed] - BALANCED["A"][seed] for seed in range(3)]
    assert (found.n, found.source) == (3, "shared")
    assert found.mean == pytest.approx(np.mean(gaps))
    assert found.se == pytest.approx(found.sd * math.sqrt(2 / 3))
    test = stats.ttest_rel(list(BALANCED["B"].values()), list(BALANCED["A"].values()))
    assert (found.df, found.p) == (pytest.approx(2), pytest.approx(test.pvalue)), "two arms: the paired t test"


def test_an_arms_variance_lies_between_its_own_and_the_usual_one():
    model = AdditiveModel(MANY)
    usual = model.usual.variance
    calm, rough = min(MANY, key=own_variance), max(MANY, key=own_variance)
    for arm in MANY:
        other = "A" if arm != "A" else "B"
        own = 2 * model.difference(arm, other).sd ** 2 - own_mean(model, other)
        low, high = sorted((own_variance(arm), usual))
        assert low * 0.8 <= own <= high * 1.25, "but for arms that weigh less in what a seed adds"
    assert own_mean(model, calm) < own_mean(model, rough)


def own_mean(model: AdditiveModel, arm: str) -> float:
    """The moderated variance of one arm."""
    return model._variance(arm)[0]


def test_more_seeds_weigh_an_arms_own_variance_more():
    other = {arm: {seed: 0.5 + float(RNG.normal(0, 0.01)) for seed in range(8)} for arm in "BCDEFGH"}
    for seeds, nearer in ((2, "usual"), (8, "own")):
        model = AdditiveModel({**other, "A": {seed: 0.5 + 0.03 * (-1) ** seed for seed in range(seeds)}})
        own, usual, moderated = model._fitted[0].own["A"][0], model.usual.variance, own_mean(model, "A")
        share = (moderated - usual) / (own - usual)
        assert (share > 0.7) == (nearer == "own"), share


def test_a_wild_arm_does_not_widen_the_others_and_is_wide_itself():
    wild = {**MANY, "W": {0: 0.4, 1: 0.6, 2: 0.52}}
    with_it, without = AdditiveModel(wild).difference("A", "B"), AdditiveModel(MANY).difference("A", "B")
    assert with_it.se < 1.35 * without.se
    assert AdditiveModel(wild).difference("A", "W").se > 2.5 * with_it.se


def test_an_unsteady_arm_keeps_its_own_variance_if_it_is_greater_and_gives_nothing():
    wild = {**MANY, "W": {0: 0.4, 1: 0.6, 2: 0.52}}
    model = AdditiveModel(wild, unsteady=["W"])
    assert model.difference("A", "W").df < 3
    assert own_mean(model, "W") == pytest.approx(model._fitted[0].own["W"][0])
    calm = AdditiveModel({**MANY, "W": {0: 0.5, 1: 0.5001, 2: 0.4999}}, unsteady=["W"])
    assert own_mean(calm, "W") >= calm.usual.variance


def test_overlapping_splits_add_their_part_to_the_variance():
    """Nadeau and Bengio 2003 for a difference of two arms: 2s² times 1/n + test/train."""
    plain, corrected = (AdditiveModel(BALANCED, overlap=overlap).difference("B", "A") for overlap in (0.0, 0.25))
    assert corrected.se**2 == pytest.approx(2 * plain.sd**2 * (1 / 3 + 0.25))


def test_one_seed_of_an_arm_is_compared_with_the_spread_of_the_others():
    """Arm C has seed 0 alone: its seed's part is estimated from the arms that have more."""
    values = {**BALANCED, "C": {0: 0.70}}
    found = AdditiveModel(values).difference("C", "A")
    seed_0 = np.mean([values[arm][0] - np.mean(list(values[arm].values())) for arm in "AB"])
    assert found.mean == pytest.approx(0.70 - seed_0 - np.mean(list(values["A"].values())))
    assert (found.n, found.source) == (1, "shared")
    assert found.se > AdditiveModel(values).difference("B", "A").se


def test_without_a_second_seed_a_difference_has_no_interval_unless_it_is_lent_one():
    values = {"A": {0: 0.5}, "B": {0: 0.6}}
    alone = AdditiveModel(values).difference("B", "A")
    assert (alone.n, alone.mean, alone.known) == (1, pytest.approx(0.1), False)
    lent = AdditiveModel(values, lent=Usual(0.0001, 20)).difference("B", "A")
    assert (lent.df, lent.source) == (pytest.approx(2 * WORTH), "borrowed")
    assert lent.se == pytest.approx(0.01 * math.sqrt(2))


def test_arms_that_no_seed_joins_are_not_compared():
    values = {"A": {0: 0.5, 1: 0.52}, "B": {2: 0.6}}
    assert AdditiveModel(values).difference("B", "A").n == 0
    joined = {**values, "C": {1: 0.7, 2: 0.71}}
    assert AdditiveModel(joined).difference("B", "A").mean == pytest.approx(
        0.6 - 0.71 + 0.7 - 0.52 + (0.52 - 0.5) / 2, abs=0.02
    )
    assert AdditiveModel(values).difference("B", "nobody").n == 0


def test_an_arm_that_is_out_is_compared_with_the_usual_spread_and_leaves_the_others_alone():
    lost = {**MANY, "lost": {0: 0.25, 1: 0.40, 2: 0.10}}
    with_it, without = AdditiveModel(lost, out=["lost"]), AdditiveModel(MANY)
    assert with_it.usual == without.usual
    assert with_it.difference("B", "A") == without.difference("B", "A")
    assert with_it.difference("B", "lost").mean == pytest.approx(np.mean(list(MANY["B"].values())) - 0.25)
    of_lost = 2 * with_it.difference("B", "lost").sd ** 2 - own_mean(without, "B")
    assert of_lost == pytest.approx(without.usual.variance, rel=0.2)


def test_the_test_images_add_their_variance():
    model = AdditiveModel(MANY)
    plain, more = (model.difference("A", "B", images=images) for images in (0.0, 0.0001))
    assert more.se**2 == pytest.approx(plain.se**2 + 0.0001)
    assert more.df > plain.df, "the part of the images is known"
    assert model.mean("A", images=0.0001).se ** 2 == pytest.approx(model.mean("A").se ** 2 + 0.0001)


def test_the_mean_of_an_arm_has_the_spread_of_seeds_and_error():
    apart = {
        arm: {seed: level + 0.05 * seed for seed in range(3)} for arm, level in (("A", 0.5), ("B", 0.6), ("C", 0.1))
    }
    shaken = {
        arm: {seed: value + float(RNG.normal(0, 0.001)) for seed, value in by.items()} for arm, by in apart.items()
    }
    found = AdditiveModel(shaken, overlap=0.25).mean("A")
    assert found.sd == pytest.approx(0.05, rel=0.1)
    assert found.se == pytest.approx(found.sd * math.sqrt(1 / 3 + 0.25))
    assert found.df == pytest.approx(2, abs=0.1), "seeds that add the same to all arms are three values"
    assert AdditiveModel(shaken).difference("A", "B").sd < 0.005


def test_one_degree_of_freedom_is_too_few():
    """Two seeds of two arms may agree by chance; a t interval of one degree of freedom then looks sure of it."""
    model = AdditiveModel({"A": {0: 0.5, 1: 0.5001}, "B": {0: 0.6, 1: 0.6}})
    assert model.usual is None
    assert not model.difference("A", "B").known
    assert not model.mean("A").known


def test_seeds_that_do_not_differ_at_all_show_no_spread():
    model = AdditiveModel({arm: dict.fromkeys(range(3), 0.5) for arm in "ABC"})
    assert not model.difference("A", "B").known


def test_an_arm_is_as_unsteady_as_it_leaves_its_straight_line():
    flat, rising = [0.5, 0.51, 0.5, 0.51, 0.5], [0.3, 0.36, 0.4, 0.46, 0.5]
    found = unsteadiness({"A": [flat], "B": [flat, flat], "C": [rising], "dip": [[0.5, 0.5, 0.5, 0.5, 0.3]]})
    assert found["A"] == found["B"] == pytest.approx(1)
    assert found["C"] < 1.2
    assert found["dip"] > 10
    assert unsteadiness({"A": [flat], "dip": [[*flat[:4], 0.3]]}, out=["dip"])["dip"] > UNSTEADY
    assert unsteadiness({"A": [[0.5]], "B": [[0.6]]}) == {"A": 1, "B": 1}


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


@pytest.mark.parametrize(("split", "unsteady"), [("random80", True), ("official", False)])
def test_last_epochs_count_only_where_the_last_one_does(split, unsteady):
    arms = {arm: {seed: value + 0.3 for seed, value in by.items()} for arm, by in MANY.items()}
    plain, pool = (Pool(runs(arms, split=split, dips=dips)) for dips in ((), ["B"]))
    found, usual = (one.difference("B", "A", dataset="fer2013", split=split) for one in (pool, plain))
    assert (found.df < usual.df) == unsteady


def test_under_a_fixed_split_the_interval_has_the_part_of_the_test_images():
    """Both arms right on other images: 20 of 100 discordant pairs, half each way."""
    arms = {arm: {seed: value + 0.3 for seed, value in by.items()} for arm, by in MANY.items()}
    found = runs(arms, split="official")
    rows, first = np.arange(100), np.arange(100) % 10 > 0
    hits = {"A": first, "B": np.roll(first, 1)}

    def load(record):
        right = hits.get(record.run_id[0], first)
        return {"actual": ACTUAL, "predicted": np.where(right, ACTUAL, 5), "rows": rows}

    where = {"dataset": "fer2013", "split": "official"}
    bare, whole = Pool(found), Pool(replace(found, load=load))
    added = whole.difference("A", "B", **where).se ** 2 - bare.difference("A", "B", **where).se ** 2
    assert added == pytest.approx(np.var(hits["A"].astype(int) - hits["B"].astype(int), ddof=1) / 100)
    assert whole.difference("C", "D", **where).se == pytest.approx(bare.difference("C", "D", **where).se)
    mean = whole.mean("A", **where).se ** 2 - bare.mean("A", **where).se ** 2
    assert mean == pytest.approx(np.var(hits["A"], ddof=1) / 100)


def test_what_runs_took_is_told_by_device():
    found = runs({"A": {0: 0.8, 1: 0.8, 2: 0.8}})
    for record, device, seconds in zip(found.records.values(), ("GPU", "CPU", "GPU"), (2.0, 90.0, 4.0), strict=True):
        record.provenance |= {"device": device, "arithmetic": "bf16"}
        record.seconds = seconds
    shown = accuracy.run_costs(found)
    assert shown[["n", "Device", "Seconds per run"]].to_numpy().tolist() == [[1, "CPU", 90.0], [2, "GPU", 3.0]]


def test_a_run_is_one_run_under_all_its_names():
    found = runs({arm: {seed: value + 0.3 for seed, value in by.items()} for arm, by in BALANCED.items()})
    again = found.runs.assign(arm=found.runs["arm"].map({"A": "Adam", "B": "B again"}))
    both = replace(found, runs=pd.concat([found.runs, again], ignore_index=True))
    where = {"dataset": "fer2013", "split": "random80"}
    assert Pool(both).difference("B again", "Adam", **where) == Pool(found).difference("B", "A", **where)
    assert Pool(both).difference("Adam", "A", **where).mean == pytest.approx(0)
