"""A reproducible study of facial-expression recognition with a spatial transformer in front of ResNet50.

`load("fer2013")` or `FaceSet.of` gives the data, `STNClassifier` or any module the model, `train` trains it,
`show_grids` and `explore` show what its transformer does, `Predictor` says what a trained network sees in a photo.
"""

from typing import TYPE_CHECKING

from fer_lib.imported import on_demand

if TYPE_CHECKING:
    from fer_lib.data import FaceSet, apply_rule, load, split_rows
    from fer_lib.errors import FerError
    from fer_lib.explorer.jupyterlab import explore
    from fer_lib.faces.predict import Predictor
    from fer_lib.geometry import warp
    from fer_lib.models import SpatialTransformer, STNClassifier, build
    from fer_lib.plots.grids import show_grids
    from fer_lib.training import RunConfig, RunContext, RunStore, run_one
    from fer_lib.training.front import Trained, train

__version__ = "0.1.0"
__all__ = [
    "FaceSet", "FerError", "Predictor", "RunConfig", "RunContext", "RunStore", "STNClassifier", "SpatialTransformer",
    "Trained", "apply_rule", "build", "explore", "load", "run_one", "show_grids", "split_rows", "train", "warp"
]  # fmt: skip

_HOMES = {
    "fer_lib.faces.predict": ("Predictor",),
    "fer_lib.data": ("FaceSet", "apply_rule", "load", "split_rows"),
    "fer_lib.errors": ("FerError",),
    "fer_lib.geometry": ("warp",),
    "fer_lib.plots.grids": ("show_grids",),
    "fer_lib.explorer.jupyterlab": ("explore",),
    "fer_lib.models": ("STNClassifier", "SpatialTransformer", "build"),
    "fer_lib.training": ("RunContext", "RunConfig", "RunStore", "run_one"),
    "fer_lib.training.front": ("Trained", "train"),
}


__getattr__ = on_demand(__name__, _HOMES)  # PyTorch takes seconds, which `--help` need not wait


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
