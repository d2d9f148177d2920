"""How networks of other packages are judged: by what their classes are called, and by the data set's own labels."""

import sys

import numpy as np
import pytest
from benchmarks.peers.__main__ import Answers, by_command, judge

from fer_lib.data.labelled import EXPRESSIONS

ACTUAL = np.array([EXPRESSIONS.index(name) for name in ("happy", "fear", "contempt", "happy")])


def test_classes_are_matched_by_name_and_an_unknown_expression_is_never_right():
    answers = Answers("1", ["fearful", "happiness"], np.array([[0, 1], [1, 0], [1, 0], [1, 0]]), np.ones(4))
    found = judge(answers, ACTUAL)
    assert (found["images"], found["accuracy"]) == (4, 0.5)
    low, high = found["interval"]
    assert low < 0.5 < high
    with pytest.raises(ValueError, match="not in tuple"):
        judge(Answers("1", ["bored"], np.ones((4, 1)), np.ones(4)), ACTUAL)


def test_another_program_gets_the_faces_and_its_answers_come_back(tmp_path):
    script = tmp_path / "peer.py"
    script.write_text(
        "import json, sys\nfaces, n = open(sys.argv[1], 'rb').read(), int(sys.argv[2])\n"
        "assert len(faces) == n * 2304\nsums = [float(sum(faces[i * 2304 : (i + 1) * 2304])) for i in range(n)]\n"
        "told = {'version': '2', 'classes': ['sad'], 'probabilities': [[s] for s in sums], 'milliseconds': [1.0] * n}\n"
        "json.dump(told, open(sys.argv[3], 'w'))\n"
    )
    faces = np.stack([np.full((48, 48), value, np.uint8) for value in (0, 1, 2)])
    answers = by_command(sys.executable, str(script))(faces)
    assert (answers.version, answers.classes) == ("2", ["sad"])
    assert answers.probabilities[:, 0].tolist() == [0.0, 2304.0, 4608.0]
