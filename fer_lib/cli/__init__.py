"""The command line: `python -m fer_lib …`. Thin: it parses, calls the library and prints.

What imports PyTorch takes seconds, and is imported by the commands that need it.
"""

import functools
import io
import signal
import subprocess
import sys
from typing import Annotated

import typer

from fer_lib import install, paths
from fer_lib.cli import data as data_commands
from fer_lib.cli import runs, trained
from fer_lib.cli.options import DataOption, JobsOption
from fer_lib.errors import FerError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
                  help="Facial-expression recognition with a spatial transformer: data, runs and report.")  # fmt: skip
app.add_typer(data_commands.app, name="data")
for command in (
    runs.run,
    runs.plan,
    runs.runs,
    runs.verify,
    trained.evaluate,
    trained.finetune,
    trained.export,
    trained.predict,
):
    app.command()(command)


KEPT = " What is finished is kept; the same command goes on, at most 15 s of training earlier."
GOES_ON = ("run", "report", "verify", "data")  # commands that take up again what they had begun


def main() -> None:
    """Entry point: a user's mistake is a message of two lines and exit code 2, Ctrl-C is exit code 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends like Ctrl-C
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup and signal.getsignal(hangup) == signal.SIG_DFL:  # so does a closed terminal, unless by `nohup`
        signal.signal(hangup, signal.default_int_handler)
    try:
        app()
    except FerError as error:
        if "--debug" in sys.argv or sys.flags.dev_mode:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code == 130:  # typer's word for Ctrl-C
            command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
            print(f"\nStopped.{KEPT if command in GOES_ON else ''}", file=sys.stderr)
        raise


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    """Facial-expression recognition with a spatial transformer: data, runs and report."""


@app.command("test")
def run_tests(fast: Annotated[bool, typer.Option("--fast", help="Leave out the slow ones.")] = False) -> None:
    """Install what the tests need, and run them, as `make test` does."""
    root, quick = paths.project_root(), " and not slow" if fast else ""
    at_once = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", "--no-loadscope-reorder")
    for words in (
        [install.__file__, sys.prefix, str(root / "requirements-dev.lock")],
        ["-m", "pytest", *at_once, "-m", f"not clock{quick}"],
        ["-m", "pytest", "-m", f"clock{quick}"],
    ):
        if failed := subprocess.run([sys.executable, *words], cwd=root).returncode:
            raise typer.Exit(failed)


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
    from fer_lib.campaign.schedule import default_jobs
    from fer_lib.report.make import build_report

    build = functools.partial(build_report, jobs=default_jobs(jobs), data_folder=data, verbose=verbose)
    if profile:
        print(f"report: {build(profile, train=train)}")
        return
    study = build("paper", train=False)
    print(f"the study: {study}", flush=True)
    demonstration = build("demo", train=train)
    print(f"the study: {study}\nthe demonstration: {demonstration}")
