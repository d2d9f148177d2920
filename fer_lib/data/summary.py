"""The report of `check` as text for a terminal: short, aligned, at most 100 columns wide but for the sentences."""

import os
from collections.abc import Iterable
from typing import Any

from fer_lib.data.catalogue import DATASETS

_MANY = 20  # classes from which a table would only scroll by

Row = tuple[str, ...]


def as_text(report: dict[str, Any]) -> str:
    """Lines of `check`'s report, without a trailing newline."""
    title = DATASETS[report["dataset"]].title
    heading = f"{title} in {report['folder']}" if report["folder"] else f"{title}, drawn by this package"
    parts = [
        [heading],
        _sources(report["sources"], report["folder"]),
        *_labels(report),
        _duplicates(report["duplicates"]),
        _second_labelling(report["second_labelling"]),
        _sentences("Problems", report["problems"] or ["none"]),
        _sentences("Notes", report["notes"]),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def aligned(rows: Iterable[Row], *, indent: int = 2) -> list[str]:
    """Lines with the first column flush left and the others flush right."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        (" " * indent + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])).rstrip()
        for row in rows
    ]


def _sources(sources: list[dict[str, Any]], folder: str | None) -> list[str]:
    rows = []
    for source in sources:
        inside = os.path.relpath(source["path"], folder)
        name = os.path.basename(source["path"]) if inside == "." else inside
        hashed = (
            (f"{source['bytes'] / 1e6:,.1f} MB", f"sha256 {source['sha256'][:16]}…")
            if source["sha256"]
            else ("", "folder")
        )
        rows.append((name, *hashed))
    return aligned(rows)


def _labels(report: dict[str, Any]) -> list[list[str]]:
    """A table of the data set's own labels, and one of all rules on votes side by side."""
    own = {rule: splits for rule, splits in report["labels"].items() if rule in ("fer7", "given")}
    voted = {rule: splits for rule, splits in report["labels"].items() if rule not in own}
    tables = [_own_labels(rule, splits, report) for rule, splits in own.items()]
    return [*tables, _vote_rules(voted, report["kept"])] if voted else tables


def _own_labels(rule: str, splits: dict[str, dict[str, int]], report: dict[str, Any]) -> list[str]:
    agreement = report["agreement"]
    totals = {name: sum(counts[name] for counts in splits.values()) for name in next(iter(splits.values()))}
    several = {split: sum(counts.values()) for split, counts in splits.items() if len(splits) > 1}
    table = [
        (name, *_numbers([total, *(splits[split][name] for split in several)]),
         *([f"{agreement['by_class'].get(name, 0):.0%}"] if agreement else []))
        for name, total in totals.items()
    ]  # fmt: skip
    if len(table) > _MANY:
        table = [(f"{len(table)} classes", *[""] * (len(table[0]) - 1))]
    head = (rule, "rows", *several, *(["FER+ agrees"] if agreement else []))
    last = (
        "all",
        *_numbers([report["rows"], *several.values()]),
        *([f"{agreement['share']:.0%}"] if agreement else []),
    )
    return aligned([head, *table, last])


def _vote_rules(voted: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    splits = list(kept["fer7"])
    classes = next(iter(voted.values()))[splits[0]]
    table = [(name, *(_joined(voted[rule][split].get(name) for split in splits) for rule in voted)) for name in classes]
    last = ("with a target", *(_joined(kept[rule][split] for split in splits) for rule in voted))
    return [f"  Rules on votes, images in {', '.join(splits)}", *aligned([("", *voted), *table, last])]


def _joined(counts: Iterable[int | None]) -> str:
    first, *others = _numbers(counts)
    return " ".join([first, *(number.rjust(5) for number in others)])


def _duplicates(duplicates: dict[str, Any]) -> list[str]:
    found = [(kind, copies) for kind, copies in duplicates.items() if copies]
    tests = list(found[0][1]["twins"])
    head = ("Copies", "redundant", "groups", "across splits", *(f"{name} in Training" for name in tests))
    rows = [
        (kind, *_numbers([copies["redundant"], copies["groups"], copies["across"]]),
         *(f"{copies['twins'][name]:,} ({copies['shares'][name]:.1%})" for name in tests))
        for kind, copies in found
    ]  # fmt: skip
    return aligned([head, *rows])


def _second_labelling(second: dict[str, int] | None) -> list[str]:
    if second is None:
        return []
    return [
        f"  FER+'s second labelling has {second['rows']:,} images; {second['differ']:,} have other votes "
        f"({second['differ_and_copied']:,} of",
        f"  them exact copies), {second['differ_in_plurality']:,} another class.",
    ]


def _sentences(title: str, sentences: list[str]) -> list[str]:
    return [title, *(f"  - {sentence}" for sentence in sentences)] if sentences else []


def _numbers(counts: Iterable[int | None]) -> list[str]:
    return ["" if count is None else f"{count:,}" for count in counts]
