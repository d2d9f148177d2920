"""What is drawn: faces as a transformer reads them, in rows with their labels."""

import numpy as np
import pytest
from data.one_face import draw_face

from fer_lib.explorer import markup
from fer_lib.models import SpatialTransformer
from fer_lib.plots import drawing
from fer_lib.plots.scene import Model, observe

FACE = draw_face("happy", seed=3)


def test_an_untrained_transformer_hands_on_what_it_gets():
    view = observe(FACE, Model(SpatialTransformer().eval()))
    assert np.array_equal(view.theta, np.eye(2, 3))
    assert np.abs(view.seen - view.image).max() < 1e-2


def test_a_sheet_has_a_row_per_label():
    tiles = [drawing.Tile(FACE, np.eye(2, 3))] * 3
    figure = drawing.sheet([tiles, tiles[:2]], labels=["input", "epoch 1"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["input", "epoch 1"]
    assert len(figure.axes[0].images) == 5
    with pytest.raises(ValueError, match="zip"):
        drawing.sheet([tiles], labels=[])


def test_a_message_is_text():
    assert "<script>" not in markup.message("<script>", problem=True)
