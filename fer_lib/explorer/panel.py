"""Sliders around `scene` and `picture`: the explorer as a user of JupyterLab meets it.

Widgets are updated in place, never cleared, so nothing flickers; every control has a label and takes the keyboard.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import ipywidgets as widgets
import numpy as np

from fer_lib import data
from fer_lib.data import DATASETS, PRETRAINING_SETS, apply_rule
from fer_lib.errors import DataMissing, FerError
from fer_lib.explorer import markup, picture
from fer_lib.explorer.models import TrainedRun, offered, open_run, what_to_train
from fer_lib.explorer.scene import NOTHING, Disturbance, Model, View, observe, recall
from fer_lib.explorer.side import WRAP, Side
from fer_lib.geometry import pose_components
from fer_lib.results import Results
from fer_lib.training import RunStore

ANY = "any"
FRESH, NOBODY = "Fresh transformer (untrained: the identity)", "nothing"
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
_LABEL = {"description_width": "98px"}
_CONTROL = {"layout": {"width": "304px"}, "style": _LABEL}
_CHOICE = {"layout": {"width": "100%", "max_width": "840px"}, "style": _LABEL}


class Explorer(widgets.VBox):
    """A panel of controls beside what one transformer, or two, make of a face.

    Attributes:
        run, beside: the transformer, and the one to compare it with.
        dataset, category, index: which face of which data set.
        sliders: by the parts of a `Disturbance`.
        epoch: goes back to theta as it was recorded after each epoch of the run.
        next, spin, reset, save: buttons.
        sides: what `run` makes of the face, and what `beside` does.
        status: which face this is, and what is wrong.
    """

    def __init__(self, results: Results, store: RunStore, *, profile: str) -> None:
        self._folder, self._profile = store.folder / "explorer", profile
        self._quiet = False  # while several controls change at once
        runs = offered(results, store)
        self._hint = what_to_train(runs, profile)
        here, self._absent = _at_hand()
        choices: list[tuple[str, TrainedRun | str]] = [(run.title, run) for run in runs]
        self.run = widgets.Dropdown(options=[*choices, (FRESH, FRESH)], description="Transformer", **_CHOICE)
        self.beside = widgets.Dropdown(options=[(NOBODY, NOBODY), *choices], description="Beside it", **_CHOICE)
        self.dataset = widgets.Dropdown(options=here, value=_DRAWN, description="Data set", **_CONTROL)
        self.category = widgets.Dropdown(options=[ANY], description="Class", **_CONTROL)
        self.index = widgets.BoundedIntText(min=0, max=0, layout={"width": "200px"}, style=_LABEL)
        self.next = _button("Next", "The next image of the class", width="96px")
        self.sliders = {
            part: widgets.FloatSlider(value=getattr(NOTHING, part), min=least, max=most, step=step, description=label,
                                      readout_format=".0f" if part == "rotation" else ".2f", **_CONTROL)
            for part, (label, least, most, step) in _RANGES.items()
        }  # fmt: skip
        self.epoch = widgets.IntSlider(min=0, max=0, description="Epoch", **_CONTROL)
        self.spin = _button("Spin", "Turn the face from side to side, and draw how theta's rotation follows")
        self.reset = _button("Reset", "All sliders back: the face as it is in the data set")
        self.save = _button("Save figure", "The picture with its numbers as PNG and SVG", width="108px")
        self.sides = Side(), Side()
        self.status = widgets.HTML(layout={"margin": "0 0 8px 0"})
        sides = widgets.HBox(self.sides, layout={**WRAP, "flex": "1 1 420px", "min_width": "0"})
        body = widgets.HBox([self._controls(), sides], layout=WRAP)
        super().__init__([self.run, self.beside, self.status, body])
        self.add_class("fer-explorer")
        self._begin(runs)
        self._connect()
        self._draw()

    def _controls(self) -> widgets.VBox:
        face = [self.dataset, self.category, widgets.HBox([self.index, self.next])]
        buttons = widgets.HBox([self.spin, self.reset, self.save])
        layout = {"margin": "0 8px 8px 0", "flex": "0 0 auto"}
        return widgets.VBox([*face, *self.sliders.values(), self.epoch, buttons], layout=layout)

    def _begin(self, runs: list[TrainedRun]) -> None:
        """Starts with a test image of the best run at hand, a face that it has not been trained on, or a drawn face."""
        first = next((run for run in runs if run.is_here() and run.has_transformer), None)
        self.run.value = FRESH if first is None else first
        if first is not None and self._has_faces_of(first):
            self.dataset.value = first.record.config.dataset
        self._open_dataset()
        if first is not None and first.record.config.dataset == self.dataset.value and len(first.test_rows):
            self.index.value = int(first.test_rows[0])
        self._show_epochs()

    def _connect(self) -> None:
        self.dataset.observe(self._on_dataset, "value")
        self.category.observe(lambda change: self._go_to(self.index.value), "value")
        self.run.observe(self._on_run, "value")
        self.beside.observe(lambda change: self._draw(), "value")
        self.epoch.observe(self._on_epoch, "value")
        for control in (self.index, *self.sliders.values()):
            control.observe(lambda change: self._draw_now(), "value")
        self.next.on_click(lambda button: self._go_to(self.index.value + 1))
        self.spin.on_click(lambda button: self._spin())
        self.reset.on_click(lambda button: self._reset())
        self.save.on_click(lambda button: self._save())

    def _on_dataset(self, change: dict) -> None:
        if not self._quiet:
            with self._told():
                self._open_dataset()
                self._draw_now()

    def _on_run(self, change: dict) -> None:
        with self._told():
            self._show_epochs()
            self._draw()

    def _on_epoch(self, change: dict) -> None:
        """Goes to an undisturbed face whose theta the run has recorded."""
        run = self._chosen
        if self._quiet or run is None:
            return
        with self._told():
            with self._at_once():
                if self.dataset.value != run.record.config.dataset:
                    self.dataset.value = run.record.config.dataset
                    self._open_dataset()
                if run.recorded_theta(self.index.value, epoch=0) is None:
                    self.index.value = int(run.test_rows[0])
                self._undisturb()
            self._draw()

    def _open_dataset(self) -> None:
        self._faces = data.load(self.dataset.value)
        self._labels = apply_rule(self._faces, DATASETS[self.dataset.value].rules[0])
        with self._at_once():
            self.category.options = [ANY, *self._labels.classes]
            self.index.max = len(self._faces) - 1
            self.index.description = f"Image 0–{self.index.max}"

    def _has_faces_of(self, run: TrainedRun) -> bool:
        return any(run.record.config.dataset == name for _, name in self.dataset.options)

    def _show_epochs(self) -> None:
        """Offers the epochs whose theta the run has recorded, where its faces are here."""
        run = self._chosen
        there = run is not None and run.thetas.size > 0 and self._has_faces_of(run)
        with self._at_once():
            self.epoch.max = len(run.thetas) - 1 if run is not None and there else 0
            self.epoch.value = self.epoch.max
        self.epoch.layout.display = None if there else "none"

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
            self._draw_now()

    def _reset(self) -> None:
        with self._at_once():
            self._undisturb()
        self._draw_now()

    def _undisturb(self) -> None:
        for part, slider in self.sliders.items():
            slider.value = getattr(NOTHING, part)

    def _spin(self) -> None:
        """Turns the face through ±45° and back to where it was, and draws theta's rotation as it follows.

        The slider stays: it would send each angle back, and those that come late would turn the face once more.
        """
        followed: dict[Side, list[tuple[float, float, float]]] = {side: [] for side, _ in self._shown()}
        for angle in SPIN:
            self._draw_now(rotation=angle)
            for side, points in followed.items():
                theta, pose = side.view.theta, side.view.pose
                true = angle if pose is None else float(pose_components(pose)["rotation"])
                points.append((angle, float(pose_components(theta)["rotation"]), true))
                side.curve.value = markup.follow_curve(points)
        self._draw_now()

    def _draw_now(self, **instead: float) -> None:
        """Draws what the trained network says: theta was recorded for undisturbed faces only."""
        if not self._quiet:
            with self._at_once():
                self.epoch.value = self.epoch.max
            self._draw(**instead)

    def _draw(self, **instead: float) -> None:
        """Computes and shows everything anew, in place; `instead` of what some sliders say."""
        if self._quiet:
            return
        with self._told():
            row = self.index.value
            label = self._label(row)
            if self.category.value not in (ANY, label):
                with self._at_once():
                    self.category.value = ANY  # an image of another class was asked for by its index
            disturbance = Disturbance(**{part: slider.value for part, slider in self.sliders.items()} | instead)
            problems = []
            for side, run in self._shown():
                view, problem = self._look(run, disturbance)
                title = f"{FRESH if run is None else run.title}{self._when(run)}"
                side.show(view, title, f"{self.dataset.value} {row}")
                problems.append(problem)
            self.sides[1].layout.display = "none" if self.beside.value == NOBODY else None
            told = [*dict.fromkeys(filter(None, problems)), self._about(row, label), self._absent]
            self.status.value = markup.message("\n".join(filter(None, told)), problem=any(problems))

    @property
    def _chosen(self) -> TrainedRun | None:
        return None if self.run.value == FRESH else self.run.value

    def _shown(self) -> list[tuple[Side, TrainedRun | None]]:
        shown = [(self.sides[0], self._chosen)]
        return shown if self.beside.value == NOBODY else [*shown, (self.sides[1], self.beside.value)]

    def _look(self, run: TrainedRun | None, disturbance: Disturbance) -> tuple[View, str]:
        """What the run makes of the face, or did at an epoch; and what is wrong, if it cannot be shown."""
        row = self.index.value
        image, label = self._faces.images[row], self._label(row)
        pose = None if self._faces.pose is None else np.asarray(self._faces.pose[row])
        if run is None:
            return observe(image, Model.fresh(), disturbance=disturbance, pose=pose, label=label), self._hint
        epoch = len(run.thetas) - 1 if run is not self._chosen else self.epoch.value
        recorded = run.recorded_theta(row, epoch=epoch) if self.dataset.value == run.record.config.dataset else None
        shown = None if recorded is None else recall(image, recorded, moves=run.moves_pixels, pose=pose, label=label)
        if shown is not None and self._when(run):
            return shown, ""
        try:
            return observe(image, open_run(run, profile=self._profile), disturbance=disturbance, pose=pose,
                           label=label), ""  # fmt: skip
        except FerError as error:
            if shown is not None and disturbance == NOTHING:
                return shown, f"{error}\nTheta is shown as it was recorded."
            fresh = observe(image, Model.fresh(), disturbance=disturbance, pose=pose, label=label)
            return fresh, f"{error}\nAn untrained transformer is shown instead."

    def _when(self, run: TrainedRun | None) -> str:
        """How far the run had come; empty at its end."""
        if run is not self._chosen or self.epoch.value == self.epoch.max:
            return ""
        return f", after epoch {self.epoch.value} of {self.epoch.max}" if self.epoch.value else ", before training"

    def _label(self, row: int) -> str:
        number = int(self._labels.hard[row])
        return self._labels.classes[number] if number >= 0 else "no class under the label rule"

    def _about(self, row: int, label: str) -> str:
        told = f"Image {row} of {DATASETS[self._faces.name].title}: {label}"
        run = self._chosen
        if run is not None and run.record.config.dataset == self.dataset.value:
            told += f", {'' if row in run.test_rows else 'not '}in this run's test set"
        pose = self.sides[0].view.pose
        beyond = pose is not None and picture.reaches_beyond(pose)
        return f"{told}.{' The dashed frame of its true pose reaches beyond the picture.' if beyond else ''}"

    def _save(self) -> None:
        with self._told():
            written = []
            for side, run in self._shown():
                by = "untrained" if run is None else run.weights.stem
                when = f"_epoch{self.epoch.value}" if self._when(run) else ""
                written += side.save(self._folder, f"{self.dataset.value}_{self.index.value}_{by}{when}")
            self.status.value = markup.message("Saved " + " and ".join(map(str, written)))

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
        """A mistake is told above the picture; what is broken is told there too, and raised."""
        try:
            yield
        except FerError as error:
            self.status.value = markup.message(str(error), problem=True)
        except Exception as error:
            self.status.value = markup.message(f"{type(error).__name__}: {error}", problem=True)
            raise


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


def _button(description: str, tooltip: str, *, width: str = "94px") -> widgets.Button:
    return widgets.Button(description=description, tooltip=tooltip, layout={"width": width})
