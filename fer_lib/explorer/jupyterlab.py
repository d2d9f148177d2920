"""The explorer in JupyterLab: which face, above the player, whose sliders, menus and buttons are in `controls.js`."""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
import torch
import traitlets

from fer_lib.data.faceset import OWN, SIZE
from fer_lib.errors import FerError
from fer_lib.explorer.face_choice import FaceChoice
from fer_lib.explorer.markup import message, told_in
from fer_lib.explorer.models import TrainedRun, in_memory, offered, open_run
from fer_lib.explorer.player import HERE, KERNEL, sources
from fer_lib.explorer.player import NOTHING as UNTRAINED
from fer_lib.explorer.portable import portable
from fer_lib.results import Results
from fer_lib.training import RunStore
from fer_lib.training.front import Trained


class Player(anywidget.AnyWidget):
    """A face to turn, before networks of the kernel's.

    Attributes:
        face: pixels in base64, what it is called, and the theta that undoes its pose, where that is known.
        straighten, classify: the names of the networks that are chosen.
        recorded: theta that is shown instead of what the transformer says now.
        epochs, epoch: of how many the run recorded theta, and which is wanted; no slider without them.
    """

    _esm = "\n".join([*sources(), (HERE / "jupyterlab.js").read_text("utf-8")])
    _css = (HERE / "player.css").read_text("utf-8")
    kernel = traitlets.Unicode(KERNEL).tag(sync=True)
    networks: Any = traitlets.List().tag(sync=True)
    face = traitlets.Dict().tag(sync=True)
    straighten = traitlets.Unicode().tag(sync=True)
    classify = traitlets.Unicode().tag(sync=True)
    recorded: Any = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    epochs = traitlets.Int(0).tag(sync=True)
    epoch = traitlets.Int(0).tag(sync=True)

    def __init__(
        self, networks: Sequence[dict[str, Any]], *, load: Callable[[str], dict[str, Any]],
        classify: Callable[[str, np.ndarray], np.ndarray],
    ) -> None:  # fmt: skip
        """Offers `networks`; `load` gives one as `portable` writes it, `classify` the probabilities [N, C] of a network
        for images float32 [N, 1, 48, 48], normalised.
        """
        self._load, self._classify = load, classify
        first = {one["role"]: one["name"] for one in reversed(networks)}
        super().__init__(networks=list(networks), straighten=first["transformer"], classify=first.get("classifier", ""))
        self.on_msg(self._on_question)

    def _on_question(self, widget: Any, question: dict[str, Any], buffers: list[Any]) -> None:
        try:
            self.send({"id": question["id"], "answer": self.answer(question, buffers)})
        except FerError as error:
            self.send({"id": question["id"], "error": str(error)})

    def answer(self, question: dict[str, Any], buffers: Sequence[Any]) -> Any:
        """A network to `load`, or what one that is to `classify` says of the images in `buffers`.

        Raises:
            FerError: the network is not here.
        """
        if "load" in question:
            return self._load(question["load"])
        images = np.stack([np.frombuffer(one, np.float32).reshape(1, SIZE, SIZE) for one in buffers])
        return self._classify(question["classify"], images).tolist()


