"""The command line: `python -m fer_lib …`. Thin: it parses, calls the library and prints.

What imports PyTorch takes seconds, and is imported by the commands that need it.
"""

import functools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from fer_lib import paths
from fer_lib.errors import FerError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
                  help="Facial-expression recognition with a spatial transformer: data, runs and report.")  # fmt: skip
data_app = typer.Typer(no_args_is_help=True, help="Look at the data set.")
app.add_typer(data_app, name="data")

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder or file with FER2013 (default: FER_DATA, or data/).")
]
JobsOption = Annotated[int, typer.Option(min=0, help="Runs at once; 0: one per CPU core, or one per GPU.")]


def main() -> None:
    """Entry point: a user's mistake is a message of two lines and exit code 2, Ctrl-C is exit code 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends like Ctrl-C
    try:
        app()
    except FerError as error:
        if "--debug" in sys.argv or os.environ.get("FER_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code == 130:  # typer's word for Ctrl-C
            print("\nStopped. What is finished is kept; the same command goes on from here.", file=sys.stderr)
        raise


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    """Facial-expression recognition with a spatial transformer: data, runs and report."""


@app.command()
def run(
    params: Annotated[list[Path], typer.Argument(help="Params files, such as params/paper/04_optimizer_sweep.yaml.")],
    jobs: JobsOption = 0,
    deadline: Annotated[float | None, typer.Option(help="Stop cleanly before this many minutes are over.")] = None,
    only: Annotated[
        str, typer.Option(help="Only runs with these values, such as dataset=fer2013,seed=0, or a record's run id.")
    ] = "",
    claim: Annotated[str, typer.Option(help="Only runs that this claim of the paper rests on, such as C4.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the configs, a JSON line each, and train nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Bitwise repeatable on this machine, slower on a GPU (FER_STRICT=1).")
    ] = False,
    weights: Annotated[
        bool, typer.Option("--weights", help="Keep the weights of all these runs; those that lack them train again.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Train what is missing of params files' grids."""
    from fer_lib.selection import behind, chosen
    from fer_lib.training import Place, grids_in, run_all
    from fer_lib.training.campaign import default_jobs
    from fer_lib.training.grid import cells_of, kept, profile_of
    from fer_lib.training.order import in_order, written_order
    from fer_lib.training.progress import Progress

    if strict:
        os.environ["FER_STRICT"] = "1"
    ends_at = None if deadline is None else time.monotonic() + 60 * deadline
    grids = grids_in(params)
    cells = cells_of(grids)
    store = paths.report_folder(profile_of(grids))
    if claim:
        cells = behind(claim, cells, params[0].parent)
    first = [config for folder in dict.fromkeys(path.parent for path in params) for config in written_order(folder)]
    configs = chosen(in_order((cell.config for cell in cells), first), only, store)
    if dry_run:
        for config in configs:
            print(config.canonical())
        return
    place = Place(store, data)
    jobs = default_jobs(jobs)
    with Progress(configs, place.store, jobs=jobs, every_epoch=True) as progress:
        tally = run_all(
            configs, place, jobs=jobs, deadline=ends_at, report=progress.report,
            keep_weights=frozenset(configs) if weights else kept(cells), need_weights=weights,
        )  # fmt: skip
    print(tally)


@app.command()
def plan(
    profile: Annotated[str, typer.Argument(help="demo, quick or paper.")],
    jobs: JobsOption = 0,
    claims: Annotated[
        bool, typer.Option("--claims", help="Say for each claim of the paper what is measured, and what is not.")
    ] = False,
) -> None:
    """List the runs of a profile in their order, which of them are there, and what the others should take here.

    The device is timed for some seconds for every kind of run that is missing; the result is kept for a day.
    """
    from fer_lib.selection import claims_told, transfer_arms
    from fer_lib.training import Place, RunStore, cost, grids_in
    from fer_lib.training.calibration import calibrate
    from fer_lib.training.campaign import default_jobs
    from fer_lib.training.event import titles
    from fer_lib.training.grid import cells_of
    from fer_lib.training.order import in_order, written_order

    place = Place(paths.report_folder(profile))
    folder = paths.params_folder(profile)
    if claims:
        transfer_arms(folder)  # before anything is timed
    cells = cells_of(grids_in(paths.params_files(folder)))
    configs = in_order((cell.config for cell in cells), written_order(folder))
    there = {record.config: record.status for record in RunStore(place.store).records()}
    missing = [config for config in configs if there.get(config) not in ("finished", "diverged")]
    at_once = min(default_jobs(jobs), max(1, len(missing)))
    speeds = calibrate(missing, place, jobs=at_once)
    seconds = {config: cost.run_seconds(config, speed) for config, speed in speeds.items()}
    if claims:
        print("\n".join(claims_told(folder, RunStore(place.store), seconds, jobs=at_once)))
        return
    title = titles(configs)
    for config in configs:
        expected = f"{seconds[config]:8.0f} s" if config in seconds else " " * 10
        print(f"{there.get(config, 'missing'):9} {expected}  {title[config]}")
    minutes = cost.makespan(seconds.values(), jobs=at_once) / 60
    print(f"{len(configs) - len(missing)} of {len(configs)} runs are there; "
          f"the others should take {minutes:.0f} min here, {at_once} at once.")  # fmt: skip


