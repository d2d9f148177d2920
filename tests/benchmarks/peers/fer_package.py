"""PyPI's fer on pictures: python fer_package.py FILE N HEIGHT WIDTH OUT, with FILE the bytes of N grey pictures.

Its own code. Of a picture of 48×48 it is told that the whole is the face, with `offsets` of zero, since what it would
add lies outside the crop; in a larger one it looks for faces, and the largest counts.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from fer.fer import FER


def main() -> None:
    """Writes version, classes, and of each picture probabilities (None: no face found) and milliseconds."""
    file, out = sys.argv[1], sys.argv[5]
    shape = tuple(map(int, sys.argv[2:5]))
    whole = [(0, 0, 48, 48)] if shape[1:] == (48, 48) else None
    network = FER(offsets=(0, 0)) if whole else FER()
    answers, milliseconds = [], []
    for picture in np.fromfile(file, np.uint8).reshape(shape):
        began = time.perf_counter()
        found = network.detect_emotions(np.repeat(picture[..., None], 3, 2), whole)
        milliseconds.append(1000 * (time.perf_counter() - began))
        largest = max(found, key=lambda face: face["box"][2] * face["box"][3], default=None)
        answers.append(None if largest is None else largest["emotions"])
    classes = list(next(filter(None, answers)))
    probabilities = [None if answer is None else [answer[name] for name in classes] for answer in answers]
    with open(out, "w") as told:
        json.dump(
            {"version": version("fer"), "classes": classes, "probabilities": probabilities,
             "milliseconds": milliseconds},
            told,
        )  # fmt: skip


if __name__ == "__main__":
    main()
