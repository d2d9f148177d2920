"""Networks: grey images [B, 1, 48, 48] → logits."""

from fer_lib.models.build import MODELS, Classifier, build
from fer_lib.models.stn import SpatialTransformer

__all__ = [
    "MODELS",
    "Classifier",
    "SpatialTransformer",
    "build",
]
