"""`make peers`: the expression networks that other packages ship inside themselves, and ours, on the same test faces.

Each is asked one face at a time, on one core, by its own package's code and preprocessing.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from statsmodels.stats.proportion import proportion_confint

from fer_lib import __version__, data
from fer_lib.data.labelled import EXPRESSIONS, expression
from fer_lib.evaluation import metrics
from fer_lib.faces.predict import Predictor
from fer_lib.training import RunConfig
from fer_lib.training.engine import prepared
from fer_lib.training.release import classifiers

HERE = Path(__file__).parent
TESTS = {  # PrivateTest, as each collection labels it
    "FER2013": {"dataset": "fer2013"},
    "FER+ majority8": {"dataset": "ferplus", "label_rule": "majority8"},
}


@dataclass(frozen=True)
class Answers:
    """The package's version, classes by name, probabilities [N, C], and milliseconds a face [N]."""

    version: str
    classes: list[str]
    probabilities: np.ndarray
    milliseconds: np.ndarray


def test_faces(**config: str) -> tuple[np.ndarray, np.ndarray]:
    """The PrivateTest images uint8 [N, 48, 48] of a data set that have a label, and that, index into `EXPRESSIONS`."""
    own = RunConfig.parse({**config, "split": "official", "model": "compact"})
    faces = data.load(own.dataset)
    given = prepared(own, faces)
    labels, split = given.labels, given.split
    column = np.array([EXPRESSIONS.index(expression(name) or "") for name in labels.classes])
    return np.ascontiguousarray(faces.images[split.report]), column[labels.hard[split.report]]


def by_command(*command: str) -> Callable[[np.ndarray], Answers]:
    """What a program of another environment says: it gets a file of faces, their number, and the file to write."""

    def ask(faces: np.ndarray) -> Answers:
        with tempfile.TemporaryDirectory() as folder:
            given, out = Path(folder, "faces"), Path(folder, "answers.json")
            faces.tofile(given)
            one_core = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run(
                [*command, str(given), str(len(faces)), str(out)], check=True, env={**os.environ, **one_core},
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            told = json.loads(out.read_text())
        return Answers(
            told["version"], told["classes"], np.array(told["probabilities"]), np.array(told["milliseconds"])
        )

    return ask


def ours(name: str) -> Callable[[np.ndarray], Answers]:
    """What a network of this package says, the mirrored face included, by ONNX Runtime."""
    network = Predictor(name).network

    def ask(faces: np.ndarray) -> Answers:
        found, milliseconds = [], []
        for face in faces:
            began = time.perf_counter()
            found.append(network.probabilities(face[None])[0])
            milliseconds.append(1000 * (time.perf_counter() - began))
        return Answers(__version__, list(network.classes), np.stack(found), np.array(milliseconds))

    return ask


def judge(answers: Answers, actual: np.ndarray) -> dict[str, Any]:
    """How right the most probable class is; one that the data set does not have counts as wrong."""
    known = np.array([EXPRESSIONS.index(expression(name) or "") for name in answers.classes])
    predicted = known[answers.probabilities.argmax(1)]
    found = metrics.summary(actual, predicted, answers.probabilities.max(1))
    interval = proportion_confint(int((predicted == actual).sum()), len(actual), method="wilson")
    return {
        "images": len(actual), "accuracy": round(found["accuracy"], 4),
        "interval": [round(float(end), 4) for end in interval], "macro_f1": round(found["macro_f1"], 4),
    }  # fmt: skip


def contenders(folder: Path) -> dict[str, dict[str, Any]]:
    """By name: how to ask, the file of its weights, and what is known of the images that it was trained on."""
    (weights,) = (folder / "lib").glob("python3*/site-packages/fer/data/emotion_model_quantized.tflite")
    found = {
        path.stem: {
            "ask": ours(path.stem), "weights": path,
            "saw": f"no: trained on Training of {data.DATASETS[record.config.dataset].title}, chosen on PublicTest",
        }
        for path, record in classifiers().items()
        if record.config.dataset != "toyfaces"  # for the drawn faces of the player
    }  # fmt: skip
    return found | {
        "fer": {
            "ask": by_command(str(folder / "bin" / "python"), str(HERE / "fer_package.py")), "weights": weights,
            "saw": "not said; its author gives an accuracy on FER2013",
        },
        "@vladmandic/face-api": {
            "ask": by_command("node", str(HERE / "face_api.mjs"), str(folder)),
            "weights": folder / "node_modules/@vladmandic/face-api/model/face_expression_model.bin",
            "saw": "not said; public data sets and images from the web",
        },
    }  # fmt: skip


def main() -> None:
    """Asks everybody, prints a line each and writes the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the environment of the other packages")
    parser.add_argument("--out", type=Path, default=HERE.parents[2] / "reports" / "bench" / "peers.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    told: dict[str, Any] = {}
    tests = {name: test_faces(**config) for name, config in TESTS.items()}
    for name, contender in contenders(given.folder.absolute()).items():
        told[name] = {"bytes": contender["weights"].stat().st_size, "saw": contender["saw"], "tests": {}}
        times = []
        for test, (faces, actual) in tests.items():
            answers = contender["ask"](faces)
            told[name]["version"] = answers.version
            told[name]["tests"][test] = judge(answers, actual)
            times.append(answers.milliseconds[10:])
        told[name]["milliseconds"] = round(statistics.median(np.concatenate(times).tolist()), 2)
        print(name, json.dumps(told[name]), flush=True)
    given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
