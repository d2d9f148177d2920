"""Files → FaceSet → labels and splits → device tensors."""

from fer_lib.data.catalogue import DATASETS, PRETRAINING_SETS, load
from fer_lib.data.faceset import FER_CLASSES, USAGES, VOTE_COLUMNS, FaceSet
from fer_lib.data.labels import RULES, Labels, apply_rule
from fer_lib.data.splits import FIXED, PROTOCOLS, Split, split_rows

__all__ = [
    "DATASETS", "FER_CLASSES", "FIXED", "PRETRAINING_SETS", "PROTOCOLS", "RULES", "USAGES", "VOTE_COLUMNS", "FaceSet",
    "Labels", "Split", "apply_rule", "load", "split_rows"
]  # fmt: skip
