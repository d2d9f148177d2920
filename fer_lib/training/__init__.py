"""A config → a run → its record."""

from fer_lib.training.config import RunConfig
from fer_lib.training.record import Epoch, Record
from fer_lib.training.run import RunContext, run_one
from fer_lib.training.store import RunStore

__all__ = ["Epoch", "Record", "RunConfig", "RunContext", "RunStore", "run_one"]
