"""The verdict page: the answer in a few sentences, the claims with their comparisons and runs, the contradictions."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fer_lib.report.show import WORDS, Inline, badge, file_link
from fer_lib.results import Results
from fer_lib.study import published, statistics, transformer
from fer_lib.study.claim import Claim, Part
from fer_lib.study.claims import SPLIT, STN, largest_fall
from fer_lib.study.pooled import pool_of
from fer_lib.study.wording import N, certainty, interval, spread

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


def _silent(results: Results) -> str:
    """In how many runs the paper's transformer does nothing; empty where it always does something."""
    fates = transformer.fates(transformer.theta_history(results, arm=STN, split=SPLIT))["fate"]
    stays = int((fates == "still").sum())
    what = "its theta stays at the identity, so those are plain ResNet50s"
    return f"In {stays} of {len(fates)} runs {what}." if stays else ""


def tally(claims: Sequence[Claim]) -> str:
    """A sentence: how many claims hold, do not, cannot be told or tested."""
    tally = {verdict: [claim.key for claim in claims if claim.verdict == verdict] for verdict in WORDS}
    if len(tally["missing"]) == len(claims):
        return f"None of the paper's {len(claims)} claims has been tested yet."
    words = {
        "holds": ("holds", "hold"), "fails": ("does not hold", "do not hold"),
        "undecided": ("cannot be told", "cannot be told"), "untestable": ("cannot be tested here",) * 2,
        "missing": ("was not tested yet", "were not tested yet"),
    }  # fmt: skip
    *others, last = (
        f"{len(keys)} {words[verdict][len(keys) != 1]} ({', '.join(keys)})" for verdict, keys in tally.items() if keys
    )
    counts = f"{', '.join(others)} and {last}" if others else last
    if not (tally["holds"] or tally["fails"]):
        return f"None of the paper's {len(claims)} claims has been decided yet: {counts}."
    return f"Of the paper's {len(claims)} claims, {counts}."


def stand_in(claims: Sequence[Claim]) -> str:
    """A sentence on what stood for ImageNet transfer in the claims; nothing where ImageNet's weights did."""
    (arm,) = (claim.arms[-1] for claim in claims if claim.key == "C5")
    other = "ImageNet" not in arm.replace("Tiny-ImageNet", "")
    return f" {arm} stands for ImageNet transfer in C5 and C8." if other else ""


def verdict_words(claim: Claim) -> str:
    """A claim's verdict with the condition under which it stands: `holds for Tiny-ImageNet`."""
    scoped = claim.scope if claim.verdict in ("holds", "fails") else ""
    return f"{WORDS[claim.verdict]} {scoped}".strip()


def claims_table(claims: Sequence[Claim], results: Results) -> pd.DataFrame:
    """Claim, verdict, seeds, the numbers behind it and what they leave out, its notebook and the number of its runs."""
    return pd.DataFrame(
        [
            {
                "Claim": f"{claim.key} {claim.text}", "Verdict": verdict_words(claim), N: claim.n,
                "Numbers behind it": f"{_deciding(claim)}. {remark(claim, results)}".strip(),
                "Notebook": _NOTEBOOKS[claim.key], "Runs": len(_run_ids(claim, results)),
            }
            for claim in claims
        ]
    )  # fmt: skip


def verdict_badges(claims: Sequence[Claim]) -> Callable[[str], Inline]:
    """A format for the column Verdict of `claims_table`."""
    verdicts = {verdict_words(claim): claim.verdict for claim in claims}
    return lambda words: badge(verdicts[words], words)


