"""Networks: images [B, C, H, W] → logits; those of the study take grey ones of 48×48 pixels."""

from fer_lib.models.build import MODELS, Classifier, STNClassifier, build, classifier
from fer_lib.models.stn import SpatialTransformer

__all__ = ["MODELS", "Classifier", "STNClassifier", "SpatialTransformer", "build", "classifier"]