class Explorer(widgets.VBox):
    """Choose a face of a data set, turn it, and see what a transformer makes of it and what a classifier answers.

    Attributes:
        face: which face of which data set.
        player: the face to turn, and the networks to choose from.
        status: which face this is, and what is wrong.
    """

    def __init__(
        self, results: Results | None, store: RunStore, *, profile: str, own: Sequence[TrainedRun] = ()
    ) -> None:
        """Offers `own`, the networks of the package and those among `results`, whose weights are in `store`."""
        self._profile = profile
        runs = [*own, *offered(results, store)]
        self._transformers = {run.weights.stem: run for run in runs if run.moves_pixels}
        self._classifiers = {
            run.weights.stem: run for run in runs if run.is_here() and run.record.config.model != "none"
        }
        self.status = widgets.HTML(layout={"margin": "0 0 8px 0"})
        self.face = FaceChoice(self._show_face, lambda: told_in(self.status))
        self.player = Player(self._listed(), load=self._load, classify=self._classify)
        super().__init__([self.face, self.status, self.player])
        self.add_class("fer-explorer")
        self._begin([run for run in runs if run.moves_pixels])
        self.player.observe(lambda change: self._show_theta(anew=True), "straighten")
        self.player.observe(lambda change: self._show_theta(), "epoch")

    def _listed(self) -> list[dict[str, Any]]:
        """What the player's lists offer."""
        found: list[dict[str, Any]] = []
        for name, run in self._transformers.items():
            partner = name if name in self._classifiers else ""
            found.append(
                {"name": name, "role": "transformer", "title": run.title, "kind": run.kind, "partner": partner}
            )
        for name, run in self._classifiers.items():
            found.append({"name": name, "role": "classifier", "title": run.title, "kind": run.kind,
                          "classes": run.record.classes})  # fmt: skip
        return found + UNTRAINED

    def _begin(self, runs: Sequence[TrainedRun]) -> None:
        """Starts with a test image of the best run at hand, a face that it has not been trained on, or a drawn face."""
        first = next((run for run in runs if run.is_here()), None)
        if first is not None:
            self.choose(first)
            if self.face.offers(first.dataset):
                self.face.show(first.dataset, int(first.test_rows[0]) if len(first.test_rows) else 0)
        self._show_face()

    def choose(self, run: TrainedRun) -> None:
        """Chooses a run's transformer, and the classifier behind it, or else one for the same faces."""
        if run.moves_pixels:
            self.player.straighten = run.weights.stem
        alike = [name for name, other in self._classifiers.items() if other.kind == run.kind]
        self.player.classify = next(iter([name for name in alike if name == run.weights.stem] + alike), "")

    def compare(self, dataset: str, name: str) -> None:
        """Chooses the first transformer that was trained on a data set, before the network of a file's name."""
        fitting = (name for name, run in self._transformers.items() if run.dataset == dataset and run.is_here())
        self.player.straighten = next(fitting, self.player.straighten)
        self.player.classify = name if name in self._classifiers else self.player.classify

    def _show_face(self) -> None:
        pixels, pose = base64.b64encode(np.ascontiguousarray(self.face.image).tobytes()).decode(), self.face.pose
        known = {} if pose is None else {"pose": [float(value) for value in pose.flat]}
        self.player.face = {"pixels": pixels, "called": f"{self.face}.", **known}
        self._show_theta(anew=True)

    def _show_theta(self, *, anew: bool = False) -> None:
        """Offers the epochs whose theta was recorded for this face, and shows the one that is wanted."""
        run = self._transformers.get(self.player.straighten)
        same = run is not None and self.face.dataset.value == run.dataset
        row, last = self.face.index.value, 0 if run is None else len(run.thetas) - 1
        kept = run is not None and same and run.recorded_theta(row, epoch=-1) is not None
        with self.player.hold_trait_notifications():
            self.player.epochs = last if kept else 0
            if anew:
                self.player.epoch = self.player.epochs
        past = run is not None and kept and (self.player.epoch < last or not run.is_here())
        theta = run.recorded_theta(row, epoch=self.player.epoch) if run is not None and past else None
        self.player.recorded = None if theta is None else [float(value) for value in theta.flat]
        self._tell(run, recorded=past)

    def _tell(self, run: TrainedRun | None, *, recorded: bool) -> None:
        lines = [self.face.absent]
        if run is not None and not run.is_here():
            lines += [_what_is_missing(run, self._profile), "Theta is as it was recorded." if recorded else ""]
        elif recorded:
            lines.append(f"Theta as it was after epoch {self.player.epoch} of {self.player.epochs}.")
        if run is not None and run.dataset == self.face.dataset.value and len(run.test_rows):
            where = "in" if self.face.index.value in run.test_rows else "not in"
            lines.append(f"The face is {where} the run's test set.")
        self.status.value = message("\n".join(filter(None, lines)))

    def _load(self, name: str) -> dict[str, Any]:
        return portable(open_run(self._transformers[name], profile=self._profile).transformer)

    def _classify(self, name: str, images: np.ndarray) -> np.ndarray:
        model = open_run(self._classifiers[name], profile=self._profile)
        assert model.network is not None
        with torch.inference_mode():
            return (model.network(torch.tensor(images)).float() / model.temperature).softmax(1).numpy()


def explore(run: Trained) -> Explorer:
    """The explorer, in JupyterLab, with what `fer_lib.train` gave.

    Raises:
        FerError: its images are not grey ones of 48×48.
    """
    own = in_memory(run)
    explorer = Explorer(None, RunStore(Path.cwd()), profile="demo", own=[own])
    explorer.choose(own)
    if run.test.name == OWN:
        explorer.face.show_images(run.test)
    return explorer


def _what_is_missing(run: TrainedRun, profile: str) -> str:
    try:
        open_run(run, profile=profile)
    except FerError as error:
        return str(error)
    return ""
