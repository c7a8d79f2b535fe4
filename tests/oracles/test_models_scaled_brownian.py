"""Scaled Brownian motion: against a dense Gaussian likelihood, known coefficients, open ends."""

import numpy as np
import pytest
from models_of_walks import (
    covers,
    likelihood_is_that_of_steps,
    residuals_are_right,
    scales,
    survives,
)
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from sgdphys.dynamics.models.scaled_brownian import ScaledBrownian

FITTED, GIVEN = ScaledBrownian(), ScaledBrownian(origin=0.0)


def paths(seed, series, t, exponent):
    """Paths at times since the origin, D_a = 1/2."""
    dx = np.sqrt(np.diff(t**exponent))
    dx = dx * np.random.default_rng(seed).standard_normal((series, len(t) - 1))
    return np.concatenate([np.zeros((series, 1)), dx.cumsum(axis=1)], axis=1)


@pytest.mark.parametrize(("exponent", "first"), [(0.5, 0.0), (0.2, 7.0), (2.5, 30.0)])
def test_densities_are_those_of_a_dense_covariance(exponent, first):
    rng = np.random.default_rng(1)
    t = first + np.concatenate([[0.0], rng.exponential(1.0, 60).cumsum()])
    x = paths(1, 1, t, exponent)[0] + 5.0
    earlier = np.minimum(t[1:, None], t[None, 1:])
    covariance = 2 * 0.8 * (earlier**exponent - t[0] ** exponent)
    exact = multivariate_normal.logpdf(x[1:] - x[0], np.zeros(60), covariance)
    density = GIVEN.steps(np.array([exponent, 0.8, 0.0]), x, t)[1].sum()
    assert density == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("exponent", "first"), [(0.5, 30.0), (2.0, 300.0), (3.0, 5.0)])
def test_the_maximum_is_found(exponent, first):
    """To a hundredth of the likelihood, since increments are pooled in the search."""
    t = first + np.arange(801.0)
    x = paths(2, 1, t, exponent)
    t = t - first
    found = likelihood_is_that_of_steps(FITTED, x, t)
    dx = np.diff(x[0])

    def minus(p):
        growth = np.diff((t + np.exp(p[1])) ** p[0])
        diffusion = (dx**2 / growth).mean() / 2
        values = np.array([p[0], diffusion, -np.exp(p[1])])
        return -FITTED.steps(values, x[0], t)[1].sum()

    best = minimize(minus, [exponent, np.log(first)], method="Nelder-Mead")
    assert found.log_likelihood[0] == pytest.approx(-best.fun, abs=0.01)


@pytest.mark.parametrize("values", [(0.5, 2.0, 0.0), (3.0, 1e-3, -50.0)])
def test_residuals(values):
    residuals_are_right(FITTED, np.array(values), 0.5 * np.arange(800), seed=3)


@pytest.mark.parametrize(("exponent", "first"), [(0.5, 0.0), (0.5, 100.0), (2.0, 100.0)])
def test_coefficients_and_intervals(exponent, first):
    t = first + np.arange(2001.0)
    found = FITTED.fit(paths(4, 200, t, exponent), t - first, 0.95)
    for column, truth in enumerate((exponent, 0.5, -first)):
        covers(found, truth, column)
    assert np.median(found.values[:, 0]) == pytest.approx(exponent, abs=0.05)


def test_a_window_that_starts_late():
    """Times from 5000 to 9000: wide where the origin is not known, narrow where it is."""
    t = 5000 + np.arange(4001.0)
    x = paths(5, 200, t, 0.5)
    wide, narrow = FITTED.fit(x, t - 5000, 0.95), GIVEN.fit(x, t, 0.95)
    for found in (wide, narrow):
        covers(found, 0.5, 0)
        covers(found, 0.5, 1)
    covers(wide, -5000.0, 2)
    assert np.median(wide.values[:, 0]) == pytest.approx(0.5, abs=0.25)
    assert np.median(narrow.values[:, 0]) == pytest.approx(0.5, abs=0.03)
    assert np.median(wide.high[:, 0] - wide.low[:, 0]) > 0.7
    # 1.96 times the standard error sqrt(2/n)/sd(ln t), both ways
    efficient = 3.92 * np.sqrt(2 / 4000) / np.log(t).std()
    assert np.median(narrow.high[:, 0] - narrow.low[:, 0]) == pytest.approx(efficient, rel=0.05)
    assert (narrow.count == 2).all()
    assert (wide.count == 3).all()


def test_a_wiener_process_has_open_intervals():
    """Exponent and origin are not identified; BIC prefers a Wiener process."""
    t = np.arange(1001.0)
    x = paths(6, 200, t, 1.0)
    found = FITTED.fit(x, t, 0.95)
    assert np.isinf(found.low[:, 2]).mean() > 0.9
    assert (found.low[:, 0] == 0).mean() > 0.9
    assert np.isinf(found.high[:, 0]).mean() > 0.9
    variance = (np.diff(x, axis=1) ** 2).mean(axis=1)
    of_wiener = -500 * (np.log(2 * np.pi * variance) + 1)
    assert (found.log_likelihood - of_wiener < np.log(1000)).mean() > 0.99
    assert FITTED.may_be_best(x, t).mean() < 0.25


def test_an_origin_after_the_first_point_is_refused():
    t = np.arange(101.0)
    found = ScaledBrownian(origin=1.0).fit(paths(7, 2, t, 0.5), t, 0.95)
    assert np.isnan(found.values).all()
    assert np.isnan(found.log_likelihood).all()


def test_an_exponential_decay_is_an_end_of_the_range():
    t = np.arange(2001.0)
    dx = np.exp(-t[1:] / 200) * np.random.default_rng(8).standard_normal((5, 2000))
    x = np.concatenate([np.zeros((5, 1)), dx.cumsum(axis=1)], axis=1)
    assert FITTED.at_end_of_range(FITTED.fit(x, t, 0.95).values).all()


def test_the_screen_lets_ageing_pass():
    t = np.arange(1001.0)
    for exponent in (0.3, 0.7, 1.5):
        assert FITTED.may_be_best(paths(9, 100, t, exponent), t).mean() > 0.98


def test_units():
    t = 20 + np.arange(601.0)

    def powers(values):
        exponent = values[:, :1]
        zero, one = np.zeros_like(exponent), np.ones_like(exponent)
        return np.hstack([zero, 2 * one, zero]), np.hstack([zero, -exponent, one])

    scales(FITTED, paths(10, 3, t, 2.0), t - 20.0, powers, within=1e-3, unscaled=[1])
    t = t - t[0] + 1e-3
    scales(GIVEN, paths(10, 3, t, 0.5), t, powers, unscaled=[1])


def test_uneven_times():
    t = np.concatenate([[0.0], np.random.default_rng(11).exponential(1.0, 1500).cumsum()])
    found = FITTED.fit(paths(11, 200, t, 0.5), t, 0.95)
    covers(found, 0.5, 0)
    covers(found, 0.5, 1)


def test_hard_series():
    survives(FITTED)
    survives(GIVEN)
