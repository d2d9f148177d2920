"""make report: train what is missing, execute the notebooks, render the pages."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from fer_lib import data, paths
from fer_lib.campaign import Cell, Plan, run_all
from fer_lib.campaign.grid import configs_keeping_weights
from fer_lib.campaign.order import in_order, with_pretraining
from fer_lib.campaign.progress import Progress
from fer_lib.data import DATASETS
from fer_lib.errors import DataMissing, FerError
from fer_lib.report.execute import NotebookFailed, Task, execute
from fer_lib.report.html import render_report
from fer_lib.report.inputs import has_outputs, page_inputs, read_manifest, write_manifest
from fer_lib.report.kernels import preload_imports
from fer_lib.training import Record, RunConfig, RunContext, RunStore
from fer_lib.training.live import Live
from fer_lib.training.machine import cores

TITLE = "Spatial transformer and ResNet50 for facial expressions"


def build_report(
    profile: str, *, jobs: int, data_folder: Path | None = None, train: bool = True, verbose: bool = False
) -> Path:
    """The report of a profile, from its records alone if not `train`; returns its index.

    Raises:
        FerError: the profile, its params or its data are missing, or a notebook failed or a run broke; the pages of
            the others are made all the same, and say so.
    """
    folder = paths.report_folder(profile)
    plan = Plan.of_profile(profile)
    params = {file.path.stem: file.values for file in plan.files}
    notebooks = [notebook for notebook in paths.notebooks() if notebook.stem in params]
    if alone := sorted(params.keys() - {notebook.stem for notebook in notebooks}):
        raise FerError(
            f"{paths.params_folder(profile)}/{alone[0]}.yaml: no notebook of that name.\n"
            "A profile consists of the notebooks that it has params for."
        )
    cells = plan.named  # names that mean two runs come to light before anything is trained
    place = RunContext(folder, data_folder)
    environment = _environment(folder, data_folder, jobs=jobs)
    preload_imports(notebooks, environment)  # runs and kernels are forked from one process
    trainable = trainable_cells(cells, place) if train else []
    broken = _train(trainable, plan.first, place, jobs=jobs, verbose=verbose) if train else 0
    store = RunStore(folder)
    made_from = {
        notebook.stem: page_inputs(notebook, params[notebook.stem], store=store, data_folder=data_folder)
        for notebook in notebooks
    }
    before = read_manifest(folder)
    rendered = all((folder / f"{page}.html").is_file() for page in ("index", *made_from))
    if rendered and before == made_from and not broken:
        print(f"{profile}: nothing that its pages are made from has changed.")
        return folder / "index.html"
    tasks = [Task(notebook, params[notebook.stem], folder / "notebooks" / notebook.name) for notebook in notebooks]
    stale = [
        task for task in tasks
        if before.get(task.notebook.stem) != made_from[task.notebook.stem] or not has_outputs(task.output)
    ]  # fmt: skip
    failed = _execute(stale, jobs=jobs, environment=environment)
    without = {error.notebook for error in failed if isinstance(error, NotebookFailed)}
    planned = set(with_pretraining(cell.config for cell in cells))
    records = [record for record in store.records() if record.config in planned]
    index = render_report(
        [task.output for task in tasks if task.output.is_file()],
        folder=folder,
        title=TITLE,
        profile=profile,
        provenance=_provenance(len(planned), records, damaged=store.damaged),
        incomplete=" ".join(_lacking(failed, len(planned), records)),
    )
    write_manifest(folder, {page: inputs for page, inputs in made_from.items() if page not in without})
    errors = [str(error) for error in failed]
    if broken:
        errors.append(f"{broken} runs broke; `python -m fer_lib runs {profile}` says how.")
    if errors:
        raise FerError("\n".join(errors))
    return index


def _execute(tasks: list[Task], *, jobs: int, environment: dict[str, str]) -> list[FerError]:
    """Runs notebooks, says how far it is, and returns the errors of those that failed."""
    ended = 0

    def say(line: str) -> None:
        nonlocal ended
        ended += 1
        live.advance(1)
        live.say(line)

    with Live(total=len(tasks), line=lambda: f"notebook {ended}/{len(tasks)}") as live:
        return execute(tasks, jobs=jobs, say=say, env=environment)


def trainable_cells(cells: list[Cell], place: RunContext) -> list[Cell]:
    """Those of `cells` whose data is here; prints a line about each data set that is not.

    Raises:
        FerError: some data is missing, and there is no record of a run either.
    """
    recorded = RunStore(place.store).records()
    absent = set()
    for config in {cell.config.dataset: cell.config for cell in cells}.values():
        try:
            data.load(config.dataset, data=place.data)
        except DataMissing:
            if not recorded:
                raise
            absent.add(config.dataset)
    for name in sorted(absent):
        print(f"{DATASETS[name].title} is not here: its runs are read, not trained.")
    return [cell for cell in cells if cell.config.dataset not in absent]


def _train(cells: list[Cell], first: list[RunConfig], place: RunContext, *, jobs: int, verbose: bool) -> int:
    """Trains what is missing, and returns how many runs broke."""
    configs = in_order((cell.config for cell in cells), first)
    without = "TRAIN=0 (--no-train) renders what is there without them."
    with Progress(configs, place.store, jobs=jobs, every_epoch=verbose, without=without) as progress:
        tally = run_all(configs, place, jobs=jobs, keep_weights=configs_keeping_weights(cells), report=progress.report)
    print(f"runs: {tally}")
    return tally.count("broken")


def _environment(folder: Path, data_folder: Path | None, *, jobs: int) -> dict[str, str]:
    """What a notebook's kernel needs to find the same project, report and data; there, it only reads runs.

    Each of `jobs` kernels takes its share of the cores: more threads than cores make all of them slower.
    """
    values = {"FER_ROOT": str(paths.project_root()), "FER_REPORT": str(folder.absolute())}
    values |= {"FER_DATA": str(paths.data_folder(data_folder).absolute()), "FER_MODE": paths.with_mode("publish")}
    values["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS") or str(max(1, cores() // jobs))
    return values


def _lacking(failed: Iterable[FerError], wanted: int, records: list[Record]) -> Iterator[str]:
    """A sentence on each notebook that failed, and one on the runs that have not been made, if there are any."""
    for error in failed:
        what = "A notebook failed"
        if isinstance(error, NotebookFailed):
            what = f"{error.notebook} failed in cell {error.cell}"
        yield f"{what}, so its page is missing and the others may lack what depends on it."
    made = sum(record.status != "skipped" for record in records)
    if made < wanted:
        skipped = len(records) - made
        also = f" and {skipped} skipped for want of weights or data" if skipped else ""
        yield f"{made} of {wanted} runs have been made{also}; what rests on the others is marked as missing."


def _provenance(wanted: int, records: list[Record], *, damaged: Iterable[str]) -> dict[str, str]:
    """What a report rests on: the runs of its grids, data, machines, time and versions."""
    done = [record for record in records if record.status != "skipped"]
    count = Counter(record.status for record in records)
    states = ", ".join(f"{count[state]} {state}" for state in ("finished", "diverged", "skipped"))
    hours: dict[str, float] = defaultdict(float)
    for record in done:
        hours[record.provenance["device"]] += record.seconds / 3600

    def of_runs(key: str) -> str:
        return _listed(record.provenance[key] for record in done)

    return {
        "Runs": f"{len(done)} of {wanted}: {states}",
        "Training time": "; ".join(f"{time:.2f} h on {device}" for device, time in sorted(hours.items())) or "none",
        "Data (fingerprint)": _listed(f"{DATASETS[run.config.dataset].title} {run.fingerprint[:12]}" for run in done),
        "Arithmetic": of_runs("arithmetic"),
        "torch": of_runs("torch"),
        "Runs computed at commits": of_runs("commit"),
        "Damaged records": _listed(damaged),
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"
