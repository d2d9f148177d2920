"""A campaign's order: the written one, then seed by seed; pre-training just before what starts from it."""

import pytest
import yaml
from training.tiny import fine_tuned, tiny

from fer_lib.campaign.order import in_order, with_pretraining
from fer_lib.campaign.plan import Plan
from fer_lib.errors import FerError
from fer_lib.training import RunConfig

SHAPES = fine_tuned().pretraining
GRID = {
    "profile": "x", "arms": {"Adam": {}, "SGD": {"optimizer": "sgd"}}, "splits": ["random80", "official"],
    "datasets": {"Faces": {"dataset": "toyfaces"}, "Faces+": {"dataset": "toyfacesplus"}}, "seeds": [0, 1],
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """Writes a profile with this order and returns its plan."""

    def profile(order: object) -> Plan:
        (tmp_path / "02.yaml").write_text(yaml.safe_dump(GRID))
        (tmp_path / "order.yaml").write_text(yaml.safe_dump(order))
        return Plan.of(tmp_path / "02.yaml")

    return profile


def test_without_a_written_order_need_and_length_decide():
    short, long, tuned = tiny(epochs=1), tiny(epochs=9), fine_tuned(epochs=20)
    assert in_order([short, tuned, long, short]) == [SHAPES, long, short, tuned]
    assert in_order([tuned, SHAPES]) == [SHAPES, tuned]


def test_the_written_order_comes_first_then_seed_by_seed_the_longest_last():
    short, long, later, tuned = tiny(epochs=1), tiny(epochs=9), tiny(epochs=1, seed=1), fine_tuned(epochs=20)
    given = [later, long, short, tuned]
    assert in_order(given, [long, tiny(epochs=2), tuned]) == [long, SHAPES, tuned, short, later]
    assert with_pretraining([later, tuned, SHAPES]) == [later, SHAPES, tuned]


def test_an_entry_takes_its_arms_in_turn_on_every_data_set(write):
    entries = [
        {"arms": ["SGD", "Adam"], "splits": ["random80"], "seeds": [1]},
        {"arms": ["SGD"], "splits": ["official"], "seeds": [0]},
    ]
    found = write({"order": entries}).first
    assert [(run.optimizer, run.dataset, run.seed, run.split) for run in found] == [
        ("sgd", "toyfaces", 1, "random80"), ("sgd", "toyfacesplus", 1, "random80"),
        ("adam", "toyfaces", 1, "random80"), ("adam", "toyfacesplus", 1, "random80"),
        ("sgd", "toyfaces", 0, "official"), ("sgd", "toyfacesplus", 0, "official"),
    ]  # fmt: skip
    only = write({"order": [{"arms": ["Adam"], "datasets": ["Faces+"], "splits": ["random80"]}]}).first
    assert only == [RunConfig(dataset="toyfacesplus"), RunConfig(dataset="toyfacesplus", seed=1)]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ({"first": []}, ["expected one key, `order`"]),
        ({"order": "Adam"}, ["expected one key, `order`"]),
        ({"order": [{"arm": ["Adam"]}]}, ["entry 1", "'arm'", "arms"]),
        ({"order": [{"arms": ["Adam"]}, {"arms": ["Adamm"]}]}, ["entry 2", "arms", "'Adamm'", "Adam, SGD"]),
        ({"order": [{"arms": ["Adam"], "splits": ["half"]}]}, ["entry 1", "splits", "'random80'"]),
        ({"order": [{"arms": ["Adam", "SDG"]}]}, ["entry 1", "arms", "'SDG'", "Adam, SGD"]),
        ({"order": [{"arms": ["Adam"], "seeds": [0, 9]}]}, ["entry 1", "seeds", "9", "0, 1"]),
        ({"order": [{"arms": ["Adam"], "datasets": ["Faces", "faces"]}]}, ["entry 1", "datasets", "'faces'"]),
    ],
)
def test_a_mistake_names_file_and_entry(write, order, names):
    with pytest.raises(FerError) as raised:
        _ = write(order).first
    assert [name for name in ("order.yaml", *names) if name not in str(raised.value)] == [], str(raised.value)


def test_params_files_without_an_order_have_none(write):
    path = write({"order": []}).files[0].path
    (path.parent / "order.yaml").unlink()
    assert Plan.of(path).first == []
