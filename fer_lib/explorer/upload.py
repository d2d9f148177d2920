"""A photo of one's own in JupyterLab: its faces, what a network says of each, and the explorer on the largest."""

import io
from pathlib import Path
from typing import IO

import ipywidgets as widgets

from fer_lib.data.picture import read_picture
from fer_lib.explorer.jupyterlab import Explorer
from fer_lib.explorer.markup import message, told_in
from fer_lib.faces.annotate import as_png
from fer_lib.faces.looking import CAUTION
from fer_lib.faces.predict import Predictor


class PhotoPanel(widgets.VBox):
    """An upload button and a path above the photo with boxes and bars; below, the explorer.

    Attributes:
        upload, path: where the photo comes from.
        status: how many faces there are, or what is wrong.
        picture: the photo with its faces; hidden until there is one.
        explorer: shows the largest face.
    """

    def __init__(self, predictor: Predictor, explorer: Explorer) -> None:
        self._predictor, self.explorer = predictor, explorer
        layout = {"width": "304px"}
        self.upload = widgets.FileUpload(accept="image/*", description="Choose a photo", layout=layout)
        self.path = widgets.Text(description="or a path", continuous_update=False, layout=layout)
        self.status = widgets.HTML(message("The photo stays on this machine."))
        self.picture = widgets.Image(format="png", layout={"width": "100%", "max_width": "1100px", "display": "none"})
        explorer.compare("fer2013", predictor.network.name)
        super().__init__([widgets.HBox([self.upload, self.path]), self.status, self.picture, explorer])
        self.add_class("fer-photo")
        self.upload.observe(self._on_upload, "value")
        self.path.observe(self._on_path, "value")

    def show(self, file: Path | IO[bytes], name: str) -> None:
        """Shows a photo, or says above it what is wrong."""
        with told_in(self.status):
            photo = read_picture(file, name)
            found = self._predictor(photo)
            self.explorer.face.show_photo(photo, name, [one.face for one in found])
            self.picture.value = as_png(photo, found)
            self.picture.layout.display = None
            faces = "no face was found" if not found else f"{len(found)} face{'s' if len(found) > 1 else ''}"
            self.status.value = message(f"{name}: {faces}, by {self._predictor.network.name}. {CAUTION}")

    def _on_upload(self, change: dict) -> None:
        for file in change["new"]:
            self.show(io.BytesIO(file["content"]), file["name"])

    def _on_path(self, change: dict) -> None:
        if change["new"].strip():
            path = Path(change["new"].strip()).expanduser()
            self.show(path, str(path))
