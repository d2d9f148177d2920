"""What a data set on disk holds, and what is wrong with it, as numbers.

The published counts are those of Goodfellow et al. 2013 (https://arxiv.org/abs/1307.0414).
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fer_lib import paths
from fer_lib.data import ferplus
from fer_lib.data.catalogue import DATASETS, load
from fer_lib.data.duplicates import Copies, count_copies, exact_groups, near_groups
from fer_lib.data.faceset import PARTS, USAGES, VOTE_COLUMN, FaceSet
from fer_lib.data.labels import apply_rule
from fer_lib.files import file_hash

PUBLISHED = {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
KAGGLE_MD5 = "f8428a1edbd21e88f42c73edd2a14f95"  # fer2013.tar.gz as the competition serves it
TAGGERS = 10
_FER = ("fer2013", "ferplus")
_SHOWN = 12  # rows or names that a sentence lists before it says "and more"


def check(folder: str | Path | None = None, *, dataset: str = "fer2013", near: bool = True) -> dict[str, Any]:
    """Everything worth knowing about a data set, as JSON-ready values.

    Keys: `dataset`, `folder` (None for drawn sets), `sources` (what, path, bytes, sha256), `rows`, `usage` (rows by
    official split), `labels` (rule → split → class → images; `votes8` counts the class it is evaluated on), `kept`
    (rule → split → images with a target), `duplicates` (`exact` and `near`: `Copies`), `agreement` (FER2013's label is
    FER+'s plurality), `odd_votes` (rows whose votes don't sum to ten), `problems` and `notes`
    (sentences; a note needs no action). What does not apply is None; a set without official splits has those of its
    class folders (`PARTS`), or the one split `all`; and rows are counted from 1, without the header.

    Args:
        near: compare all pairs of images, which takes about a minute the first time for FER2013.

    Raises:
        FerError: files that are missing or that cannot be read.
    """
    faces = load(dataset, data=folder)
    base = paths.data_folder(folder)
    sources = _sources(base, dataset)
    names = _image_names(base, faces) if dataset in _FER else []
    parts = (faces.usage, USAGES) if faces.parts is None else (faces.parts, PARTS)
    copies = count_copies(exact_groups(faces), *parts)
    odd_votes = _odd_votes(faces.votes, names)
    return {
        "dataset": dataset,
        "folder": str(base) if sources else None,
        "sources": sources,
        "rows": len(faces),
        "usage": None if faces.usage is None else {name: len(rows) for name, rows in _splits(faces).items()},
        **_label_counts(faces),
        "duplicates": {
            "exact": asdict(copies),
            "near": asdict(count_copies(near_groups(faces), *parts)) if near else None,
        },
        "agreement": _agreement(faces),
        "odd_votes": odd_votes,
        "problems": [*faces.warnings, *_leaks(faces, copies), *_problems(faces, odd_votes)],
        "notes": list(_notes(sources, names)),
    }


def _splits(faces: FaceSet) -> dict[str, np.ndarray]:
    for names, given in ((USAGES, faces.usage), (PARTS, faces.parts)):
        if given is not None:
            return {name: np.flatnonzero(given == part) for part, name in enumerate(names)}
    return {"all": np.arange(len(faces))}


def _sources(base: Path, dataset: str) -> list[dict[str, Any]]:
    return [
        {
            "what": what,
            "path": str(path),
            "bytes": path.stat().st_size if path.is_file() else None,
            "sha256": file_hash(path) if path.is_file() else None,
        }
        for what, path in DATASETS[dataset].sources(base)
    ]


def _label_counts(faces: FaceSet) -> dict[str, Any]:
    rules = list(DATASETS[faces.name].rules)
    if faces.votes is not None:
        rules = ["fer7", *DATASETS["ferplus"].rules]
    labels = {rule: apply_rule(faces, rule) for rule in rules}
    splits = _splits(faces)
    return {
        "labels": {rule: {name: of.counts(rows) for name, rows in splits.items()} for rule, of in labels.items()},
        "kept": {
            rule: {name: int(of.trainable[rows].sum()) for name, rows in splits.items()} for rule, of in labels.items()
        },
    }


def _agreement(faces: FaceSet) -> dict[str, Any] | None:
    if faces.votes is None:
        return None
    agree = pd.Series(np.array(VOTE_COLUMN)[faces.labels] == faces.votes.argmax(axis=1))
    by_class = agree.groupby(np.array(faces.classes)[faces.labels]).mean().reindex(faces.classes).dropna().to_dict()
    return {"rows": int(agree.sum()), "share": float(agree.mean()), "by_class": by_class}


def _image_names(base: Path, faces: FaceSet) -> list[str]:
    """Of every row, empty where FER+ gives none; no names without FER+."""
    path = ferplus.find(base)
    return [] if path is None or faces.votes is None else ferplus.read_table(path)["Image name"].tolist()


def _odd_votes(votes: np.ndarray | None, names: list[str]) -> list[dict[str, Any]]:
    if votes is None:
        return []
    sums = votes.sum(axis=1, dtype=int)
    rows = np.flatnonzero(sums != TAGGERS).tolist()
    return [{"row": row + 1, "votes": int(sums[row]), "image": names[row] if names else None} for row in rows]


def _leaks(faces: FaceSet, copies: Copies) -> Iterator[str]:
    """Of somebody's own folders; what FER2013's official splits share stands among its facts."""
    for part, twins in copies.twins.items():
        if faces.parts is not None and twins:
            yield f"{twins:,} of the images in {part} {'are' if twins > 1 else 'is'} in {PARTS[0]}, too."


def _problems(faces: FaceSet, odd_votes: list[dict[str, Any]]) -> Iterator[str]:
    for name, rows in _splits(faces).items():
        if faces.name in _FER and len(rows) != PUBLISHED.get(name, len(rows)):
            yield f"{name} has {len(rows):,} rows, published are {PUBLISHED[name]:,}."
    pixels = faces.images.reshape(len(faces), -1)
    constant = np.flatnonzero(pixels.min(axis=1) == pixels.max(axis=1)) + 1
    if constant.size:
        named = _listed([f"{row:,}" for row in constant])
        yield f"{_rows(constant.size)} blank (one grey value, so no face): {named}."
    if odd_votes:
        named = _listed([f"row {odd['row']:,} ({odd['votes']} votes)" for odd in odd_votes])
        yield f"The votes of {_rows(len(odd_votes))} don't sum to {TAGGERS}: {named}."


def _notes(sources: list[dict[str, Any]], names: list[str]) -> Iterator[str]:
    for archive in (Path(source["path"]) for source in sources if source["path"].endswith("fer2013.tar.gz")):
        if (md5 := file_hash(archive, "md5")) != KAGGLE_MD5:
            yield f"{archive.name} is not Kaggle's own file: md5 {md5}, Kaggle's is {KAGGLE_MD5}."
    if unnamed := names.count(""):
        yield f"No image name in fer2013new.csv: {_rows(unnamed)} (the join is by row order, so nothing is lost)."


def _rows(number: int) -> str:
    return f"{number:,} row{'s' if number != 1 else ''}"


def _listed(found: list[str]) -> str:
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return f"{', '.join(found[:_SHOWN])}{more}"
