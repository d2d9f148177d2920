"""Intervals and tests against known numbers; one seed decides nothing."""

import math

import numpy as np
import pytest
from scipy import stats

from fer_lib.results.statistics import (
    Estimate,
    estimate,
    holm,
    overlap,
    power,
    seeds_needed,
    smallest_detectable,
)

NAN = float("nan")


def test_the_interval_is_students():
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.n, found.mean) == (5, 3)
    assert found.sd == pytest.approx(math.sqrt(2.5))
    half = 2.776445 * math.sqrt(2.5 / 5)  # t of 4 degrees of freedom at 0.975, from a printed table
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))


def test_one_seed_is_a_mean_and_no_seed_is_missing():
    one = estimate([0.7, NAN])
    assert (one.n, one.mean, one.sign) == (1, 0.7, "undecided")
    assert all(math.isnan(value) for value in (one.sd, one.se, one.low, one.high, one.p))
    assert estimate([]).sign == estimate([NAN]).sign == "missing"


@pytest.mark.parametrize(("mean", "sign"), [(0.15, "greater"), (-0.15, "less"), (0.05, "undecided")])
def test_a_sign_needs_the_whole_interval(mean, sign):
    assert Estimate(5, mean, 0.1, 0.04, df=4).sign == sign  # the interval reaches 0.11 to either side


def test_overlapping_splits_widen_the_interval():
    """Nadeau and Bengio 2003: variance sd² · (1/n + test/train); five 80/20 splits count as 2.2 independent ones."""
    values = [0.61, 0.63, 0.60, 0.64, 0.62]
    plain, corrected = estimate(values), estimate(values, overlap=overlap("random80"))
    assert corrected.mean == plain.mean
    assert corrected.se / plain.se == pytest.approx(math.sqrt((1 / 5 + 1 / 4) / (1 / 5)))
    assert overlap("grouped80") == overlap("random80")
    assert overlap("official") == 0


def test_a_replication_is_predicted_about_as_often_as_promised():
    rng = np.random.default_rng(0)
    hits = [estimate(sample[:5]).predicts(sample[5]) for sample in rng.normal(0.7, 0.01, (2000, 6))]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_p_is_that_of_the_t_test():
    values = [0.05, 0.02, -0.03, 0.11]
    wanted = stats.ttest_1samp(values, 0).pvalue
    assert estimate(values).p == pytest.approx(wanted)
    assert estimate([-value for value in values]).p == pytest.approx(wanted)
    assert math.isnan(estimate([0.1]).p)


def test_seeds_that_do_not_differ_at_all_decide_nothing():
    """The epochs at which runs converge can all agree; that is no proof of a spread of zero."""
    found = estimate([3.0, 3.0, 3.0])
    assert (found.sign, found.known) == ("undecided", False)
    assert math.isnan(found.p)


def test_holm_multiplies_and_stays_in_order():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == [1, 1]
    assert np.isnan(holm([NAN, NAN])).all()
    assert len(holm([])) == 0


def test_holm_counts_what_was_not_measured():
    with_gap = holm([0.01, NAN, 0.04])
    assert with_gap[[0, 2]].tolist() == pytest.approx([0.03, 0.08])
    assert math.isnan(with_gap[1])


def test_the_smallest_detectable_difference_shrinks_with_seeds():
    def detectable(sd: float, n: int, overlap: float = 0.0) -> float:
        return smallest_detectable(Estimate(n, 0.0, sd, sd * math.sqrt(1 / n + overlap), df=n - 1))

    five = detectable(0.01, 5)
    critical, shift = stats.t.ppf(0.975, 4), five / 0.01 * math.sqrt(5)
    assert stats.nct.sf(critical, 4, shift) + stats.nct.cdf(-critical, 4, shift) == pytest.approx(0.8, abs=1e-4)
    assert detectable(0.01, 10) < five < detectable(0.01, 5, 0.25)
    assert detectable(0.02, 5) == pytest.approx(2 * five)
    assert math.isnan(smallest_detectable(estimate([0.5])))


def test_many_tests_and_one_degree_of_freedom_find_less():
    found = Estimate(1, 0.0, 0.01, 0.02, df=4)
    assert smallest_detectable(found) < smallest_detectable(found, tests=10)
    assert smallest_detectable(found) < smallest_detectable(Estimate(1, 0.0, 0.01, 0.02, df=1))
    assert power(3.0, 4, tests=10) < power(3.0, 4)


def test_seeds_are_needed_until_their_power_is_enough():
    found = Estimate(2, 0.0, 0.01, 0.01, df=4, terms=2)  # variance of the mean of n seeds: 2 · 0.01² / n
    more = seeds_needed(found, 0.02)
    error = [0.01 * math.sqrt(2 / (2 + seeds)) for seeds in (more - 1, more)]
    assert power(0.02 / error[0], 4 + more - 1) < 0.8 <= power(0.02 / error[1], 4 + more)
    assert seeds_needed(found, -0.02) == more
    assert seeds_needed(found, 0.2) == 0
    overlapping = Estimate(2, 0.0, 0.01, 0.01, df=4, terms=2, overlap=0.25)
    assert seeds_needed(overlapping, 0.001) is None, "no number of seeds makes up for splits that overlap"
    with pytest.raises(ValueError, match="no spread"):
        seeds_needed(estimate([0.5]), 0.02)
