"""The report that a clone comes with: rendered from the records beside it, and without a face of the data set."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fer_lib.paper import published
from fer_lib.training import RunConfig

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "reports" / "paper").glob("*.html"))
CHROMIUM = shutil.which("chromium")
WORDS = {
    "index": 500,
    "06_attention_ablation": 505,
    "07_what_theta_does": 395,
    "11_verdict": 800,
    "13_beyond_the_paper": 800,
}
LONGEST = 90  # words of a paragraph
MEASURE = """() => {
    const main = document.querySelector("main"), first = (part) => main.querySelector(`.fer-answer ${part}`);
    const shown = (part) => part.offsetParent && !part.closest("details:not([open])");
    const words = (part) => part.textContent.trim().split(/\\s+/).length;
    const bare = main.cloneNode(true);
    bare.querySelectorAll("table, details, nav, .fer-player").forEach((part) => part.remove());
    const bottom = (part) => part ? part.getBoundingClientRect().bottom : 0;
    return {
        words: words(bare),
        longest: Math.max(...[...main.querySelectorAll("p, li")].filter((part) => !part.closest("table")).map(words)),
        cut: [...document.querySelectorAll(".scroll")].filter(shown)
            .filter((part) => part.scrollWidth > part.clientWidth + 1).length,
        answer: Math.max(bottom(first(".lead")), bottom(first(".views") ?? first("img"))),
    };
}"""


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
    for page, figure in (("01_data_exploration", "fig-samples"), ("09_error_analysis", "fig-confident_errors_22")):
        assert figure not in git("show", f"HEAD:reports/paper/{page}.html")


def test_every_figure_of_the_paper_is_there():
    found = re.findall(r'class="number">Fig. (\d+)', "".join(path.read_text("utf-8") for path in PAGES))
    assert set(map(int, found)) == set(published.facts()["figures"])


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
    networks = "reports/paper/assets/networks/"  # what the player computes, and all that is there twice
    assert sum(int(size) for _, _, _, size, name in sizes if not name.startswith(networks)) <= 36e6


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium")
def test_a_reader_sees_the_answer_first_and_every_table_whole():
    """On a desk the answer with its picture before any scrolling; on a desk, a tablet and a phone no table is cut."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width in (1280, 928, 390):
            page = browser.new_context(viewport={"width": width, "height": 800}, offline=True).new_page()
            for path in PAGES:
                page.goto(path.as_uri())
                found = page.evaluate(MEASURE)
                assert found["cut"] == 0, f"{path.name} at {width}"
                assert found["longest"] <= LONGEST, path.name
                assert found["words"] <= WORDS.get(path.stem, 10_000), path.name
                assert width < 1280 or 0 < found["answer"] <= 800, path.name
        browser.close()


def test_the_library_is_no_longer_than_it_was():
    """Ceilings that only come down: what is added takes something away."""
    for ceiling, *kinds in ((15_413, ".py"), (1000, ".js", ".wat")):
        files = [path for kind in kinds for path in (ROOT / "fer_lib").rglob(f"*{kind}")]
        assert sum(len(path.read_text("utf-8").splitlines()) for path in files) <= ceiling, kinds
