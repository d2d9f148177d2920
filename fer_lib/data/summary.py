"""The report of `check` as text for a terminal: short, aligned, at most 100 columns wide but for the sentences."""

import os
from collections.abc import Iterable
from typing import Any

import pandas as pd

from fer_lib.data.catalogue import DATASETS

_MANY = 20  # classes from which a table would only scroll by


def as_text(report: dict[str, Any]) -> str:
    """Lines of `check`'s report, without a trailing newline."""
    title = DATASETS[report["dataset"]].title
    voted = [rule for rule in report["labels"] if rule not in ("fer7", "given")]
    parts = [
        f"{title} in {report['folder']}" if report["folder"] else f"{title}, drawn by this package",
        _sources(report["sources"], report["folder"]),
        *(_own_labels(rule, report) for rule in report["labels"] if rule not in voted),
        _vote_rules(voted, report),
        _duplicates(report["duplicates"]),
        _second_labelling(report["second_labelling"]),
        _sentences("Problems", report["problems"] or ["none"]),
        _sentences("Notes", report["notes"]),
    ]
    return "\n\n".join(filter(None, parts))


def _headed(table: pd.DataFrame, *, corner: str) -> str:
    """The lines of `_aligned` below a line with `corner` and the names of the columns."""
    head = pd.DataFrame([table.columns], index=[corner], columns=table.columns)
    return _aligned(pd.concat([head, table]))


def _aligned(table: pd.DataFrame) -> str:
    """A line for each row: its name flush left, its texts flush right in their columns."""
    return "\n".join(f"  {line}".rstrip() for line in table.to_string(header=False).splitlines())


def _sources(sources: list[dict[str, Any]], folder: str | None) -> str:
    rows = {}
    for source in sources:
        inside = os.path.relpath(source["path"], folder)
        name = os.path.basename(source["path"]) if inside == "." else inside
        size, sha256 = source["bytes"], source["sha256"]
        rows[name] = (f"{size / 1e6:,.1f} MB", f"sha256 {sha256[:16]}…") if sha256 else ("", "folder")
    return _aligned(pd.DataFrame.from_dict(rows, orient="index")) if rows else ""


def _own_labels(rule: str, report: dict[str, Any]) -> str:
    """Images by class and split under the data set's own labels, and how often FER+ agrees with them."""
    counts, agreement = pd.DataFrame(report["labels"][rule]), report["agreement"]
    splits = counts if counts.shape[1] > 1 else counts[[]]
    table = pd.concat([counts.sum(axis=1).rename("rows"), splits], axis=1)
    table.loc["all"] = table.sum()
    text = table.map("{:,}".format)
    if agreement:
        shares = {**agreement["by_class"], "all": agreement["share"]}
        text["FER+ agrees"] = [f"{shares.get(name, 0):.0%}" for name in text.index]
    if len(counts) > _MANY:
        text = text.loc[["all"]].reindex([f"{len(counts)} classes", "all"], fill_value="")
    return _headed(text, corner=rule)


def _vote_rules(rules: list[str], report: dict[str, Any]) -> str:
    """All rules on votes side by side: images by class and, within a column, by split."""
    columns = {}
    for rule in rules:
        by_split = pd.DataFrame(report["labels"][rule]).T
        by_split["with a target"] = pd.Series(report["kept"][rule])
        columns[rule] = by_split.apply(_joined)
    if not columns:
        return ""
    table = pd.DataFrame(columns, index=columns[rules[0]].index).fillna("")
    return f"  Rules on votes, images in {', '.join(report['kept']['fer7'])}\n{_headed(table, corner='')}"


def _joined(counts: Iterable[int]) -> str:
    first, *others = (f"{count:,}" for count in counts)
    return " ".join([first, *(number.rjust(5) for number in others)])


def _duplicates(duplicates: dict[str, Any]) -> str:
    found = {kind: copies for kind, copies in duplicates.items() if copies}
    rows = {
        kind: {
            "redundant": f"{copies['redundant']:,}",
            "groups": f"{copies['groups']:,}",
            "across splits": f"{copies['across']:,}",
            **{f"{name} in Training": f"{copies['twins'][name]:,} ({share:.1%})"
               for name, share in copies["shares"].items()},
        }
        for kind, copies in found.items()
    }  # fmt: skip
    return _headed(pd.DataFrame(rows).T, corner="Copies")


def _second_labelling(second: dict[str, int] | None) -> str:
    if second is None:
        return ""
    return (
        f"  FER+'s second labelling has {second['rows']:,} images; {second['differ']:,} have other votes "
        f"({second['differ_and_copied']:,} of\n  them exact copies), {second['differ_in_plurality']:,} another class."
    )


def _sentences(title: str, sentences: list[str]) -> str:
    return "\n".join([title, *(f"  - {sentence}" for sentence in sentences)]) if sentences else ""
