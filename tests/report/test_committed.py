"""The report that a clone comes with: rendered from the records beside it, and without a face of the data set."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from fer_lib.training import RunConfig

ROOT = Path(__file__).parents[2]


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def committed() -> list[str]:
    """The files under reports/paper in the commit at hand, whatever the working tree has by now."""
    try:
        return git("ls-tree", "-r", "--name-only", "HEAD", "reports/paper").split()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")


def test_the_pages_are_there_and_rest_on_the_records_beside_them(committed):
    """`make docs` renders them."""
    pages = ["index.html", *(f"{path.stem}.html" for path in sorted((ROOT / "params" / "paper").glob("[0-9]*.yaml")))]
    assert {f"reports/paper/{page}" for page in pages} <= set(committed)
    records = [name for name in committed if re.fullmatch(r"reports/paper/runs/\w+\.json", name)]
    rest_on = re.search(r"Runs</th><td>(\d+) of (\d+): ", git("show", "HEAD:reports/paper/index.html"))
    assert rest_on, "the index does not say how many runs it rests on"
    assert int(rest_on[1]) == len(records), "records were added or removed since: make docs"


def test_their_identities_are_those_that_they_were_trained_under(committed):
    """Hours of work hang on them: a new key of `RunConfig` has a default that leaves every identity as it is."""
    records = [json.loads(git("show", f"HEAD:{name}")) for name in committed if re.search(r"/runs/\w+\.json$", name)]
    for record in records:
        assert RunConfig.parse(record["config"]).run_id(record["fingerprint"]) == record["run_id"]


def test_no_image_of_the_data_set_is_in_the_repository(committed):
    """No picture at all: pages hold their figures, which are made without the images."""
    assert not [name for name in committed if name.endswith((".png", ".svg", ".jpg"))]
    for page in ("01_data_exploration", "09_error_analysis"):
        assert "is not here (FER_DATA), so figures that show its images are left out" in git(
            "show", f"HEAD:reports/paper/{page}.html"
        )


def test_a_mean_face_is_of_many(committed):
    """A mean image may be shown because no person is in it."""
    tables = [name for name in committed if re.search(r"facts/mean_faces_\w+\.csv$", name)]
    assert len(tables) == 2
    for name in tables:
        lines = git("show", f"HEAD:{name}").splitlines()[1:]
        assert min(int(line.split(",")[1]) for line in lines) >= 100


def test_the_notebooks_beside_the_pages_have_no_outputs(committed):
    """A page has the outputs; the notebook that it links has the parameters they were made with."""
    notebooks = [name for name in committed if name.endswith(".ipynb")]
    assert len(notebooks) == len(list((ROOT / "params" / "paper").glob("[0-9]*.yaml")))
    for name in notebooks:
        cells = json.loads(git("show", f"HEAD:{name}"))["cells"]
        assert any("injected-parameters" in cell["metadata"].get("tags", []) for cell in cells), name
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), name


def test_a_clone_is_light():
    try:
        sizes = [line.split(maxsplit=4) for line in git("ls-tree", "-r", "-l", "HEAD").splitlines()]
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    assert sum(int(size) for _, _, _, size, _ in sizes) <= 46e6
    assert sum(int(size) for _, _, _, size, name in sizes if name != "reports/face.html") <= 36e6