@app.command()
def runs(
    profile: Annotated[str, typer.Argument(help="demo, quick or paper.")],
    run_id: Annotated[str | None, typer.Argument(help="Show this run's record.")] = None,
) -> None:
    """List a profile's records, or show one."""
    from fer_lib.training import RunStore
    from fer_lib.training.event import titles

    store = RunStore(paths.report_folder(profile))
    if run_id is not None:
        record = store.get(run_id)
        if record is None:
            reason = store.damaged.get(run_id, "no such run")
            raise FerError(f"{store.record_path(run_id)}: {reason}.\n`runs {profile}` lists those that are there.")
        print(record.model_dump_json(indent=1))
        return
    records = store.records()
    title = titles(record.config for record in records)
    for record in records:
        accuracy = record.metrics.get("test_accuracy")
        result = f"{accuracy:.4f}" if accuracy is not None else "–"
        print(f"{record.run_id}  {record.status:8} {result:6}  {record.seconds:7.0f} s  {title[record.config]}")
    for damaged, problem in store.damaged.items():
        print(f"{damaged}  damaged: {problem}; it will be trained again")


@app.command()
def verify(
    run_ids: Annotated[
        list[str] | None, typer.Argument(help="Records to train again; none: list those there are.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose records.")] = "paper",
    data: DataOption = None,
) -> None:
    """Train recorded runs again and say whether they come out the same, or within the spread of seeds."""
    from fer_lib.training import Place, RunStore
    from fer_lib.training.event import titles
    from fer_lib.training.progress import Progress, span
    from fer_lib.training.verify import beside, verifiable
    from fer_lib.training.verify import verify as train_again

    place = Place(paths.report_folder(profile), data)
    if not run_ids:
        listed = verifiable(place)
        title = titles(record.config for record, _, _ in listed)
        for record, kind, seconds in listed:
            how = "bit by bit" if kind else f"to the spread ({record.provenance.get('arithmetic')} there)"
            took = f"about {span(seconds)}" if seconds is not None else ""
            print(f"{record.run_id}  {how:28} {took:20} {title[record.config]}")
        print(f"{len(listed)} of {len(RunStore(place.store).records())} records can be verified here.")
        return
    worst = 0
    for run_id in run_ids:
        there = RunStore(place.store).get(run_id)
        with Progress([there.config] if there else [], beside(place), every_epoch=True) as progress:
            found = train_again(run_id, place, report=progress.report)
        print(found)
        worst = max(worst, int(found.outcome == "outside"))
    sys.exit(worst)


@app.command()
def report(
    profile: Annotated[
        str, typer.Option(help="demo, quick or paper; without it, the study as it is, then the demonstration.")
    ] = "",
    jobs: JobsOption = 0,
    data: DataOption = None,
    train: Annotated[bool, typer.Option(help="Train what is missing, or make do with the records.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also print every epoch.")] = False,
) -> None:
    """Train what is missing, execute the notebooks and render the pages of a profile.

    Without a profile: the study from the records that are there, then the demonstration on drawn faces, which trains.
    """
    print(f"{profile or 'The study, then the demonstration'}: loading PyTorch ...", flush=True)
    from fer_lib.report.make import build_report
    from fer_lib.training.campaign import default_jobs

    build = functools.partial(build_report, jobs=default_jobs(jobs), data_folder=data, verbose=verbose)
    if profile:
        print(f"report: {build(profile, train=train)}")
        return
    study = build("paper", train=False)
    print(f"the study: {study}", flush=True)
    demonstration = build("demo", train=train)
    print(f"the study: {study}\nthe demonstration: {demonstration}")


@app.command()
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


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A network of the package, a file of one, or the id of a run.")],
    data: Annotated[Path, typer.Option("--data", help="Folder with a folder of images for each expression.")],
    names: Annotated[
        list[str] | None, typer.Option("--map", help="What another name of a folder means, such as normal=neutral.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Whose runs a run's id is looked for in.")] = "paper",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say how good a trained network is on labelled faces from anywhere."""
    from fer_lib.applied.assess import assess
    from fer_lib.applied.network import TrainedNetwork
    from fer_lib.data.labelled import read_labelled
    from fer_lib.training import RunStore

    pairs = [text.partition("=") for text in names or ()]
    if wrong := ["".join(pair) for pair in pairs if not (pair[0] and pair[2])]:
        raise FerError(f"--map {wrong[0]}: write it as name=meaning, such as normal=neutral.")
    network = TrainedNetwork.open(model, RunStore(paths.report_folder(profile)))
    found = assess(network, read_labelled(data, names={name: meant for name, _, meant in pairs}))
    print(json.dumps(found.as_dict(), indent=1) if as_json else found)


@app.command()
def docs() -> None:
    """Bring the generated numbers in README.md, MODEL_CARD.md and DATASHEET.md up to date."""
    from fer_lib.study.documents import write_documents

    changed = write_documents()
    print("\n".join(f"written: {path.name}" for path in changed) or "nothing to change")


@data_app.command("check")
def data_check(
    data: DataOption = None,
    dataset: Annotated[str, typer.Option(help="fer2013, toyfaces or another data set's name.")] = "fer2013",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out near-duplicates (a minute the first time).")] = False,
) -> None:
    """Say what was found, rows, classes and duplicates, and what is wrong."""
    from fer_lib.data.check import check
    from fer_lib.data.summary import as_text

    found = check(data, dataset=dataset, near=not fast)
    print(json.dumps(found, indent=1) if as_json else as_text(found))


@data_app.command("fetch")
def data_fetch(
    data: DataOption = None,
    with_tiny_imagenet: Annotated[bool, typer.Option(help="Fetch Tiny-ImageNet too (240 MB).")] = False,
) -> None:
    """Fetch FER2013 and FER+ into the data folder, where they are not there yet."""
    from fer_lib.data import download

    sources = [download.FER2013, download.FERPLUS, *([download.TINY_IMAGENET] if with_tiny_imagenet else [])]
    folder = download.fetch(data, sources=sources, say=lambda line: print(line, flush=True))
    print(f"Look at it with `python -m fer_lib data check --data {folder}`.")
