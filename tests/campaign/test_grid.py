"""A params file becomes runs, and a mistake in it is told with file, arm and key."""

import os

import pytest
import yaml

from fer_lib.campaign import Plan, expand, parse_grid, read_params
from fer_lib.campaign.grid import configs_keeping_weights
from fer_lib.errors import FerError

GRID = {
    "profile": "demo",
    "base": {"epochs": 2},
    "arms": {"Adam": {"optimizer": "adam"}, "SGD": {"optimizer": "sgd", "lr": 0.01}, "again": {"lr": 0.001}},
    "datasets": {"Faces": {"dataset": "toyfaces"}, "Faces+": {"dataset": "toyfacesplus", "arms": ["SGD"]}},
    "splits": ["random80", "official"],
    "seeds": [0, 1, 2],
}


def grid(**changes):
    return parse_grid({**GRID, **changes}, where="file.yaml")


def test_the_grid_is_the_product_with_its_limits():
    cells = expand(grid())
    assert len(cells) == (3 + 1) * 2 * 3
    assert [cell.arm for cell in cells if cell.dataset == "Faces+"] == ["SGD"] * 6
    assert {(cell.split, cell.seed) for cell in cells} == {(s, n) for s in ("random80", "official") for n in range(3)}
    assert all(cell.config.epochs == 2 and cell.config.split == cell.split for cell in cells)
    assert {cell.config.lr for cell in cells if cell.arm == "SGD"} == {0.01}


def test_a_limit_by_number_takes_the_first_arms_whatever_their_names():
    datasets = {"Faces": {"dataset": "toyfaces", "arms": 2}}
    assert list(dict.fromkeys(cell.arm for cell in expand(grid(datasets=datasets)))) == ["Adam", "SGD"]
    renamed = {"other": {"lr": 0.1}, "SGD": {"optimizer": "sgd"}, "again": {}}
    cells = expand(grid(datasets=datasets, arms=renamed))
    assert list(dict.fromkeys(cell.arm for cell in cells)) == ["other", "SGD"]


def test_arms_that_say_the_same_are_one_run():
    cells = expand(grid(seeds=[0], splits=["random80"]))
    by_arm = {cell.arm: cell.config for cell in cells if cell.dataset == "Faces"}
    assert by_arm["Adam"] == by_arm["again"]
    assert by_arm["Adam"].run_id("data") == by_arm["again"].run_id("data")
    assert len({cell.config for cell in cells}) == len(cells) - 1


def test_kept_weights_are_those_of_an_arms_first_seed_and_change_no_run():
    plain, keeping = expand(grid(seeds=[4, 2])), expand(grid(seeds=[4, 2], keep_weights=["SGD"]))
    assert [cell.config for cell in keeping] == [cell.config for cell in plain]
    assert configs_keeping_weights(plain) == frozenset()
    assert configs_keeping_weights(keeping) == {cell.config for cell in keeping if cell.arm == "SGD" and cell.seed == 4}


def test_where_runs_are_named_only_those_are_made():
    cells = expand(grid(runs=[{"arms": ["SGD"], "splits": ["official"]}, {"datasets": ["Faces"], "seeds": [2]}]))
    of_sgd = {(cell.dataset, cell.split, cell.seed) for cell in cells if cell.arm == "SGD"}
    assert of_sgd == {
        *((dataset, "official", seed) for dataset in ("Faces", "Faces+") for seed in range(3)),
        ("Faces", "random80", 2),
    }
    assert {(cell.dataset, cell.seed) for cell in cells if cell.arm == "Adam"} == {("Faces", 2)}
    assert [cell.config for cell in cells] == [cell.config for cell in expand(grid()) if cell in cells]


