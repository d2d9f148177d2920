"""Commands on the data: check and fetch it."""

import functools
import json
from typing import Annotated, Any

import typer
import yaml

from fer_lib.cli.options import DataOption

app = typer.Typer(no_args_is_help=True, help="Look at the data set.")


@app.command()
def check(
    data: DataOption = None,
    dataset: Annotated[str, typer.Option(help="fer2013, toyfaces or another data set's name.")] = "fer2013",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out near-duplicates (a minute the first time).")] = False,
) -> None:
    """Say what was found, rows, classes and duplicates, and what is wrong."""
    from fer_lib.data import check as checks

    found = checks.check(data, dataset=dataset, near=not fast)
    print(json.dumps(found, indent=1) if as_json else as_text(found))


def as_text(found: dict[str, Any]) -> str:
    """What `check` found, as YAML; a line for each row of a table, problems and notes last."""
    dump: Any = functools.partial(yaml.safe_dump, sort_keys=False, allow_unicode=True, width=500)
    last = {name: found[name] for name in ("problems", "notes")}
    first = {name: own for name, own in found.items() if name not in last}
    return (dump(first, default_flow_style=None) + dump(last)).rstrip()


@app.command()
def fetch(
    data: DataOption = None,
    with_tiny_imagenet: Annotated[bool, typer.Option(help="Fetch Tiny-ImageNet too (240 MB).")] = False,
) -> None:
    """Fetch FER2013 and FER+ into the data folder, where they are not there yet."""
    from fer_lib.data import download

    sources = [download.FER2013, download.FERPLUS, *([download.TINY_IMAGENET] if with_tiny_imagenet else [])]
    folder = download.fetch(data, sources=sources, say=lambda line: print(line, flush=True))
    print(f"Look at it with `python -m fer_lib data check --data {folder}`.")
