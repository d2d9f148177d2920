"""A claim, and the rule that decides it by comparisons over seeds.

A claim does not hold if one of the comparisons that it consists of lies on the wrong side of zero, at 5 % after Holm's
correction for all of them. It holds if every one lies on the claimed side at 5 %; no correction is needed there, since
all must (an intersection-union test, Berger 1982, https://doi.org/10.1080/00401706.1982.10487790). A claim that an arm
is the best (C2, C3) holds if every other arm is shown to be worse, and does not hold if one is shown to be better.
Otherwise we cannot tell. A comparison with an arm that learnt nothing here tests nothing, and takes no part.

What is tested is the direction, not the size that the paper prints.
"""

import math
from dataclasses import dataclass
from typing import Literal

from fer_lib.results import statistics
from fer_lib.results.statistics import Estimate, Sign

Verdict = Literal["holds", "fails", "undecided", "untestable", "missing"]


@dataclass(frozen=True)
class Part:
    """One comparison: a quantity that the claim says is above zero.

    Attributes:
        text: what is compared.
        role: on which of the paper's data sets.
        value: the quantity over seeds.
        paper: how far the paper has it, if it says so.
        rival: the arm that the claimed one is compared with, where the claim is that it is the best.
        idle: the arm that learnt nothing here, so that the comparison tests nothing; empty where there is none.
        at_least: whether it tests the lower end of a claimed range.
    """

    text: str
    role: str
    value: Estimate
    paper: float = math.nan
    rival: str = ""
    idle: str = ""
    at_least: bool = False


@dataclass(frozen=True)
class Claim:
    """A claim with its comparisons.

    Attributes:
        arms: whose runs the comparisons are made from.
        best: whether the claim is that one arm is better than all others.
        scope: under which condition the verdict stands, in two or three words; often empty.
    """

    key: str
    text: str
    parts: list[Part]
    arms: tuple[str, ...] = ()
    best: bool = False
    scope: str = ""

    @property
    def tested(self) -> list[Part]:
        """The comparisons that take part, measured or not."""
        return [part for part in self.parts if not part.idle]

    def p_values(self) -> list[float]:
        """p of each comparison, corrected for the number of those that take part; NaN for others."""
        corrected = iter(statistics.holm([part.value.p for part in self.tested]).tolist())
        return [math.nan if part.idle else next(corrected) for part in self.parts]

    def signs(self) -> list[Sign]:
        """Which side of zero each comparison lies on, if that is sure after correction."""
        return [
            "idle" if part.idle and part.value.n else statistics.sign(part.value, p)
            for part, p in zip(self.parts, self.p_values(), strict=True)
        ]

    @property
    def verdict(self) -> Verdict:
        """Whether the claim holds, by the rule at the top of this module.

        `untestable` where only arms that learnt nothing were measured, `missing` where nothing was.
        """
        if all(sign in ("missing", "idle") for sign in self.signs()):
            return "untestable" if "idle" in self.signs() else "missing"
        if "less" in self.signs():
            return "fails"
        if self.best:
            return "holds" if not self.left else "undecided"
        return "holds" if all(part.value.sign == "greater" for part in self.tested) else "undecided"

    @property
    def ruled_out(self) -> list[str]:
        """The rivals that are shown to be worse on every data set where they are compared, by two seeds at least."""
        return [arm for arm in self._rivals() if arm not in self.left]

    @property
    def left(self) -> list[str]:
        """The rivals that may be as good as the claimed arm."""
        pairs = list(zip(self.parts, self.signs(), strict=True))
        return [
            arm for arm in self._rivals()
            if any(part.rival == arm and not (sign == "greater" and part.value.n > 1) for part, sign in pairs)
        ]  # fmt: skip

    def _rivals(self) -> list[str]:
        return list(dict.fromkeys(part.rival for part in self.tested if part.rival))

    @property
    def n(self) -> int:
        """The smallest number of seeds behind a comparison that decides: those on the wrong side, or else all."""
        against = [part for part, sign in zip(self.parts, self.signs(), strict=True) if sign == "less"]
        return min((part.value.n for part in against or self.tested if part.value.n), default=0)
