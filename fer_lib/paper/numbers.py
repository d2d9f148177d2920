"""Every number that the paper prints, beside ours."""

from collections.abc import Mapping

import pandas as pd

from fer_lib.paper import published
from fer_lib.report.show import Format, Inline, badge
from fer_lib.results import Results, statistics
from fer_lib.results.pooled import metric, pool_of
from fer_lib.results.wording import interval

FORMATS: Mapping[str, Format] = {
    "Verdict": badge,
    "Notebook": lambda notebook: Inline(f'<a href="{notebook}.ipynb">{notebook[:2]}</a>', notebook[:2]),
    "Runs": lambda runs: Inline(f'<a href="11_verdict.ipynb#table-claim_runs">{runs}</a>', str(runs)) if runs else "0",
    "Paper": "{:.4f}",
    "Difference": "{:+.4f}",
}
COMPATIBLE = {"holds": "compatible", "fails": "not compatible"}
NUMBER_FORMATS: Mapping[str, Format] = {
    **FORMATS,
    "Table": lambda table: table.split()[0],
    "Verdict": lambda verdict: badge(verdict, COMPATIBLE.get(verdict)),
}


def compared(numbers: pd.DataFrame) -> pd.DataFrame:
    """The published test accuracies that we measured; ResNet50's, which the paper prints four times, once."""
    test = numbers[(numbers["Part"] == "test") & (numbers["n"] > 0)]
    return test.drop_duplicates(["Data set", "Paper"])


def published_numbers(results: Results) -> pd.DataFrame:
    """Every published number beside ours: where it stands, the paper's, n, ours with interval, difference, verdict.

    `results` holds the grids of all notebooks; the paper's FER2013 column meets the data set with FER2013's labels,
    its FER+ column the one with votes. A published arm that we did not run has n = 0.
    """
    rows = []
    for line in published.accuracies().itertuples():
        paper = float(line.published)  # type: ignore[arg-type]
        ours = pool_of(results).mean(
            str(line.arm), dataset=results.standing_for(str(line.role)), split="random80",
            of=metric("test_accuracy" if line.part == "test" else "train_accuracy"),
        )  # fmt: skip
        rows.append({
            "Arm": line.arm, "Data set": line.role, "Paper": paper, "Ours [95 % interval]": interval(ours),
            "Verdict": number_verdict(ours, paper), "n": ours.n, "Difference": ours.mean - paper,
            "Table": line.table, "Part": line.part, "df": f"{ours.df:.3g}" if ours.known else "–",
            "Spread": ours.source if ours.known else "–",
        })  # fmt: skip
    return pd.DataFrame(rows)


def number_verdict(ours: statistics.Estimate, paper: float) -> str:
    """`holds` if the paper's number could be one more run of ours (95 % prediction interval), else `fails`.

    `undecided` where no spread is known, `missing` without a run.
    """
    if not ours.known:
        return "undecided" if ours.n else "missing"
    return "holds" if ours.predicts(paper) else "fails"
