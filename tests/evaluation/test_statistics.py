"""Intervals and tests against known numbers; one seed decides nothing."""

import math

import numpy as np
import pytest
from scipy import stats

from fer_lib.evaluation.statistics import (
    Estimate,
    estimate,
    holm,
    mcnemar_p,
    paired_difference,
    paired_p,
    smallest_detectable,
)

NAN = float("nan")


def test_the_interval_is_students():
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.n, found.mean) == (5, 3)
    assert found.sd == pytest.approx(math.sqrt(2.5))
    half = 2.776445 * math.sqrt(2.5 / 5)  # t of 4 degrees of freedom at 0.975, from a printed table
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))
    low, high = stats.t.interval(0.9, 4, loc=3, scale=math.sqrt(2.5 / 5))
    narrow = estimate([1.0, 2.0, 3.0, 4.0, 5.0], level=0.9)
    assert (narrow.low, narrow.high) == pytest.approx((low, high))


def test_one_seed_is_a_mean_and_no_seed_is_missing():
    one = estimate([0.7, NAN])
    assert (one.n, one.mean, one.sign) == (1, 0.7, "undecided")
    assert all(math.isnan(value) for value in (one.sd, one.low, one.high))
    assert estimate([]).sign == estimate([NAN]).sign == "missing"


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 0.2, "greater"), (-0.2, -0.1, "less"), (-0.1, 0.1, "undecided")]
)
def test_a_sign_needs_the_whole_interval(low, high, sign):
    assert Estimate(3, (low + high) / 2, 0.1, low, high).sign == sign


def test_pairs_are_of_the_same_seed():
    first, second = {0: 0.5, 1: 0.7, 2: 0.9, 9: 0.0}, {2: 0.8, 0: 0.4, 1: 0.6, 7: 1.0}
    found = paired_difference(first, second)
    assert (found.n, found.sign) == (3, "greater")
    assert found.mean == pytest.approx(0.1)
    assert found.sd == pytest.approx(0, abs=1e-12)


def test_paired_p_is_the_paired_t_test():
    first, second = {0: 0.5, 1: 0.72, 2: 0.9, 3: 0.61}, {0: 0.45, 1: 0.7, 2: 0.93, 3: 0.5}
    wanted = stats.ttest_rel(list(first.values()), list(second.values())).pvalue
    assert paired_p(first, second) == pytest.approx(wanted)
    assert paired_p(second, first) == pytest.approx(wanted)
    assert math.isnan(paired_p({0: 0.5}, {0: 0.4}))
    assert math.isnan(paired_p({0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.5}))


def test_holm_multiplies_and_stays_in_order():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    with_gap = holm([0.01, NAN, 0.04])
    assert with_gap[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert math.isnan(with_gap[1])
    assert np.isnan(holm([NAN, NAN])).all()
    assert len(holm([])) == 0


def test_mcnemar_counts_the_disagreements_whoever_comes_first():
    first, second = np.zeros(30, bool), np.zeros(30, bool)
    first[:12] = True
    second[10:15] = True  # 10 only the first, 3 only the second
    assert mcnemar_p(first, second) == pytest.approx(stats.binomtest(3, 13).pvalue)
    assert mcnemar_p(second, first) == pytest.approx(mcnemar_p(first, second))
    assert mcnemar_p(first, first) == 1


def test_the_smallest_detectable_difference_shrinks_with_seeds():
    five, ten = (smallest_detectable(0.01, n=n) for n in (5, 10))
    critical, shift = stats.t.ppf(0.975, 4), five / 0.01 * math.sqrt(5)
    assert stats.nct.sf(critical, 4, shift) + stats.nct.cdf(-critical, 4, shift) == pytest.approx(0.8, abs=1e-4)
    assert ten < five
    assert smallest_detectable(0.02, n=5) == pytest.approx(2 * five)
    assert all(math.isnan(smallest_detectable(sd, n=n)) for sd, n in ((0.01, 1), (0.0, 5), (NAN, 5)))
