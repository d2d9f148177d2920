"""A reproducible study of facial-expression recognition with a spatial transformer in front of ResNet50.

`load("fer2013")` gives the data, `SpatialTransformer` and `build` the models, `run_one` a training run with a record.
"""

from fer_lib.data import FaceSet, apply_rule, load, split_rows
from fer_lib.errors import FerError
from fer_lib.models import SpatialTransformer, build, warp
from fer_lib.training import Place, RunConfig, RunStore, run_one

__version__ = "0.1.0"
__all__ = [
    "FaceSet",
    "FerError",
    "Place",
    "RunConfig",
    "RunStore",
    "SpatialTransformer",
    "apply_rule",
    "build",
    "load",
    "run_one",
    "split_rows",
    "warp",
]
