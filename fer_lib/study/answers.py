"""Answers that a person wrote, each guarded by the numbers that it rests on.

`pages/<page>.yaml` has a page's answer in a sentence, bullets, captions, and the findings that stand in them in braces.
A finding says what it `expect`s: on which side of zero it lies, or that this is not sure; a number says between which
bounds. Where the records no longer bear that, `make docs` fails and names the sentence: it is to be written anew. A
page that is made from other records lists its findings instead.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.display import Markdown, display
from pydantic import BaseModel

from fer_lib.campaign import read_params
from fer_lib.errors import FerError
from fer_lib.paper import published
from fer_lib.report import show
from fer_lib.results import Results, statistics
from fer_lib.results.pooled import Quantity, accuracy, metric, overconfidence, pool_of
from fer_lib.study.beyond import flipped, rare_rate
from fer_lib.study.notebook import Study
from fer_lib.study.pose import probed
from fer_lib.study.quoted import NUMBERS, PROFILE
from fer_lib.validation import validated

FOLDER = Path(__file__).with_name("pages")
QUANTITIES: dict[str, Quantity] = {
    "accuracy": accuracy, "with flips": flipped, "macro-F1": metric("test_macro_f1"), "rare classes": rare_rate,
    "overconfidence": overconfidence,
    "turned by 30°": probed("rotation", 30.0),
}  # fmt: skip
_EXPECTED = {"greater": "above zero", "less": "below zero", "undecided": "not to be told from zero"}


class NotBorne(FerError):
    """A sentence that the records do not bear."""


class Wanted(BaseModel, extra="forbid"):
    """A finding that a sentence rests on: a quantity of one arm, or of one minus another, on one data set or `both`."""

    arm: str
    minus: str = ""
    data: str
    split: str = "random80"
    quantity: str = "accuracy"
    expect: statistics.Sign = "greater"


class Bullet(BaseModel, extra="forbid"):
    """A verdict in a word or two, and the sentence that it is about."""

    verdict: str
    say: str


class Page(BaseModel, extra="forbid"):
    """What `pages/<page>.yaml` holds.

    Attributes:
        numbers: of each that its sentences name, the two bounds that it is expected between, both included.
        texts: captions of figures, by their name, and what else a page says, by the name that it asks for.
    """

    findings: dict[str, Wanted] = {}
    numbers: dict[str, tuple[float, float]] = {}
    answer: str
    bullets: list[Bullet] = []
    texts: dict[str, str] = {}


@dataclass(frozen=True)
class PageText:
    """A page's sentences with their numbers: its answer, bullets as verdict and sentence, and `Page.texts`."""

    answer: str
    bullets: list[tuple[str, str]]
    texts: dict[str, str]


@dataclass(frozen=True)
class Finding:
    """A quantity of an arm, or of one minus another, with its interval over n seeds, in points of 100."""

    wanted: Wanted
    value: statistics.Estimate

    @property
    def sign(self) -> statistics.Sign:
        """Which side of zero it lies on, if that is sure at 5 %."""
        return self.value.sign

    def __str__(self) -> str:
        return format(self)

    def __format__(self, form: str) -> str:
        """`+0.2 (−1.6 to +2.0)`; with `share` a mean alone, 57; with `fewer` the other way round and without a plus."""
        mean, *ends = (round(100 * value, 1) + 0.0 for value in (self.value.mean, self.value.low, self.value.high))
        if form == "share":
            return f"{mean:.0f}"
        if form == "fewer":
            mean, ends = -mean, [-end for end in reversed(ends)]
        sign = "+" if self.wanted.minus and not form else ""
        text = f"{mean:{sign}.1f}"
        if self.value.known:
            text += f" ({ends[0]:{sign}.1f} to {ends[1]:{sign}.1f})"
        return text.replace("-", "−")


