"""What a notebook puts on the page: finished HTML, its files beside it, the facts as metadata."""

import base64
import errno
import os
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from fer_lib import study
from fer_lib.errors import Fatal
from fer_lib.report import show

DRAWINGS = sorted((Path(study.__file__).parent / "diagrams").glob("*.svg"))


@pytest.fixture
def shown(monkeypatch):
    """The displays of a test as (soup, metadata)."""
    found = []

    def keep(data, *, raw, metadata):
        assert raw
        found.append((BeautifulSoup(data["text/html"], "html.parser"), metadata["fer"]))

    monkeypatch.setattr(show, "display", keep)
    return found


def drawing():
    fig, ax = plt.subplots(figsize=(6, 2))
    ax.plot([1, 2, 3], [0.2, 0.5, 0.6], label="Adam")
    ax.legend()
    return fig


def figure(folder, **changes):
    facts = {
        "name": "curves",
        "caption": "Adam < SGD",
        "alt": 'A "rising" curve',
        "number": "Fig. 6",
    } | changes
    show.show_figure(drawing(), folder=folder, **facts)


def test_a_figure_has_alt_text_caption_number_and_files(shown, tmp_path):
    figure(tmp_path / "figures", data=pd.DataFrame({"epoch": [1, 2]}))
    soup, facts = shown[0]
    assert soup.img["alt"] == 'A "rising" curve'
    assert soup.figcaption.get_text().startswith("Fig. 6 Adam < SGD")
    assert [a["data-file"] for a in soup.select(".files a")] == ["figures/curves.svg", "figures/curves.csv"]
    assert facts == {
        "kind": "figure",
        "name": "curves",
        "caption": "Adam < SGD",
        "alt": 'A "rising" curve',
    } | {"number": "Fig. 6"}
    assert sorted(p.suffix for p in (tmp_path / "figures").iterdir()) == [".csv", ".png", ".svg"]
    assert not plt.get_fignums()


@pytest.mark.parametrize("good", [0, 1, 2])
def test_on_a_full_disk_a_figure_leaves_no_half_of_a_file(shown, tmp_path, monkeypatch, good):
    written = []

    def fsync(file):
        written.append(file)
        if len(written) > good:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(Fatal, match="No space left on device"):
        figure(tmp_path, data=pd.DataFrame({"epoch": [1, 2]}))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["curves.svg", "curves.png"][:good])
    plt.close("all")


def test_the_picture_has_twice_the_pixels_of_its_place_on_the_page(shown, tmp_path):
    figure(tmp_path)
    pixels = plt.imread(tmp_path / "curves.png").shape[1]
    assert abs(pixels - 2 * int(shown[0][0].img["width"])) <= 1


def test_photographs_keep_their_colours_on_a_dark_page(shown, tmp_path):
    fig, ax = plt.subplots()
    ax.imshow([[0, 255], [255, 0]])
    show.show_figure(fig, folder=tmp_path, name="faces", caption="Two faces", alt="Two faces in a row, drawn")
    assert len(shown[0][0].select("figure.photographs img")) == 1
    figure(tmp_path)
    assert not shown[1][0].select("figure.photographs img")


@pytest.mark.parametrize("svg", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_is_shown_as_it_is_and_reads_without_other_files(shown, tmp_path, svg):
    show.show_drawing(svg, folder=tmp_path, name="fig_03", caption="A block", alt="Three boxes", number="Fig. 3")
    soup, facts = shown[0]
    assert soup.img["alt"] == facts["alt"] == "Three boxes"
    assert base64.b64decode(soup.img["src"].removeprefix("data:image/svg+xml;base64,")) == svg.read_bytes()
    assert (tmp_path / "fig_03.svg").read_bytes() == svg.read_bytes()
    assert soup.figcaption.get_text().startswith("Fig. 3 A block")
    assert not re.search(r"href|@import|url\((?!#)", svg.read_text())


def test_the_same_figure_gives_the_same_bytes(shown, tmp_path):
    for run in "ab":
        figure(tmp_path / run)
    for kind in ("svg", "png"):
        assert (tmp_path / "a" / f"curves.{kind}").read_bytes() == (tmp_path / "b" / f"curves.{kind}").read_bytes()


@pytest.mark.parametrize("change", [{"alt": " "}, {"caption": ""}, {"name": "Fig 6"}, {"name": "../x"}])
def test_a_figure_without_alt_caption_or_usable_name_is_refused(shown, tmp_path, change):
    with pytest.raises(ValueError, match=r"empty|name"):
        figure(tmp_path, **change)


def test_a_table_is_accessible_escaped_and_aligned(shown, tmp_path):
    table = pd.DataFrame(
        {
            "arm": ["<Adam>", "SGD"],
            "accuracy": [0.61234, None],
            "mean ± sd": ["0.612 ± 0.004", "0.560 ± 0.01"],
            "verdict": [show.badge("fails"), show.Inline("<a href='04_optimizer_sweep.html#result'>page</a>", "page")],
        }
    )
    show.show_table(
        table, folder=tmp_path, name="arms", caption="n = 3", number="Table 4", formats={"accuracy": "{:.1%}"}
    )
    soup, facts = shown[0]
    assert soup.caption.get_text() == "Table 4 n = 3"
    assert facts["number"] == "Table 4"
    assert {th["scope"] for th in soup.select("thead th")} == {"col"}
    assert [th.get_text() for th in soup.select("tbody th[scope=row]")] == ["<Adam>", "SGD"]
    assert [td.get_text() for td in soup.select("td.num")] == ["61.2%", "0.612 ± 0.004", "–", "0.560 ± 0.01"]
    assert soup.select_one(".badge.fails").get_text() == "does not hold"
    assert soup.select_one("tbody a")["href"] == "04_optimizer_sweep.html#result"
    assert (tmp_path / "arms.csv").read_text().splitlines()[1] == "<Adam>,0.61234,0.612 ± 0.004,does not hold"


def test_a_reader_sees_five_columns_and_the_rest_at_a_click(shown, tmp_path):
    for width, switch in ((2, None), (5, "columns narrow"), (7, "columns")):
        show.show_table(pd.DataFrame([range(width)]), folder=tmp_path, name="wide", caption="Many columns")
        soup, _ = shown[-1]
        label = soup.select_one("label:has(input[type=checkbox])")
        assert (label and " ".join(label["class"])) == switch
        assert len(soup.select("td.more")) == max(0, width - 5)
        assert len(soup.select("td.wide")) == min(3, max(0, width - 2))


def test_a_folded_table_has_its_caption_outside(shown, tmp_path):
    show.show_table(pd.DataFrame({"a": [1]}), folder=tmp_path, name="long", caption="Every row", fold=True)
    soup, _ = shown[0]
    assert soup.details.summary.get_text() == "Every row"
    assert soup.details.table is not None


def test_a_note_says_what_is_missing(shown):
    show.show_note("missing runs: 37 of <300>")
    assert shown[0][0].p["role"] == "note"
    assert shown[0][0].p.get_text() == "missing runs: 37 of <300>"
