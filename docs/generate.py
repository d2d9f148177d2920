"""The numbers in README.md and docs/, generated from the committed records and facts (`make docs`).

A generated part stands between `<!-- generated: name -->` and `<!-- end -->`; the prose around it is written by hand.
"""

import functools
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import records

from fer_lib import paths
from fer_lib.data import DATASETS
from fer_lib.errors import FerError
from fer_lib.evaluation import metrics
from fer_lib.files import write_atomically
from fer_lib.paper import published, verdict
from fer_lib.paper.overview import published_and_measured
from fer_lib.paper.rule import Claim
from fer_lib.report.face_page import page_of_report
from fer_lib.results import Results
from fer_lib.results.pooled import accuracy_of
from fer_lib.results.wording import N, interval, mean_sd
from fer_lib.study import answers
from fer_lib.study.beyond import mirrored_too
from fer_lib.study.quoted import PROFILE, decided, kept_facts, recorded
from fer_lib.training import RunStore
from fer_lib.training.record import Arrays
from fer_lib.training.release import classifiers, contents

PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.S)
SPLITS = ("random80", "official")
CARD_ARMS = ("ResNet50", "ResNet50 + STN")
MEASURED = {"test_accuracy": "Accuracy", "test_balanced_accuracy": "Balanced accuracy", "test_macro_f1": "Macro-F1",
            "test_calibration_error": "Calibration error"}  # fmt: skip


def write_documents() -> list[Path]:
    """Bring every generated part up to date; returns the files that changed.

    Raises:
        FerError: a document asks for a part that nothing generates, or the records do not bear a page's sentence.
    """
    changed, written, results = [], documents(), recorded()
    for page in answers.pages():
        answers.told(page, results)
    for path, text in written.items():
        if not path.is_file() or path.read_text("utf-8") != text:
            write_atomically(path, text.encode())
            changed.append(path)
    return changed


def documents() -> dict[Path, str]:
    """The documents as they should read, by path."""
    read = functools.cache(recorded)
    parts: dict[str, Callable[[], str]] = {
        "answer": lambda: answer_part(read()),
        "claims": lambda: claims_part(decided(read())),
        "results": lambda: results_part(read()),
        "performance": lambda: performance_part(read()),
        "released": released_part,
        "records": lambda: markdown(records.records_table(read())),
        "published": lambda: markdown(records.published_table()),
        "peers": lambda: peers_part(json.loads(kept_bench("peers"))),
        "peer_photos": lambda: photos_part(json.loads(kept_bench("peers"))),
        "speed": lambda: speed_part(json.loads(kept_bench("bench"))),
        "faults": lambda: faults_part(json.loads(kept_bench("faults"))),
        "classes": lambda: classes_part(kept_facts("class_balance")),
        "duplicates": lambda: duplicates_part(kept_facts("duplicates")),
        "labels": lambda: labels_part(kept_facts("agreement"), kept_facts("vote_entropy")),
    }

    def fill(match: re.Match[str]) -> str:
        if match[2] not in parts:
            raise FerError(f"{path.name}: nothing generates a part {match[2]!r}.\nParts: {', '.join(parts)}.")
        return f"{match[1]}{parts[match[2]]()}\n{match[3]}"

    found = {}
    root = paths.project_root()
    for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        found[path] = PART.sub(fill, path.read_text("utf-8"))
    found[root / "reports" / "face.html"] = page_of_report(f"{PROFILE}/assets")
    return found


def kept_bench(name: str) -> str:
    """What a benchmark measured, committed beside the reports."""
    return (paths.project_root() / "reports" / "bench" / f"{name}.json").read_text("utf-8")


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown; columns after the first are aligned to the right."""
    lines = [list(map(str, table.columns)), ["---", *["---:"] * (table.shape[1] - 1)]]
    lines += [[str(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def answer_part(results: Results) -> str:
    """What was found, in a few sentences that a person wrote (`answers`)."""
    return "\n".join(f"- **{verdict}.** {say}" for verdict, say in answers.told("index", results).bullets)


def claims_part(claims: Sequence[Claim]) -> str:
    """The paper's claims, each with its verdict and the smallest number of seeds behind a comparison."""
    rows = [(f"{claim.key} {claim.text}", verdict.verdict_words(claim), claim.n) for claim in claims]
    table = markdown(pd.DataFrame(rows, columns=["The paper claims", "Verdict", N]))
    least = (
        f"All under `{SPLITS[0]}`, whose test images have copies in training (DATASHEET.md). n: the smallest number of "
        "seeds behind any measured comparison of the claim. Tiny-ImageNet stands for ImageNet transfer."
    )
    return f"{table}\n\n{least}"