def show_answer(study: Study, name: str, *, picture: str = "", player: str = "") -> None:
    """Puts a page's answer at its top: a sentence and bullets, which the records bear.

    `picture` names the page's figure that goes there, too, and `player` the transformer of a face to turn. Of another
    profile than the one that the sentences were written about, and of records that do not bear them, the findings are
    listed as they are. Sentences that rest on no record stand in every profile.
    """
    results, text = study.recorded(), page(name)
    if study.profile == PROFILE or not (text.findings or text.numbers):
        with suppress(NotBorne):
            found = told(name, results)
            study.texts = found.texts
            show.show_answer(found.answer, found.bullets, picture=picture, player=player)
            return
    show.show_answer("", [("", line) for line in one_by_one(name, results)], picture=picture, player=player)


def show_words() -> None:
    """Puts the glossary on the page, folded."""
    display(Markdown((FOLDER / "words.md").read_text("utf-8")))


def page(name: str) -> Page:
    """The answers of a page.

    Raises:
        FerError: a key or value that no page has.
    """
    path = FOLDER / f"{name}.yaml"
    return validated(Page, read_params(path), where=path.name)


def pages() -> list[str]:
    """The pages that have answers."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def told(name: str, results: Results) -> PageText:
    """What a page says.

    Raises:
        NotBorne: a sentence that the records do not bear, or that names what is not measured.
    """
    text = page(name)
    values: dict[str, Any] = {}
    sentences = [text.answer, *(bullet.say for bullet in text.bullets), *text.texts.values()]
    for key, problem in _checked(text, results, values):
        at = next((sentence for sentence in sentences if f"{{{key}" in sentence), text.answer)
        raise NotBorne(f"pages/{name}.yaml: {problem}, so this is to be written anew:\n{' '.join(at.split())}")
    return PageText(
        text.answer.format(**values).strip(),
        [(bullet.verdict, bullet.say.format(**values).strip()) for bullet in text.bullets],
        {key: say.format(**values).strip() for key, say in text.texts.items()},
    )


def _checked(text: Page, results: Results, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Puts findings and numbers into `values`; what is not as expected, and its name."""
    for key, wanted in text.findings.items():
        found = values[key] = finding(wanted, results)
        if found.sign != wanted.expect:
            what = f"{wanted.arm} minus {wanted.minus}" if wanted.minus else wanted.arm
            seen = _EXPECTED.get(found.sign, "not measured")
            yield key, f"{what} on {wanted.data} is {seen}, not {_EXPECTED.get(wanted.expect, wanted.expect)}: {found}"
    for key, (low, high) in text.numbers.items():
        values[key] = NUMBERS[key](results)
        if not low <= values[key] <= high:
            yield key, f"{key} is {values[key]:g}, not {low:g} to {high:g}"


def finding(wanted: Wanted, results: Results) -> Finding:
    """What the runs say of it."""
    if wanted.data == "both":
        each = [finding(wanted.model_copy(update={"data": role}), results).value for role in published.ROLES]
        return Finding(wanted, statistics.average([value for value in each if value.known]))
    pool, of = pool_of(results), QUANTITIES[wanted.quantity]
    dataset = results.standing_for(wanted.data) or wanted.data
    if wanted.minus:
        value = pool.difference(wanted.arm, wanted.minus, dataset=dataset, split=wanted.split, of=of)
    else:
        value = pool.mean(wanted.arm, dataset=dataset, split=wanted.split, of=of)
    return Finding(wanted, value)


def one_by_one(name: str, results: Results) -> list[str]:
    """The findings of a page as other runs have them, a line each; what was not measured is left out."""
    lines = []
    for wanted in page(name).findings.values():
        found = finding(wanted, results)
        if found.value.n:
            what = f"{wanted.arm} minus {wanted.minus}" if wanted.minus else wanted.arm
            where = results.standing_for(wanted.data) or wanted.data
            lines.append(f"{what}, {wanted.quantity} on {where}: {found} of 100 faces (n = {found.value.n}).")
    return lines
