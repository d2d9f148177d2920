"""How networks of other packages are judged: by what their classes are called, and by the data set's own labels."""

import sys

import numpy as np
import pytest
from benchmarks.peers.__main__ import Answers, by_command, judge, photo_of

from fer_lib.data.labelled import EXPRESSIONS

ACTUAL = np.array([EXPRESSIONS.index(name) for name in ("happy", "fear", "contempt", "happy")])


def test_classes_are_matched_by_name_and_an_unknown_expression_is_never_right():
    answers = Answers("1", ["fearful", "happiness"], np.array([[0, 1], [1, 0], [1, 0], [1, 0]]), np.ones(4))
    found = judge(answers, ACTUAL)
    assert (found["images"], found["found"], found["accuracy"]) == (4, 4, 0.5)
    low, high = found["interval"]
    assert low < 0.5 < high
    with pytest.raises(ValueError, match="not in tuple"):
        judge(Answers("1", ["bored"], np.ones((4, 1)), np.ones(4)), ACTUAL)


def test_where_no_face_is_found_the_answer_is_wrong():
    answers = Answers("1", ["happy"], np.array([[1.0], [np.nan], [1.0], [np.nan]]), np.ones(4))
    found = judge(answers, ACTUAL)
    assert (found["images"], found["found"], found["accuracy"]) == (4, 2, 0.25)


def test_a_photo_has_the_face_in_its_middle():
    face = np.full((48, 48), 200, np.uint8)
    face[:, :24] = 40
    photo = photo_of(face)
    assert photo.shape == (240, 320)
    assert (photo[48:192, 88:150] == 40).all()
    assert (photo[48:192, 170:232] == 200).all()


def test_another_program_gets_the_pictures_and_its_answers_come_back(tmp_path):
    script = tmp_path / "peer.py"
    script.write_text(
        "import json, sys\ndata, (n, h, w) = open(sys.argv[1], 'rb').read(), map(int, sys.argv[2:5])\n"
        "assert len(data) == n * h * w\nsums = [float(sum(data[i * h * w : (i + 1) * h * w])) for i in range(n)]\n"
        "told = {'version': '2', 'classes': ['sad'], 'milliseconds': [1.0] * n}\n"
        "told['probabilities'] = [[s] if s else None for s in sums]\njson.dump(told, open(sys.argv[5], 'w'))\n"
    )
    faces = np.stack([np.full((48, 48), value, np.uint8) for value in (0, 1, 2)])
    answers = by_command(sys.executable, str(script))(faces)
    assert (answers.version, answers.classes) == ("2", ["sad"])
    assert np.isnan(answers.probabilities[0, 0])
    assert answers.probabilities[1:, 0].tolist() == [2304.0, 4608.0]
