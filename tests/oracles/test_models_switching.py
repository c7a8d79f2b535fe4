"""Switching diffusion: against a sum over all paths of the hidden state, and what it is not."""

import itertools

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
from scipy.stats import norm
from simulators_fit import jump_diffusion, switching_diffusion, wiener

from sgdphys.dynamics.models.switching import Switching

MODEL = Switching()
VALUES = np.array([0.1, 0.5, 2.0, 40.0, 10.0])


def test_the_likelihood_is_the_sum_over_all_hidden_paths():
    n, spacing = 9, 2.0
    dx = 2.0 * np.random.default_rng(1).standard_normal(n)
    x = np.concatenate([[0.0], dx.cumsum()])
    leave = spacing / VALUES[3:]
    deviation = np.sqrt(2 * VALUES[1:3] * spacing)
    total = 0.0
    for states in itertools.product((0, 1), repeat=n):
        chance = leave[1 - states[0]] / leave.sum()
        for before, after in itertools.pairwise(states):
            chance *= leave[before] if after != before else 1 - leave[before]
        total += chance * norm.pdf(dx, 0.1 * spacing, deviation[list(states)]).prod()
    found = MODEL.steps(VALUES, x, spacing * np.arange(n + 1))[1].sum()
    assert found == pytest.approx(np.log(total), rel=1e-12)


def test_the_maximum_is_found():
    x = switching_diffusion(np.random.default_rng(2), 2, 801)
    t = np.arange(801.0)
    found = likelihood_is_that_of_steps(MODEL, x, t)
    for path, values, likelihood in zip(x, found.values, found.log_likelihood, strict=True):

        def minus(p, path=path):
            return -MODEL.steps(np.array([p[0], *np.exp(p[1:])]), path, t)[1].sum()

        start = [values[0], *np.log(values[1:])]
        best = minimize(minus, start, method="Nelder-Mead", options={"maxfev": 150})
        assert likelihood == pytest.approx(-best.fun, abs=1e-3)


@pytest.mark.parametrize("values", [VALUES, np.array([0.0, 1e-3, 5.0, 4.0, 4.0])])
def test_residuals(values):
    residuals_are_right(MODEL, values, 0.5 * np.arange(800), seed=3)


def test_scores_far_in_the_tails():
    x = np.array([0.0, 10.0, 10.0, 110.0, 110.0, -1e4])
    z, density = MODEL.steps(VALUES, x, np.arange(6.0))
    assert np.isfinite(z).all()
    assert np.isfinite(density).all()
    assert z[2] > z[0] > 4
    assert z[4] < -100


def test_coefficients_and_intervals():
    """The simulator of the confusion table: D 1/2 and 2, dwell times 100."""
    x = switching_diffusion(np.random.default_rng(4), 200, 2001)
    t = np.arange(2001.0)
    found = MODEL.fit(x, t, 0.95)
    for column, truth in enumerate((0.0, 0.5, 2.0, 100.0, 100.0)):
        covers(found, truth, column)
    np.testing.assert_allclose(np.median(found.values[:, 1:3], axis=0), [0.5, 2.0], rtol=0.03)
    assert MODEL.may_be_best(x, t).mean() > 0.99


def test_a_wiener_process_gains_little():
    """Where both coefficients are equal the gain is not chi-squared; BIC asks for far more."""
    x = wiener(np.random.default_rng(5), 100, 1001)
    found = MODEL.fit(x, np.arange(1001.0), 0.95)
    variance = (np.diff(x, axis=1) ** 2).mean(axis=1)
    gain = found.log_likelihood + 500 * (np.log(2 * np.pi * variance) + 1)
    assert (gain < 2 * np.log(1000)).all()
    assert MODEL.may_be_best(x, np.arange(1001.0)).mean() < 0.15


def test_jumps_are_independent_in_time():
    """A fast state that lasts one step is an end of the range."""
    x = jump_diffusion(np.random.default_rng(6), 30, 4001)
    assert MODEL.at_end_of_range(MODEL.fit(x, np.arange(4001.0), 0.95).values).mean() > 0.9


def test_one_change_is_no_switching():
    """A chain that never returned has an infinite dwell time, an end of the range."""
    dx = np.random.default_rng(7).standard_normal((10, 1000))
    dx[:, 500:] *= 4
    x = np.concatenate([np.zeros((10, 1)), dx.cumsum(axis=1)], axis=1)
    found = MODEL.fit(x, np.arange(1001.0), 0.95)
    assert MODEL.at_end_of_range(found.values).all()
    assert np.isinf(found.values[:, 4]).all()


def test_units():
    x = switching_diffusion(np.random.default_rng(8), 3, 1001)
    scales(MODEL, x, np.arange(1001.0),
           lambda _: (np.array([1, 2, 2, 0, 0]), np.array([-1, -1, -1, 1, 1])),
           within=1e-3)  # fmt: skip


def test_hard_series():
    survives(MODEL)


def test_uneven_times_are_not_fitted():
    t = np.arange(101.0)
    t[50:] += 1
    x = wiener(np.random.default_rng(9), 1, 101)
    assert np.isnan(MODEL.fit(x, t, 0.95).log_likelihood).all()
