"""Commands on trained networks: release, evaluate, export and use them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fer_lib import paths
from fer_lib.errors import FerError


def release(
    run_ids: Annotated[list[str], typer.Argument(help="Ids of runs whose weights are in the profile's report folder.")],
    profile: Annotated[str, typer.Option(help="demo, quick or paper.")] = "paper",
) -> None:
    """Write the weights of runs into the package, in half precision, for everybody who has it."""
    from fer_lib.training import RunStore
    from fer_lib.training.release import release

    store = RunStore(paths.report_folder(profile))
    for run_id in run_ids:
        print(f"released: {release(run_id, store)}")


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
    from fer_lib.applied.assess import assess
    from fer_lib.applied.network import TrainedNetwork
    from fer_lib.applied.picture import kind, save
    from fer_lib.data.labelled import read_labelled
    from fer_lib.training import RunStore

    pairs = [text.partition("=") for text in names or ()]
    if wrong := ["".join(pair) for pair in pairs if not (pair[0] and pair[2])]:
        raise FerError(f"--map {wrong[0]}: write it as name=meaning, such as normal=neutral.")
    if picture is not None:
        kind(picture)  # a wrong name is told before the work, not after it
    network = TrainedNetwork.open(model, RunStore(paths.report_folder(profile)))
    found = assess(network, read_labelled(data, names={name: meant for name, _, meant in pairs}))
    if picture is not None:
        save(found, picture)
    print(json.dumps(found.as_dict(), indent=1) if as_json else found)


def export(
    model: Annotated[str, typer.Argument(help="A network of the package, a file of one, or the id of a run.")],
    file: Annotated[Path, typer.Argument(help="The file to write: .onnx, or .html for a page that runs it.")],
    runtime: Annotated[Path, typer.Option(help="For a page: the folder `dist` of npm's onnxruntime-web.")] = Path(
        "node_modules/onnxruntime-web/dist"
    ),
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
) -> None:
    """Write a trained network as ONNX, its transformer included, checked against PyTorch; or a web page with it."""
    from fer_lib.applied.export import checked, faces_to_compare
    from fer_lib.applied.network import TrainedNetwork
    from fer_lib.files import write_atomically
    from fer_lib.training import RunStore

    if file.suffix.lower() not in (".onnx", ".html"):
        raise FerError(f"{file}: the name ends in .onnx, or in .html for a page that runs the network.")
    network = TrainedNetwork.open(model, RunStore(paths.report_folder(profile)))
    faces = faces_to_compare(network.record.config.dataset)
    content, difference = checked(network, faces)
    if file.suffix.lower() == ".html":
        from fer_lib.applied.page import page

        content = page(network, content, runtime).encode()
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
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list with an object for each face.")] = False,
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
) -> None:
    """Find the faces in photos and say which expression each shows."""
    from fer_lib.applied.looking import look, through_camera
    from fer_lib.applied.predict import Predictor
    from fer_lib.training import RunStore

    if bool(photos) == (camera is not None):
        raise FerError("predict: name photos or folders of photos, or a camera (--camera 0).")
    predictor = Predictor(model, RunStore(paths.report_folder(profile)))
    if camera is not None:
        through_camera(predictor, camera)
        return
    told = look(predictor, photos or [], crop=crop, out=out)
    print(json.dumps(told.faces, indent=1) if as_json else told)
    if told.errors:
        raise FerError("\n".join(told.errors))
