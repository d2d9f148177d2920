"""Commands on runs: train, plan, list and verify them."""

import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_lib import paths
from fer_lib.cli.options import DataOption, JobsOption
from fer_lib.errors import FerError

if TYPE_CHECKING:
    from fer_lib.training import RunConfig


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
        bool, typer.Option("--strict", help="Bitwise repeatable on this machine, slower on a GPU (FER_MODE=strict).")
    ] = False,
    weights: Annotated[
        bool, typer.Option("--weights", help="Keep the weights of all these runs; those that lack them train again.")
    ] = False,
    cluster: Annotated[str, typer.Option(help="slurm: by workers on a cluster's nodes, which share this folder.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Workers on the cluster.")] = 1,
    cluster_option: Annotated[
        list[str] | None, typer.Option(help="What sbatch is told of a worker, such as partition=gpu; may be repeated.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Train what is missing of params files' grids."""
    from fer_lib.campaign import Plan, run_all
    from fer_lib.campaign.cluster import Worker, folder_of, submit
    from fer_lib.campaign.grid import configs_keeping_weights
    from fer_lib.campaign.order import in_order
    from fer_lib.campaign.progress import Progress
    from fer_lib.campaign.schedule import default_jobs
    from fer_lib.paper.selection import behind, chosen
    from fer_lib.training import RunContext

    if strict:
        os.environ["FER_MODE"] = paths.with_mode("strict")
    if cluster not in ("", "slurm"):
        raise FerError(f"--cluster: {cluster!r} is unknown; slurm is all that there is.")
    if not cluster and (workers > 1 or cluster_option):
        raise FerError("--workers and --cluster-option are for workers.\nAdd --cluster slurm.")
    if deadline is not None and not deadline >= 0:
        raise FerError(f"--deadline {deadline}: expected minutes from now on.")
    ends_at = None if deadline is None else time.monotonic() + 60 * deadline
    planned = Plan.of(*params)
    store = paths.report_folder(planned.profile)
    cells = behind(claim, planned.cells, params[0].parent) if claim else planned.cells
    configs = chosen(in_order((cell.config for cell in cells), planned.first), only, store)
    if dry_run:
        for config in configs:
            print(config.canonical())
        return
    _warn(configs, data)
    place, keep = RunContext(store, data), frozenset(configs) if weights else configs_keeping_weights(cells)
    if cluster:
        if deadline is not None:
            raise FerError("--deadline is for one machine.\nA cluster has a time limit: --cluster-option time=MINUTES.")
        worker = Worker(tuple(configs), place, jobs, keep, weights)
        job = submit(worker, workers=workers, options=cluster_option or [])
        print(f"{workers} workers are sent, as job {job} of Slurm; their logs are in {folder_of(store)}.")
        print(f"`squeue -j {job}` shows them, `scancel {job}` ends them, `plan {planned.profile}` lists what is there.")
        return
    jobs = default_jobs(jobs)
    with Progress(configs, place.store, jobs=jobs, every_epoch=True) as progress:
        tally = run_all(
            configs, place, jobs=jobs, deadline=ends_at, report=progress.report, keep_weights=keep, need_weights=weights
        )
    print(tally)
    if tally.count("skipped") == len(configs) > 0:
        raise FerError(f"Nothing could be trained: {next(iter(tally.reasons.values()))}")
    sys.exit(1 if tally.count("broken") else 0)


def _warn(configs: "Iterable[RunConfig]", folder: Path | None) -> None:
    """Says what is odd about the data of runs, and what of a folder was left out; missing data is told elsewhere."""
    from fer_lib.data import load

    lines: dict[str, None] = {}
    for name in dict.fromkeys(config.dataset for config in configs):
        with suppress(FerError):
            lines |= dict.fromkeys(load(name, data=folder).warnings)
    for line in lines:
        print(line, file=sys.stderr)


def plan(profile: Annotated[str, typer.Argument(help="demo, quick or paper.")], jobs: JobsOption = 0) -> None:
    """List the runs of a profile in their order, which of them are there, and about what the others should take here.

    A CPU is timed for a moment; of a GPU nothing is guessed.
    """
    from fer_lib.campaign import Plan
    from fer_lib.campaign.cost import makespan, run_seconds
    from fer_lib.campaign.schedule import default_jobs
    from fer_lib.training import RunStore
    from fer_lib.training.event import titles

    configs = Plan.of_profile(profile).configs
    there = {record.config: record.status for record in RunStore(paths.report_folder(profile)).records()}
    missing = [config for config in configs if there.get(config) not in ("finished", "diverged")]
    at_once = min(default_jobs(jobs), max(1, len(missing)))
    seconds = run_seconds(missing, jobs=at_once)
    title = titles(configs)
    for config in configs:
        expected = f"{seconds[config]:8.0f} s" if config in seconds else " " * 10
        print(f"{there.get(config, 'missing'):9} {expected}  {title[config]}")
    minutes = f", about {makespan(seconds.values(), jobs=at_once) / 60:.0f} min" if seconds else ""
    print(f"{len(missing)} of {len(configs)} runs to train here{minutes}, {at_once} at once.")


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
    for broke, problem in store.troubles().items():
        print(f"{broke}  broken: {problem}; it will be tried again")


def verify(
    run_ids: Annotated[list[str], typer.Argument(help="Records to train again; `runs PROFILE` lists them.")],
    profile: Annotated[str, typer.Option(help="Whose records.")] = "paper",
    data: DataOption = None,
) -> None:
    """Train recorded runs again and say whether they come out the same, or within the spread of seeds."""
    from fer_lib.campaign.progress import Progress
    from fer_lib.campaign.verify import beside
    from fer_lib.campaign.verify import verify as train_again
    from fer_lib.training import RunContext, RunStore

    place = RunContext(paths.report_folder(profile), data)
    worst = 0
    for run_id in run_ids:
        there = RunStore(place.store).get(run_id)
        with Progress([there.config] if there else [], beside(place), every_epoch=True) as progress:
            found = train_again(run_id, place, report=progress.report)
        print(found)
        worst = max(worst, int(found.outcome == "outside"))
    sys.exit(worst)
