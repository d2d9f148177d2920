"""The numbers that written sentences quote, by name, from the committed records of the paper profile."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from fer_lib.campaign import Plan
from fer_lib.paper import published
from fer_lib.paper.claims import STN, decide, first_measured
from fer_lib.paper.numbers import compared, published_numbers
from fer_lib.paper.rule import Claim
from fer_lib.paths import params_files, project_root
from fer_lib.results import Results, collect
from fer_lib.results.wording import SPLITS
from fer_lib.study import transformer
from fer_lib.study.beyond import FLIPS, together
from fer_lib.training import RunStore

PROFILE = "paper"  # the one whose records the sentences were written about


def _plan() -> Plan:
    return Plan.of(*params_files(project_root() / "params" / PROFILE))


def _params(page: str) -> dict[str, Any]:
    return next(file.values for file in _plan().files if file.path.stem == page)


def decided(results: Results) -> list[Claim]:
    """The paper's claims, by the transfer that the verdict's params name."""
    transfer = _params("11_verdict")["transfer"]
    return decide(results, transfer=first_measured(results, transfer))


def recorded() -> Results:
    """The runs of the paper profile, from the committed records alone."""
    store = RunStore(project_root() / "reports" / PROFILE)
    cells, found = _plan().named, store.by_config()
    return collect(cells, [found.get(cell.config) for cell in cells], load=store.predictions, reasons={})


def kept_facts(name: str) -> pd.DataFrame:
    """A table of facts about the images, committed beside the records."""
    return pd.read_csv(project_root() / "reports" / PROFILE / "facts" / f"{name}.csv")


def _ends(*fates: str, arm: str = STN, splits: Sequence[str] = ("random80",)) -> Callable[[Results], int]:
    """How many transformers of an arm end as one of these; of none, how many there are."""

    def count(results: Results) -> int:
        histories = (transformer.theta_history(results, arm=arm, split=split) for split in splits)
        found = pd.concat([transformer.theta_outcomes(history)["fate"] for history in histories])
        return int(found.isin(fates).sum()) if fates else len(found)

    return count


def _verdicts(verdict: str) -> Callable[[Results], int]:
    return lambda results: sum(claim.verdict == verdict for claim in decided(results))


def _below_paper(role: str) -> Callable[[Results], float]:
    def mean(results: Results) -> float:
        test = compared(published_numbers(results))
        return -100 * float(test.loc[test["Data set"] == role, "Difference"].mean())

    return mean


def _resnet_below(results: Results) -> float:
    test = compared(published_numbers(results)).set_index(["Arm", "Data set"])["Difference"]
    return -100 * float(test["ResNet50", "FER2013"])


def _apart(results: Results) -> int:
    """Arms that recognise more than three points more on FER+ than on FER2013."""
    (claim,) = (claim for claim in decided(results) if claim.key == "C6")
    return sum(part.value.sign == "greater" for part in claim.tested if part.value.n and part.at_least)


def _recognised(name: str, role: str) -> Callable[[Results], float]:
    """Mean over seeds of the share of a class that the paper's model recognises."""

    def share(results: Results) -> float:
        tables = results.rates(arm=STN, dataset=results.standing_for(role), split="random80").values()
        return 100 * float(pd.concat(tables).groupby("class")["TPR"].mean()[name])

    return share


def _together(results: Results) -> float:
    """Test accuracy of the three compact networks of FER2013 together, asked about mirror images, too."""
    line = together(results.of(arm="Compact", dataset="FER2013"), split="official").iloc[0]
    return 100 * float(line[f"Together, {FLIPS.lower()}"])


def _slip(arm: str, role: str) -> Callable[[Results], float]:
    """Test accuracy of a slip of evaluation, by its name on page 12."""
    return lambda results: 100 * results.of(arm=arm, role=role, status="finished").runs["test_accuracy"].mean()


def _slips(results: Results) -> int:
    """How many runs of slips and of their control there are."""
    _, *arms = _params("12_paper_numbers")["arms"]
    return len(results.among(*arms).of(status="finished").runs)


def _near_copies(results: Results) -> float:
    copies = kept_facts("duplicates").set_index("kind")["PrivateTest with twin in Training"]
    return 100 * float(copies["near-copy"])


def _kept_label(name: str, in_ferplus: str) -> Callable[[Results], float]:
    """How many of 100 images with this FER2013 label keep it by what most of FER+'s taggers chose."""
    return lambda results: 100 * float(kept_facts("agreement").set_index("label")[in_ferplus][name])


NUMBERS: dict[str, Callable[[Results], float]] = {
    "idle_transformers": _ends("still"), "transformers": _ends(),
    "all_idle": _ends("still", splits=tuple(SPLITS)), "all_transformers": _ends(splits=tuple(SPLITS)),
    "all_own": _ends("own", splits=tuple(SPLITS)), "resnet_below": _resnet_below,
    "normalised_crops": _ends("crop", arm="STN, batch norm"), "normalised": _ends(arm="STN, batch norm"),
    "hold": _verdicts("holds"), "do_not_hold": _verdicts("fails"), "open": _verdicts("undecided"),
    **{f"below_{role}": _below_paper(role) for role in published.ROLES},
    "arms_apart": _apart, "together": _together, "near_copies": _near_copies,
    "happy": _recognised("happy", "FER2013"), "fear": _recognised("fear", "FER2013"),
    "disgust_kept": _kept_label("disgust", "disgust"), "happy_kept": _kept_label("happy", "happiness"),
    **{f"warped_{role}": _slip("warps, then split", role) for role in published.ROLES},
    **{f"halfway_{role}": _slip("split again halfway", role) for role in published.ROLES}, "slips": _slips,
}  # by name, as sentences use them; points of 100 for accuracies  # fmt: skip
