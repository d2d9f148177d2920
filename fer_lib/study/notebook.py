"""Study: what a notebook holds. It trains or reads the runs of its parameters and puts results on the page."""

import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from fer_lib import __version__, data, paths
from fer_lib.campaign import Cell, Plan, expand, parse_grid, run_all
from fer_lib.campaign.grid import configs_keeping_weights
from fer_lib.campaign.order import in_order
from fer_lib.campaign.progress import Progress
from fer_lib.campaign.schedule import default_jobs
from fer_lib.errors import DataMissing, FerError
from fer_lib.files import write_atomically
from fer_lib.plots import style
from fer_lib.report.show import show_drawing, show_figure, show_note, show_table
from fer_lib.results import Results, collect
from fer_lib.training import Record, RunContext, RunStore
from fer_lib.training.machine import default_device


class Study:
    """One profile's runs, figures and tables, under `reports/<profile>`.

    A notebook run by hand writes its figures and tables to `interactive/` there: only `make report` changes what the
    pages link to (`FER_MODE=publish`).
    """

    def __init__(self, profile: str) -> None:
        check_parameters(vars(sys.modules["__main__"]))
        self.profile = profile
        self.folder = paths.report_folder(profile)
        self.store = RunStore(self.folder)
        self.shown = self.folder if paths.mode("publish") else self.folder / "interactive"
        self._of_page: list[Cell] = []
        self._recorded: Results | None = None
        self.texts: dict[str, str] = {}  # captions that a person wrote, by the name of the figure (`answers`)
        style.apply()

    def provenance(self) -> str:
        """One line on what this page is made from: versions, device, profile and number of records."""
        import torch

        records = len(list(self.folder.glob("runs/*.json")))
        where = f"torch {torch.__version__} on {default_device().type}"
        by_hand = "" if self.shown == self.folder else f"; figures and tables of this session go to {self.shown}"
        return f"fer_lib {__version__}, {where}, profile {self.profile}, {records} records{by_hand}"

    def run(self, **grid: Any) -> Results:
        """Results of a grid, `run(base=…, arms=…, datasets=…, splits=…, seeds=…)`: the keys of a params file.

        Runs that are missing are trained first, if their data is here (see `training.grid`).

        Raises:
            FerError: an unknown key, a value that is no valid config, or a `reference` that is none of the arms.
        """
        return self.collect(expand(parse_grid({"profile": self.profile, **grid}, where="parameters")))

    def collect(self, cells: list[Cell]) -> Results:
        """Results of cells, which share the spread over seeds with the runs of all notebooks of this profile.

        What is missing is trained where its data is; not for `make report`, which has done so before.
        """
        self._of_page, self._recorded = cells, None
        if not paths.mode("publish"):
            self._train(cells)
        results = self._read(cells)
        self._note_gaps(cells, results)
        mine = {_name(cell) for cell in cells}
        others = [cell for cell in self._plan().named if _name(cell) not in mine]
        return replace(results, study=self._read([*cells, *others])) if others else results

    def _read(self, cells: list[Cell]) -> Results:
        here, recorded = _fingerprints(cells), self.store.by_config()
        records = [
            recorded.get(cell.config) if (fingerprint := here[_source(cell)]) is None
            else self.store.get(cell.config.run_id(fingerprint))
            for cell in cells
        ]  # fmt: skip
        reasons = {
            position: "" if self.shown == self.folder else f"no {data.DATASETS[cell.config.dataset].title} to train on"
            for position, cell in enumerate(cells)
            if here[_source(cell)] is None
        }
        return collect(cells, records, load=self.store.predictions, reasons=reasons)

    def _train(self, cells: list[Cell]) -> None:
        """Trains what is missing, where its data is."""
        here = _fingerprints(cells)
        given = ((cell.config, here[_source(cell)]) for cell in cells)
        found = {config: self.store.get(config.run_id(known)) for config, known in given if known is not None}
        missing = [config for config, record in found.items() if record is None or record.status == "skipped"]
        if not missing:
            return
        wanted = in_order(missing, self._plan().first)
        jobs = default_jobs()
        with Progress(wanted, self.folder, jobs=jobs) as progress:
            keep = configs_keeping_weights(cells)
            print(run_all(wanted, RunContext(self.folder), jobs=jobs, keep_weights=keep, report=progress.report))

    def _plan(self) -> Plan:
        """The plan of all notebooks of this profile; an empty one for a profile of a notebook's own."""
        try:
            folder = paths.params_folder(self.profile)
        except FerError:
            return Plan(())
        return Plan.of(*paths.params_files(folder))

    def _note_gaps(self, cells: list[Cell], results: Results) -> None:
        configs = pd.Series([cell.config for cell in cells], results.runs.index)  # one run may stand for several arms
        for status in ("missing", "skipped", "diverged"):
            runs = results.runs["status"] == status
            if runs.any():
                reasons = "; ".join(dict.fromkeys(filter(None, results.runs.loc[runs, "reason"])))
                told = f"{configs[runs].nunique()} of {configs.nunique()} runs of this page are {status}"
                show_note(f"{told}: {reasons}." if reasons else f"{told}; nothing above rests on them.")

    def pretraining(self, results: Results) -> list[Record]:
        """The records of the study's own pre-training runs that `results` start from, as far as they are there."""
        before = dict.fromkeys(record.config.pretraining for record in results.records.values())
        found = (self.store.find(config) for config in before if config is not None)
        return [record for record in found if record is not None]

    def faces(self, dataset: Mapping[str, Any]) -> data.FaceSet | None:
        """The images of a data set's parameters; None where they are not here, so figures of them are left out."""
        try:
            return data.load(dataset["dataset"])
        except DataMissing:
            if self.shown != self.folder:  # no page names a path
                show_note(f"{data.DATASETS[dataset['dataset']].title} is not in {paths.data_folder()} (FER_DATA).")
            return None

    def images(self, results: Results, dataset: str) -> data.FaceSet | None:
        """The images of `results`' data set of that name, or None (see `faces`)."""
        record = results.first_record(dataset=dataset)
        return None if record is None else self.faces({"dataset": record.config.dataset})

    def facts(
        self, name: str, compute: Callable[..., pd.DataFrame], faces: data.FaceSet | None, *, once: bool = False,
        **options: Any,
    ) -> pd.DataFrame:  # fmt: skip
        """`compute(faces, **options)`, kept as a CSV beside the records; or that CSV, without images or with `once`."""
        path = self.folder / "facts" / f"{name}.csv"
        if faces is not None and not (once and path.is_file()):
            table = compute(faces, **options)
            write_atomically(path, table.to_csv(index=False, lineterminator="\n").encode())
            return table
        if not path.is_file():
            raise DataMissing(f"{path} is not here, nor are the images.\nPut FER2013 and FER+ into FER_DATA.")
        return pd.read_csv(path)

    def figure(self, figure: Figure | None, *, name: str, caption: str, alt: str, number: str | None = None,
               data: pd.DataFrame | None = None) -> None:  # fmt: skip
        """Puts a figure on the page and its SVG, PNG and CSV into `figures/`; nothing where there is none to show.

        A caption that a person wrote for it (`answers`) takes the place of `caption`.
        """
        if figure is not None:
            caption = self.texts.get(name, caption)
            show_figure(
                figure, folder=self.shown / "figures", name=name, caption=caption, alt=alt, number=number, data=data
            )

    def diagram(self, drawing: str, *, name: str, caption: str, alt: str, number: str | None = None) -> None:
        """Puts the SVG file `diagrams/<drawing>.svg` of this package on the page and into `figures/`."""
        show_drawing(
            Path(__file__).with_name("diagrams") / f"{drawing}.svg",
            folder=self.shown / "figures", name=name, caption=caption, alt=alt, number=number,
        )  # fmt: skip

    def table(self, table: pd.DataFrame, *, name: str, caption: str, number: str | None = None,
              of: Results | None = None, formats: Mapping[Any, Any] | None = None,
              fold: bool = False) -> None:  # fmt: skip
        """Puts a table on the page, or folds it away there, and its CSV into `tables/`; says so where it has no row.

        `of` has the runs that are planned for it; the caption says how many are measured where some are not.
        """
        if of is not None:
            caption = f"{caption} {of.coverage()}".strip()
        if table.empty:
            show_note(f"{number or 'Table'}: nothing to show yet. {caption}")
            return
        show_table(
            table, folder=self.shown / "tables", name=name, caption=caption, number=number, formats=formats, fold=fold
        )

    def explore(self, results: Results | None = None, *, straighten: str = "") -> None:
        """Opens a face to turn, in JupyterLab, before the transformers among `results` and those of the package.

        `straighten` names the transformer that it opens with.
        """
        from fer_lib.explorer.jupyterlab import Explorer

        explorer = Explorer(results, self.store, profile=self.profile)
        explorer.player.straighten = straighten or explorer.player.straighten
        display(explorer)

    def say(self, *sentences: str) -> None:
        """Puts a paragraph (Markdown) with computed numbers on the page, if there is anything to say."""
        if text := " ".join(filter(None, sentences)):
            display(Markdown(text))

    def code(self, function: Callable[..., Any]) -> None:
        """Puts a function's source on the page, so that what a page shows is what runs."""
        display(Markdown(f"```python\n{textwrap.dedent(inspect.getsource(function))}```"))

    def recorded(self) -> Results:
        """The runs of all notebooks of this profile, without a word on those that are missing; trains nothing.

        Those of this page, where the profile is a notebook's own.
        """
        self._recorded = self._recorded or self._read(self._plan().named or self._of_page)
        return self._recorded

    def everything(self) -> Results:
        """The runs of all notebooks of this profile, as far as they are there; trains nothing.

        Raises:
            FerError: the profile is a notebook's own, without params files.
        """
        if not (planned := self._plan().named):
            raise FerError(f"The profile {self.profile!r} has no params files, which say what its runs are.")
        results = self._recorded = self._read(planned)  # anew: what was trained meanwhile counts
        self._note_gaps(planned, results)
        return results


