"""Numbers in words: a mean with its spread or interval, a p, how sure a difference is."""

import math
from collections.abc import Iterable

from fer_lib.results import statistics

ARM, SPLIT, N = "Arm", "Split", "n"
SPLITS = {
    "random80": "a random fifth is tested", "grouped80": "a random fifth, copies all on one side",
    "official": "FER2013's own test images",
}  # fmt: skip


def mean_sd_text(estimate: statistics.Estimate, *, digits: int = 4) -> str:
    """`0.6512 ± 0.0031`, without the spread for one seed, a dash for none."""
    if estimate.n == 0:
        return "–"
    text = f"{estimate.mean:.{digits}f}"
    return text if estimate.n == 1 else f"{text} ± {estimate.sd:.{digits}f}"


def mean_sd(values: Iterable[float], *, digits: int = 4) -> str:
    """`mean_sd_text` of a value for each seed."""
    return mean_sd_text(statistics.estimate(values), digits=digits)


def interval(estimate: statistics.Estimate, *, digits: int = 4, sign: bool = False) -> str:
    """`0.6512 [0.6473, 0.6551]`, without the interval where no spread is known."""
    if estimate.n == 0:
        return "–"
    form = f"{'+' if sign else ''}.{digits}f"
    text = format(estimate.mean, form)
    return f"{text} [{estimate.low:{form}}, {estimate.high:{form}}]" if estimate.known else text


def p_value(p: float) -> str:
    """`0.012`, or `<0.001`; a dash where there is none."""
    return "–" if math.isnan(p) else f"{p:.3f}" if p >= 0.001 else "<0.001"


def certainty(difference: statistics.Estimate, p: float, *, tests: int) -> dict[str, str]:
    """How sure a difference is, as one of `tests`: df, whose spread it is, corrected p, the smallest detectable."""
    least = statistics.smallest_detectable(difference, tests=tests)
    known = difference.known
    return {
        "df": f"{difference.df:.3g}" if known else "–", "Spread": difference.source if known else "–",
        "p (Holm)": p_value(p),
        "Smallest detectable": f"{least:.4f}" if known else "–",
    }  # fmt: skip
