"""Which face the explorer shows: of which data set, of which class, and where in it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import ipywidgets as widgets
import numpy as np

from fer_lib import data
from fer_lib.data import DATASETS, PRETRAINING_SETS, apply_rule
from fer_lib.errors import DataMissing, FerError

ANY = "any"
DRAWN = "toyfaces"  # the data set that is always here
LABEL = {"description_width": "98px"}
CONTROL = {"layout": {"width": "304px"}, "style": LABEL}


class FaceChoice(widgets.VBox):
    """Controls that choose a face, and the face.

    Attributes:
        dataset, category, index, next: the controls.
        absent: a sentence about the data sets that are not here, or nothing.

    Args:
        changed: called when another face has been chosen.
        told: reports what goes wrong in between.
    """

    def __init__(self, changed: Callable[[], None], told: Callable[[], AbstractContextManager[None]]) -> None:
        self._changed, self._told = changed, told
        self._quiet = False  # while several controls change at once
        here, self.absent = _at_hand()
        self.dataset = widgets.Dropdown(options=here, value=DRAWN, description="Data set", **CONTROL)
        self.category = widgets.Dropdown(options=[ANY], description="Class", **CONTROL)
        self.index = widgets.BoundedIntText(min=0, max=0, layout={"width": "200px"}, style=LABEL)
        self.next = widgets.Button(description="Next", tooltip="The next image of the class", layout={"width": "96px"})
        super().__init__([self.dataset, self.category, widgets.HBox([self.index, self.next])])
        self._open()
        self.dataset.observe(lambda change: self._on_dataset(), "value")
        self.category.observe(lambda change: self._on_category(), "value")
        self.index.observe(lambda change: self._on_index(), "value")
        self.next.on_click(lambda button: self._go_to(self.index.value + 1))

    @property
    def image(self) -> np.ndarray:
        """The face, uint8 [48, 48]."""
        return self._faces.images[self.index.value]

    @property
    def pose(self) -> np.ndarray | None:
        """The theta that undoes its pose, float32 [2, 3]; None where it is unknown."""
        return None if self._faces.pose is None else np.asarray(self._faces.pose[self.index.value])

    @property
    def label(self) -> str:
        """The class name that the data set gives."""
        number = int(self._labels.hard[self.index.value])
        return self._labels.classes[number] if number >= 0 else "no class under the label rule"

    def offers(self, dataset: str) -> bool:
        """Whether the faces of this data set are here."""
        return any(name == dataset for _, name in self.dataset.options)

    def show(self, dataset: str, row: int) -> None:
        """Chooses a face without a call of `changed`; the data set has to be here."""
        with self._at_once():
            if self.dataset.value != dataset:
                self.dataset.value = dataset
                self._open()
            self.index.value = row
            self._forget_another_class()

    def __str__(self) -> str:
        return f"Image {self.index.value} of {DATASETS[self._faces.name].title}: {self.label}"

    def _open(self) -> None:
        self._faces = data.load(self.dataset.value)
        self._labels = apply_rule(self._faces, DATASETS[self.dataset.value].rules[0])
        with self._at_once():
            self.category.options = [ANY, *self._labels.classes]
            self.index.max = len(self._faces) - 1
            self.index.description = f"Image 0–{self.index.max}"

    def _on_dataset(self) -> None:
        if not self._quiet:
            with self._told():
                self._open()
                self._changed()

    def _on_category(self) -> None:
        if not self._quiet:
            self._go_to(self.index.value)

    def _on_index(self) -> None:
        if not self._quiet:
            self._forget_another_class()
            self._changed()

    def _forget_another_class(self) -> None:
        if self.category.value not in (ANY, self.label):
            with self._at_once():
                self.category.value = ANY  # an image of another class was asked for by its index

    def _go_to(self, row: int) -> None:
        """Shows the first image of the class from `row` on, from the start again after the last."""
        with self._told():
            wanted = self.category.value
            number = None if wanted == ANY else self._labels.classes.index(wanted)
            rows = np.arange(len(self._faces)) if number is None else np.flatnonzero(self._labels.hard == number)
            if not len(rows):
                raise FerError(f"{DATASETS[self.dataset.value].title} has no image of the class {wanted}.")
            with self._at_once():
                self.index.value = int(rows[np.searchsorted(rows, row) % len(rows)])
            self._changed()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Controls may change here, and `changed` is not called for each."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before


def _at_hand() -> tuple[list[tuple[str, str]], str]:
    """Titles and names of the data sets that are here, and a sentence about the others."""
    here, absent = [], []
    for name, dataset in DATASETS.items():
        if name in PRETRAINING_SETS:
            continue
        try:
            data.load(name)
        except DataMissing:
            absent.append(dataset.title)
        except FerError as error:
            absent.append(f"{dataset.title} ({str(error).splitlines()[0]})")
        else:
            here.append((dataset.title, name))
    return here, f"Not here: {' and '.join(absent)} (see `make data`)." if absent else ""
