"""A face to turn in a browser, what a transformer makes of it, and what a classifier answers, without a server.

`files` are what a report's page loads, `page` is one file with one network. The arithmetic (`arithmetic.js`) is ours;
`tests/explorer/test_player.py` compares it with PyTorch's.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from fer_lib.data import DATASETS
from fer_lib.data.canvas import PoseRange
from fer_lib.data.faceset import FER_CLASSES, VOTE_COLUMN
from fer_lib.data.toyfaces import draw
from fer_lib.explorer.portable import portable
from fer_lib.models import Classifier, SpatialTransformer
from fer_lib.models.weights import open_network
from fer_lib.training import RunConfig
from fer_lib.training.record import Record
from fer_lib.training.release import contents, released

HERE = Path(__file__).parent
KERNEL = base64.b64encode((HERE / "kernel.wasm").read_bytes()).decode()
IDENTITY = [1, 0, 0, 0, 1, 0]
_LEFT_OUT = "compact_fer2013"  # a page loads 6 MB at most, all networks together
_HEAVY = ("layers", "weights", "factors")  # of a network, what a page loads once it is chosen
# What is no file; `tests/player` holds against the records that the paper's does nothing.
NOTHING: list[dict[str, Any]] = [
    {"name": "paper", "role": "transformer", "kind": "", "title": "the paper’s, which does nothing",
     "theta": IDENTITY, "idle": True},
    {"name": "hand", "role": "transformer", "kind": "", "title": "six numbers of your own", "hand": True},
    {"name": "none", "role": "transformer", "kind": "", "title": "nothing", "theta": IDENTITY},
]  # fmt: skip


def of_transformer(transformer: SpatialTransformer, name: str, title: str, kind: str) -> dict[str, Any]:
    """A transformer as the player takes it."""
    return {"name": name, "role": "transformer", "kind": kind, "title": title, **portable(transformer)}


def of_classifier(model: Classifier, name: str, title: str, record: Record, temperature: float) -> dict[str, Any]:
    """The network behind a transformer as the player takes it, with the classes of its run."""
    told = {"name": name, "role": "classifier", "kind": kind_of(record.config.dataset), "title": title}
    return told | {"classes": record.classes, "temperature": temperature, **portable(model.network)}


def kind_of(dataset: str) -> str:
    """Which faces a data set has: `drawn` ones, or `photo`."""
    return "drawn" if dataset in ("toyfaces", "toyfacesplus") else "photo"


def title_of(config: RunConfig) -> str:
    """What a released network is chosen by."""
    drawn = kind_of(config.dataset) == "drawn"
    faces = "drawn faces" if drawn else f"photographs ({DATASETS[config.dataset].title})"
    return f"one taught on {faces}" if config.loss == "pose" else f"{config.model}, for {faces}"


@cache
def shipped() -> tuple[dict[str, Any], ...]:
    """Networks of the package, those for drawn faces first, small ones before large ones."""
    found, files = [], {path: record for path, record in released().items() if path.stem != _LEFT_OUT}
    for path, record in sorted(files.items(), key=lambda pair: pair[0].stat().st_size):
        model = open_network(record.config, path, classes=len(record.classes))
        title, kind = title_of(record.config), kind_of(record.config.dataset)
        if record.config.loss == "pose" and model.attention is not None:
            found.append(of_transformer(model.attention, path.stem, title, kind))
        else:
            found.append(of_classifier(model, path.stem, title, record, contents(path).temperature))
    return tuple(sorted(found, key=lambda network: network["kind"]))


@cache
def faces() -> tuple[dict[str, str], ...]:
    """An upright drawn face of each expression, the one that its taggers agree on most; pixels in base64."""
    drawn = draw(64, seed=3, pose_range=PoseRange(0, 0, 0, 0))
    agreed = drawn.votes[np.arange(64), np.array(VOTE_COLUMN)[drawn.labels]]
    found = []
    for name in ("happy", "surprise", "angry", "sad", "fear", "disgust", "neutral"):
        row = np.where(drawn.labels == FER_CLASSES.index(name), agreed, 0).argmax()
        pixels = base64.b64encode(drawn.images[row].tobytes()).decode()
        found.append({"pixels": pixels, "called": f"A drawn face, {name}."})
    return tuple(found)


def files() -> dict[str, str]:
    """By name: what a page loads that has an element of the class `fer-player`, and a file for each network."""
    return {
        "player.css": (HERE / "player.css").read_text("utf-8"),
        "player.js": "\n".join([*sources(), _start(shipped()), ""]),
        **{f"networks/{network['name']}.js": _added(network) + "\n" for network in shipped()},
    }


def page(notes: Iterable[str], *, networks: Iterable[dict[str, Any]] = (), style: str = "", assets: str = "") -> str:
    """A page with a player alone: one file with `networks` and `style`, or one that loads a report's files.

    Args:
        notes: paragraphs under the player.
        networks: of `of_transformer` and `of_classifier`; those that a reader chooses first, first.
        style: CSS of the page around it.
        assets: where a report's `files` and its style sheet lie, seen from the page.
    """
    networks = [*networks]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True)
    return environment.get_template("page.html.j2").render(
        style=Markup(style + (HERE / "player.css").read_text("utf-8")),
        script=Markup("\n".join([*sources(), *map(_added, networks), _start(networks)]) if networks else ""),
        assets=assets,
        notes=notes,
    )


def sources() -> list[str]:
    """The arithmetic and the player, JavaScript."""
    return [(HERE / name).read_text("utf-8") for name in ("arithmetic.js", "controls.js")]


def _start(networks: Iterable[Mapping[str, Any]]) -> str:
    listed = [{key: value for key, value in network.items() if key not in _HEAVY} for network in [*networks, *NOTHING]]
    return f"ferPlayer.start({_script({'networks': listed, 'faces': faces(), 'kernel': KERNEL})});"


def _added(network: Mapping[str, Any]) -> str:
    return f"ferPlayer.add({_script(network['name'])}, {_script(network)});"


def _script(value: Any) -> str:
    """JSON that may stand in a script: nothing in it ends one."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
