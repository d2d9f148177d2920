"""The verdict page: the claims with their comparisons and runs, and the paper's contradictions."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from fer_lib.paper import published
from fer_lib.paper.claims import SPLIT, STN
from fer_lib.paper.rule import Claim, Part
from fer_lib.report.show import WORDS, Inline, badge, file_link
from fer_lib.results import Results, statistics
from fer_lib.results.wording import N, certainty, interval, mean_sd_text

_NOTEBOOKS = {
    "C1": "03_model_comparison",
    "C2": "04_optimizer_sweep",
    "C3": "05_learning_rate_sweep",
    "C4": "06_attention_ablation",
    "C5": "08_transfer_learning",
    "C6": "06_attention_ablation",
    "C7": "04_optimizer_sweep",
    "C8": "08_transfer_learning",
    "C9": "09_error_analysis",
}


def names_by_role(results: Results) -> dict[str, str]:
    """What stood for each of the paper's data sets: its own name, or `Toy faces (for FER2013)`."""
    names = {role: results.standing_for(role) for role in published.ROLES}
    return {role: role if name in ("", role) else f"{name} (for {role})" for role, name in names.items()}


def verdict_words(claim: Claim) -> str:
    """A claim's verdict with the condition under which it stands: `holds for Tiny-ImageNet`."""
    scoped = claim.scope if claim.verdict in ("holds", "fails") else ""
    return f"{WORDS[claim.verdict]} {scoped}".strip()


def claims_table(claims: Sequence[Claim], results: Results, *, remarks: Mapping[str, str]) -> pd.DataFrame:
    """Claim, verdict, seeds, the numbers behind it and a remark on it, its notebook and the number of its runs.

    Of a claim that an arm is the best also the rivals that are shown to be worse, and those that are left.
    """
    return pd.DataFrame(
        [
            {
                "Claim": f"{claim.key} {claim.text}", "Verdict": verdict_words(claim),
                "Numbers behind it": f"{_numbers(claim)}. {remarks.get(claim.key, '')}".strip(), N: claim.n,
                "Notebook": _NOTEBOOKS[claim.key], "Runs": len(_run_ids(claim, results)),
                "Shown to be worse": ", ".join(claim.ruled_out), "Not ruled out": ", ".join(claim.left),
            }
            for claim in claims
        ]
    )  # fmt: skip


def verdict_badges(claims: Sequence[Claim]) -> Callable[[str], Inline]:
    """A format for the column Verdict of `claims_table`."""
    verdicts = {verdict_words(claim): claim.verdict for claim in claims}
    return lambda words: badge(verdicts[words], words)


def deciding(claim: Claim) -> list[Part]:
    """Two comparisons of a claim, or fewer if fewer are measured.

    Of those on the wrong side, if there are any, the two with most seeds; else the two that speak least for the claim.
    """
    signed = zip(claim.parts, claim.signs(), strict=True)
    measured = [(part, sign) for part, sign in signed if sign not in ("missing", "idle")]
    against = [part for part, sign in measured if sign == "less"]
    open_ = [part for part, sign in measured if sign == "undecided"]
    ranked = sorted(against or open_ or [part for part, _ in measured], key=_speaks_for)
    return sorted(ranked, key=lambda part: -part.value.n)[:2] if against else ranked[:2]


def _numbers(claim: Claim) -> str:
    """The comparisons that decide a claim, and how many are missing."""
    chosen, lacking = deciding(claim), claim.signs().count("missing")
    texts = [f"{part.text}: {interval(part.value, sign=True)}" for part in chosen]
    texts += [f"{lacking} of {len(claim.parts)} comparisons not measured"] if lacking and chosen else []
    return "; ".join(texts) or WORDS[claim.verdict].capitalize()


def _speaks_for(part: Part) -> float:
    """How many standard errors a comparison lies on the claimed side; infinite where none is known."""
    return part.value.mean / part.value.se if part.value.known and part.value.se else math.inf


def _run_ids(claim: Claim, results: Results) -> list[str]:
    runs = results.runs[(results.runs["split"] == SPLIT) & results.runs["arm"].isin(claim.arms)]
    return sorted(set(runs["run_id"]) - {""})


def runs_table(claims: Sequence[Claim], results: Results) -> pd.DataFrame:
    """Per claim the records that it rests on."""
    ids = {claim.key: _run_ids(claim, results) for claim in claims}
    return pd.DataFrame(
        [{"Claim": key, "Split": SPLIT, "n runs": len(own), "Records": " ".join(own)} for key, own in ids.items()]
    )


def linked_records(folder: Path) -> Callable[[str], Inline]:
    """A format for `Study.table`: a cell of run ids whose every id links to its record under `folder`."""

    def links(ids: str) -> Inline:
        parts = [file_link(run_id, folder / f"{run_id}.json") for run_id in ids.split()]
        return Inline(" ".join(part.html for part in parts), ids)

    return links


def parts_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Every comparison that was measured, and how sure it is among its claim's comparisons (`wording.certainty`).

    "The paper's" is the difference that it prints, "Seeds lacking" how many more would find one of that size with 80 %
    power; "no number" where overlapping splits leave too much uncertain whatever the number.
    """
    verdicts = {"greater": "holds", "less": "fails", "idle": "untestable"}
    rows = []
    for claim in claims:
        tests = len(claim.tested)
        for part, p, sign in zip(claim.parts, claim.p_values(), claim.signs(), strict=True):
            value, printed = part.value, not math.isnan(part.paper)
            if sign == "missing":
                continue
            rows.append({
                "Claim": claim.key, "Comparison": part.text, "Mean": interval(value, sign=True),
                "Verdict": verdicts.get(sign, sign), N: value.n, **certainty(value, p, tests=tests),
                "The paper's": f"{part.paper:+.4f}" if printed else "–",
                "Seeds lacking": _seeds_lacking(part, tests=tests),
            })  # fmt: skip
    return pd.DataFrame(rows).fillna("–")


def _seeds_lacking(part: Part, *, tests: int) -> str:
    if math.isnan(part.paper) or not part.value.known:
        return "–"
    lacking = statistics.seeds_needed(part.value, part.paper, tests=tests)
    return "no number" if lacking is None else str(lacking)


def dominant_class(results: Results) -> pd.DataFrame:
    """Section III.F: TPR and FPR of happy in FER2013 and neutral in FER+, the paper's beside ours."""
    lines = []
    for role, fact in published.facts()["classification_error"].items():
        values = {"arm": STN, "role": role, "split": SPLIT}
        own = [table[table["class"] == fact["class"]].iloc[0] for table in results.rates(**values).values()]
        line = {"Class": f"{fact['class']}, {role}"}
        for title in ("TPR", "FPR"):
            ours = statistics.estimate(rates[title] for rates in own)
            line |= {f"{title}, paper": f"{fact[title.lower()]:.4f}", f"{title}, ours": mean_sd_text(ours)}
        lines.append(line | {N: len(own), "Split": SPLIT})
    return pd.DataFrame(lines)
