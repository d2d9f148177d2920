"""The run store: `runs/<run_id>.json` and `.npz`, safe under two processes at once and under `kill -9`.

A file is written beside its place, flushed and renamed; the JSON comes last and names the npz file's hash, so a run
is either there whole or not there. Nothing is ever unpickled.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from pydantic import ValidationError

from fer_lib.files import write_atomically, writing
from fer_lib.training.config import SCHEMA, RunConfig
from fer_lib.training.record import Arrays, Record


class Busy(Exception):
    """Another process has the run."""


class RunStore:
    """Records in `folder/runs`, weights in `folder/weights`, checkpoints and troubles of others in `folder/work`."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.damaged: dict[str, str] = {}  # run_id → what is wrong; such a run is trained again
        self._read: dict[str, tuple[int, Record]] = {}

    def record_path(self, run_id: str) -> Path:
        return self.folder / "runs" / f"{run_id}.json"

    def checkpoint_path(self, run_id: str) -> Path:
        return self.folder / "work" / f"{run_id}.safetensors"

    def trouble_path(self, run_id: str) -> Path:
        """What broke the run, where one broke: a text."""
        return self.folder / "work" / f"{run_id}.txt"

    def troubles(self) -> dict[str, str]:
        """By run_id, what broke those runs that broke when they were last tried."""
        found = {path.stem: path.read_text().splitlines() for path in sorted(self.folder.glob("work/*.txt"))}
        return {run_id: lines[2] for run_id, lines in found.items() if len(lines) > 2}

    def weights_path(self, run_id: str) -> Path:
        return self.folder / "weights" / f"{run_id}.safetensors"

    def get(self, run_id: str) -> Record | None:
        """The record, or None if it is absent or damaged (then `damaged` says why)."""
        path = self.record_path(run_id)
        try:
            stamp = path.stat().st_mtime_ns
            if run_id in self._read and self._read[run_id][0] == stamp:
                return self._read[run_id][1]
            written = json.loads(path.read_bytes())
            record = Record.model_validate(written)
            sound = record.sha256 in ("", _digest(written))
            problem = self._problem(run_id, record) or ("" if sound else "it is not what was written")
        except FileNotFoundError:
            return None
        except (ValidationError, ValueError, OSError) as error:
            problem = f"not a readable record ({str(error).splitlines()[0]})"
        if problem:
            self.damaged[run_id] = problem
            return None
        self.damaged.pop(run_id, None)
        self._read[run_id] = stamp, record
        return record

    def _problem(self, run_id: str, record: Record) -> str:
        if record.schema_version != SCHEMA:
            return f"record version {record.schema_version}, expected {SCHEMA}"
        if record.run_id != run_id or record.config.run_id(record.fingerprint) != run_id:
            return "config and run_id do not belong together"
        if record.predictions_sha256:
            try:
                data = self.record_path(run_id).with_suffix(".npz").read_bytes()
            except OSError:
                return "predictions are missing"
            if hashlib.sha256(data).hexdigest() != record.predictions_sha256:
                return "predictions are damaged"
        return ""

    def records(self) -> list[Record]:
        """All sound records, by run_id."""
        found = (self.get(path.stem) for path in sorted(self.folder.glob("runs/*.json")))
        return [record for record in found if record is not None]

    def find(self, config: RunConfig, *, fingerprint: str | None = None) -> Record | None:
        """The record of `config` on the data with `fingerprint`; on whatever data it was run if that is None."""
        if fingerprint is not None:
            return self.get(config.run_id(fingerprint))
        return self.by_config().get(config)

    def by_config(self) -> dict[RunConfig, Record]:
        """All sound records, by what was run; of two of one run, on two kinds of data, that of the first run_id."""
        return {record.config: record for record in reversed(self.records())}

    def predictions(self, record: Record) -> Arrays:
        """Arrays by name, all [n] over the test images unless said otherwise.

        `rows`, `actual`, `predicted`, `confidence`; `copies` (index into `data.duplicates.COPIES`); under votes `tied`
        (bool); with a transformer `theta_rows`, `theta` [epochs + 1, 64, 2, 3] and `final_theta` [up to 1000, 2, 3];
        where epochs are chosen on selection images `probabilities` and `mirrored_probabilities` [n, C] of the test
        images as they are and mirrored, and of the m selection images `select_actual` [m] and both, with `select_`.
        """
        if not record.predictions_sha256:
            return {}
        with np.load(self.record_path(record.run_id).with_suffix(".npz"), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    def put(self, record: Record, arrays: Arrays | None = None) -> Record:
        """Stores a run and returns its record as stored."""
        path = self.record_path(record.run_id)
        if arrays:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
            data = buffer.getvalue()
            record = record.model_copy(update={"predictions_sha256": hashlib.sha256(data).hexdigest()})
            write_atomically(path.with_suffix(".npz"), data)
        record = record.model_copy(update={"sha256": _digest(record.model_dump(mode="json"))})
        text = json.dumps(record.model_dump(mode="json"), indent=1, allow_nan=False)
        write_atomically(path, (text + "\n").encode())
        return record

    @contextmanager
    def claim(self, run_id: str, *, wait: bool = True) -> Iterator[None]:
        """Context manager that keeps other processes from the run; the system releases it if this process dies.

        Raises:
            Busy: another process has it, and `wait` is False.
            FerError: the folder cannot be written.
        """
        path = self.folder / "work" / f"{run_id}.lock"
        lock = FileLock(path)
        with writing(path, otherwise="Choose a folder that can be written (FER_REPORT)."):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=-1 if wait else 0)
            except Timeout:
                raise Busy(run_id) from None
        try:
            for scrap in self.folder.glob(f"*/.{run_id}.*-*"):  # of a process that was killed while it wrote
                scrap.unlink(missing_ok=True)
            yield
        finally:
            lock.release()


def _digest(written: dict[str, Any]) -> str:
    told = {name: value for name, value in written.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
