"""Puts runs into the package: their weights in half precision, and for ONNX Runtime a classifier's graph beside them.

`python docs/release.py RUN_ID …` takes records of the paper profile whose weights are in reports/paper/weights.
"""

import sys
from pathlib import Path

from fer_lib import data, paths
from fer_lib.errors import FerError
from fer_lib.faces.export import CLOSE, as_onnx
from fer_lib.faces.network import TrainedNetwork
from fer_lib.faces.onnx_network import PREFIX, OnnxNetwork
from fer_lib.files import write_atomically
from fer_lib.paths import WEIGHTS
from fer_lib.tensors import read_tensors, write_tensors
from fer_lib.training import RunStore
from fer_lib.training.release import Released, temperature


def release(run_id: str, store: RunStore, folder: Path = WEIGHTS) -> Path:
    """Writes a run's weights, float16, and its record without the history into `folder`; returns the file.

    It is called after what it tells and the images that it learnt from: `compact_fer2013.safetensors`.

    Raises:
        FerError: the run or its weights are not in the store, or the folder cannot be written.
    """
    record, weights = store.get(run_id), store.weights_path(run_id)
    if record is None or not weights.is_file():
        raise FerError(
            f"{run_id}: {store.folder} has no {'weights of this run' if record else 'such run'}.\n"
            "Train it with its weights: python -m fer_lib run PARAMS --only … --weights."
        )
    try:
        state, _ = read_tensors(weights)
    except ValueError as error:
        raise FerError(f"{weights} is damaged ({error}).\nDelete it and train the run again.") from error
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    told = Released(
        record=record.model_copy(update={"history": [], "robustness": [], "sha256": ""}),
        temperature=temperature(record, store),
    )
    kind = "poses" if record.config.loss == "pose" else record.config.model
    path = folder / f"{kind}_{record.config.dataset}.safetensors"
    write_tensors(path, halved, released=told.model_dump_json())
    return path


def write_graph(weights: Path) -> Path:
    """Writes a classifier's graph, without its weights, beside the file that has them.

    Raises:
        FerError: ONNX Runtime says something else than PyTorch.
    """
    network, path = TrainedNetwork.open(str(weights)), weights.with_suffix(".onnx")
    model = as_onnx(network, folded=False)  # so that its weights are those of the file
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.ClearField("metadata_props")  # where in PyTorch's code it is from
    for own in model.graph.initializer:
        if own.name.startswith(PREFIX):
            own.ClearField("raw_data")
            own.data_location = type(own).EXTERNAL
            own.external_data.add(key="location", value=weights.name)
    content, faces = model.SerializeToString(), data.load("toyfaces").images[:512]
    found = OnnxNetwork(path.stem, content, weights).probabilities(faces)
    if not abs(found - network.probabilities(faces)).max() < CLOSE:
        raise FerError(f"{path}: ONNX Runtime differs from PyTorch; the graph was not written.")
    write_atomically(path, content)
    return path


if __name__ == "__main__":
    for name in sys.argv[1:]:
        written = release(name, RunStore(paths.report_folder("paper")))
        print(written, "" if written.stem.startswith("poses") else write_graph(written))
