"""The faults of `make faults`, a few of each that takes no minutes."""

import pytest
from faults.__main__ import FAULTS
from faults.machine import no_locks, wrong_clock
from faults.matter import archives, flips, pictures, tables


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("fault", "times"), [(flips, 8), (tables, 50), (pictures, 1000), (archives, 6), (wrong_clock, 1), (no_locks, 1)],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_fault_goes_well(fault, times):
    assert fault(times, seed=1) == []


def test_the_campaign_makes_as_many_as_are_asked_for():
    times = {fault.__name__: number for fault, number in FAULTS.values()}
    assert (times["kills"], times["flips"], times["tables"], times["pictures"]) == (100, 200, 2000, 20000)
