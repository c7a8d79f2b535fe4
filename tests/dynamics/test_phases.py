"""Transitions of known place, and intervals that are right as often as they say."""

import numpy as np
import pytest
import ruptures

from sgdphys.dynamics.intervals import percentile_interval, resampled_means
from sgdphys.dynamics.phases import crossing_epoch, step_change

EPOCH = np.arange(1, 101)


def test_a_power_law_crosses_where_it_should():
    ratio = (1 + EPOCH) ** -1.0 * 31
    assert crossing_epoch(ratio, EPOCH) == pytest.approx(30, rel=1e-9)


def test_no_noise_has_no_transition():
    """P46: an infinite ratio, one that starts below 1, one that is unknown."""
    for ratio in (np.inf, 0.5, np.nan, 2.0):
        assert np.isnan(crossing_epoch(np.full(100, ratio), EPOCH))


def test_a_dip_is_not_for_good():
    ratio = np.full(100, 2.0)
    ratio[20:23] = 0.5
    ratio[60:] = 0.5
    assert 60 <= crossing_epoch(ratio, EPOCH) <= 61


def test_the_step_is_that_of_ruptures():
    rng = np.random.default_rng(0)
    series = rng.standard_normal((20, 80)) + 1.5 * (np.arange(80) >= 33)
    wanted = [ruptures.Dynp("l2", jump=1, min_size=1).fit_predict(s, 1)[0] for s in series]
    assert step_change(series)[0].tolist() == wanted


@pytest.mark.parametrize("replicas", [8, 20, 50])
def test_intervals_of_a_mean_cover(replicas):
    """95% intervals of 600 Gaussian samples, one seed: between 92% and 98% hold the truth."""
    rng = np.random.default_rng(3)
    samples = resampled_means(rng.standard_normal((replicas, 600)), 1000, 4)
    low, high = percentile_interval(samples, replicas)
    assert 0.92 <= np.mean((low < 0) & (high > 0)) <= 0.98


def test_one_replica_has_no_interval():
    low, high = percentile_interval(np.zeros((100, 3)), 1)
    assert np.isnan(low).all()
    assert np.isnan(high).all()
