"""PyPI's fer on faces: python fer_package.py FACES N OUT, with FACES the bytes of N grey images of 48×48.

Its own code, told that the whole picture is the face; `offsets` of zero, since what it would add lies outside the crop.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from fer.fer import FER


def main() -> None:
    """Writes version, classes, probabilities and milliseconds a face."""
    faces, count, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    network = FER(offsets=(0, 0))
    answers, milliseconds = [], []
    for face in np.fromfile(faces, np.uint8).reshape(count, 48, 48):
        began = time.perf_counter()
        (found,) = network.detect_emotions(np.repeat(face[..., None], 3, 2), [(0, 0, 48, 48)])
        milliseconds.append(1000 * (time.perf_counter() - began))
        answers.append(found["emotions"])
    classes = list(answers[0])
    probabilities = [[answer[name] for name in classes] for answer in answers]
    with open(out, "w") as file:
        told = {"version": version("fer"), "classes": classes, "probabilities": probabilities}
        json.dump({**told, "milliseconds": milliseconds}, file)


if __name__ == "__main__":
    main()
