"""Kernels of the likelihoods of ``fit`` against plain numpy."""

import numpy as np
import pytest

from sgdphys import processes
from sgdphys.dynamics.diffusion import whittle
from sgdphys.dynamics.diffusion.fractional import fbm_kernel
from sgdphys.dynamics.diffusion.fractional_noise import HURST, autocovariance, exact_profile
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck_likelihood import Laws, quantile_at
from sgdphys.dynamics.diffusion.stable_law import WIDTH, nodes_of
from sgdphys.dynamics.diffusion.unit_root import quantiles
from sgdphys.dynamics.diffusion.wiener import chi_squared_interval
from sgdphys.dynamics.status import even_spacing


def dense_profile(dx, hurst):
    """Restricted log-likelihood of one series, by the inverse of the covariance matrix."""
    n = len(dx)
    lag = abs(np.subtract.outer(np.arange(n), np.arange(n)))
    covariance = autocovariance(hurst, n)[lag]
    weighted, ones = np.linalg.solve(covariance, dx), np.linalg.solve(covariance, np.ones(n))
    squares = dx @ weighted - (dx @ ones) ** 2 / ones.sum()
    logs = np.linalg.slogdet(covariance)[1] + np.log(ones.sum())
    return -0.5 * ((n - 1) * np.log(squares) + logs)


@pytest.mark.parametrize("points", [50, 51, 128])
def test_the_exact_likelihood_of_fractional_noise_is_that_of_a_dense_matrix(points):
    """Catches a row or a point that the kernel leaves out, at odd and even numbers."""
    dx = np.random.default_rng(points).standard_normal((3, points))
    found = exact_profile(dx)
    for k in (0, 20, len(HURST) - 1):
        expected = [dense_profile(row, HURST[k]) for row in dx]
        assert found[:, k] == pytest.approx(expected, rel=1e-10)


def test_the_exact_likelihood_does_not_depend_on_the_other_series():
    dx = np.random.default_rng(0).standard_normal((2 * WIDTH + 3, 55))
    whole = exact_profile(dx)
    for rows in (slice(0, 1), slice(5, 9), slice(WIDTH, None)):
        assert np.array_equal(exact_profile(dx[rows]), whole[rows])


def test_places_in_the_stable_table_are_inverse_hyperbolic_sines():
    """At the centre, near it, and so far away that the square of the distance is infinite."""
    x = np.zeros(WIDTH)
    x[:9] = [0.0, 1e-300, -1e-9, 0.5, -3.0, 1e8, 1e10, -1e200, 1e300]
    found = np.empty(WIDTH)
    nodes_of(x, 0.0, 2.0, 0.04, found)
    assert found * 0.04 == pytest.approx(np.arcsinh(abs(x) / 2), rel=1e-14, abs=1e-15)


def test_quantiles_of_the_t_statistic_are_interpolated():
    x, quantile = quantiles(0.5)
    laws = Laws(x, quantile[None])
    for c in (0.0, 1e-6, 0.3, 7.0, 640.0, 800.0, 1e4, 1e12):
        expected = np.interp(1 / np.sqrt(1 + c), x, quantile)
        assert quantile_at(laws, 0, c) == pytest.approx(expected, rel=1e-12)


def test_intervals_of_a_variance_follow_each_series_own_length():
    """Lengths that are equal, different and too short, in an array of two dimensions."""
    dof = np.array([[10.0, 3.0, 10.0], [0.0, 3.0, np.nan]])
    low, high = chi_squared_interval(np.full(dof.shape, 2.0), dof, 0.95)
    for place in np.ndindex(*dof.shape):
        of_one = chi_squared_interval(np.array([2.0]), dof[place], 0.95)
        assert [low[place], high[place]] == pytest.approx(np.ravel(of_one), nan_ok=True)
    assert np.isnan(low[1, 0])
    assert low[0, 0] > low[0, 1]


@pytest.mark.thorough(reason="a long series: 3 s")
@pytest.mark.parametrize(
    "hurst", [0.35, *(pytest.param(h, marks=pytest.mark.thorough) for h in (0.1, 0.5, 0.9))]
)
def test_stretches_of_a_long_series_give_the_exponent_of_the_whole(monkeypatch, hurst):
    """100,000 increments in 7 stretches: the same exponent and ends to a tenth of the interval.

    What is left out, and what stretches do not tell of each other, is 4% of it in 28 series.
    """
    made = processes.fractional_brownian(hurst=hurst, steps=100_000, rng=5)["theta"]
    x = made.to_numpy().reshape(1, -1)
    whole = fbm_kernel(x, confidence=0.95)[0]
    monkeypatch.setattr(whittle, "LONGEST", 2**14)
    assert whittle.equal_stretches(100_000) == (7, 14272)
    of_stretches = fbm_kernel(x, confidence=0.95)[0]
    assert of_stretches[:3] == pytest.approx(whole[:3], abs=0.1 * (whole[2] - whole[1]))
    assert of_stretches[1] < hurst < of_stretches[2]


@pytest.mark.parametrize("lacking", [0, 2**20, 2**20 + 5])
def test_an_uneven_time_is_seen_wherever_it_stands(lacking):
    """Times are compared a part at a time; the place is in the first, at an edge, in the second."""
    times = np.arange(2.0**20 + 10)
    assert even_spacing(times) == 1.0
    times[lacking] -= 0.01
    assert np.isnan(even_spacing(times))
