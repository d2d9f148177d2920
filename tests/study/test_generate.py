"""The numbers in README and cards are those of the committed records and facts; what was not run has none."""

import re
from pathlib import Path

import generate
import pytest
import yaml

from fer_lib import paths
from fer_lib.campaign import Cell
from fer_lib.data import FER_CLASSES
from fer_lib.errors import FerError
from fer_lib.faces.predict import SURE
from fer_lib.results import Results, collect
from fer_lib.training import Record, RunConfig, RunStore
from fer_lib.training.release import classifiers, contents

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _this_project(monkeypatch):
    monkeypatch.setenv("FER_ROOT", str(ROOT))


def test_readme_and_cards_are_up_to_date():
    """`make docs` brings them up to date."""
    for path, text in generate.documents().items():
        assert path.read_text("utf-8") == text, f"{path.name} is out of date: make docs"


def test_the_results_table_has_the_mean_of_every_recorded_arm_and_no_other_number():
    found = generate.recorded()
    readme = (
        (ROOT / "docs" / "results.md")
        .read_text("utf-8")
        .split("<!-- generated: results -->")[1]
        .split("<!-- end -->")[0]
    )
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in readme.splitlines() if " | " in line}
    for arm, role, column in (("ResNet50", "FER2013", 2), ("ResNet50 + STN", "FER+", 5), ("VGGFace", "FER2013", 2)):
        values = list(found.by_seed(arm=arm, role=role, split="official").values())
        cell = rows[arm][column]
        assert cell.startswith(f"{sum(values) / len(values):.4f}" if values else "–")


def made_up(*seeds: int) -> Results:
    cells, records = [], []
    for seed in range(3):
        config = RunConfig.parse({"dataset": "fer2013", "split": "official", "seed": seed})
        cells.append(Cell("ResNet50", "FER2013", "official", seed, config))
        known = {"run_id": str(seed), "config": config, "fingerprint": "data", "classes": FER_CLASSES}
        metrics = {"test_accuracy": 0.5 + seed / 100, "train_accuracy": 0.9}
        records.append(Record(**known, status="finished", metrics=metrics) if seed in seeds else None)
    return collect(cells, records, load=lambda record: {}, reasons={})


@pytest.mark.parametrize(
    ("seeds", "cell"),
    [
        ((), "–"), ((0,), "0.5000 (n = 1, no interval)"), ((0, 2), "0.5100 (n = 2, no interval)"),
        ((0, 1, 2), "0.5100 [0.4852, 0.5348] (n = 3)"),
    ],
)  # fmt: skip
def test_few_seeds_have_no_interval_and_none_has_no_number(seeds, cell):
    row = next(line for line in generate.results_part(made_up(*seeds)).splitlines() if line.startswith("| ResNet50 |"))
    assert row.split(" | ")[1:4] == ["0.7715", "–", cell]


def test_an_unknown_part_is_named(tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text("<!-- generated: weather -->\n<!-- end -->\n")
    monkeypatch.setenv("FER_ROOT", str(tmp_path))
    with pytest.raises(FerError, match=r"README\.md: nothing generates a part 'weather'"):
        generate.write_documents()


def test_links_of_the_documents_lead_somewhere():
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for href in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            assert href.startswith("https://") or (path.parent / href).exists(), (path.name, href)


def test_the_citation_names_study_and_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(citation)
    assert citation["references"][0]["title"].startswith("Facial Expression Recognition")


def test_the_networks_of_the_package_are_unsure_of_a_fifth_of_the_images_that_they_were_chosen_on():
    store, found = RunStore(paths.project_root() / "reports" / "paper"), {}
    for path, record in classifiers().items():
        if record.config.dataset != "toyfaces":
            table = generate.when_unsure(store.predictions(record), contents(path).temperature)
            found[record.run_id] = float(table["Unsure below"][2])
            assert 0.75 < float(table["PrivateTest images answered"][2].rstrip("%")) / 100 < 0.85
    assert found == SURE
