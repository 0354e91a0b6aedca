"""Intervals, against hand-worked figures, statsmodels and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.proportion import proportion_confint

from judge.statistics.intervals import (
    Estimate,
    bootstrap_of_sums,
    clustered_mean,
    effective_clusters,
    normal_quantile,
    proportion,
    t_cdf,
    t_quantile,
    wilson,
)
from tests.judge.statistics.figures import half_width, limits, value


def test_an_estimate_without_a_figure_must_say_why():
    with pytest.raises(ValueError, match="reason"):
        Estimate(None, None, None, 0, 0)


def test_an_interval_has_two_ends():
    with pytest.raises(ValueError, match="two ends"):
        Estimate(0.5, 0.4, None, 10, 10, "half an interval")


def test_wilson_gives_the_published_interval_of_81_in_263():
    low, high = wilson(81, 263)

    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_57_of_60_planted_defects_caught_are_at_least_86_percent():
    assert round(wilson(57, 60)[0], 2) == 0.86


@given(
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99])
)
@settings(deadline=None)
def test_wilson_equals_statsmodels(counts, level):
    k, n = counts

    assert wilson(k, n, level) == pytest.approx(proportion_confint(k, n, 1 - level, "wilson"), abs=1e-12)


def test_wilson_refuses_what_is_not_a_proportion():
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 10, 30, 200])
def test_t_quantiles_are_those_of_scipy(degrees, level):
    # Three degrees at 99 % are the worst case of the expansion.
    assert t_quantile(degrees, level) == pytest.approx(student.ppf((1 + level) / 2, degrees), rel=8e-3)
    if degrees >= 4 and level <= 0.95:
        assert t_quantile(degrees, level) == pytest.approx(student.ppf((1 + level) / 2, degrees), rel=1e-3)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 30, 1001])
def test_the_distribution_of_t_is_that_of_scipy(degrees):
    for t in (-40.0, -2.3, -0.1, 0.0, 0.7, 3.0):
        assert t_cdf(t, degrees) == pytest.approx(student.cdf(t, degrees), abs=1e-12)


def test_students_distribution_needs_a_degree_of_freedom():
    with pytest.raises(ValueError, match="at least one degree of freedom, not 0"):
        t_cdf(1.0, 0)


def test_a_level_lies_between_0_and_1():
    with pytest.raises(ValueError, match="level"):
        normal_quantile(95)


def test_a_proportion_of_independent_rows_is_wilsons():
    estimate = proportion([1] * 8 + [0] * 2)

    assert estimate == Estimate(0.8, *wilson(8, 10), n=10, n_clusters=10)


def test_rows_that_repeat_their_cluster_count_once():
    # Ten shoppers with five equal outputs each are worth ten outputs, not fifty.
    values = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0], 5)
    clusters = np.repeat(np.arange(10), 5).tolist()

    clustered, independent = proportion(values, clusters), proportion(values)

    assert clustered.value == independent.value == 0.7
    assert (clustered.n, clustered.n_clusters) == (50, 10)
    assert half_width(clustered) > 2 * half_width(independent)
    assert half_width(clustered) > half_width(proportion(values[::5]))


def test_a_proportion_where_all_agree_is_as_sure_as_its_clusters_are_many():
    estimate = proportion([1] * 50, clusters=[row // 5 for row in range(50)])

    assert (estimate.low, estimate.high) == wilson(10, 10)


def test_weights_move_a_proportion():
    # (3*1 + 1*0) / 4
    assert proportion([1, 0], weights=[3, 1]).value == 0.75


def test_a_single_shopper_gives_a_rate_but_no_interval():
    estimate = proportion([1, 0, 1], clusters=["a", "a", "a"])

    assert estimate.value == pytest.approx(2 / 3)
    assert estimate.low is None
    assert "one shopper" in estimate.note


def test_nothing_counted_is_said_in_words():
    assert proportion([]) == Estimate.unknown("nothing was counted")


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([2.0], None, "within 0 to 1"),
        ([1.0], [0.0], "above 0"),
        ([1.0], [1.0, 1.0], "one length"),
        ([math.nan], None, "finite"),
    ],
)
def test_a_proportion_refuses_values_and_weights_that_are_none(values, weights, message):
    with pytest.raises(ValueError, match=message):
        proportion(values, weights=weights)


def test_clusters_must_match_the_rows():
    with pytest.raises(ValueError, match="2 clusters for 3 rows"):
        proportion([1, 0, 1], clusters=["a", "b"])


def test_the_clustered_mean_of_two_pairs_by_hand():
    # Cluster means 1 and 3, mean 2; pulls (1-2)*2/4 = -.5 and .5, each over 1 - 1/2; variance 1/2 * (1 + 1) = 1.
    estimate = clustered_mean([0.0, 2.0, 3.0, 3.0], ["a", "a", "b", "b"])

    assert estimate.value == 2
    assert limits(estimate)[1] - value(estimate) == pytest.approx(12.706, abs=1e-3)


def test_the_clustered_mean_agrees_with_statsmodels_where_clusters_are_many():
    rng = np.random.default_rng(3)
    clusters = rng.integers(0, 300, 1500)
    values = rng.normal(size=1500) + rng.normal(size=300)[clusters]
    weights = rng.uniform(0.5, 2, 1500)

    estimate = clustered_mean(values, clusters.tolist(), weights)
    fit = WLS(values, np.ones(1500), weights).fit(cov_type="cluster", cov_kwds={"groups": clusters})

    assert estimate.value == pytest.approx(fit.params[0])
    # The oracle is CR1 with a normal quantile; the jackknife with Student's differs by about 1/clusters.
    assert half_width(estimate) == pytest.approx(1.96 * fit.bse[0], rel=0.02)


def test_a_mean_without_spread_has_no_interval():
    assert "no spread" in clustered_mean([2.0, 2.0]).note


def test_effective_clusters_count_equal_weights_fully():
    assert effective_clusters(np.ones(6), np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(3)
    assert effective_clusters(np.array([9.0, 1.0]), np.array([0, 1])) == pytest.approx(100 / 82)


def test_both_bootstraps_agree():
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 2, size=(200, 1)).astype(float)
    clusters = (np.arange(200) // 4).tolist()

    # What `bootstrap_of_sums` must equal, written out: 50 clusters of 4, drawn with replacement.
    drawn = rng.integers(50, size=(2_000, 50))
    one_by_one = np.quantile(rows.reshape(50, 4).mean(axis=1)[drawn].mean(axis=1), (0.025, 0.975))
    by_pattern = bootstrap_of_sums(
        np.column_stack([rows, np.ones(200)]), clusters, lambda sums: sums[:, 0] / sums[:, 1], seed=1
    )

    assert by_pattern.value == pytest.approx(rows.mean())
    assert limits(by_pattern) == pytest.approx(tuple(one_by_one), abs=0.015)


def test_a_bootstrap_is_as_wide_as_the_clusters_say():
    # Mean of 100 clusters of 5 equal outputs: standard error .5 / 10.
    values = np.repeat(np.arange(100) % 2, 5).astype(float)
    clusters = (np.arange(500) // 5).tolist()

    sums = np.column_stack([values, np.ones(500)])
    estimate = bootstrap_of_sums(sums, clusters, lambda s: s[:, 0] / s[:, 1], n_resamples=1000)

    assert half_width(estimate) == pytest.approx(1.96 * 0.05, rel=0.1)


def test_the_same_seed_gives_the_same_interval():
    sums = np.column_stack([np.arange(20.0), np.ones(20)])

    first, again, other = (bootstrap_of_sums(sums, None, lambda s: s[:, 0] / s[:, 1], seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_a_statistic_that_most_resamples_lack_gets_no_interval():
    rows = np.array([[1.0, 1.0]] + [[0.0, 0.0]] * 49)

    def mean_of_rare(sums):
        return np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)

    estimate = bootstrap_of_sums(rows, None, mean_of_rare)

    assert estimate.value == 1
    assert estimate.low is None
    assert "too few" in estimate.note


def test_too_few_shoppers_get_a_figure_but_no_bootstrap_interval():
    sums = np.column_stack([np.arange(9.0), np.ones(9)])

    estimate = bootstrap_of_sums(sums, None, lambda s: s[:, 0] / s[:, 1])

    assert estimate == Estimate(4, None, None, 9, 9, "an interval takes 10 shoppers, and these are 9")


def test_bootstraps_of_nothing_and_of_one_cluster_say_so():
    assert bootstrap_of_sums(np.empty((0, 2)), None, lambda s: s[:, 0]).note == "nothing was compared"
    assert "one shopper" in bootstrap_of_sums(np.ones((3, 1)), ["a"] * 3, lambda s: s[:, 0]).note