def results_part(results: Results) -> str:
    """The published test accuracies beside ours under two protocols, and how much of the campaign has been run."""
    paper, rows = published.of_tests(), []
    for arm in published_and_measured(results):
        row = {"Arm": f"Learning rate {arm}" if arm[0].isdigit() else arm}
        for role in published.ROLES:
            row[f"{role}: paper"] = f"{paper[arm, role]:.4f}" if (arm, role) in paper else "–"
            row |= {f"{role}: `{split}`": _measured(results, arm, role, split) for split in SPLITS}
        rows.append(row)
    unique = results.runs[(results.runs["run_id"] == "") | ~results.runs.duplicated("run_id")]
    states = {state: int((unique["status"] == state).sum()) for state in ("finished", "diverged", "skipped")}
    done = ", ".join(f"{count} {state}" for state, count in states.items())
    return (
        f"{markdown(pd.DataFrame(rows))}\n\nTest accuracy: mean over n seeds [95 % interval, each arm's spread "
        "moderated by that of all arms of a data set]; a dash is a number that the paper "
        f"does not print, or a run that has not been made. Runs in the repository: {done}, not counting those whose "
        "weights others start from. *Slow localisation*: a tenth of the learning rate for the localisation net; "
        "*pulled to identity*: a penalty on theta's distance from the identity; *Tiny-ImageNet*: started from weights "
        "trained on it; *shown*: the localisation net was shown known poses first."
    )


def _measured(results: Results, arm: str, role: str, split: str) -> str:
    ours = accuracy_of(results, arm=arm, role=role, split=split)
    return f"{interval(ours)} (n = {ours.n}{'' if ours.known else ', no interval'})" if ours.n else "–"


def performance_part(results: Results) -> str:
    """Metrics and per-class rates on PrivateTest of the study's two models, as far as they have been run."""
    blocks = []
    for role in published.ROLES:
        for arm in CARD_ARMS:
            values = {"arm": arm, "role": role, "split": "official"}
            if results.first_record(**values) is None:
                blocks.append(f"**{arm} on {role}**, `official`: not run yet.")
                continue
            own = results.of(**values)
            whole = pd.DataFrame([{
                "Arm": arm, **{title: mean_sd(own.by_seed(key).values(), digits=3) for key, title in MEASURED.items()},
                N: len(own.by_seed()), "Split": "official",
            }])  # fmt: skip
            by_class = pd.concat(own.rates()).groupby("class", sort=False)
            rates = by_class[["TPR", "FPR", "precision"]].agg(mean_sd, digits=3)
            rates.insert(0, "Images", by_class["n"].first())
            rates = rates.reset_index().rename(columns={"class": "Class", "precision": "Precision"})
            seeds = len(own.by_seed())
            spread = "one seed, so no spread" if seeds == 1 else f"mean ± sd over {seeds} seeds"
            blocks.append(f"**{arm} on {role}**, `official`, {spread}:\n\n{markdown(whole)}\n\n{markdown(rates)}")
    return "\n\n".join(blocks)