def check_parameters(names: Mapping[str, Any]) -> None:
    """Whether what a notebook's parameters cell declared (`angles: list = …`) still has the type that it says.

    Raises:
        FerError: a parameter of another type, as papermill's `-p angles "[0]"` makes one: a text.
    """
    for name, kind in names.get("__annotations__", {}).items():
        value = names.get(name)
        if kind is float and isinstance(value, int):
            continue
        if isinstance(kind, type) and value is not None and not isinstance(value, kind):
            raise FerError(
                f"{name}: found {value!r} ({type(value).__name__}), expected a {kind.__name__}.\n"
                f"On papermill's command line: -y '{name}: …', in YAML."
            )


def _name(cell: Cell) -> tuple[str, str, str, int]:
    return cell.arm, cell.dataset, cell.split, cell.seed


def _source(cell: Cell) -> tuple[str, str, str]:
    return cell.config.dataset, cell.config.model, cell.config.optimizer


def _fingerprints(cells: list[Cell]) -> dict[tuple[str, str, str], str | None]:
    """Of what `cells` train on, by data set, model and optimizer; None where the data is not here."""
    found: dict[tuple[str, str, str], str | None] = {}
    for source, cell in {_source(cell): cell for cell in cells}.items():
        try:
            faces = data.load(cell.config.dataset)
            found[source] = cell.config.fingerprint(faces)
        except DataMissing:
            found[source] = None
    return found
