"""A trained network run by ONNX Runtime: the same answers sooner, and without importing PyTorch.

A network of the package is two files: `NAME.safetensors` with its weights, and `NAME.onnx`, its graph without them.
"""

import importlib
import importlib.util
from pathlib import Path
from typing import Any, Self

import numpy as np

from fer_lib.data.faceset import SIZE
from fer_lib.errors import FerError
from fer_lib.paths import WEIGHTS
from fer_lib.tensors import read_arrays

PREFIX = "classifier."  # before the names of weights in a graph


class OnnxNetwork:
    """As `TrainedNetwork`, from an ONNX file that `export` wrote or that comes with the package.

    Threads may share one, and so may processes made by `fork`: it computes on the thread that asks.
    """

    def __init__(self, name: str, content: bytes, weights: Path | None = None) -> None:
        """A network from an ONNX file's `content`; its weights are in there, or else in the file `weights`.

        Raises:
            FerError: ONNX Runtime is not installed, or the content is damaged or of something else.
        """
        engine = runtime()
        if engine is None:
            raise FerError("ONNX Runtime is not here.\nInstall it: pip install 'fer_lib[predict]'.")
        options = engine.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3  # threads of its own would not survive a fork
        try:
            if weights:
                tensors = {PREFIX + key: own for key, own in read_arrays(weights)[0].items() if own.ndim}
                values = [engine.OrtValue.ortvalue_from_numpy(own.astype(np.float32)) for own in tensors.values()]
                options.add_external_initializers(list(tensors), values)
            self._session = engine.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            told = self._session.get_modelmeta().custom_metadata_map
            if [one.name for one in self._session.get_inputs()] != ["faces"] or "classes" not in told:
                raise ValueError("it has no input `faces`, or no classes")
            self.classes, self.run_id = tuple(told["classes"].split(",")), told.get("run_id", "")
        except Exception as error:  # ONNX Runtime has a class of its own for each cause
            reason = str(error).strip().splitlines()[0]
            raise FerError(f"{name} is damaged, or no network that `export` wrote ({reason}).") from error
        self.name = name

    @classmethod
    def open(cls, path: Path) -> Self:
        """The network in an ONNX file, one of the package with its weights beside it.

        Raises:
            FerError: the file cannot be read; or as above.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise FerError(f"{path} cannot be read: {error.strerror}.") from error
        return cls(path.stem, content, path.with_suffix(".safetensors") if path.resolve().parent == WEIGHTS else None)

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        """Class probabilities float32 [N, C] of grey faces uint8 [N, 48, 48], as `TrainedNetwork.probabilities`."""
        return self._run("probabilities", faces)

    def thetas(self, faces: np.ndarray) -> np.ndarray | None:
        """What its spatial transformer makes of faces uint8 [N, 48, 48], float32 [N, 2, 3]; None without one."""
        return self._run("theta", faces) if len(self._session.get_outputs()) > 1 else None

    def _run(self, output: str, faces: np.ndarray) -> np.ndarray:
        if faces.dtype != np.uint8 or faces.shape[1:] != (SIZE, SIZE):
            raise ValueError(f"faces: found {faces.dtype} {list(faces.shape)}, expected uint8 [N, {SIZE}, {SIZE}]")
        return self._session.run([output], {"faces": faces})[0]


def graph_of(name: str) -> Path | None:
    """The ONNX file of the network `name`: one of the package, if ONNX Runtime is installed, or one of the user's."""
    if name.lower().endswith(".onnx"):
        return Path(name)
    path = WEIGHTS / f"{name}.onnx"
    return path if path.is_file() and runtime() is not None else None


def runtime() -> Any:
    """ONNX Runtime, or None where it is not installed."""
    return importlib.import_module("onnxruntime") if importlib.util.find_spec("onnxruntime") else None
