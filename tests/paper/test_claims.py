"""Each claim holds, fails, stays undecided or is missing, according to runs made up by hand."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from fer_lib.campaign import Cell
from fer_lib.errors import FerError
from fer_lib.paper.claims import decide
from fer_lib.paper.rule import Claim, Part
from fer_lib.results import Results, collect
from fer_lib.results.statistics import Estimate, estimate
from fer_lib.training import Epoch, Record, RunConfig

TRANSFER = "ResNet50 + STN + ImageNet"
DATASET = {"FER2013": "fer2013", "FER+": "ferplus"}
OTHERS = ("SGD", "NAdam", "RMSprop", "RAdam")
PERFECT = {"actual": np.arange(7), "predicted": np.arange(7)}
SEEDS = (0.0, 0.002, -0.001)  # what three seeds add to every arm
NOISE = np.random.default_rng(0).normal(0, 0.0003, 100)  # what is left, arm by arm


def results(
    accuracy: Mapping[str, Sequence[float]],
    *,
    ferplus: float = 0.05,
    curves: Mapping[str, Sequence[Sequence[float]]] | None = None,
    arrays: Sequence[Mapping[str, np.ndarray]] = (PERFECT,),
    roles: Sequence[str] = ("FER2013", "FER+"),
) -> Results:
    """Runs of arms by name with one accuracy (and curve) per seed on FER2013, and `ferplus` more on FER+."""
    cells, records = [], []
    for role, dataset in ((role, DATASET[role]) for role in roles):
        for arm, values in accuracy.items():
            for seed, value in enumerate(values):
                own = {"lr": 0.001 * (1 + list(accuracy).index(arm))}  # so that no two arms are the same run
                config = RunConfig.parse({"dataset": dataset, "seed": seed, **own})
                cells.append(Cell(arm, dataset, "random80", seed, config))
                curve = curves[arm][seed] if curves else [value]
                classes = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
                records.append(
                    Record(
                        run_id=f"{arm} {role} {seed}", config=config, fingerprint="data", status="finished",
                        classes=classes, history=[line(*point) for point in enumerate(curve, start=1)],
                        metrics={"test_accuracy": value + (ferplus if role == "FER+" else 0.0)},
                    )
                )  # fmt: skip
    return collect(cells, records, load=lambda record: dict(arrays[record.config.seed % len(arrays)]), reasons={})


def line(epoch: int, accuracy: float) -> Epoch:
    return Epoch(
        epoch=epoch, lr=0.001, train_loss=1.0, train_accuracy=accuracy, eval_loss=1.0, eval_accuracy=accuracy, seconds=1
    )


def seeds(mean: float) -> list[float]:
    start = round(mean * 1000) % 97
    return [mean + seed + NOISE[start + place] for place, seed in enumerate(SEEDS)]


def verdict(key: str, found: Results) -> str:
    (claim,) = (claim for claim in decide(found, transfer=TRANSFER) if claim.key == key)
    return claim.verdict


def ranked(*arms: str) -> Results:
    """The arms in this order of accuracy, a point apart, beyond any doubt."""
    return results({arm: seeds(0.8 - 0.01 * place) for place, arm in enumerate(arms)})


MODELS = ("ResNet50", "VGGFace", "Vanilla CNN")
RATES = ("0.001", "0.03", "0.01", "0.003", "0.0003", "0.0001")
ORDERS = {
    "C1": MODELS, "C2": ("Adam", "NAdam", "RMSprop", "RAdam", "SGD"), "C3": RATES, "C4": ("ResNet50 + STN", "ResNet50"),
    "C5": (TRANSFER, "ResNet50 + STN"),
}  # fmt: skip


@pytest.mark.parametrize("key", ORDERS)
def test_a_ranking_holds_in_its_order_and_fails_in_the_other(key):
    assert verdict(key, ranked(*ORDERS[key])) == "holds"
    assert verdict(key, ranked(*reversed(ORDERS[key]))) == "fails"


@pytest.mark.parametrize("key", ORDERS)
def test_a_ranking_inside_the_spread_or_of_one_seed_is_undecided(key):
    spread = {arm: [0.7 + 0.01 * ((place + seed) % 3) for seed in range(3)] for place, arm in enumerate(ORDERS[key])}
    assert verdict(key, results(spread)) == "undecided"
    single = {arm: [0.8 - 0.01 * place] for place, arm in enumerate(ORDERS[key])}
    assert verdict(key, results(single)) == "undecided"


@pytest.mark.parametrize("key", [f"C{number}" for number in range(1, 10)])
def test_without_its_arms_a_claim_is_missing(key):
    assert verdict(key, results({"another arm": seeds(0.7)}, roles=["FER2013"])) == "missing"


def test_a_claim_with_one_comparison_missing_is_not_yet_decided():
    assert verdict("C1", ranked("ResNet50", "VGGFace")) == "undecided"
    assert verdict("C1", ranked("VGGFace", "ResNet50")) == "fails"


def test_runs_under_another_split_do_not_count():
    found = ranked(*MODELS)
    found.runs["split"] = "official"
    assert verdict("C1", found) == "missing"


@pytest.mark.parametrize(("gap", "expected"), [(0.05, "holds"), (0.01, "fails"), (0.09, "fails")])
def test_five_points_are_three_to_seven(gap, expected):
    assert verdict("C6", results({"ResNet50": seeds(0.7), "Adam": seeds(0.6)}, ferplus=gap)) == expected


def rising_to(*epochs: int) -> list[list[float]]:
    """A curve for each seed, level from its epoch on but for a little noise."""
    noise = np.random.default_rng(sum(epochs)).normal(0, 0.0005, (len(epochs), 25))
    return [
        [min(1.0, number / epoch) * 0.7 + noise[seed, number - 1] for number in range(1, 26)]
        for seed, epoch in enumerate(epochs)
    ]


@pytest.mark.parametrize(
    ("adam", "others", "expected"), [(8, 13, "holds"), (20, 22, "fails"), (8, 2, "fails"), (8, 8, "undecided")]
)
def test_convergence_is_when_the_best_is_first_nearly_reached(adam, others, expected):
    curves = {"Adam": rising_to(adam, adam + 1, adam)}
    curves |= {other: rising_to(others, others, others + place % 2) for place, other in enumerate(OTHERS)}
    assert verdict("C7", results(dict.fromkeys(curves, [0.7] * 3), curves=curves)) == expected


def test_of_an_arm_that_learnt_nothing_convergence_says_so():
    accuracy = {"Adam": [0.7] * 3, "SGD": [0.15] * 3}
    curves = {"Adam": rising_to(9, 9, 9), "SGD": [[0.15] * 25] * 3}
    (claim,) = (claim for claim in decide(results(accuracy, curves=curves), transfer=TRANSFER) if claim.key == "C7")
    told = {part.text: part.idle for part in claim.parts if part.value.n}
    assert told["epochs that SGD converges after Adam, FER2013"] == "SGD"


def test_instability_is_a_fall_at_epochs_six_and_nine_that_transfer_takes_away():
    calm = rising_to(15, 15, 15)
    stumbling = [
        [value - (0.1 if epoch in (6, 9) else 0.0) for epoch, value in enumerate(curve, start=1)]
        for curve in rising_to(14, 14, 14)
    ]
    arms = dict.fromkeys(("ResNet50 + STN", TRANSFER), [0.7] * 3)
    assert verdict("C8", results(arms, curves={"ResNet50 + STN": stumbling, TRANSFER: calm})) == "holds"
    assert verdict("C8", results(arms, curves={"ResNet50 + STN": calm, TRANSFER: stumbling})) == "fails"


def test_the_dominant_class_leads_and_the_rare_ones_trail():
    actual = np.repeat([0, 1, 2, 3, 4, 5, 6], [40, 5, 10, 80, 50, 30, 60])
    right = {0: 0.6, 1: 0.2, 2: 0.3, 3: 0.95, 4: 0.5, 5: 0.6, 6: 0.97}
    arrays = []
    for right[3] in (0.95, 0.94, 0.93):  # of three seeds
        known = np.concatenate([np.arange(n) < right[c] * n for c, n in enumerate(np.bincount(actual))])
        arrays.append({"actual": actual, "predicted": np.where(known, actual, (actual + 1) % 7)})
    found = results({"ResNet50 + STN": seeds(0.7)}, arrays=arrays)
    (claim,) = (claim for claim in decide(found, transfer=TRANSFER) if claim.key == "C9")
    signs = {part.text: part.value.sign for part in claim.parts}
    assert signs == {
        "TPR of happy minus mean TPR, FER2013": "greater",
        "mean TPR minus that of angry, disgust, FER2013": "greater",
        "TPR of neutral minus mean TPR, FER+": "greater",
        # the made-up runs have FER2013's classes on both data sets, so only fear and disgust are among the paper's
        "mean TPR minus that of unknown, fear, disgust, contempt, anger, NF, FER+": "greater",
    }
    assert claim.verdict == "holds"
    assert claim.n == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[2, 2.1, 2.2], [1, 1.1, 1.2]], "holds"),
        ([[2, 2.1, 2.2], [-1, -1.1, -1.2]], "fails"),
        ([[1, 1.1, 1.2], [-1, 1, 0.1]], "undecided"),
        ([[1, 1.1, 1.2], []], "undecided"),
        ([[], []], "missing"),
        ([], "missing"),
    ],
)
def test_a_verdict_from_its_parts(values, expected):
    assert Claim("C", "text", [Part("part", "FER2013", estimate(part)) for part in values]).verdict == expected


def compared(mean, *, n=5, rival="", idle=""):
    value = Estimate(n, mean, sd=0.01, se=0.01, df=30, source="shared")
    return Part("part", "FER2013", value, rival=rival, idle=idle)


def test_holding_needs_every_comparison_and_no_correction_for_their_number():
    """Each of five comparisons has a p of 0.03: together they hold, though Holm would let none pass."""
    assert Claim("C", "", [compared(0.0228)] * 5).verdict == "holds"
    assert Claim("C", "", [*[compared(0.5)] * 4, compared(0.019)]).verdict == "undecided"
    assert Claim("C", "", [compared(0.001), compared(-0.0228)]).verdict == "undecided", "against it, Holm counts both"
    assert Claim("C", "", [compared(-0.0228)]).verdict == "fails"


def test_the_best_holds_if_all_others_are_worse_and_fails_if_one_is_better():
    worse, near, better = compared(0.2, rival="A"), compared(0.001, rival="B"), compared(-0.2, rival="C")
    assert Claim("C2", "", [worse], best=True).verdict == "holds"
    open_ = Claim("C2", "", [worse, near], best=True)
    assert (open_.verdict, open_.ruled_out, open_.left) == ("undecided", ["A"], ["B"])
    assert Claim("C2", "", [worse, near, better], best=True).verdict == "fails"
    single = Claim("C2", "", [compared(0.2, n=1, rival="A")], best=True)
    assert single.ruled_out == [], "one seed rules nothing out"


def test_an_arm_that_learnt_nothing_takes_no_part():
    idle = compared(0.5, idle="SGD")
    assert Claim("C2", "", [idle]).verdict == "untestable"
    assert Claim("C2", "", [idle, compared(0.001)]).verdict == "undecided"
    assert Claim("C2", "", [idle, compared(-0.2)]).verdict == "fails"
    assert Claim("C2", "", [idle, compared(-0.0205)]).verdict == "fails", "it does not count for Holm either"
    assert Claim("C2", "", [idle, compared(-0.0205)]).signs() == ["idle", "less"]


def test_data_that_only_stands_in_for_the_papers_gets_no_verdict():
    config = RunConfig.parse({"dataset": "toyfaces"})
    cells = [Cell("ResNet50", "Toy faces", "random80", 0, config)]
    with pytest.raises(FerError, match="only stands in"):
        decide(collect(cells, [None], load=lambda record: {}, reasons={}), transfer=TRANSFER)
