"""Commands on trained networks: evaluate, export and use them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_lib import __version__, paths
from fer_lib.errors import FerError

if TYPE_CHECKING:
    from fer_lib.training import RunStore


def _store(profile: str) -> "RunStore | None":
    """A profile's runs; None outside a project, since the networks of the package need none."""
    from fer_lib.training import RunStore

    try:
        return RunStore(paths.report_folder(profile))
    except FerError:
        return None


def _told(*lines: str) -> None:
    """What was left out goes beside the answers, so that it never lies between them."""
    for line in lines:
        print(line, file=sys.stderr)


def _pairs(option: str, given: list[str] | None, such_as: str) -> list[tuple[str, str]]:
    """What `name=meaning` says, each time that an option was given."""
    pairs = [text.partition("=") for text in given or ()]
    if wrong := ["".join(pair) for pair in pairs if not (pair[0] and pair[2])]:
        raise FerError(f"{option} {wrong[0]}: write it as name=meaning, such as {such_as}.")
    return [(name, meant) for name, _, meant in pairs]


def evaluate(
    model: Annotated[str, typer.Argument(help="A network of the package, a file of one, or the id of a run.")],
    data: Annotated[Path, typer.Option("--data", help="Folder with a folder of images for each expression.")],
    names: Annotated[
        list[str] | None, typer.Option("--map", help="What another name of a folder means, such as normal=neutral.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw confusion, rates and reliability into this .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Say how good a trained network is on labelled faces from anywhere."""
    from fer_lib.data.labelled import read_labelled
    from fer_lib.faces.assess import assess
    from fer_lib.faces.charts import kind, save
    from fer_lib.faces.network import TrainedNetwork

    pairs = dict(_pairs("--map", names, "normal=neutral"))
    if picture is not None:
        kind(picture)  # a wrong name is told before the work, not after it
    network = TrainedNetwork.open(model, _store(profile))
    faces = read_labelled(data, names=pairs)
    _told(*faces.left_out)
    found = assess(network, faces)
    if picture is not None:
        save(found, picture)
    print(json.dumps(found.as_dict(), indent=1) if as_json else found)


def export(
    model: Annotated[str, typer.Argument(help="A network of the package, a file of one, or the id of a run.")],
    file: Annotated[Path, typer.Argument(help="The file to write: .onnx, or .html for a page that runs it.")],
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
) -> None:
    """Write a trained network as ONNX, its transformer included, checked against PyTorch; or as a page to play with."""
    from fer_lib.faces.network import TrainedNetwork
    from fer_lib.files import write_atomically

    if file.suffix.lower() not in (".onnx", ".html"):
        raise FerError(f"{file}: the name ends in .onnx, or in .html for a page that runs the network.")
    network = TrainedNetwork.open(model, _store(profile))
    if file.suffix.lower() == ".html":
        from fer_lib.faces.page import page

        write_atomically(file, page(network).encode())
        print(f"{file}: a page that turns faces before {network.name}, {file.stat().st_size / 1e6:.1f} MB")
        return
    from fer_lib.faces.export import checked, faces_to_compare

    print(f"{file}: about a minute, most of it to compare ONNX Runtime with PyTorch ...", flush=True)
    faces = faces_to_compare(network.record.config.dataset)
    content, difference = checked(network, faces)
    write_atomically(file, content)
    print(f"{file}: {len(network.classes)} classes, {file.stat().st_size / 1e6:.1f} MB")
    print(
        f"ONNX Runtime and PyTorch differ by at most {difference:.0e} on {len(faces)} faces, one by one and 64 at once."
    )


def predict(
    photos: Annotated[list[Path] | None, typer.Argument(help="Photos, or folders of photos.")] = None,
    camera: Annotated[int | None, typer.Option(help="Look through this camera instead (0 is the first).")] = None,
    model: Annotated[str, typer.Option(help="A network of the package, a file of one, or the id of a run.")] = "",
    crop: Annotated[bool, typer.Option("--crop", help="Each picture is a face already; look for none.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the photos with boxes, crops and bars.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each photo, a line each.")] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Say `unsure` below this probability; 0: never.", min=0, max=1)
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Classes to add up, such as positive=happiness,surprise; may be repeated.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
) -> None:
    """Find the faces in photos and say which expression each shows, photo by photo."""
    from fer_lib.faces.looking import CAUTION, answers, photos_in, through_camera
    from fer_lib.faces.onnx_network import graph_of
    from fer_lib.faces.predict import Predictor

    if bool(photos) == (camera is not None):
        raise FerError("predict: name photos or folders of photos, or else a camera (--camera 0), but not both.")
    if out is not None and out.exists() and not out.is_dir():
        raise FerError(f"--out {out} is a file; name a folder.")
    store = None if not model or graph_of(model) else _store(profile)
    groups = {name: parts.split(",") for name, parts in _pairs("--group", group, "positive=happiness,surprise")}
    predictor = Predictor(model, store, threshold=threshold, groups=groups)
    if camera is not None:
        through_camera(predictor, camera)
        return
    files, left_out = photos_in(photos or [])
    _told(*left_out)
    about = {"model": predictor.network.name, "version": __version__}
    done = failed = 0
    try:
        for answer in answers(predictor, files, crop=crop, out=out):
            line = json.dumps(answer.as_dict() | about) if as_json else str(answer)
            print(line, file=sys.stderr if answer.error and not as_json else sys.stdout, flush=True)
            done, failed = done + 1, failed + bool(answer.error)
    except KeyboardInterrupt:
        _told(f"Stopped: {done:,} of {len(files):,} photos are answered above.")
        raise
    if done > failed and not as_json:
        print(CAUTION)
    if failed or not files:
        raise FerError(
            f"{failed:,} of {done:,} photos could not be read." if failed else "There was no photo to look at."
        )
