"""Tails of gradient noise: heavy in themselves, or from unequal variances alone."""

import numpy as np
import pytest

from sgdphys.analyses.tails.indices import tail_indices
from sgdphys.processes import levy_flight

SPREAD = np.exp(1.5 * np.random.default_rng(1).standard_normal(100))
"""Of the parameters' noise."""


def test_gaussian_noise_of_unequal_variances_is_heavy_across_and_not_along():
    rng = np.random.default_rng(2)
    found = tail_indices(rng.standard_normal((80, 100)) * SPREAD, rng)
    assert found.across < 1.3
    assert found.null_across == pytest.approx(found.across, abs=0.05)
    assert found.along == pytest.approx(found.null_along, abs=0.05)
    assert found.along > 1.9


def test_noise_that_is_heavy_in_itself_is_heavier_than_its_gaussian_twin():
    flights = levy_flight(tail_index=1.5, steps=80, parameters=100, rng=3)["theta"]
    noise = np.diff(flights.to_numpy(), axis=0).reshape(80, 100)
    found = tail_indices(noise, np.random.default_rng(4))
    assert found.along == pytest.approx(1.5, abs=0.1)
    assert found.null_along > 1.9
    assert found.across == pytest.approx(1.5, abs=0.1)


def test_noise_that_vanishes_has_no_index():
    rng = np.random.default_rng(5)
    assert np.isnan(tail_indices(np.zeros((60, 60)), rng)).all()
    assert np.isnan(tail_indices(np.full((60, 60), np.nan), rng)).all()
    half = rng.standard_normal((60, 60)) * (np.arange(60) < 30)
    assert tail_indices(half, rng).along > 1.8
