"""Files → FaceSet → labels and splits → device tensors."""

from typing import TYPE_CHECKING

from fer_lib.imported import on_demand

if TYPE_CHECKING:
    from fer_lib.data.catalogue import DATASETS, PRETRAINING_SETS, load
    from fer_lib.data.faceset import FER_CLASSES, USAGES, VOTE_COLUMNS, FaceSet
    from fer_lib.data.labels import RULES, Labels, apply_rule
    from fer_lib.data.splits import FIXED, PROTOCOLS, Split, split_rows

__all__ = [
    "DATASETS", "FER_CLASSES", "FIXED", "PRETRAINING_SETS", "PROTOCOLS", "RULES", "USAGES", "VOTE_COLUMNS", "FaceSet",
    "Labels", "Split", "apply_rule", "load", "split_rows"
]  # fmt: skip

_HOMES = {
    "fer_lib.data.catalogue": ("DATASETS", "PRETRAINING_SETS", "load"),
    "fer_lib.data.faceset": ("FER_CLASSES", "USAGES", "VOTE_COLUMNS", "FaceSet"),
    "fer_lib.data.labels": ("RULES", "Labels", "apply_rule"),
    "fer_lib.data.splits": ("FIXED", "PROTOCOLS", "Split", "split_rows"),
}
__getattr__ = on_demand(__name__, _HOMES)  # pandas and PyTorch take seconds, which `predict` need not wait


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
