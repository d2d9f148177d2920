"""The params files: valid, and together the study that the paper's tables need."""

from pathlib import Path

import pytest

from fer_lib import paths
from fer_lib.campaign import Plan
from fer_lib.campaign.order import with_pretraining
from fer_lib.paper import published
from fer_lib.training import RunConfig, RunStore

ROOT = Path(__file__).parents[1]


BEYOND = ("12_paper_numbers", "13_beyond_the_paper")  # whose arms no table of the paper has


def cells(profile: str, *, beyond: bool = False) -> list:
    files = paths.params_files(ROOT / "params" / profile)
    return Plan.of(*(path for path in files if beyond or path.stem not in BEYOND)).cells


@pytest.mark.parametrize("profile", ["demo", "quick", "paper"])
def test_shared_arms_are_one_run(profile):
    """ResNet50 with Adam at 0.001 stands in four tables and is trained once."""
    names = {"ResNet50", "Adam", "0.001"}
    for dataset in {cell.dataset for cell in cells(profile)}:
        same = {
            c.config
            for c in cells(profile)
            if c.arm in names and (c.dataset, c.split, c.seed) == (dataset, "random80", 0)
        }
        assert len(same) == 1


@pytest.mark.parametrize("profile", ["demo", "quick", "paper"])
def test_one_name_is_one_config(profile):
    by_name: dict = {}
    for cell in cells(profile, beyond=True):
        by_name.setdefault((cell.arm, cell.dataset, cell.split, cell.seed), set()).add(cell.config)
    assert all(len(configs) == 1 for configs in by_name.values())


def test_full_has_every_published_arm_under_all_protocols():
    found = cells("full")
    assert set(published.accuracies()["arm"]) <= {cell.arm for cell in found}
    for arm in ("ResNet50", "ResNet50 + STN", "STN without warp", "ResNet50 + STN + ImageNet"):
        assert {cell.split for cell in found if cell.arm == arm} == {"random80", "grouped80", "official"}


def test_full_holds_all_of_paper():
    whole = {cell.config for cell in cells("full", beyond=True)}
    assert {cell.config for cell in cells("paper", beyond=True)} <= whole


def test_every_committed_run_has_its_place_in_paper():
    planned = set(with_pretraining(cell.config for cell in cells("paper", beyond=True)))
    records = RunStore(ROOT / "reports" / "paper").records()
    assert len(records) >= 187
    assert [record.run_id for record in records if record.config not in planned] == []


def test_paper_uses_the_stated_choices():
    """What the paper leaves open: batch 128, 15 epochs, constant rate, SGD without momentum, no augmentation."""
    plain = RunConfig(dataset="fer2013")
    assert (plain.batch_size, plain.epochs, plain.schedule, plain.momentum, plain.augment) == (
        128,
        15,
        "constant",
        0,
        "none",
    )
    for cell in cells("paper"):
        config = cell.config
        assert bool(config.momentum) == ("momentum" in cell.arm)
        assert (config.batch_size, config.epochs, config.schedule) == (128, 15, "constant")
        assert config.augment == ("poses" if "augmented" in cell.arm else "none")


def test_every_part_of_the_recipe_is_left_out_once():
    grid = Plan.of(ROOT / "params" / "paper" / f"{BEYOND[1]}.yaml").files[0].grid
    short = grid.arms[grid.reference]
    changed = [set(changes) - set(short) for changes in grid.arms.values() if changes.get("epochs") == short["epochs"]]
    assert {"augment", "label_smoothing", "mixup", "ema", "schedule", "class_weight"} <= set().union(*changed)
    assert all(len(keys) <= 1 or "attention" in keys for keys in changed)
