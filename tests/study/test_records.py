"""The record table: PublicTest chooses, no other image helps, and every entry can be traced."""

import numpy as np
import pytest
import records

from fer_lib.campaign import expand, parse_grid
from fer_lib.errors import FerError
from fer_lib.results import Results, collect
from fer_lib.training import Record

TRUTH = np.arange(100) % 7


def said(right: int) -> np.ndarray:
    chances = np.zeros((100, 7), np.float16)
    chances[np.arange(100), np.where(np.arange(100) < right, TRUTH, (TRUTH + 1) % 7)] = 1
    return chances


def study(arms: dict[str, tuple[int, int]], *, commit: str = "3dfe2edc4167", seconds: float = 60) -> Results:
    """Two seeds of each arm, right on so many of 100 images of PublicTest and of PrivateTest."""
    grid = {
        "profile": "x", "arms": {arm: {"model": "tiny", "epochs": 1 + place} for place, arm in enumerate(arms)},
        "datasets": {"FER2013": {"dataset": "fer2013"}}, "splits": ["official"], "seeds": [0, 1],
    }  # fmt: skip
    cells, found, arrays = expand(parse_grid(grid, where="test")), [], {}
    for cell in cells:
        public, private = arms[cell.arm]
        record = Record(
            run_id=f"{cell.arm}{cell.seed}", config=cell.config, fingerprint="d", status="finished", seconds=seconds,
            classes=list("abcdefg"), metrics={"test_accuracy": private / 100},
            provenance={"threads": 1, "commit": commit},
        )  # fmt: skip
        found.append(record)
        arrays[record.run_id] = {
            "actual": TRUTH, "copies": np.arange(100) % 4, "select_actual": TRUTH, "predicted": said(private).argmax(1),
            **{f"{part}probabilities": said(private) for part in ("", "mirrored_")},
            **{f"select_{part}probabilities": said(public) for part in ("", "mirrored_")},
        }  # fmt: skip
    return collect(cells, found, load=lambda record: arrays[record.run_id], reasons={})


def test_publictest_chooses_the_entry_and_privatetest_has_no_say():
    table = records.records_table(study({"chosen": (70, 60), "lucky": (60, 70)}))
    (row,) = table[table["Network"] == "chosen"].to_dict("records")
    assert "lucky" not in set(table["Network"])
    assert (row["Accuracy"], row["Together"], row["n"], row["Run"]) == ("0.6000 ± 0.0000", "0.6000", "2", "`chosen0`")
    assert row["Parameters"] == "0.13 M"
    assert row["Without copies"] == "0.6000"


@pytest.mark.parametrize("changes", [
    {"preparation": "test_in_training", "split": "random80"},
    {"model": "resnet50", "pretrained": "imagenet1k_v1"},
])  # fmt: skip
def test_other_images_and_slips_make_no_record(changes):
    config = expand(parse_grid({
        "profile": "x", "arms": {"a": {k: v for k, v in changes.items() if k != "split"}}, "seeds": [0],
        "splits": [changes.get("split", "official")], "datasets": {"FER2013": {"dataset": "fer2013"}},
    }, where="test"))[0].config  # fmt: skip
    assert not records._is_clean(Record(run_id="a", config=config, fingerprint="d", status="finished"))


def test_a_bound_of_time_keeps_slow_runs_out():
    table = records.records_table(study({"slow": (70, 60)}, seconds=60 * 100))
    within = table.set_index("Network")["Best within"]
    assert "a CPU core, 120 min a run" in within["slow"]
    assert "30 min" not in within["slow"]
    assert "a GPU" not in within["slow"]


def test_a_commit_without_a_date_is_asked_for():
    with pytest.raises(FerError, match="git show -s --format=%cs 0123456789ab"):
        records.records_table(study({"new": (70, 60)}, commit="0123456789ab"))


def test_a_number_of_others_says_where_it_stands_and_how_it_was_chosen():
    table = records.published_table()
    assert set(table["Test"]) == set(records.TESTS)
    assert table["Source"].str.startswith("https://").all()
    assert table["Source"].is_unique
    assert table["Chosen on other images"].str.match("yes: |no: |judged on |not checked$").all()
    assert table["From scratch"].str.match("yes$|no: ").all()
