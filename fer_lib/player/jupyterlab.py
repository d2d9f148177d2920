"""The player as a widget of JupyterLab: faces and networks come from the kernel, which also classifies."""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets

from fer_lib.data.faceset import SIZE
from fer_lib.errors import FerError
from fer_lib.player import HERE, KERNEL, sources


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