def released_part() -> str:
    """How good each classifier that comes with the package is on the test images of its run, as it is used."""
    store, blocks = RunStore(paths.project_root() / "reports" / PROFILE), []
    for path, record in classifiers().items():
        if record.config.dataset == "toyfaces":  # for the drawn faces of the player
            continue
        arrays, temperature = store.predictions(record), contents(path).temperature
        actual, used = arrays["actual"], mirrored_too(arrays, temperature)
        found = metrics.summary(actual, used.argmax(1), used.max(1))
        before = metrics.calibration_error(arrays["predicted"] == actual, arrays["confidence"].astype(float))
        counts = metrics.confusion(actual, used.argmax(1), classes=len(record.classes))
        rates = metrics.rates(pd.DataFrame(counts, list(record.classes), list(record.classes)))
        rates = rates.rename(columns={"class": "Class", "n": "Images", "precision": "Precision"})
        shown = rates.map(lambda value: f"{value:.3f}" if isinstance(value, float) else str(value))
        blocks.append(
            f"**{path.stem}** (run `{record.run_id}`, seed {record.config.seed}, "
            f"{path.stat().st_size / 1e6:.1f} MB) on the {len(actual):,} PrivateTest images of "
            f"{DATASETS[record.config.dataset].title}, `{record.config.label_rule}`: accuracy {found['accuracy']:.4f} "
            f"with the mirror image, {record.metrics['test_accuracy']:.4f} without; macro-F1 {found['macro_f1']:.3f}; "
            f"calibration error {found['calibration_error']:.3f} at temperature {temperature:.2f}, {before:.3f} "
            f"without either.\n\n{markdown(shown)}\n\n{markdown(when_unsure(arrays, temperature))}"
        )
    return "\n\n".join(blocks)


def when_unsure(arrays: Arrays, temperature: float) -> pd.DataFrame:
    """A row for each threshold: below it a network is unsure; how many test images it answers, and how many rightly.

    The thresholds are chosen so that all, 90, 80 and 50 % of the PublicTest images are answered.
    """
    chosen_on = {name.removeprefix("select_"): own for name, own in arrays.items() if name.startswith("select_")}
    chosen_on = mirrored_too(chosen_on, temperature).max(1)
    used = mirrored_too(arrays, temperature)
    rows = []
    for share in (1.0, 0.9, 0.8, 0.5):
        threshold = round(float(np.quantile(chosen_on, 1 - share)), 3) if share < 1 else 0.0
        sure = used.max(1) >= threshold
        right = used.argmax(1)[sure] == arrays["actual"][sure]
        rows.append([f"{threshold:.3f}" if threshold else "never", f"{sure.mean():.1%}", f"{right.mean():.1%}"])
    return pd.DataFrame(rows, columns=["Unsure below", "PrivateTest images answered", "Right among these"])


