"""Sliders around `scene` and `picture`: the explorer as a user of JupyterLab meets it.

Widgets are updated in place, never cleared, so nothing flickers; every control has a label and takes the keyboard.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from fer_lib.errors import FerError
from fer_lib.explorer import markup, picture
from fer_lib.explorer.face import CONTROL, LABEL, FaceChoice
from fer_lib.explorer.models import TrainedRun, in_memory, offered, open_run, what_to_train
from fer_lib.explorer.scene import NOTHING, Disturbance, Model, View, observe, recall
from fer_lib.explorer.side import WRAP, Side
from fer_lib.geometry import pose_components
from fer_lib.results import Results
from fer_lib.training import RunStore
from fer_lib.training.front import Trained

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
_CHOICE = {"layout": {"width": "100%", "max_width": "840px"}, "style": LABEL}


class Explorer(widgets.VBox):
    """A panel of controls beside what one transformer, or two, make of a face.

    Attributes:
        run, beside: the transformer, and the one to compare it with.
        face: which face of which data set.
        sliders: by the parts of a `Disturbance`.
        epoch: goes back to theta as it was recorded after each epoch of the run.
        spin, reset, save: buttons.
        sides: what `run` makes of the face, and what `beside` does.
        status: which face this is, and what is wrong.
    """

    def __init__(
        self, results: Results | None, store: RunStore, *, profile: str, own: Sequence[TrainedRun] = ()
    ) -> None:
        """Offers `own`, the networks of the package and those among `results`; saves figures beside `store`'s runs."""
        self._folder, self._profile = store.folder / "explorer", profile
        self._quiet = False  # while several controls change at once
        runs = [*own, *offered(results, store)]
        self._hint = what_to_train(runs, profile)
        choices: list[tuple[str, TrainedRun | str]] = [(run.title, run) for run in runs]
        self.run = widgets.Dropdown(options=[*choices, (FRESH, FRESH)], description="Transformer", **_CHOICE)
        self.beside = widgets.Dropdown(options=[(NOBODY, NOBODY), *choices], description="Beside it", **_CHOICE)
        self.face = FaceChoice(self._draw_now, self._told)
        self.sliders = {
            part: widgets.FloatSlider(value=getattr(NOTHING, part), min=least, max=most, step=step, description=label,
                                      readout_format=".0f" if part == "rotation" else ".2f", **CONTROL)
            for part, (label, least, most, step) in _RANGES.items()
        }  # fmt: skip
        self.epoch = widgets.IntSlider(min=0, max=0, description="Epoch", **CONTROL)
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
        buttons = widgets.HBox([self.spin, self.reset, self.save])
        layout = {"margin": "0 8px 8px 0", "flex": "0 0 auto"}
        return widgets.VBox([self.face, *self.sliders.values(), self.epoch, buttons], layout=layout)

    def _begin(self, runs: list[TrainedRun]) -> None:
        """Starts with a test image of the best run at hand, a face that it has not been trained on, or a drawn face."""
        first = next((run for run in runs if run.is_here() and run.has_transformer), None)
        self.run.value = FRESH if first is None else first
        if first is not None and self.face.offers(first.dataset):
            self.face.show(first.dataset, int(first.test_rows[0]) if len(first.test_rows) else 0)
        self._show_epochs()

    def compare(self, dataset: str, name: str) -> None:
        """Chooses the first transformer that was trained on a data set and, beside it, the network of a file's name."""
        runs = [run for _, run in self.run.options if run != FRESH]
        fitting = (run for run in runs if run.has_transformer and run.dataset == dataset and run.is_here())
        self.run.value = next(fitting, self.run.value)
        self.beside.value = next((run for run in runs if run.weights.stem == name), NOBODY)

    def _connect(self) -> None:
        self.run.observe(self._on_run, "value")
        self.beside.observe(lambda change: self._draw(), "value")
        self.epoch.observe(self._on_epoch, "value")
        for control in self.sliders.values():
            control.observe(lambda change: self._draw_now(), "value")
        self.spin.on_click(lambda button: self._spin())
        self.reset.on_click(lambda button: self._reset())
        self.save.on_click(lambda button: self._save())

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
                if self._recorded(run, epoch=0) is None:
                    self.face.show(run.dataset, int(run.test_rows[0]))
                self._undisturb()
            self._draw()

    def _show_epochs(self) -> None:
        """Offers the epochs whose theta the run has recorded, where its faces are here."""
        run = self._chosen
        there = run is not None and run.thetas.size > 0 and self.face.offers(run.dataset)
        with self._at_once():
            self.epoch.max = len(run.thetas) - 1 if run is not None and there else 0
            self.epoch.value = self.epoch.max
        self.epoch.layout.display = None if there else "none"

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
        followed: dict[Side, list[tuple[float, float, float]]] = {side: [] for side, _, _ in self._shown()}
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
            disturbance = Disturbance(**{part: slider.value for part, slider in self.sliders.items()} | instead)
            problems = []
            for side, run, epoch in self._shown():
                view, problem = self._look(run, epoch, disturbance)
                title = f"{FRESH if run is None else run.title}{self._when(epoch)}"
                side.show(view, title, str(self.face))
                problems.append(problem)
            self.sides[1].layout.display = "none" if self.beside.value == NOBODY else None
            told = [*dict.fromkeys(filter(None, problems)), self._about(), self.face.absent]
            self.status.value = markup.message("\n".join(filter(None, told)), problem=any(problems))

    @property
    def _chosen(self) -> TrainedRun | None:
        return None if self.run.value == FRESH else self.run.value

    def _shown(self) -> list[tuple[Side, TrainedRun | None, int | None]]:
        """The sides, what each is of, and the epoch that it goes back to; None: the run at its end."""
        epoch = None if self.epoch.value == self.epoch.max else self.epoch.value
        shown = [(self.sides[0], self._chosen, epoch)]
        return shown if self.beside.value == NOBODY else [*shown, (self.sides[1], self.beside.value, None)]

    def _look(self, run: TrainedRun | None, epoch: int | None, disturbance: Disturbance) -> tuple[View, str]:
        """What the run makes of the face, or made at an epoch; and what is wrong, if it cannot be shown."""
        known: dict[str, Any] = {"pose": self.face.pose, "label": self.face.label}
        recorded = None
        if run is not None and disturbance == NOTHING:
            recorded = self._recorded(run, epoch=-1 if epoch is None else epoch)
        problem = self._hint if run is None else ""
        if run is not None and epoch is None:
            try:
                model = open_run(run, profile=self._profile)
                return observe(self.face.image, model, disturbance=disturbance, **known), ""
            except FerError as error:
                shown = (
                    "An untrained transformer is shown instead" if recorded is None else "Theta is as it was recorded"
                )
                problem = f"{error}\n{shown}."
        if run is not None and recorded is not None:
            return recall(self.face.image, recorded, moves=run.moves_pixels, **known), problem
        return observe(self.face.image, Model.fresh(), disturbance=disturbance, **known), problem

    def _recorded(self, run: TrainedRun, *, epoch: int) -> np.ndarray | None:
        """Theta of this face at an epoch, if the run has recorded it."""
        same = self.face.dataset.value == run.dataset
        return run.recorded_theta(self.face.index.value, epoch=epoch) if same else None

    def _when(self, epoch: int | None) -> str:
        """How far the run had come; empty at its end."""
        if epoch is None:
            return ""
        return f", after epoch {epoch} of {self.epoch.max}" if epoch else ", before training"

    def _about(self) -> str:
        run, told = self._chosen, str(self.face)
        if run is not None and run.dataset == self.face.dataset.value:
            told += f", {'' if self.face.index.value in run.test_rows else 'not '}in this run's test set"
        pose = self.sides[0].view.pose
        beyond = pose is not None and picture.reaches_beyond(pose)
        return f"{told}.{' The dashed frame of its true pose reaches beyond the picture.' if beyond else ''}"

    def _save(self) -> None:
        with self._told():
            written = []
            for side, run, epoch in self._shown():
                by = "untrained" if run is None else run.weights.stem
                when = "" if epoch is None else f"_epoch{epoch}"
                stem = f"{self.face.dataset.value}_{self.face.index.value}_{by}{when}"
                written += side.save(self._folder, stem)
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


def explore(run: Trained) -> Explorer:
    """The explorer, in JupyterLab, with what `fer_lib.train` gave; it saves figures into `explorer` here.

    Raises:
        FerError: its images are not grey ones of 48×48.
    """
    own = in_memory(run)
    explorer = Explorer(None, RunStore(Path.cwd()), profile="demo", own=[own])
    explorer.run.value = own
    return explorer


def _button(description: str, tooltip: str, *, width: str = "94px") -> widgets.Button:
    return widgets.Button(description=description, tooltip=tooltip, layout={"width": width})
