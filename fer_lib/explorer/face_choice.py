"""Which face the explorer shows: of which data set, of which class, and where in it, or one in the reader's photo."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
from PIL import Image

from fer_lib import data
from fer_lib.data import DATASETS, PRETRAINING_SETS, apply_rule
from fer_lib.errors import DataMissing, FerError
from fer_lib.faces.finding import Face, whole

ANY = "any"
DRAWN = "toyfaces"  # the data set that is always here
PHOTO = "photo"  # the reader's own, beside the data sets
LABEL = {"description_width": "98px"}
CONTROL = {"layout": {"width": "304px"}, "style": LABEL}


@dataclass(frozen=True)
class _Faces:
    """Faces to choose from: uint8 [N, 48, 48], the thetas [N, 2, 3] that undo their poses, and index into `classes`."""

    title: str
    images: np.ndarray
    poses: np.ndarray | None
    classes: tuple[str, ...]
    labels: np.ndarray

    @classmethod
    def of(cls, dataset: str) -> "_Faces":
        faces, known = data.load(dataset), DATASETS[dataset]
        labels = apply_rule(faces, known.rules[0])
        return cls(known.title, faces.images, faces.pose, tuple(labels.classes), labels.hard)

    @classmethod
    def in_photo(cls, photo: Image.Image, name: str, found: Sequence[Face]) -> "_Faces":
        title = name if found else f"{name}, in which no face was found: its middle"
        images = np.stack([face.crop for face in found or [whole(photo)]])
        return cls(title, images, None, (), np.full(len(images), -1))


class FaceChoice(widgets.Box):
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
        super().__init__([self.dataset, self.category, self.index, self.next], layout={"flex_flow": "row wrap"})
        self._open(_Faces.of(DRAWN))
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
        return None if self._faces.poses is None else np.asarray(self._faces.poses[self.index.value])

    @property
    def label(self) -> str:
        """The class name that the data set gives; empty in a photo."""
        if not self._faces.classes:
            return ""
        number = int(self._faces.labels[self.index.value])
        return self._faces.classes[number] if number >= 0 else "no class under the label rule"

    def offers(self, dataset: str) -> bool:
        """Whether the faces of this data set are here."""
        return any(name == dataset for _, name in self.dataset.options)

    def show(self, dataset: str, row: int) -> None:
        """Chooses a face without a call of `changed`; the data set has to be here."""
        with self._at_once():
            if self.dataset.value != dataset:
                self.dataset.value = dataset
                self._open(_Faces.of(dataset))
            self.index.value = row
            self._forget_another_class()

    def show_photo(self, photo: Image.Image, name: str, found: Sequence[Face]) -> None:
        """Chooses the first of the faces that were found in a photo; its middle, where there is none."""
        self._show_own(_Faces.in_photo(photo, name, found), "Your photo")

    def show_images(self, faces: data.FaceSet) -> None:
        """Chooses the first of the reader's own images, grey and 48×48."""
        known = _Faces("your images", faces.images, faces.pose, faces.classes, faces.labels.astype(int))
        self._show_own(known, "Your images")

    def _show_own(self, faces: _Faces, title: str) -> None:
        self._own = faces
        with self._at_once():
            here = [option for option in self.dataset.options if option[1] != PHOTO]
            self.dataset.options = [*here, (title, PHOTO)]
            self.dataset.value = PHOTO
            self._open(self._own)
            self.index.value = 0
        self._changed()

    def __str__(self) -> str:
        if not self._faces.classes:
            return f"Face {self.index.value} of {self._faces.title}"
        return f"Image {self.index.value} of {self._faces.title}: {self.label}"

    def _open(self, faces: _Faces) -> None:
        self._faces = faces
        with self._at_once():
            self.category.options = [ANY, *faces.classes]
            self.index.max = len(faces.images) - 1
            self.index.description = f"Image 0–{self.index.max}"

    def _on_dataset(self) -> None:
        if not self._quiet:
            with self._told():
                chosen = self.dataset.value
                self._open(self._own if chosen == PHOTO else _Faces.of(chosen))
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
            labels = self._faces.labels
            rows = np.arange(len(labels))
            if wanted != ANY:
                rows = np.flatnonzero(labels == self._faces.classes.index(wanted))
            if not len(rows):
                raise FerError(f"{self._faces.title} has no image of the class {wanted}.")
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
