"""The params files: valid, and together the study that the paper's tables need."""

from pathlib import Path

import pytest

from fer_lib import paths
from fer_lib.study import published
from fer_lib.training import RunConfig, grids_in
from fer_lib.training.grid import cells_of

ROOT = Path(__file__).parents[1]


BEYOND = "12_beyond_the_paper"  # whose arms no table of the paper has


def cells(profile: str, *, beyond: bool = False) -> list:
    files = paths.params_files(ROOT / "params" / profile)
    return cells_of(grids_in(path for path in files if beyond or path.stem != BEYOND))


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


def test_paper_has_every_published_arm():
    ours = {cell.arm for cell in cells("paper")}
    assert set(published.accuracies()["arm"]) <= ours


def test_paper_is_the_whole_grid():
    found = cells("paper")
    configs = {cell.config for cell in found}
    assert {config.model for config in configs} == {"resnet50", "vggface", "vanilla_cnn"}
    assert {config.optimizer for config in configs} == {"sgd", "adam", "nadam", "rmsprop", "radam"}
    assert {config.lr for config in configs} == {0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001}
    assert {config.attention for config in configs} == {"none", "stn", "stn_no_warp"}
    assert {config.pretrained for config in configs} == {"none", "imagenet1k_v1", "tiny_imagenet"}
    assert {config.seed for config in configs} == {0, 1, 2, 3, 4}
    assert {cell.dataset for cell in found} == {"FER2013", "FER+"}
    assert 250 <= len(configs) <= 400


def test_paper_runs_table_4_under_all_protocols():
    arms = {"ResNet50", "ResNet50 + STN", "STN without warp", "ResNet50 + STN + ImageNet"}
    splits = {arm: {cell.split for cell in cells("paper") if cell.arm == arm} for arm in arms}
    assert all(found == {"random80", "grouped80", "official"} for found in splits.values())


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
        assert (config.batch_size, config.epochs, config.schedule) == (128, 15, "constant")
        assert config.augment == ("poses" if "augmented" in cell.arm else "none")


def test_every_part_of_the_recipe_is_left_out_once():
    grid = grids_in([ROOT / "params" / "paper" / f"{BEYOND}.yaml"]).popitem()[1]
    short = grid.arms[grid.reference]
    changed = [set(changes) - set(short) for changes in grid.arms.values() if changes.get("epochs") == short["epochs"]]
    assert {"augment", "label_smoothing", "mixup", "ema", "schedule", "class_weight"} <= set().union(*changed)
    assert all(len(keys) <= 1 or "attention" in keys for keys in changed)
