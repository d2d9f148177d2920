"""`make report`, whole: a tiny profile on drawn faces through training, notebooks and pages."""

import json
import re
from pathlib import Path

import nbformat
from tiny_report import run_report

from fer_lib.evaluation import published

ROOT = Path(__file__).parents[2]


def outputs(folder: Path) -> list[tuple[str, dict]]:
    """(notebook, facts) of every figure, table and note on the pages."""
    found = []
    for path in sorted((folder / "report" / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if "fer" in output.get("metadata", {}):
                    found.append((path.stem, output["metadata"]["fer"] | {"html": output["data"]["text/html"]}))
    return found


def test_terminal_is_quiet_and_says_where_the_report_is(made):
    folder, done = made
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == f"report: {folder / 'report' / 'index.html'}"
    assert sum("done" in line for line in lines) == 8


def test_there_is_an_index_and_a_page_per_notebook(made):
    folder, _ = made
    pages = sorted(path.name for path in (folder / "report").glob("*.html"))
    assert pages == sorted(
        ["index.html", "report.html", *(f"{path.stem}.html" for path in (folder / "params" / "tiny").glob("*.yaml"))]
    )
    index = (folder / "report" / "index.html").read_text()
    assert "These pages show the machinery at work on faces that it draws itself" in index
    assert "Incomplete report" not in index
    explorer = (folder / "report" / "notebooks" / "05_attention_ablation.ipynb").read_text()
    assert "study.explore(results)" in explorer
    assert "jupyter.widget" not in explorer


def test_drawn_faces_are_not_compared_with_the_paper(made):
    folder, _ = made
    printed = {f"{value:.4f}" for value in published.accuracies()["published"]}
    for page in (folder / "report").glob("*.html"):
        text = re.sub(r"<svg.*?</svg>|<script.*?</script>|<style.*?</style>", "", page.read_text(), flags=re.S)
        assert not printed & set(re.findall(r"\b\d\.\d{4}\b", text)), page.name
        assert not re.search(r"<th[^>]*>Paper</th>|Crosses are the paper|Why are the paper", text), page.name


def test_every_figure_of_the_paper_is_there(made):
    folder, _ = made
    numbers = {int(re.findall(r"\d+", facts["number"])[0]) for _, facts in outputs(folder)
               if facts["kind"] == "figure" and facts.get("number")}  # fmt: skip
    assert numbers == set(published.facts()["figures"])


def test_every_figure_has_files_and_every_table_n_and_split(made):
    folder, _ = made
    found = outputs(folder)
    assert {facts["name"] for _, facts in found if facts["kind"] == "table"} >= {
        "table_1",
        "table_2",
        "table_3",
        "accuracy",
    }
    for _, facts in found:
        assert facts["caption"].strip()
        if facts["kind"] == "figure":
            assert facts["alt"].strip()
            assert (folder / "report" / "figures" / f"{facts['name']}.svg").is_file()
        if facts["kind"] == "table":
            assert (folder / "report" / "tables" / f"{facts['name']}.csv").is_file()
            text = facts["html"] + facts["caption"]
            assert re.search(r"<th[^>]*>n( images)?</th>|\bn\b", text), facts["name"]
            assert re.search(r"random80|grouped80|official|split", text, flags=re.I), facts["name"]


def files(report: Path) -> dict[str, bytes]:
    """Everything that a report consists of, executed notebooks included."""
    kinds = ("*.html", "notebooks/*", "figures/*", "tables/*")
    return {str(path.relative_to(report)): path.read_bytes() for kind in kinds for path in report.glob(kind)}


def test_again_trains_nothing_and_gives_the_same_files(made):
    folder, _ = made
    before = files(folder / "report")
    again = run_report(folder)
    assert again.returncode == 0
    assert re.search(r"runs: 0 trained, \d+ reused, 0 diverged, 0 skipped", again.stdout)
    assert "nothing that its pages are made from has changed" in again.stdout
    assert files(folder / "report") == before


def test_a_failing_notebook_fails_the_report(tmp_path):
    for name in ("notebooks", "params/tiny"):
        (tmp_path / name).mkdir(parents=True)
    for name, source in (("01_fine", "print('fine')"), ("02_broken", "1 / 0")):
        cells = [
            nbformat.v4.new_markdown_cell(f"# {name}\n\nDoes it work?"),
            nbformat.v4.new_code_cell('profile: str = "tiny"  # profile', metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(source),
        ]
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(
            json.dumps(nbformat.v4.new_notebook(cells=cells, metadata=metadata))
        )
        (tmp_path / "params" / "tiny" / f"{name}.yaml").write_text("profile: tiny\n")
    failed = run_report(tmp_path, FER_ROOT=str(tmp_path))
    assert failed.returncode == 2
    where, what, partial = failed.stderr.splitlines()
    assert where.startswith("error: 02_broken: cell 3")
    assert what == "ZeroDivisionError: division by zero"
    assert partial.startswith("partial notebook: ")
    assert (tmp_path / "report" / "01_fine.html").is_file()
    assert not (tmp_path / "report" / "02_broken.html").exists()
    for name in ("index", "01_fine", "report"):
        assert "Incomplete report.</b> 02_broken failed in cell 3" in (tmp_path / "report" / f"{name}.html").read_text()