def test_a_name_stands_for_one_run_in_all_files_of_a_profile(tmp_path):
    first, second = tmp_path / "02_model.yaml", tmp_path / "05_attention.yaml"
    first.write_text(yaml.safe_dump({**GRID, "seeds": [0]}))
    second.write_text(yaml.safe_dump({**GRID, "seeds": [0, 1], "keep_weights": ["SGD"]}))
    named = Plan.of(first, second).named
    assert len(named) == (3 + 1) * 2 * 2
    assert configs_keeping_weights(named) == {cell.config for cell in named if cell.arm == "SGD" and cell.seed == 0}
    third = tmp_path / "06_theta.yaml"
    third.write_text(yaml.safe_dump({**GRID, "base": {"epochs": 3}}))
    with pytest.raises(FerError, match=r"06_theta\.yaml: arm 'Adam' on 'Faces' is not .* in 02_model\.yaml"):
        _ = Plan.of(first, third).named


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path):
    path = tmp_path / "02_model.yaml"
    path.write_text(yaml.safe_dump(GRID))
    assert Plan.of(path).files[0] is Plan.of(path).files[0]
    path.write_text(yaml.safe_dump({**GRID, "seeds": [0]}))
    os.utime(path, ns=(1, 1))
    assert len(Plan.of(path).cells) == (3 + 1) * 2


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"armz": {}}, ["file.yaml", "armz", "arms"]),
        ({"arms": {}}, ["file.yaml", "arms"]),
        ({"arms": {0.001: {}}}, ["file.yaml", "arms.0.001", "string"]),
        ({"seeds": ["0"]}, ["file.yaml", "seeds.0", "integer"]),
        ({"seeds": [1, 0, 1]}, ["file.yaml", "seeds: found [1, 0, 1]", "each once"]),
        ({"splits": ["half"]}, ["splits.0", "'random80'"]),
        ({"datasets": {"Faces": {"dataset": "toyfaces", "arms": ["adamm"]}}}, ["Faces", "'adamm'", "Adam, SGD"]),
        ({"datasets": {"Faces": {"dataset": "toyfaces", "arms": "Adam"}}}, ["Faces", "'Adam'", "list"]),
        ({"datasets": {"Faces": {"dataset": "toyfaces", "arms": 4}}}, ["Faces.arms", "4", "of the 3 arms"]),
        ({"datasets": {"Faces": {"dataset": "toyfaces", "arms": True}}}, ["Faces.arms", "True", "of the 3 arms"]),
        ({"keep_weights": ["STN"]}, ["keep_weights", "'STN'", "Adam, SGD"]),
        ({"runs": [{"arms": ["STN"]}]}, ["runs: entry 1", "'STN'", "Adam, SGD"]),
        ({"runs": [{"seeds": [0]}, {"seeds": [7]}]}, ["runs: entry 2", "seeds", "7", "0, 1, 2"]),
        ({"runs": [{"arm": ["SGD"]}]}, ["file.yaml", "arm", "arms, datasets, splits, seeds"]),
        ({"arms": {"A": {"lr": "1e-4"}}}, ["'A'", "'Faces", "lr", "1.0e-4"]),
        ({"arms": {"A": {"optimiser": "sgd"}}}, ["'A'", "optimiser", "optimizer"]),
        ({"arms": {"A": {"split": "official"}}}, ["split", "splits"]),
        ({"base": {"seed": 3}}, ["seed", "seeds"]),
        ({"base": {"optimiser": "sgd"}}, ["file.yaml: base: unknown key 'optimiser'"]),
        ({"base": {"epochs": "x"}}, ["file.yaml: base: epochs: found 'x'"]),
    ],
)
def test_a_mistake_names_its_place(changes, names):
    with pytest.raises(FerError) as raised:
        expand(grid(**changes), where="file.yaml")
    assert len(str(raised.value).splitlines()) <= 2
    assert [name for name in names if name not in str(raised.value)] == [], str(raised.value)


def test_yaml_reads_1e_4_as_a_string_which_is_refused(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("profile: x\narms:\n  A: {lr: 1e-4}\ndatasets:\n  F: {dataset: toyfaces}\n")
    with pytest.raises(FerError, match=r"grid\.yaml: arm 'A' on 'F': lr: found '1e-4' \(str\).*1\.0e-4"):
        Plan.of(path)


def test_a_missing_file_lists_the_profiles(tmp_path):
    for profile in ("demo", "paper"):
        (tmp_path / "params" / profile).mkdir(parents=True)
    with pytest.raises(FerError, match=r"No params file .*quick/03\.yaml") as raised:
        read_params(tmp_path / "params" / "quick" / "03.yaml")
    assert "demo, paper" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"), [("a: [1", "no YAML"), ("? [a, b]\n: 1\n", "no YAML"), ("- 1\n", "mapping"), ("", "mapping")]
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, words):
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(FerError, match=words) as raised:
        read_params(path)
    assert str(path) in str(raised.value)


def test_what_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "binary.yaml"):
        with pytest.raises(FerError, match=r"cannot be read|is a folder"):
            read_params(path)


def test_a_notebook_that_trains_nothing_has_no_grid(tmp_path):
    path = tmp_path / "01.yaml"
    path.write_text("profile: demo\nimages: 16\n")
    assert (Plan.of(path).files[0].grid, Plan.of(path).cells) == (None, [])


@pytest.mark.parametrize(("text", "said"), [
    ("arms:\n  A: {}\n  B: {}\n  A: {lr: 1.0}\n", "'A' stands in line 2 and again in line 4"),
    ("arm: {lr: 1.0, lr: 2.0}\n", "'lr' stands in line 1 and again in line 1"),
    ("base:\n  epochs: 1\n  lr: 0.1\n  epochs: 30\n", "'epochs' stands in line 2 and again in line 4"),
])  # fmt: skip
def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path, text, said):
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    with pytest.raises(FerError, match=said):
        read_params(path)


def test_an_anchor_may_be_merged_and_changed(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("a: &a {lr: 1.0, epochs: 2}\nb: &b\n  <<: *a\n  lr: 2.0\nc: {<<: *b}\n")
    assert read_params(path)["c"] == {"lr": 2.0, "epochs": 2}
