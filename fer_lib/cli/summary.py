"""The report of `check` as text for a terminal."""

from typing import Any

import pandas as pd

from fer_lib.data.catalogue import DATASETS

_MANY = 20  # classes from which a table would only scroll by


def as_text(report: dict[str, Any]) -> str:
    """Lines of `check`'s report, without a trailing newline."""
    title = DATASETS[report["dataset"]].title
    voted = [rule for rule in report["labels"] if rule not in ("fer7", "given")]
    files = [
        f"  {source['path']}, {source['bytes'] / 1e6:,.1f} MB, sha256 {source['sha256'][:16]}…"
        if source["sha256"] else f"  {source['path']}, a folder"
        for source in report["sources"]
    ]  # fmt: skip
    copies = {kind: _of_copies(found) for kind, found in report["duplicates"].items() if found}
    parts = [
        "\n".join([f"{title} in {report['folder']}" if files else f"{title}, drawn by this package", *files]),
        *(_own_labels(rule, report) for rule in report["labels"] if rule not in voted),
        _aligned(_by_rule(voted, report)) if voted else "",
        _aligned(pd.DataFrame(copies).T.rename_axis("Copies")),
        _sentences("Problems", report["problems"] or ["none"]),
        _sentences("Notes", report["notes"]),
    ]
    return "\n\n".join(filter(None, parts))


def _aligned(table: pd.DataFrame) -> str:
    """A line for the names of the columns, and one for each row."""
    head = pd.DataFrame([table.columns], index=[table.index.name], columns=table.columns)
    lines = pd.concat([head, table]).to_string(header=False).splitlines()
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _own_labels(rule: str, report: dict[str, Any]) -> str:
    """Images by class and split under the data set's own labels, and how often FER+ agrees with them."""
    counts, agreement = pd.DataFrame(report["labels"][rule]), report["agreement"]
    table = pd.concat([counts.sum(axis=1).rename("rows"), counts if counts.shape[1] > 1 else counts[[]]], axis=1)
    table.loc["all"] = table.sum()
    text = table.map("{:,}".format)
    if agreement:
        shares = {**agreement["by_class"], "all": agreement["share"]}
        text["FER+ agrees"] = [f"{shares.get(name, 0):.0%}" for name in text.index]
    if len(counts) > _MANY:
        text = text.loc[["all"]].reindex([f"{len(counts)} classes", "all"], fill_value="")
    return _aligned(text.rename_axis(rule))


def _by_rule(rules: list[str], report: dict[str, Any]) -> pd.DataFrame:
    """Images by class under each rule on votes, and how many have a target to be trained on."""
    counts = pd.DataFrame({rule: pd.DataFrame(report["labels"][rule]).sum(axis=1) for rule in rules})
    counts = counts.reindex(report["labels"][rules[0]][next(iter(report["usage"] or ["all"]))].keys())
    counts.loc["with a target"] = [sum(report["kept"][rule].values()) for rule in rules]
    return counts.map(lambda count: "" if pd.isna(count) else f"{count:,.0f}").rename_axis("Rules on votes")


def _of_copies(found: dict[str, Any]) -> dict[str, str]:
    told = {"redundant": found["redundant"], "groups": found["groups"], "across splits": found["across"]}
    twins = {f"{name} in Training": (found["twins"][name], share) for name, share in found["shares"].items()}
    return {name: f"{count:,}" for name, count in told.items()} | {
        name: f"{count:,} ({share:.1%})" for name, (count, share) in twins.items()
    }


def _sentences(title: str, sentences: list[str]) -> str:
    return "\n".join([title, *(f"  - {sentence}" for sentence in sentences)]) if sentences else ""
