"""The verdict page: the answer in a few sentences, the claims, the published numbers and the paper's contradictions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data import DATASETS
from fer_lib.evaluation import metrics, published, statistics
from fer_lib.evaluation.claims import SPLIT, Claim
from fer_lib.report import curves
from fer_lib.report.show import WORDS, badge, link
from fer_lib.report.tables import N, interval, spread
from fer_lib.results import Results

FORMATS = {
    "Verdict": badge,
    "Page": lambda notebook: link(notebook[:2], f"{notebook}.ipynb"),
    "Paper": "{:.4f}",
    "Difference": "{:+.4f}",
}
_PAGES = {
    "C1": "02_model_comparison",
    "C2": "03_optimizer_sweep",
    "C3": "04_learning_rate_sweep",
    "C4": "05_attention_ablation",
    "C5": "06_transfer_learning",
    "C6": "05_attention_ablation",
    "C7": "03_optimizer_sweep",
    "C8": "06_transfer_learning",
    "C9": "07_error_analysis",
}


def first_measured(results: Results, arms: Sequence[str]) -> str:
    """The first of `arms` with a finished run, else the first."""
    finished = set(results.runs.loc[results.runs["status"] == "finished", "arm"])
    return next((arm for arm in arms if arm in finished), arms[0])


def answer(claims: Sequence[Claim], numbers: pd.DataFrame, results: Results, *, transfer: str) -> list[str]:
    """The verdict in three sentences, and what kind of data it rests on."""
    tally = {verdict: [claim.key for claim in claims if claim.verdict == verdict] for verdict in WORDS}
    listed = "; ".join(f"{WORDS[verdict]}: {', '.join(keys)}" for verdict, keys in tally.items() if keys)
    test = numbers[(numbers["Part"] == "test") & (numbers["n"] > 0)]
    sentences = [f"Of the paper's {len(claims)} claims, {listed}."]
    if len(test):
        gap = test.groupby("Data set", sort=False)["Difference"].mean()
        parts = ", ".join(f"{value:+.3f} on {name}" for name, value in gap.items())
        met = int((test["Verdict"] == "holds").sum())
        sentences.append(
            f"Our test accuracies differ from the printed ones by {parts} on average; {met} of {len(test)} are met."
        )
    else:
        sentences.append("None of the printed accuracies has been measured yet.")
    seeds = results.runs.loc[results.runs["status"] == "finished", "seed"].nunique()
    sentences.append(
        f"This rests on {int((results.runs['status'] == 'finished').sum())} finished runs with {seeds} "
        f"{'seed, too few to decide anything' if seeds == 1 else 'seeds'}; {transfer} stands for ImageNet transfer."
    )
    return [*sentences, *_stand_in(results)]


def _stand_in(results: Results) -> list[str]:
    used = {record.config.dataset for record in results.records.values()}
    drawn = [DATASETS[name].title for name in sorted(used) if name.startswith("toy")]
    return (
        [f"**The images are drawn ({', '.join(drawn)})**: these numbers show the machinery, not the paper."]
        if drawn
        else []
    )


def overview(results: Results) -> tuple[Figure | None, pd.DataFrame]:
    """Every arm's test accuracy beside the paper's; arms that are one run under several names once."""
    same = results.runs["arm"].isin(["Adam", "0.001"])
    return curves.dots(Results(results.runs[~same], results.history, results.records, results.load), split=SPLIT)


def overview_caption(numbers: pd.DataFrame) -> str:
    """How many published test accuracies lie above ours."""
    test = numbers[(numbers["Part"] == "test") & (numbers["n"] > 0)]
    above = int((test["Difference"] < 0).sum())
    return f"Test accuracy, {SPLIT}: {above} of the {len(test)} published numbers that we measured lie above ours."


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Claim, verdict, seeds, the numbers behind it, and its page."""
    return pd.DataFrame(
        [
            {
                "Claim": f"{claim.key} {claim.text}", "Verdict": claim.verdict, N: claim.n,
                "Numbers behind it": _shortest(claim), "Page": _PAGES[claim.key],
            }
            for claim in claims
        ]
    )  # fmt: skip


def _shortest(claim: Claim) -> str:
    """The comparisons that decide: those against the claim if there are any, else the two with the least margin."""
    measured = [part for part in claim.parts if part.value.n]
    against = [part for part in measured if part.value.sign == "less"]
    closest = sorted(measured, key=lambda part: part.value.mean)
    chosen = (against or closest)[:2]
    return "; ".join(f"{part.text}: {interval(part.value, sign=True)}" for part in chosen) or "not measured"


def parts_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Every comparison of every claim."""
    verdicts = {"greater": "holds", "less": "fails"}
    return pd.DataFrame(
        [
            {
                "Claim": claim.key, "Comparison": part.text, N: part.value.n, "Mean": interval(part.value, sign=True),
                "Verdict": verdicts.get(part.value.sign, part.value.sign),
            }
            for claim in claims
            for part in claim.parts
        ]
    )  # fmt: skip


def dominant_class(results: Results, *, arm: str = "ResNet50 + STN") -> pd.DataFrame:
    """Section III.F: TPR and FPR of happy in FER2013 and neutral in FER+, the paper's beside ours."""
    lines = []
    for role, fact in published.facts()["classification_error"].items():
        values = {"arm": arm, "role": role, "split": SPLIT}
        record = results.first_record(**values)
        names = tuple(record.classes) if record else ()
        tables = [
            metrics.rates(metrics.confusion(a["actual"], a["predicted"], classes=len(names)), names).set_index("class")
            for a in results.predictions(**values)
        ]
        line: dict[str, object] = {"Data set": role, "Class": fact["class"], "Split": SPLIT, N: len(tables)}
        for title in ("TPR", "FPR"):
            ours = statistics.estimate(np.array([table.loc[fact["class"], title] for table in tables], float))
            line |= {f"{title}, paper": f"{fact[title.lower()]:.4f}", f"{title}, ours": spread(ours)}
        lines.append(line)
    return pd.DataFrame(lines)


def inconsistencies() -> pd.DataFrame:
    """What the paper contradicts or leaves open, and what this study does about it."""
    return pd.DataFrame(published.facts()["inconsistencies"], columns=["In the paper", "Here"])
