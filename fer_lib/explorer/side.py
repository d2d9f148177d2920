"""One transformer's side of the explorer: the face with its grid, the warped face, and the numbers."""

from itertools import count
from pathlib import Path

import ipywidgets as widgets

from fer_lib.explorer import markup, picture
from fer_lib.explorer.scene import View
from fer_lib.files import write_atomically

WRAP = {"flex_flow": "row wrap", "overflow": "visible"}


class Side(widgets.VBox):
    """What one transformer makes of the face.

    Attributes:
        view: what is shown just now.
        picture, theta, probabilities, curve: what the reader sees.
    """

    def __init__(self) -> None:
        self.view: View
        self.picture = widgets.Image(format="png", layout={"width": "100%"})
        self.title, self.theta, self.probabilities, self.curve = (widgets.HTML() for _ in range(4))
        self.theta.layout.margin = "0 12px 0 0"
        numbers = widgets.HBox([self.theta, self.curve, self.probabilities], layout={**WRAP, "padding": "0 0 0 12px"})
        headings = widgets.HTML(markup.headings(), layout={"width": "100%"})
        layout = {"flex": "1 1 280px", "max_width": "528px", "min_width": "0", "overflow": "visible"}
        self._of: tuple[str, ...] = ()  # what the curve is of
        super().__init__([self.title, headings, self.picture, numbers], layout=layout)

    def show(self, view: View, title: str, face: str) -> None:
        """Shows another view, in place; of another face or transformer it has no curve yet."""
        if (title, face) != self._of:
            self.curve.value, self._of = "", (title, face)
        self.view = view
        with self.hold_trait_notifications():
            self.title.value = markup.title(title)
            self.picture.value = picture.png(picture.render(view))
            self.theta.value = markup.theta_rows(view)
            self.probabilities.value = markup.probability_bars(view)

    def save(self, folder: Path, stem: str) -> list[Path]:
        """Writes the picture with its numbers as SVG and PNG, under the first name that is free; returns both paths."""
        name = next(f"{stem}_{n}" for n in count(1) if not (folder / f"{stem}_{n}.svg").exists())
        written = {folder / f"{name}.{kind}": content for kind, content in picture.files(self.view).items()}
        for path, content in written.items():
            write_atomically(path, content)
        return list(written)
