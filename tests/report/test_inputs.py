"""A page is made again when what it is made from changes, and only then."""

import shutil

import nbformat
import pandas as pd
import pytest
from training.tiny import place, tiny

from fer_lib.report import inputs
from fer_lib.report.inputs import has_outputs, page_inputs
from fer_lib.study.notebook import Study
from fer_lib.training import RunStore, run_one

PARAMS = {"profile": "tiny", "base": {"model": "vanilla_cnn"}, "arms": {"Adam": {}},
          "datasets": {"Faces": {"dataset": "toyfaces"}}}  # fmt: skip


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "01_page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), path)
    return path


def test_notebook_parameters_records_and_code_each_count(notebook, tmp_path, monkeypatch):
    where = place(tmp_path)
    store = RunStore(where.store)

    def now(params=PARAMS):
        return page_inputs(notebook, params, store=store, data_folder=tmp_path)

    first = now()
    assert now() == first
    assert now({**PARAMS, "seeds": [1]}) != first
    run_one(tiny(), where)
    assert now() != first, "a run of another grid may change the spread that all arms share"
    first = now()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("2")]), notebook)
    assert now() != first
    second = now()
    monkeypatch.setattr(inputs, "_code", lambda: b"other code")
    assert now() != second


def test_images_that_come_or_go_count(notebook, fer_csv, tmp_path):
    params = {"profile": "tiny", "fer2013": {"dataset": "fer2013"}}
    store, folder = RunStore(tmp_path / "store"), fer_csv()
    without = page_inputs(notebook, params, store=store, data_folder=tmp_path / "nowhere")
    here = page_inputs(notebook, params, store=store, data_folder=folder)
    shutil.rmtree(folder)
    assert here != without == page_inputs(notebook, params, store=store, data_folder=folder / "gone")


def test_a_stripped_notebook_has_no_outputs(notebook, tmp_path):
    assert not has_outputs(notebook)
    assert not has_outputs(tmp_path / "absent.ipynb")
    nb = nbformat.read(notebook, as_version=4)
    nb.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(nb, notebook)
    assert has_outputs(notebook)


def test_a_notebook_run_by_hand_leaves_the_report_as_it_is(monkeypatch, tmp_path):
    """Its figures and tables go elsewhere, so what the pages link to stays what they show."""
    monkeypatch.setenv("FER_REPORT", str(tmp_path))
    for published, folder in (("", "interactive/tables"), ("publish", "tables")):
        monkeypatch.setenv("FER_MODE", published)
        study = Study("demo")
        assert ("interactive" in study.provenance()) == (not published)
        study.table(pd.DataFrame({"n": [1]}), name="one", caption="One row.")
        assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.csv")] == [f"{folder}/one.csv"]
        (tmp_path / folder / "one.csv").unlink()
