"""The transformer's diagnosis from records: a pose that is undone scores 1, the identity 0."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fer_lib.campaign import expand, parse_grid
from fer_lib.data import FER_CLASSES, FaceSet
from fer_lib.geometry import compose_pose, pose_components
from fer_lib.results import Results, collect
from fer_lib.study import comparisons, pose, transformer
from fer_lib.training import Record
from fer_lib.training.record import Epoch, Probe

ARMS = {"ResNet50": {}, "ResNet50 + STN": {"attention": "stn"}, "STN frozen": {"attention": "stn_frozen"}}
N = 40
RNG = np.random.default_rng(0)
POSE = compose_pose(
    rotation=RNG.uniform(-15, 15, N), log_scale=RNG.uniform(-0.1, 0.1, N), shift_x=RNG.uniform(-0.1, 0.1, N),
    shift_y=RNG.uniform(-0.1, 0.1, N), shear=RNG.uniform(-0.05, 0.05, N),
)  # fmt: skip
UPRIGHT_SHEAR = compose_pose(**{part: pose_components(POSE)[part] for part in ("rotation", "log_scale", "shift_x",
                                                                                 "shift_y")})  # fmt: skip
IDENTITY = np.broadcast_to(np.eye(2, 3, dtype=np.float16), (N, 2, 3))
THETAS = {"ResNet50 + STN": POSE.astype(np.float16), "STN frozen": IDENTITY}


@pytest.fixture
def faces() -> FaceSet:
    return FaceSet("toyfaces", np.zeros((N, 48, 48), np.uint8), np.zeros(N, np.uint8), FER_CLASSES, pose=POSE)


@pytest.fixture
def results() -> Results:
    """Two seeds of three arms; the STN's theta is the true pose, and seed 1's collapsed in its last epoch."""
    grid = parse_grid({"profile": "x", "base": {"epochs": 2}, "arms": ARMS, "seeds": [0, 1],
                       "datasets": {"Toy faces": {"dataset": "toyfaces"}}}, where="test")  # fmt: skip
    cells, records, arrays = expand(grid), [], {}
    for cell in cells:
        stn = cell.config.attention == "stn"
        theta = {"mean": [1, 0, 0, 0, 1, 0], "outside": [0.25 * stn], "distance": [0.5 * stn], "gradient": [0.1]}
        history = [
            Epoch(
                epoch=epoch, lr=0.1, train_loss=1.0, train_accuracy=0.5, eval_loss=1.0, eval_accuracy=0.5, seconds=1.0,
                theta=None if cell.arm == "ResNet50" else theta,
                collapse="tiny" if stn and cell.seed == 1 and epoch == 2 else "",
            )
            for epoch in (1, 2)
        ]  # fmt: skip
        probes = [
            Probe(transform=transform, strength=strength, accuracy=0.8 - strength * (1 - 0.5 * stn), images=N)
            for transform in ("rotation", "log_scale", "shift") for strength in (0.0, 0.4)
        ]  # fmt: skip
        record = Record(
            run_id=cell.config.run_id("data"), config=cell.config, fingerprint="data", status="finished",
            history=history, robustness=probes, metrics={"test_accuracy": 0.8},
        )  # fmt: skip
        records.append(record)
        away = np.linalg.norm((POSE - np.eye(2, 3)).reshape(N, 6), axis=1)
        arrays[record.run_id] = {
            "rows": np.arange(N), "actual": np.zeros(N, int), "predicted": (away > np.median(away)) * (not stn),
        } | ({"final_theta": THETAS[cell.arm]} if cell.arm in THETAS else {})  # fmt: skip
        if cell.arm in THETAS:
            arrays[record.run_id] |= {"response_theta": THETAS[cell.arm], "response_wanted": UPRIGHT_SHEAR}
    return collect(cells, records, load=lambda record: arrays[record.run_id], reasons={})


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_the_state_has_a_line_for_every_transformer_and_epoch(results):
    table = transformer.state(results.of(split="random80"))
    assert len(table) == 8
    assert set(table["arm"]) == set(THETAS)
    assert table.query("arm == 'ResNet50 + STN'")["outside"].unique().tolist() == [0.25]
    assert table.groupby(["arm", "seed"])["collapse"].last().to_dict()["ResNet50 + STN", 1] == "tiny"


def test_what_became_of_transformers_stands_beside_what_they_are_worth(results):
    def load(record):
        stays = record.config.seed == 1
        return {} if record.config.attention == "none" else {"theta": np.stack([IDENTITY, IDENTITY if stays else POSE])}

    results = results.of(split="random80").among("ResNet50", "ResNet50 + STN")
    runs = results.runs.assign(test_accuracy=[0.8, 0.8, 0.9, 0.6])
    found = replace(
        results, runs=runs[[True, False, True, True]], load=load, study=None
    )  # no ResNet50 of the second seed
    table = transformer.outcomes_by_arm(found, against="ResNet50").set_index("Arm")
    assert table[["n", "The identity", "One crop for all images", "Each image's own"]].to_numpy().tolist() == [
        [2, 1, 0, 1]
    ]
    assert table["Minus ResNet50, moved"].tolist() == ["+0.1000 (1)"]
    assert table["Minus ResNet50, at the identity"].tolist() == ["–"]
    each = transformer.each_run(found, against="ResNet50")
    assert each["Theta ends as"].tolist() == ["each image's own", "the identity"]
    assert each["Minus ResNet50"].round(4).tolist()[0] == 0.1
    assert np.isnan(each["Minus ResNet50"].iloc[1])


def test_a_control_that_moves_no_pixel_is_no_transformer():
    arms = ARMS | {"control": {"attention": "stn_no_warp"}}
    grid = parse_grid({"profile": "x", "arms": arms, "seeds": [0], "datasets": {"Toy faces": {"dataset": "toyfaces"}}},
                      where="test")  # fmt: skip
    cells = expand(grid)
    planned = collect(cells, [None] * len(cells), load=lambda record: {}, reasons={})
    assert transformer.warping(planned).arms() == list(THETAS)


@pytest.mark.parametrize(("turn", "spread", "fate"), [(0, 0.1, "still"), (10, 0.5, "crop"), (0, 10, "own")])
def test_one_theta_for_all_images_is_told_from_one_for_each(turn, spread, fate):
    angles = np.random.default_rng(0).normal(turn, spread, 64)
    parts = pd.DataFrame(0.0, index=range(64), columns=list(transformer.POSE)).assign(rotation=angles, mirrored=False)
    history = parts.assign(dataset="FER2013", seed=0, epoch=5)
    assert transformer.theta_outcomes(history)["fate"].tolist() == [fate]


def test_crops_that_differ_by_seed_are_no_thetas_of_the_images_own():
    parts = pd.DataFrame(0.0, index=range(40), columns=list(transformer.POSE)).assign(
        dataset="FER2013", epoch=5, mirrored=False
    )
    history = pd.concat([parts.assign(seed=0), parts.assign(seed=1, rotation=20.0)])
    assert transformer.theta_outcomes(history)["fate"].tolist() == ["still", "crop"]


def test_an_undone_pose_scores_one_and_the_identity_nothing(faces, results):
    poses = pose.true_and_learnt(faces, results, dataset="Toy faces", split="random80")
    recovered = pose.recovery(poses, split="random80").set_index(["Arm", "Part"])
    assert (recovered.loc["ResNet50 + STN", "At the identity"] == 0).all()
    assert (recovered.loc["STN frozen", "At the identity"] == 2).all()
    assert (recovered.loc["ResNet50 + STN", "R²"] > 0.99).all()
    assert (recovered.loc["STN frozen", "R²"] <= 0).all()
    assert set(recovered.loc["STN frozen", "Correlation"]) == {"–"}
    assert recovered.loc[("ResNet50 + STN", "log scale"), "Correlation"].startswith("+1.00 [+1.00")
    assert pose.recovery_figure(poses, arm="ResNet50") is None
    assert len(pose.recovery_figure(poses, arm="ResNet50 + STN").axes) == 5


def test_a_mirroring_transformer_has_no_scale_to_score(faces, results):
    poses = pose.true_and_learnt(faces, results, dataset="Toy faces", split="random80")
    poses[["learnt_log_scale", "learnt_shear"]] = np.nan
    recovered = pose.recovery(poses, split="random80")
    assert set(recovered["Part"]) == {"rotation (degrees)", "shift x", "shift y"}


def test_robustness_is_paired_with_the_untouched_images(results):
    arms = ["ResNet50", "ResNet50 + STN"]
    table = pose.robustness(results, split="random80")
    lost = pose.robustness_table(table, arms=arms, split="random80").set_index("Arm")
    assert list(lost.index) == arms
    assert lost.loc["ResNet50", "Rotation 0.4"].startswith("-0.400 [")
    assert lost.loc["ResNet50 + STN", "Shift 0.4"].startswith("-0.200 [")


def test_the_answer_to_an_applied_pose_has_no_line_for_what_no_pose_has(results):
    answered = pose.response(results.of(dataset="Toy faces"), split="random80")
    table = pose.recovery(answered, split="random80")
    assert set(table["Part"]) == {"rotation (degrees)", "log scale", "shift x", "shift y"}
    assert table.loc[table["Arm"] == "ResNet50 + STN", "Slope"].str.startswith(("+1.0", "+0.9")).all()
    assert len(pose.recovery_figure(answered, arm="ResNet50 + STN").axes) == 4


def test_what_a_turn_costs_is_told_for_each_arm_and_against_one(results):
    own = results.of(dataset="Toy faces", split="random80")
    told = comparisons.side_by_side(own, pose.of_a_turn(0.4), against="ResNet50")
    costs = told.set_index("Arm")
    assert costs["Lost at 0.4°"].tolist() == ["0.4000 ± 0.0000", "0.2000 ± 0.0000", "0.4000 ± 0.0000"]
    assert costs.loc["ResNet50", "Δ Lost at 0.4°"] == "–"
    assert costs.loc["ResNet50 + STN", "Δ Lost at 0.4°"].startswith("-0.200")
    assert costs["At 0.4°"].tolist() == ["0.4000 ± 0.0000", "0.6000 ± 0.0000", "0.4000 ± 0.0000"]
    assert comparisons.side_by_side(own, pose.of_a_turn(30), against="ResNet50").empty


def test_without_runs_or_poses_there_is_no_figure(faces, results):
    none = results.of(split="official")
    state = transformer.state(none)
    poses = pose.true_and_learnt(None, results, dataset="Toy faces", split="random80")
    recovered, shaken = pose.recovery(poses, split="random80"), pd.DataFrame()
    assert all(table.empty for table in (state, poses, recovered))
    assert pose.recovery_figure(poses, arm="ResNet50 + STN") is None
    assert pose.robustness_table(shaken, arms=["ResNet50"], split="random80").empty