def remark(claim: Claim, results: Results) -> str:
    """What a claim's verdict leaves out: arms that learnt nothing, rivals that are left, what was in fact tested."""
    pool, said = pool_of(results), []
    idle = dict.fromkeys(part.idle for part in claim.parts if part.idle and part.value.n)
    if idle:
        said.append(f"{' and '.join(idle)} learnt nothing here, so comparisons with it say nothing.")
    if claim.best and claim.ruled_out:
        said.append(f"Shown to be worse: {', '.join(claim.ruled_out)}; not ruled out: {', '.join(claim.left)}.")
    if claim.key == "C4":
        both = statistics.average([part.value for part in claim.parts if part.value.known])
        together = f"Both data sets together: {interval(both, sign=True)}." if both.n else ""
        said += [together, _silent(results)]
    if claim.key == "C6":
        gaps = [part for part in claim.tested if part.value.n and part.at_least]
        above = sum(part.value.sign == "greater" for part in gaps)
        said.append(f"FER+ is above FER2013 by more than three points for {above} of {len(gaps)} arms.")
    if claim.key == "C8":
        datasets = [results.standing_for(role) for role in published.ROLES]
        falls = [
            "/".join(f"{pool.mean(arm, dataset=name, split=SPLIT, of=largest_fall).mean:.3f}" for name in datasets)
            for arm in claim.arms
        ]
        said.append(
            f"An anecdote about two epochs of one curve: the largest falls from one epoch to the next, on "
            f"{' and '.join(published.ROLES)}, are {falls[0]} without and {falls[-1]} with transfer."
        )
    return " ".join(filter(None, said))


def _deciding(claim: Claim) -> str:
    """Two comparisons, and how many are missing.

    Of those on the wrong side, if there are any, the two with most seeds; else the two that speak least for the claim.
    """
    signed = zip(claim.parts, claim.signs(), strict=True)
    measured = [(part, sign) for part, sign in signed if sign not in ("missing", "idle")]
    against = [part for part, sign in measured if sign == "less"]
    open_ = [part for part, sign in measured if sign == "undecided"]
    ranked = sorted(against or open_ or [part for part, _ in measured], key=_speaks_for)
    chosen = sorted(ranked, key=lambda part: -part.value.n)[:2] if against else ranked[:2]
    texts = [f"{part.text}: {interval(part.value, sign=True)}" for part in chosen]
    lacking = claim.signs().count("missing")
    texts += [f"{lacking} of {len(claim.parts)} comparisons not measured"] if lacking and measured else []
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
                "Claim": claim.key, "Comparison": part.text, N: value.n, "Mean": interval(value, sign=True),
                **certainty(value, p, tests=tests), "The paper's": f"{part.paper:+.4f}" if printed else "–",
                "Seeds lacking": _seeds_lacking(part, tests=tests),
                "Verdict": verdicts.get(sign, sign),
            })  # fmt: skip
    return pd.DataFrame(rows).fillna("–")


def _seeds_lacking(part: Part, *, tests: int) -> str:
    if math.isnan(part.paper) or not part.value.known:
        return "–"
    lacking = statistics.seeds_needed(part.value, part.paper, tests=tests)
    return "no number" if lacking is None else str(lacking)


def open_comparisons(claims: Sequence[Claim]) -> str:
    """One sentence on the comparisons that were not measured, by claim; empty where all were."""
    lacking = {claim.key: claim.signs().count("missing") for claim in claims}
    parts = [f"{lacking[claim.key]} of {len(claim.parts)} of {claim.key}" for claim in claims if lacking[claim.key]]
    return f"Comparisons not measured yet: {', '.join(parts)}." if parts else ""


def dominant_class(results: Results) -> pd.DataFrame:
    """Section III.F: TPR and FPR of happy in FER2013 and neutral in FER+, the paper's beside ours."""
    lines = []
    for role, fact in published.facts()["classification_error"].items():
        values = {"arm": STN, "role": role, "split": SPLIT}
        own = [table[table["class"] == fact["class"]].iloc[0] for table in results.rates(**values).values()]
        line = {"Data set": role, "Class": fact["class"], "Split": SPLIT, N: len(own)}
        for title in ("TPR", "FPR"):
            ours = statistics.estimate(rates[title] for rates in own)
            line |= {f"{title}, paper": f"{fact[title.lower()]:.4f}", f"{title}, ours": spread(ours)}
        lines.append(line)
    return pd.DataFrame(lines)


def inconsistencies() -> pd.DataFrame:
    """What the paper contradicts or leaves open, and what this study does about it."""
    return pd.DataFrame(published.facts()["inconsistencies"], columns=["In the paper", "Here"])
