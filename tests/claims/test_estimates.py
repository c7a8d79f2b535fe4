"""Estimates over replicas: geometric means and ratios, and the level at which an interval ends."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sgdphys.claims.estimates import Estimate, difference, over_replicas, p_value
from sgdphys.intervals import mean_with_interval


def test_geometric_means_are_those_of_logarithms_over_layers_and_replicas():
    values = np.random.default_rng(1).lognormal(2, 1, (30, 4))
    found = over_replicas(xr.DataArray(values, dims=("replica", "layer")), "geometric")
    logs = np.log(values).mean(axis=1)
    half = stats.t.ppf(0.975, 29) * logs.std(ddof=1) / np.sqrt(30)
    expected = np.exp([logs.mean(), logs.mean() - half, logs.mean() + half])
    np.testing.assert_allclose(found[:3], expected)


def test_zeros_and_missing_values_have_no_logarithm_and_are_left_out():
    values = xr.DataArray([[0.0, 4.0], [np.nan, 4.0], [4.0, 4.0], [np.inf, 4.0]],
                          dims=("replica", "layer"))  # fmt: skip
    assert over_replicas(values, "geometric").value == pytest.approx(4.0)


def test_two_geometric_means_are_compared_by_their_ratio():
    first, second = Estimate(20.0, 10.0, 40.0, 9), Estimate(5.0, 2.5, 10.0, 7)
    value, low, high, members = difference(first, second, "geometric")[:4]
    assert (value, members) == (pytest.approx(4.0), 7)
    assert np.log2([value / low, high / value]) == pytest.approx([np.sqrt(2), np.sqrt(2)])


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.1])
def test_the_level_of_a_mean_is_that_of_the_t_test(threshold):
    values = np.random.default_rng(2).normal(0.5, 1, 12)
    estimate = over_replicas(xr.DataArray(values, dims="replica"))
    expected = stats.ttest_1samp(values, threshold).pvalue
    assert p_value(estimate, threshold) == pytest.approx(expected)


def test_the_level_of_a_positive_quantity_is_on_the_log_scale():
    values = np.random.default_rng(3).lognormal(0, 1, 12)
    estimate = over_replicas(xr.DataArray(values, dims="replica"), "geometric")
    expected = stats.ttest_1samp(np.log(values), np.log(2)).pvalue
    assert p_value(estimate, 2.0, "geometric") == pytest.approx(expected)
    assert p_value(estimate, 0.0, "geometric") == 0.0


def test_the_level_of_a_share_is_that_of_the_binomial_test():
    estimate = Estimate(0.8, 0.5, 0.95, 20)
    expected = 2 * stats.binomtest(16, 20, 0.5, "greater").pvalue
    assert p_value(estimate, 0.5, "share") == pytest.approx(expected)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
def test_the_interval_at_that_level_ends_at_the_threshold(confidence):
    values = xr.DataArray(np.random.default_rng(4).normal(1, 1, 8), dims="replica", name="x")
    low = float(mean_with_interval(values, kind="symmetric", confidence=confidence)["x_low"])
    assert p_value(over_replicas(values), low) == pytest.approx(1 - confidence)


def test_an_interval_of_an_analysis_is_taken_as_normal():
    assert p_value(Estimate(1.0, 0.0, 2.0, 0), 0.0) == pytest.approx(0.05)
    assert p_value(Estimate(1.0, 1.0, 1.0, 0), 0.5) == 0.0
    assert np.isnan(p_value(Estimate(1.0, np.nan, np.nan, 3), 0.5))


def test_the_level_has_the_freedom_of_its_interval():
    """An interval over 6 layers of 50 networks is one of 5 degrees of freedom, not of 49."""
    half = stats.t.ppf(0.975, 5)
    estimate = Estimate(2.0, 2.0 - half, 2.0 + half, 50, freedom=5)
    assert p_value(estimate, 0.0) == pytest.approx(2 * stats.t.sf(2.0, 5))


def test_parts_of_successes_are_rounded_towards_the_threshold():
    assert p_value(Estimate(0.86, 0.5, 0.95, 10), 0.5, "share") == pytest.approx(
        2 * stats.binomtest(8, 10, 0.5, "greater").pvalue
    )
