"""What a person wrote about the numbers stands only while the numbers bear it."""

import re
from dataclasses import replace
from types import SimpleNamespace

import generate
import numpy as np
import pytest

from fer_lib.errors import FerError
from fer_lib.results import Results
from fer_lib.study import answers, quoted
from fer_lib.training import Record
from fer_lib.training.record import Arrays

PAGES = answers.pages()
GUARDED = [
    (page, key) for page in PAGES for key, wanted in answers.page(page).findings.items() if wanted.minus
]  # a mean alone has no side to change to


@pytest.fixture(scope="module")
def recorded() -> Results:
    return quoted.recorded()


def shifted(results: Results, arm: str, by: float) -> Results:
    """The same runs, those of an arm better or worse by so much, turned or not."""
    runs = results.runs.copy()
    own = runs["arm"] == arm
    runs.loc[own, "test_accuracy"] += by
    records, changed = dict(results.records), set(runs.loc[own, "run_id"])
    for run_id in changed & records.keys():
        probes = [probe.model_copy(update={"accuracy": probe.accuracy + by}) for probe in records[run_id].robustness]
        records[run_id] = records[run_id].model_copy(update={"robustness": probes})

    def load(record: Record) -> Arrays:
        """The same arrays; of the arm every image wrong and hardly sure of, or every one right."""
        arrays = results.load(record)
        if record.run_id not in changed:
            return arrays
        arrays |= {
            "predicted": arrays["actual"] if by > 0 else arrays["actual"] + 1,
            "confidence": arrays["actual"] * 0,
        }
        if "probabilities" in arrays:
            chances = np.eye(arrays["probabilities"].shape[1])[arrays["predicted"] % arrays["probabilities"].shape[1]]
            arrays |= dict.fromkeys(("probabilities", "mirrored_probabilities"), chances)
        return arrays

    return replace(results, runs=runs, records=records, load=load, study=None)


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_records_bear_every_sentence(page, recorded):
    told = answers.told(page, recorded)
    assert told.answer.endswith(".")
    assert len(told.answer.split()) <= 25
    assert len(told.bullets) <= 5
    assert not any("{" in text for text in (told.answer, *(say for _, say in told.bullets), *told.texts.values()))


@pytest.mark.parametrize(("page", "key"), GUARDED)
def test_a_record_that_changes_its_sign_fails_its_page(page, key, recorded):
    wanted = answers.page(page).findings[key]
    by = -0.4 if wanted.expect == "greater" else 0.4  # of one arm, as far as the other does not share its runs
    with pytest.raises(FerError, match=rf"pages/{page}.yaml: .* so this is to be written anew"):
        answers.told(page, shifted(recorded, wanted.arm, by))


@pytest.mark.parametrize("page", PAGES)
def test_a_number_out_of_its_bounds_fails_its_page(page, recorded, monkeypatch):
    for name in answers.page(page).numbers:
        with monkeypatch.context() as patched:
            patched.setitem(answers.NUMBERS, name, lambda results: 1e9)
            with pytest.raises(FerError, match=re.escape(f"pages/{page}.yaml: {name} is 1e+09")):
                answers.told(page, recorded)


def test_a_sentence_that_fails_is_quoted(recorded):
    with pytest.raises(FerError) as caught:
        answers.told("03_model_comparison", shifted(recorded, "ResNet50", 0.4))
    assert "vanilla CNN beats ResNet50" in str(caught.value)


def test_other_records_have_their_findings_listed_and_documents_are_refused(recorded, monkeypatch):
    other = shifted(recorded, "ResNet50", 0.4)
    shown: list[tuple] = []
    monkeypatch.setattr(answers.show, "show_answer", lambda *words, **_: shown.append(words))
    answers.show_answer(SimpleNamespace(profile="paper", recorded=lambda: other), "03_model_comparison")
    ((answer, lines),) = shown
    assert answer == ""
    assert lines[0][1].startswith("Vanilla CNN minus ResNet50, accuracy on FER2013: −36.3 (")
    monkeypatch.setattr(generate, "recorded", lambda: other)
    with pytest.raises(answers.NotBorne, match="to be written anew"):
        generate.write_documents()
