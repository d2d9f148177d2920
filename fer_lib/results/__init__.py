"""Records as tables, and what can be said of them: intervals, tests, the model that pools all arms."""

from fer_lib.results.records import Results, collect

__all__ = ["Results", "collect"]