def peers_part(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Networks that other packages ship beside ours, on the same test faces (`make peers`)."""
    rows = []
    for name, peer in measured.items():
        if not peer["tests"]:
            continue
        row = {"Network": f"{name} {peer['version']}"}
        for test, found in peer["tests"].items():
            low, high = found["interval"]
            row[f"{test}: accuracy"] = f"{found['accuracy']:.3f} [{low:.3f}, {high:.3f}]"
            row[f"{test}: macro-F1"] = f"{found['macro_f1']:.3f}"
        row |= {"ms a face": f"{peer['milliseconds']:.2g}", "MB": f"{peer['bytes'] / 1e6:.1f}"}
        rows.append(row | {"Did its training see the test images?": peer["saw"]})
    return markdown(pd.DataFrame(rows))


def photos_part(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """The same packages on photos, each with its own search for the face."""
    rows = []
    for name, peer in measured.items():
        photos = peer["photos"]
        row = {"Package": f"{name} {peer['version']}", "Faces found": next(iter(photos.values()))["found"]}
        for test, found in photos.items():
            low, high = found["interval"]
            row[f"{test}: right"] = f"{found['accuracy']:.3f} [{low:.3f}, {high:.3f}]"
        held_out = "yes" if peer["saw"].startswith("no:") else peer["saw"].partition(";")[0]
        rows.append(row | {"ms a photo": f"{peer['photo_milliseconds']:.0f}", "Test faces held out": held_out})
    return markdown(pd.DataFrame(rows))


def faults_part(measured: Mapping[str, Mapping[str, int]]) -> str:
    """What was made to happen to campaigns and data, how often, and how often it went well (`make faults`)."""
    rows = [
        {"Fault": what, "Went well": f"{found['well']:,} of {found['times']:,}"} for what, found in measured.items()
    ]
    return markdown(pd.DataFrame(rows))


RIVALS = {
    "naive": "the usual way", "compiled": "compiled", "skorch": "skorch", "torch": "torch's convolutions",
    "limit": "fixed batch", "matmul": "matrix products",
}  # fmt: skip


def speed_part(measured: Mapping[str, Any]) -> str:
    """Training speed, ours over each rival's: median and range of the rounds' ratios; and how it grows."""
    rows, cases = [], measured["cases"]
    for case in cases:
        if "ours / limit" in case["ratios"] and case["task"] == "train":
            pairs = {title: case["ratios"].get(f"ours / {rival}") for rival, title in RIVALS.items()}
            rows.append({"Images per CPU second": case["case"], "ours": f"{case['images_per_second']['ours']:.3g}"} | {
                f"/ {title}": f"{pair['median']:.2f} ({pair['least']:.2f} to {pair['most']:.2f})" if pair else "–"
                for title, pair in pairs.items()
            })  # fmt: skip
    about = measured["machine"]
    lines = [f"{about['device']}, PyTorch {about['torch']}, {measured['date']}:", markdown(pd.DataFrame(rows))]
    for case in (case for case in cases if case["case"] == "growth"):
        grown = [
            {"Ours": f"{'ResNet50' if name.startswith('batch') else 'vanilla CNN'}, {name}", "images/s": f"{speed:.3g}",
             "MB": f"{case['memory_mb'][name]:,.0f}"}
            for name, speed in case["images_per_second"].items()
        ]  # fmt: skip
        lines.append(markdown(pd.DataFrame(grown)))
    return "\n\n".join(lines)


def classes_part(balance: pd.DataFrame) -> str:
    """Images per class and official split, a table for each label rule."""
    blocks = []
    for rule, rows in balance.groupby("rule", sort=False):
        own = rows.drop(columns="rule").rename(columns={"class": "Class", "all": "All"})
        total = own.sum(numeric_only=True).to_dict() | {"Class": "total"}
        table = pd.concat([own, pd.DataFrame([total])], ignore_index=True)
        blocks.append(f"`{rule}`:\n\n{markdown(table)}")
    return "\n\n".join(blocks)


def duplicates_part(copies: pd.DataFrame) -> str:
    """Copies and near-copies, and how many test images have a twin in Training."""
    table = pd.DataFrame({
        "Kind": copies["kind"],
        "Redundant images": [f"{n:,} ({n / all_:.1%})" for n, all_ in copies[["redundant", "images"]].to_numpy()],
        "Groups": copies["groups"], "Groups across splits": copies["groups across splits"],
        "PublicTest with a twin in Training": copies["PublicTest with twin in Training"].map("{:.1%}".format),
        "PrivateTest with a twin in Training": copies["PrivateTest with twin in Training"].map("{:.1%}".format),
    })  # fmt: skip
    return markdown(table)


def labels_part(agreement: pd.DataFrame, entropy: pd.DataFrame) -> str:
    """Per FER2013 label: what most FER+ taggers chose, and how far they agree among themselves."""
    shares = agreement.set_index("label").T
    lines = []
    for row in entropy.to_dict("records"):
        own = shares[row["label"]].sort_values(ascending=False)
        lines.append({
            "FER2013 label": row["label"], "Images": f"{row['images']:,}",
            "Most frequent FER+ plurality": f"{own.index[0]} ({own.iloc[0]:.0%})",
            "Second": f"{own.index[1]} ({own.iloc[1]:.0%})", "Vote entropy, bits": f"{row['entropy']:.2f}",
            "Unanimous": f"{row['unanimous']:.1%}", "Tied for the top": f"{row['tied']:.1%}",
        })  # fmt: skip
    return markdown(pd.DataFrame(lines))


if __name__ == "__main__":
    try:
        changed = write_documents()
    except FerError as error:
        sys.exit(f"error: {error}")
    print("\n".join(f"written: {path.name}" for path in changed) or "nothing to change")
