"""Intervals over replicas cover as often as they say, from few members on."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.claims.estimates import over_replicas
from sgdphys.intervals import bootstrap_interval, mean_with_interval, resampled_means
from sgdphys.transitions.order_parameter import order_parameter

TRIALS = 4000
MEMBERS = {
    "normal": (lambda g, shape: g.standard_normal(shape), 0.0),
    "t3": (lambda g, shape: g.standard_t(3, shape), 0.0),
    "exponential": (lambda g, shape: g.exponential(1.0, shape), 1.0),
    "chi-squared": (lambda g, shape: g.chisquare(1, shape), 1.0),
    "lognormal": (lambda g, shape: np.exp(g.standard_normal(shape)), np.exp(0.5)),
}


def interval_of(x, kind):
    found = mean_with_interval(xr.DataArray(x, dims=("replica", "trial"), name="x"), kind=kind)
    return [found[name].to_numpy() for name in ("x", "x_low", "x_high")]


def covered(x, kind, truth):
    _, low, high = interval_of(x, kind)
    assert np.isfinite(high - low).all()
    return ((low <= truth) & (truth <= high)).mean()


@pytest.mark.parametrize("members", [3, 5, 10, 50])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("normal", "symmetric"),
        ("t3", "symmetric"),
        ("exponential", "positive"),
        ("chi-squared", "positive"),
        ("lognormal", "positive"),
    ],
)
def test_a_mean_is_covered_from_three_members_on(name, kind, members):
    draw, truth = MEMBERS[name]
    x = draw(np.random.default_rng(members), (members, TRIALS))
    assert 0.915 < covered(x, kind, truth) < 0.985


@pytest.mark.parametrize("members", [3, 8])
def test_missing_members_do_not_count(members):
    g = np.random.default_rng(members)
    x = np.full((20, TRIALS), np.nan)
    x[:members] = g.standard_normal((members, TRIALS))
    x[-1] = np.inf
    assert 0.935 < covered(x, "symmetric", 0.0) < 0.965
    for few, many in zip(
        interval_of(x[:members], "positive"), interval_of(x, "positive"), strict=True
    ):
        np.testing.assert_allclose(few, many)


@pytest.mark.parametrize("members", [4, 12])
def test_a_geometric_mean_is_exact_for_lognormal_members(members):
    x = np.exp(np.random.default_rng(1).standard_normal((members, TRIALS)))
    assert 0.935 < covered(x, "geometric", 1.0) < 0.965


@pytest.mark.parametrize("members", [1, 5, 8, 20])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_a_share_is_covered_even_where_all_members_are_equal(members, share):
    x = (np.random.default_rng(members).random((members, TRIALS)) < share).astype(float)
    assert covered(x, "share", share) >= 0.945
    _, low, high = interval_of(np.ones((members, 1)), "share")
    assert low == pytest.approx(0.025 ** (1 / members))
    assert high == 1


def test_parts_of_a_success_are_no_success():
    _, low, high = interval_of(np.array([[0.0], [0.0], [0.02]]), "share")
    assert low == 0
    assert high == interval_of(np.array([[0.0], [0.0], [1.0]]), "share")[2]


@pytest.mark.parametrize("members", [6, 7, 30])
def test_a_median_is_covered_for_any_distribution(members):
    x = np.random.default_rng(members).exponential(1.0, (members, TRIALS))
    assert 0.945 <= covered(x, "median", np.log(2))
    _, low, _ = interval_of(x[:5], "median")
    assert np.isnan(low).all()


@pytest.mark.parametrize(
    ("kind", "fewest"), [("symmetric", 2), ("positive", 3), ("geometric", 2), ("median", 6)]
)
def test_too_few_finite_members_have_no_interval(kind, fewest):
    for finite in range(fewest + 1):
        x = np.full((8, 1), np.nan)
        x[:finite, 0] = 1 + np.arange(finite)
        value, low, high = interval_of(x, kind)
        assert np.isfinite(value) == (finite > 0)
        assert np.isfinite([low, high]).all() == (finite >= fewest)


def test_no_interval_is_wide_for_normal_members():
    x = 10 + np.random.default_rng(0).standard_normal((5, TRIALS))
    _, low, high = interval_of(x, "symmetric")
    widths = {kind: np.median(np.subtract(*interval_of(x, kind)[:0:-1])) for kind in
              ("positive", "geometric")}  # fmt: skip
    for width in widths.values():
        assert width < 1.2 * np.median(high - low)


def test_one_finite_network_of_fifty_is_no_evidence():
    x = np.full(50, np.nan)
    x[7] = 0.3
    found = over_replicas(xr.DataArray(x, dims="replica"))
    assert found.members == 1
    assert found.value == 0.3
    assert np.isnan(found.low)


@pytest.mark.parametrize("members", [3, 10])
def test_the_bootstrap_covers_for_few_members(members):
    g = np.random.default_rng(members)
    x = g.standard_normal((members, 500))
    draws = g.multinomial(members, np.full(members, 1 / members), 400).astype(float)
    low, high = bootstrap_interval(x.mean(axis=0), resampled_means(x, draws), members)
    assert 0.92 < ((low <= 0) & (high >= 0)).mean() < 0.98


def test_moments_of_no_finite_member_are_missing_without_a_warning():
    found = order_parameter(xr.DataArray(np.full(6, np.nan), dims="replica"))
    assert all(np.isnan(found[name]) for name in ("order", "order_low", "susceptibility", "binder"))
