"""The verdict's pictures: the claims, every published test accuracy beside ours, and which runs have been made."""

import itertools
import json
import math
import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.paper import published
from fer_lib.paper.claims import SPLIT
from fer_lib.paper.rule import Claim
from fer_lib.paper.verdict import deciding, names_by_role, verdict_words
from fer_lib.plots.style import GREEN, GREY, INK, RED, arm_style, arm_title, forest
from fer_lib.results import Results
from fer_lib.results.pooled import accuracy_of

CLEAN = "official"  # the protocol shown beside the paper's
OTHERWISE = {"preparation", "defaults"}  # keys of a config that no arm of the paper has
VERDICT_COLOURS = {"holds": GREEN, "fails": RED, "undecided": GREY, "untestable": GREY, "missing": GREY}
SAME_AS_RESNET50 = ("Adam", "0.001")  # ResNet50 with Adam at 0.001 is one run under three names


def published_and_measured(results: Results) -> list[str]:
    """The arms with a published test accuracy or a finished run under its protocol; ResNet50 under that name alone.

    Without slips made on purpose, other defaults and other classes: their accuracies mean something else.
    """
    finished = results.of(status="finished", split=SPLIT).runs
    configs = finished["config"].map(json.loads)
    alike = [config["label_rule"] in ("fer7", "plurality10") and not OTHERWISE & config.keys() for config in configs]
    measured = list(dict.fromkeys(finished.loc[alike, "arm"]))
    return [
        arm
        for arm in dict.fromkeys([*published.of_tests().index.unique("arm"), *measured])
        if arm not in SAME_AS_RESNET50
    ]


def claims_figure(claims: Sequence[Claim]) -> tuple[Figure, pd.DataFrame]:
    """The paper's claims, a row each: what it prints as a cross, our comparison that decides most as a bar.

    Right of zero is as claimed. In points of 100 faces; claim C7 counts epochs. Also the table drawn.
    """
    figure, axes = plt.subplots(figsize=(7.8, 0.5 + 0.41 * len(claims)))
    axes.axvline(0, color=INK, linewidth=1)
    rows = []
    for place, claim in enumerate(claims):
        colour, words = VERDICT_COLOURS[claim.verdict], verdict_words(claim)
        for part in deciding(claim)[:1]:
            scale = 1 if claim.key == "C7" else 100
            low, mean, high, paper = (
                scale * value for value in (part.value.low, part.value.mean, part.value.high, part.paper)
            )
            axes.barh(place, high - low, left=low, height=0.5, color=colour, alpha=0.45)
            axes.plot([mean] * 2, [place - 0.25, place + 0.25], color=colour, linewidth=2.5)
            axes.plot(paper, place, "x", color=INK, markersize=7, markeredgewidth=2)
            rows.append({"claim": claim.key, "comparison": part.text, "paper": paper, "mean": mean, "low": low,
                         "high": high, "verdict": words})  # fmt: skip
        axes.annotate(words, (1.02, place), xycoords=("axes fraction", "data"), va="center", color=colour)
    texts = [textwrap.fill(f"{claim.key} {claim.text}", 48) for claim in claims]
    axes.set_yticks(range(len(claims)), texts, fontsize=8)
    axes.set(ylim=(len(claims) - 0.5, -0.5), xlabel="as claimed is right of the line: of 100 faces (C7: epochs)")
    axes.margins(x=0.05)
    axes.grid(axis="x")
    return figure, pd.DataFrame(rows)


def overview(results: Results) -> tuple[Figure, pd.DataFrame]:
    """Every arm, a panel per data set: the paper's number, ours with its interval, ours under the official split.

    Arms of the paper that were not measured show the paper's number alone. Also the table drawn: role, arm, paper, and
    for each of the two protocols n, mean and the ends of the interval.
    """
    paper, arms = published.of_tests(), published_and_measured(results)
    rows = []
    for role, arm in itertools.product(published.ROLES, arms):
        row = {"role": role, "arm": arm, "paper": paper.get((arm, role), math.nan)}
        for split in (SPLIT, CLEAN):
            ours = accuracy_of(results, arm=arm, role=role, split=split)
            row |= {f"{split} {name}": getattr(ours, name) for name in ("n", "mean", "low", "high")}
        rows.append(row)
    drawn, named, marks = pd.DataFrame(rows), names_by_role(results), []
    for row in rows:
        line = {"panel": named[row["role"]], "row": arm_title(row["arm"]), "colour": arm_style(row["arm"]).colour}
        found = {end: row[f"{SPLIT} {end}"] for end in ("mean", "low", "high")}
        marks += [
            line | {"mean": row["paper"], "mark": "x", "colour": GREY, "label": "the paper"},
            line | found | {"label": f"ours, {SPLIT}, 95 % interval"},
            line | {"mean": row[f"{CLEAN} mean"], "mark": "D", "hollow": True, "label": f"ours, {CLEAN}"},
        ]
    return forest(pd.DataFrame(marks), xlabel="test accuracy"), drawn
