"""A network as one HTML file that needs no server: the exported network, an engine for it, and a place for a photo."""

import base64
import gzip
import io
from pathlib import Path

import jinja2
from markupsafe import Markup
from PIL import Image

from fer_lib import __version__, data
from fer_lib.applied.looking import CAUTION
from fer_lib.applied.network import TrainedNetwork
from fer_lib.data import DATASETS
from fer_lib.errors import FerError
from fer_lib.report.html import TEMPLATES as REPORT

TEMPLATES = Path(__file__).parent / "templates"
ENGINE, LOADER, WASM = "ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"


def page(network: TrainedNetwork, onnx: bytes, runtime: Path) -> str:
    """The HTML of a page that asks `network`, exported as `onnx`, about a face in a photo or before a camera.

    Args:
        network: whose classes, run and accuracy the page tells.
        onnx: what `export.checked` made of it.
        runtime: folder with the files of npm's onnxruntime-web, its `dist`.

    Raises:
        FerError: the folder lacks a file of the engine.
    """
    try:
        engine, loader, wasm = ((runtime / name).read_bytes() for name in (ENGINE, LOADER, WASM))
    except OSError as error:
        raise FerError(
            f"{error.filename} is not there.\nName the folder `dist` of onnxruntime-web: npm install onnxruntime-web."
        ) from error
    record = network.record
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    return environment.get_template("face.html.j2").render(
        style=Markup((REPORT / "style.css").read_text("utf-8")),
        script=Markup((TEMPLATES / "face.js").read_text("utf-8")),
        engine=Markup(engine.decode().replace("</script", "<\\/script")),
        parts={
            "wasm": _packed(wasm), "loader": _packed(loader), "network": _packed(onnx), "drawing": _drawing(),
        },
        classes=network.classes,
        caution=CAUTION.partition(";")[0] + ".",
        accuracy=f"{record.metrics['test_accuracy']:.0%}",
        provenance=f"The network is {network.name} of fer_lib {__version__}, run {record.run_id}, trained on "
        f"{DATASETS[record.config.dataset].title}.",
    )  # fmt: skip


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _drawing() -> str:
    """A drawn face as PNG, which the page shows first."""
    content = io.BytesIO()
    Image.fromarray(data.load("toyfaces").images[0]).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()
