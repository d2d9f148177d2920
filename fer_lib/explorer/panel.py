"""Sliders around `scene.look` and `picture.render`: the explorer as a user of JupyterLab meets it.

Widgets are updated in place, never cleared, so nothing flickers; every control has a label and takes the keyboard.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import ipywidgets as widgets
import numpy as np

from fer_lib import data
from fer_lib.data import DATASETS, PRETRAINING_SETS, apply_rule
from fer_lib.errors import DataMissing, FerError
from fer_lib.explorer import markup, picture
from fer_lib.explorer.models import TrainedRun, offered, open_run, what_to_train
from fer_lib.explorer.scene import NOTHING, Disturbance, Model, View, observe
from fer_lib.files import write_atomically
from fer_lib.geometry import pose_components
from fer_lib.results import Results
from fer_lib.training import RunStore

ANY = "any"
SPIN = tuple(range(-45, 46, 5))  # degrees
_RANGES = {  # of a slider: its label, least, greatest, step
    "rotation": ("Rotation (°)", -60.0, 60.0, 1.0),
    "scale": ("Scale", 0.5, 2.0, 0.02),
    "shift_x": ("Shift x", -0.6, 0.6, 0.02),
    "shift_y": ("Shift y", -0.6, 0.6, 0.02),
    "shear": ("Shear", -0.6, 0.6, 0.02),
    "light": ("Light", -1.0, 1.0, 0.05),
    "noise": ("Noise", 0.0, 0.3, 0.01),
}
_DRAWN = "toyfaces"  # the data set that is always here
_PICTURE = 528  # pixels wide, so that the panel fits beside JupyterLab's file list on a small screen
_WIDE = {"layout": {"width": "290px"}, "style": {"description_width": "84px"}}


class Explorer(widgets.HBox):
    """A panel of controls beside the picture and its numbers.

    Attributes:
        view: what is shown just now.
        dataset, category, index, run: which face of which data set, under which transformer.
        sliders: by the parts of a `Disturbance`.
        next, spin, reset, save: buttons.
        picture, theta, probabilities, curve, status: what the reader sees.
    """

    def __init__(self, results: Results, store: RunStore, *, profile: str) -> None:
        self.view: View
        self._folder, self._profile = store.folder / "explorer", profile
        self._quiet = False  # while several controls change at once
        runs = offered(results, store)
        self._hint = what_to_train(runs, profile)
        choices: list[tuple[str, TrainedRun | None]] = [(run.title, run) for run in runs]
        choices.append(("Fresh transformer (untrained: the identity)", None))
        names = [name for name in DATASETS if name not in PRETRAINING_SETS]
        titles = [(DATASETS[name].title, name) for name in names]
        self.run = widgets.Dropdown(options=choices, description="Transformer", **_WIDE)
        self.dataset = widgets.Dropdown(options=titles, value=_DRAWN, description="Data set", **_WIDE)
        self.category = widgets.Dropdown(options=[ANY], description="Class", **_WIDE)
        self.index = widgets.BoundedIntText(min=0, max=0, description="Image", layout={"width": "180px"},
                                            style={"description_width": "84px"})  # fmt: skip
        self.next = _button("Next", "The next image of the class", width="102px")
        self.sliders = {
            part: widgets.FloatSlider(value=getattr(NOTHING, part), min=least, max=most, step=step, description=label,
                                      readout_format=".0f" if part == "rotation" else ".2f", **_WIDE)
            for part, (label, least, most, step) in _RANGES.items()
        }  # fmt: skip
        self.spin = _button(
            "Spin", "Turn the face from side to side, and draw how theta's rotation follows", width="90px"
        )
        self.reset = _button("Reset", "All sliders back: the face as it is in the data set", width="90px")
        self.save = _button("Save figure", "The picture with its numbers as PNG and SVG", width="102px")
        self.picture = widgets.Image(format="png", layout={"width": f"{_PICTURE}px"})
        self.theta, self.probabilities, self.curve, self.status = (widgets.HTML() for _ in range(4))
        super().__init__([self._controls(), self._display()], layout={"flex_flow": "row wrap"})
        self.add_class("fer-explorer")
        self._begin(runs)
        self._connect()
        self._draw()

    def _controls(self) -> widgets.VBox:
        buttons = widgets.HBox([self.spin, self.reset, self.save])
        face = [self.run, self.dataset, self.category, widgets.HBox([self.index, self.next])]
        layout = {"margin": "0 8px 8px 0", "flex": "0 0 auto"}
        return widgets.VBox([*face, *self.sliders.values(), buttons], layout=layout)

    def _display(self) -> widgets.VBox:
        numbers = widgets.HBox([self.theta, self.curve, self.probabilities], layout={"flex_flow": "row wrap"})
        self.theta.layout.margin, self.status.layout.margin = "0 36px 0 22px", "8px 0 0 22px"
        shown = [widgets.HTML(markup.headings(width=_PICTURE)), self.picture, numbers, self.status]
        return widgets.VBox(shown, layout={"width": f"{_PICTURE}px", "flex": "0 0 auto", "overflow": "visible"})

    def _begin(self, runs: list[TrainedRun]) -> None:
        """Starts with a test image of the best run at hand, a face that it has not been trained on, or a drawn face."""
        first = next((run for run in runs if run.is_here()), None)
        self.run.value = first
        if first is not None:
            self.dataset.value = first.record.config.dataset
        try:
            self._open_dataset()
        except DataMissing:  # the run's weights are here and its images are not
            self.dataset.value, first = _DRAWN, None
            self._open_dataset()
        if first is not None and len(first.test_rows):
            self.index.value = int(first.test_rows[0])

    def _connect(self) -> None:
        self.dataset.observe(self._on_dataset, "value")
        self.category.observe(lambda change: self._go_to(self.index.value), "value")
        for control in (self.index, self.run, *self.sliders.values()):
            control.observe(lambda change: self._draw(), "value")
        self.next.on_click(lambda button: self._go_to(self.index.value + 1))
        self.spin.on_click(lambda button: self._spin())
        self.reset.on_click(lambda button: self._reset())
        self.save.on_click(lambda button: self._save())

    def _on_dataset(self, change: dict) -> None:
        with self._told():
            try:
                self._open_dataset()
            except FerError:
                with self._at_once():
                    self.dataset.value = change["old"]
                raise
            self._draw()

    def _open_dataset(self) -> None:
        """Raises FerError, with nothing changed, if the data set is not here."""
        self._faces = data.load(self.dataset.value)
        self._labels = apply_rule(self._faces, DATASETS[self.dataset.value].rules[0])
        with self._at_once():
            self.category.options = [ANY, *self._labels.classes]
            self.index.max = len(self._faces) - 1

    def _go_to(self, row: int) -> None:
        """Shows the first image of the class from `row` on, from the start again after the last."""
        if self._quiet:
            return
        with self._told():
            wanted = self.category.value
            number = None if wanted == ANY else self._labels.classes.index(wanted)
            rows = np.arange(len(self._faces)) if number is None else np.flatnonzero(self._labels.hard == number)
            if not len(rows):
                raise FerError(f"{DATASETS[self.dataset.value].title} has no image of the class {wanted}.")
            with self._at_once():
                self.index.value = int(rows[np.searchsorted(rows, row) % len(rows)])
            self._draw()

    def _reset(self) -> None:
        with self._at_once():
            for part, slider in self.sliders.items():
                slider.value = getattr(NOTHING, part)
        self._draw()

    def _spin(self) -> None:
        """Turns the face through ±45° and back to where it was, and draws theta's rotation as it follows.

        The slider stays: it would send each angle back, and those that come late would turn the face once more.
        """
        followed: list[tuple[float, float, float]] = []
        for angle in SPIN:
            self._draw(rotation=angle)
            theta, pose = self.view.theta, self.view.pose
            true = angle if pose is None else float(pose_components(pose)["rotation"])
            followed.append((angle, float(pose_components(theta)["rotation"]), true))
            self.curve.value = markup.follow_curve(followed)
        self._draw()

    def _draw(self, **instead: float) -> None:
        """Computes and shows everything anew, in place; `instead` of what some sliders say."""
        if self._quiet:
            return
        with self._told():
            row, faces = self.index.value, self._faces
            number = int(self._labels.hard[row])
            label = self._labels.classes[number] if number >= 0 else "no class under the label rule"
            if self.category.value not in (ANY, label):
                with self._at_once():
                    self.category.value = ANY  # an image of another class was asked for by its index
            model, problem = self._model()
            disturbance = Disturbance(**{part: slider.value for part, slider in self.sliders.items()} | instead)
            pose = None if faces.pose is None else np.asarray(faces.pose[row])
            self.view = observe(faces.images[row], model, disturbance=disturbance, pose=pose, label=label)
            with self.hold_trait_notifications():
                self.picture.value = picture.png(picture.render(self.view))
                self.theta.value = markup.theta_rows(self.view)
                self.probabilities.value = markup.probability_bars(self.view)
                told = "" if self.run.value is None else f"{self.run.value.title}\n"
                told += f"Image {row} of {DATASETS[faces.name].title}: {label}{self._where(row)}."
                self.status.value = markup.message(problem or told, problem=bool(problem))

    def _model(self) -> tuple[Model, str]:
        """The chosen transformer; a fresh one and what is wrong, if its weights cannot be had."""
        if self.run.value is None:
            return Model.fresh(), self._hint
        try:
            return open_run(self.run.value, profile=self._profile), ""
        except FerError as error:
            return Model.fresh(), f"{error}\nAn untrained transformer is shown instead."

    def _where(self, row: int) -> str:
        run = self.run.value
        if run is None or run.record.config.dataset != self.dataset.value:
            return ""
        return ", in this run's test set" if row in run.test_rows else ", not in this run's test set"

    def _save(self) -> None:
        with self._told():
            stem = f"{self.dataset.value}_{self.index.value}"
            name = next(f"{stem}_{n}" for n in count(1) if not (self._folder / f"{stem}_{n}.svg").exists())
            written = []
            for kind, content in picture.files(self.view).items():
                write_atomically(path := self._folder / f"{name}.{kind}", content)
                written.append(str(path))
            self.status.value = markup.message("Saved " + " and ".join(written))

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Controls may change here without a picture for each."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A mistake is told below the picture; what is broken is told there too, and raised."""
        try:
            yield
        except FerError as error:
            self.status.value = markup.message(str(error), problem=True)
        except Exception as error:
            self.status.value = markup.message(f"{type(error).__name__}: {error}", problem=True)
            raise


def _button(description: str, tooltip: str, *, width: str = "141px") -> widgets.Button:
    return widgets.Button(description=description, tooltip=tooltip, layout={"width": width})
