"""The verdict page: the answer in a few sentences, the claims, the published numbers and the paper's contradictions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data import DATASETS
from fer_lib.evaluation import metrics, published, statistics
from fer_lib.evaluation.claims import BEST_MODEL, SPLIT, Claim
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
COMPATIBLE = {"holds": "compatible", "fails": "not compatible"}
NUMBER_FORMATS = {**FORMATS, "Verdict": lambda verdict: badge(verdict, COMPATIBLE.get(verdict))}
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
    """The first of `arms` with a finished run under the claims' split, else the first."""
    runs = results.of(split=SPLIT, status="finished").runs
    return next((arm for arm in arms if arm in set(runs["arm"])), arms[0])


def compared(numbers: pd.DataFrame) -> pd.DataFrame:
    """The published test accuracies that we measured; ResNet50's, which the paper prints four times, once."""
    test = numbers[(numbers["Part"] == "test") & (numbers["n"] > 0)]
    return test.drop_duplicates(["Data set", "Paper"])


def answer(claims: Sequence[Claim], numbers: pd.DataFrame, results: Results, *, transfer: str) -> list[str]:
    """The verdict in three sentences, and what kind of data it rests on."""
    tally = {verdict: [claim.key for claim in claims if claim.verdict == verdict] for verdict in WORDS}
    listed = "; ".join(f"{WORDS[verdict]}: {', '.join(keys)}" for verdict, keys in tally.items() if keys)
    sentences = [f"Of the paper's {len(claims)} claims, {listed}."]
    test = compared(numbers)
    if len(test):
        gaps = test.groupby("Data set", sort=False)["Difference"].agg(["mean", "size"])
        parts = " and ".join(f"{line['mean']:+.3f} on {name}" for name, line in gaps.iterrows())
        met = int((test["Verdict"] == "holds").sum())
        sentences.append(
            f"Ours minus the paper's test accuracy is {parts} on average; {met} of {len(test)} are compatible."
        )
    else:
        sentences.append("None of the printed test accuracies has been measured yet.")
    finished = results.runs[results.runs["status"] == "finished"]
    seeds = finished["seed"].nunique()
    few = ", too few to decide anything" if seeds < 2 else ""
    sentences.append(f"This rests on {finished['run_id'].nunique()} runs and {seeds} seed{'s' * (seeds != 1)}{few}.")
    if transfer in set(finished["arm"]) and "ImageNet" not in transfer.replace("Tiny-ImageNet", ""):
        sentences.append(f"{transfer} takes the place of ImageNet transfer in C5 and C8.")
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
    """Every arm's test accuracy beside the paper's; a run that has several names once."""
    runs = results.runs[results.runs["split"] == SPLIT]
    once = runs[(runs["run_id"] == "") | ~runs.duplicated("run_id")]
    return curves.dots(Results(once, results.history, results.records, results.load), split=SPLIT)


def overview_caption(numbers: pd.DataFrame) -> str:
    """How many published test accuracies lie above ours."""
    test = compared(numbers)
    above = int((test["Difference"] < 0).sum())
    return f"Test accuracy, {SPLIT}: {above} of the {len(test)} published numbers that we measured lie above ours."


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Claim, verdict, seeds, the numbers behind it, and its page."""
    return pd.DataFrame(
        [
            {
                "Claim": f"{claim.key} {claim.text}", "Verdict": claim.verdict, N: claim.n,
                "Numbers behind it": _deciding(claim), "Page": _PAGES[claim.key],
            }
            for claim in claims
        ]
    )  # fmt: skip


def _deciding(claim: Claim) -> str:
    """Two comparisons: those on the wrong side if there are any, else the least certain; and how many are missing."""
    measured = [(part, sign) for part, sign in zip(claim.parts, claim.signs(), strict=True) if sign != "missing"]
    against = [part for part, sign in measured if sign == "less"]
    open_ = [part for part, sign in measured if sign == "undecided"]
    chosen = (against or open_ or [part for part, _ in measured])[:2]
    texts = [f"{part.text}: {interval(part.value, sign=True)}" for part in chosen]
    lacking = len(claim.parts) - len(measured)
    texts += [f"{lacking} of {len(claim.parts)} comparisons not measured"] if lacking and measured else []
    return "; ".join(texts) or "not measured"


def parts_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Every comparison of every claim, each corrected for the number of its claim's comparisons."""
    verdicts = {"greater": "holds", "less": "fails"}
    return pd.DataFrame(
        [
            {
                "Claim": claim.key, "Comparison": part.text, N: part.value.n, "Mean": interval(part.value, sign=True),
                "Verdict": verdicts.get(sign, sign),
            }
            for claim in claims
            for part, sign in zip(claim.parts, claim.signs(), strict=True)
        ]
    )  # fmt: skip


def dominant_class(results: Results) -> pd.DataFrame:
    """Section III.F: TPR and FPR of happy in FER2013 and neutral in FER+, the paper's beside ours."""
    lines = []
    for role, fact in published.facts()["classification_error"].items():
        values = {"arm": BEST_MODEL, "role": role, "split": SPLIT}
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
