"""`make peers`: the expression networks that other packages ship inside themselves, and ours, on the same test faces.

Each is asked one face at a time, on one core, by its own package's code and preprocessing: first about the crops, where
nothing is looked for, then about photos made of some of them, as it comes, with its own search for faces.
"""

import argparse
import functools
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
import pandas as pd
import torch
from PIL import Image, ImageFilter
from statsmodels.stats.proportion import proportion_confint

from fer_lib import __version__, data
from fer_lib.data.labelled import EXPRESSIONS, expression
from fer_lib.evaluation import metrics
from fer_lib.faces.predict import Predictor
from fer_lib.training import RunConfig
from fer_lib.training.engine import prepared
from fer_lib.training.release import classifiers

HERE = Path(__file__).parent
PHOTOS = 400  # made of the first test faces that both data sets label
NOTHING = len(EXPRESSIONS)  # what is predicted where no face is found
TESTS = {  # PrivateTest, as each collection labels it
    "FER2013": {"dataset": "fer2013"},
    "FER+ majority8": {"dataset": "ferplus", "label_rule": "majority8"},
}


@dataclass(frozen=True)
class Answers:
    """The package's version, classes by name, probabilities [N, C] (NaN: no face found), milliseconds a picture [N]."""

    version: str
    classes: list[str]
    probabilities: np.ndarray
    milliseconds: np.ndarray


def test_faces(**config: str) -> tuple[np.ndarray, pd.Series]:
    """The PrivateTest images uint8 [N, 48, 48] that have a label, and it, an index into `EXPRESSIONS`, by their row."""
    own = RunConfig.parse({**config, "split": "official", "model": "compact"})
    faces = data.load(own.dataset)
    given = prepared(own, faces)
    labels, split = given.labels, given.split
    column = np.array([EXPRESSIONS.index(expression(name) or "") for name in labels.classes])
    return np.ascontiguousarray(faces.images[split.report]), pd.Series(column[labels.hard[split.report]], split.report)


def photo_of(face: np.ndarray) -> np.ndarray:
    """A photo uint8 [240, 320] with a face uint8 [48, 48] at 144 pixels in its middle, before what it blurs into."""
    image = Image.fromarray(face)
    photo = image.resize((320, 240)).filter(ImageFilter.GaussianBlur(25))
    photo.paste(image.resize((144, 144), Image.Resampling.BICUBIC), (88, 48))
    return np.asarray(photo)


def by_command(*command: str) -> Callable[[np.ndarray], Answers]:
    """What a program of another environment says: it gets a file of pictures, their shape, and the file to write."""

    def ask(pictures: np.ndarray) -> Answers:
        with tempfile.TemporaryDirectory() as folder:
            given, out = Path(folder, "pictures"), Path(folder, "answers.json")
            pictures.tofile(given)
            one_core = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run(
                [*command, str(given), *map(str, pictures.shape), str(out)], check=True, env={**os.environ, **one_core},
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            told = json.loads(out.read_text())
        nothing = [float("nan")] * len(told["classes"])
        probabilities = np.array([answer or nothing for answer in told["probabilities"]])
        return Answers(told["version"], told["classes"], probabilities, np.array(told["milliseconds"]))

    return ask


def ours(name: str) -> Callable[[np.ndarray], Answers]:
    """What a network of this package says, the mirrored face included, by ONNX Runtime; of photos as `predict` does."""
    predictor = Predictor(name)
    classes = predictor.classes

    def look(picture: np.ndarray) -> np.ndarray:
        if picture.shape == (48, 48):
            return predictor.network.probabilities(picture[None])[0]
        largest = next(iter(predictor(picture)), None)
        return np.array([float("nan") if largest is None else largest.probabilities[name] for name in classes])

    def ask(pictures: np.ndarray) -> Answers:
        found, milliseconds = [], []
        for picture in pictures:
            began = time.perf_counter()
            found.append(look(picture))
            milliseconds.append(1000 * (time.perf_counter() - began))
        return Answers(__version__, list(classes), np.stack(found), np.array(milliseconds))

    return ask


def judge(answers: Answers, actual: np.ndarray) -> dict[str, Any]:
    """How right the most probable class is; one that the data set does not have, or no face, counts as wrong."""
    known = np.array([EXPRESSIONS.index(expression(name) or "") for name in answers.classes])
    seen, sure = ~np.isnan(answers.probabilities[:, 0]), np.nan_to_num(answers.probabilities)
    predicted = np.where(seen, known[sure.argmax(1)], NOTHING)
    found = metrics.summary(actual, predicted, sure.max(1))
    interval = proportion_confint(int((predicted == actual).sum()), len(actual), method="wilson")
    return {
        "images": len(actual), "found": int(seen.sum()), "accuracy": round(found["accuracy"], 4),
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
        "@vladmandic/human": {
            "ask": by_command("node", str(HERE / "human.mjs"), str(folder)),
            "weights": folder / "node_modules/@vladmandic/human/models/emotion.bin",
            "saw": "not said", "photos_only": True,
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
    both = functools.reduce(np.intersect1d, (actual.index for _, actual in tests.values()))[:PHOTOS]
    first, actual = next(iter(tests.values()))
    photos = np.stack([photo_of(first[actual.index.get_loc(row)]) for row in both])
    for name, contender in contenders(given.folder.absolute()).items():
        answers = contender["ask"](photos)
        of_photos = {test: judge(answers, actual[both].to_numpy()) for test, (_, actual) in tests.items()}
        told[name] = {
            "bytes": contender["weights"].stat().st_size, "saw": contender["saw"], "version": answers.version,
            "photos": of_photos, "photo_milliseconds": round(float(np.median(answers.milliseconds[10:])), 1),
            "tests": {},
        }  # fmt: skip
        times = []
        for test, (faces, actual) in tests.items() if not contender.get("photos_only") else ():
            answers = contender["ask"](faces)
            told[name]["tests"][test] = judge(answers, actual.to_numpy())
            times += answers.milliseconds[10:].tolist()
        told[name] |= {"milliseconds": round(statistics.median(times), 2)} if times else {}
        print(name, json.dumps(told[name]), flush=True)
    given.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
