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
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise FerError(f"{option}: a name is given twice, and one would be lost.")
    return [(name, meant) for name, _, meant in pairs]


def evaluate(
    model: Annotated[str, typer.Argument(help="A network of the package, a file of one, or the id of a run.")],
    data: Annotated[Path, typer.Option("--data", help="Folder with a folder of images for each class.")],
    names: Annotated[
        list[str] | None, typer.Option("--map", help="What another name of a folder means, such as normal=neutral.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say how good a trained network is on labelled faces from anywhere."""
    from fer_lib.data.labelled import expression, read_classes, read_labelled
    from fer_lib.faces.assess import assess
    from fer_lib.faces.network import TrainedNetwork

    pairs = dict(_pairs("--map", names, "normal=neutral"))
    network = TrainedNetwork.open(model, _store(profile))
    if own := [name for name in network.classes if expression(name) is None]:
        if pairs:
            raise FerError(f"--map is for expressions, and {model} has classes of its own, such as {own[0]!r}.")
        faces = read_classes(data)
    else:
        faces = read_labelled(data, names=pairs)
    _told(*faces.left_out)
    found = assess(network, faces)
    print(json.dumps(found.as_dict(), indent=1) if as_json else found)


def finetune(
    folder: Annotated[Path, typer.Argument(help="Folder with a folder of faces for each class, whatever its name.")],
    file: Annotated[Path, typer.Argument(help="The network to write: .safetensors; an .onnx file goes beside it.")],
    start: Annotated[str, typer.Option("--from", help="The network to start from.")] = "compact_ferplus",
    frozen: Annotated[bool, typer.Option("--frozen", help="Train the last layer alone: sooner.")] = False,
    epochs: Annotated[int, typer.Option(help="Passes over the faces, last layer first, then all.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Of the faces held out, their order and augmentation.", min=0)] = 0,
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
) -> None:
    """Teach a trained network the classes of your own labelled faces."""
    from fer_lib.data.labelled import read_classes
    from fer_lib.faces.export import checked
    from fer_lib.faces.finetune import finetune
    from fer_lib.faces.network import TrainedNetwork
    from fer_lib.files import write_atomically

    if file.suffix != ".safetensors":
        raise FerError(f"{file}: the name ends in .safetensors.")
    faces, network = read_classes(folder), TrainedNetwork.open(start, _store(profile))
    _told(*faces.left_out)
    found = finetune(network, faces, frozen=frozen, epochs=epochs, seed=seed)
    found.network.save(file)
    before = "" if found.before is None else f"; {network.name} {found.before:.3f}"
    print(f"{file}: accuracy {found.after:.3f} on the {found.held_out:,} faces held out{before}")
    write_atomically(file.with_suffix(".onnx"), checked(TrainedNetwork.open(str(file)), faces.images[:512])[0])
    print(f"{file.with_suffix('.onnx')}: the same network for ONNX Runtime")


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
        from fer_lib.report.face_page import page

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
    photos: Annotated[list[Path] | None, typer.Argument(help="Photos, folders of photos, and films.")] = None,
    camera: Annotated[int | None, typer.Option(help="Look through this camera instead (0: the first).", min=0)] = None,
    model: Annotated[str, typer.Option(help="A network of the package, a file of one, or the id of a run.")] = "",
    crop: Annotated[bool, typer.Option("--crop", help="Each picture is a face already; look for none.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for photos and films with what is seen in them.")] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="Write a line for each face into this file; started again, go on.")
    ] = None,
    every: Annotated[float, typer.Option(help="Seconds between two looks at a film or a camera.", min=0.01)] = 0.5,
    smooth: Annotated[float, typer.Option(help="Seconds over which a film's answers are smoothed.", min=0)] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each photo or moment.")] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Say `unsure` below this probability; 0: never.", min=0, max=1)
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Classes to add up, such as positive=happiness,surprise; may be repeated.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
) -> None:
    """Find the faces in photos, films or before a camera, and say which expression each shows."""
    from tqdm import tqdm

    from fer_lib.faces.film import SUFFIXES
    from fer_lib.faces.looking import CAUTION, Table, answers, of_film, photos_in
    from fer_lib.faces.onnx_network import graph_of
    from fer_lib.faces.predict import Predictor

    if bool(photos) == (camera is not None):
        raise FerError("predict: name photos, folders of photos and films, or a camera (--camera 0), but not both.")
    if crop and (camera is not None or any(path.suffix.lower() in SUFFIXES for path in photos or ())):
        raise FerError("--crop is for photos: in films and before a camera faces are looked for.")
    if out is not None and out.exists() and not out.is_dir():
        raise FerError(f"--out {out} is a file; name a folder.")
    store = None if not model or graph_of(model) else _store(profile)
    groups = {name: parts.split(",") for name, parts in _pairs("--group", group, "positive=happiness,surprise")}
    predictor = Predictor(model, store, threshold=threshold, groups=groups)
    files, left_out = photos_in(photos or [])
    _told(*left_out)
    rows = None if table is None else Table(table, predictor, {*map(str, files)})
    before = rows.done if rows else set[str]()
    bar = tqdm(files, disable=None if rows else True)  # None: unless a terminal shows it
    found = answers(predictor, bar, crop=crop, out=out, every=every, smooth=smooth, done=before)
    if camera is not None:
        _told(f"{CAUTION} Ctrl-C ends it.")
        found = of_film(predictor, camera, every=every, smooth=smooth, out=out)
    about, done, failed = {"model": predictor.network.name, "version": __version__}, set[str](), 0
    try:
        for answer in found:
            if rows:
                rows.add(answer)
            if answer.error and not as_json:
                _told(answer.error)
            elif as_json or not rows:
                print(json.dumps(answer.as_dict() | about) if as_json else answer, flush=True)
            done.add(answer.file)
            failed += bool(answer.error)
    except KeyboardInterrupt:
        if camera is None:
            count = len(done) + sum(str(file) in before for file in files)
            _told(f"Stopped after {count:,} of {len(files):,} files.{' The same command goes on.' if rows else ''}")
        raise
    if camera is None and len(done) > failed and not as_json:
        print(CAUTION)
    if failed or not (files or done):
        what = f"{failed:,} of {len(done):,} files could not be read." if failed else "There was nothing to look at."
        raise FerError(what)
