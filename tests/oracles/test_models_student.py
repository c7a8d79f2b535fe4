"""Walks with Student t increments: against scipy's density, known coefficients, the borders."""

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
from scipy.stats import t as student_t
from simulators_fit import levy_flight, student_walk, wiener

import sgdphys as sp
from sgdphys.dynamics.models.student import Student

MODEL = Student()


def walks(seed, series, n, freedom):
    return student_walk(np.random.default_rng(seed), series, n + 1, freedom)


@pytest.mark.parametrize("freedom", [3.0, 4.0, 8.0])
def test_the_maximum_is_that_of_scipys_density(freedom):
    x = walks(1, 2, 1500, freedom)
    found = likelihood_is_that_of_steps(MODEL, x, np.arange(1501.0))
    for path, likelihood in zip(x, found.log_likelihood, strict=True):
        dx = np.diff(path)
        best = minimize(
            lambda p, dx=dx: -student_t.logpdf(dx, np.exp(p[2]), p[0], np.exp(p[1])).sum(),
            [0.0, 0.0, 1.0],
            method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-9},
        )
        assert likelihood == pytest.approx(-best.fun, abs=1e-5)


def test_densities_are_those_of_scipy():
    x = walks(2, 1, 300, 4.0)[0]
    _, density = MODEL.steps(np.array([0.2, 1.0, 4.0]), x, 0.5 * np.arange(301))
    # D = s**2 nu/(nu - 2)/(2 dt)
    exact = student_t.logpdf(np.diff(x), 4.0, 0.1, np.sqrt(2 * 1.0 * 0.5 / 2))
    np.testing.assert_allclose(density, exact, atol=1e-10)


def test_scores_far_in_the_tails():
    """A probability below the smallest number still has a score, larger for a larger step."""
    for freedom in (4.0, 30.0, 300.0, 900.0, np.inf):
        x = np.array([0.0, 10.0, 10.0, 50.0, 50.0, 350.0])
        z, density = MODEL.steps(np.array([0.0, 0.5, freedom]), x, np.arange(6.0))
        assert np.isfinite(z).all()
        assert np.isfinite(density).all()
        assert z[4] > z[2] > z[0] > 2.9
        assert z[1] == 0


@pytest.mark.parametrize("freedom", [2.5, 4.0, 30.0, np.inf])
def test_residuals(freedom):
    residuals_are_right(MODEL, np.array([0.3, 2.0, freedom]), 0.5 * np.arange(800), seed=3)


def test_coefficients_and_intervals():
    found = MODEL.fit(walks(4, 400, 1000, 4.0), np.arange(1001.0), 0.95)
    truth = (0.0, 1.0, 4.0)
    for column, value in enumerate(truth):
        covers(found, value, column)
        assert np.median(found.values[:, column]) == pytest.approx(value, abs=0.05)


def test_a_wiener_process_is_the_normal_limit():
    """Where no tail is seen, infinitely many degrees of freedom are not excluded."""
    x = wiener(np.random.default_rng(5), 300, 1001)
    found = MODEL.fit(x, np.arange(1001.0), 0.95)
    assert np.isinf(found.high[:, 2]).mean() > 0.95
    is_normal = np.isinf(found.values[:, 2])
    assert 0.35 < is_normal.mean() < 0.65
    covers(found, 0.5, 1)
    dx = np.diff(x, axis=1)[is_normal]
    of_normal = -500 * (np.log(2 * np.pi * dx.var(axis=1)) + 1)
    np.testing.assert_allclose(found.log_likelihood[is_normal], of_normal, rtol=1e-12)


def test_infinite_variance_is_an_end_of_the_range():
    x = levy_flight(np.random.default_rng(6), 20, 2001, 1.2)
    found = MODEL.fit(x, np.arange(2001.0), 0.95)
    assert MODEL.at_end_of_range(found.values).all()
    assert np.isinf(found.high[:, 1]).all()
    assert (found.low[:, 2] == 2.0).all()


def test_units():
    scales(MODEL, walks(7, 3, 600, 4.0) + 0.1 * np.arange(601), np.arange(601.0),
           lambda _: (np.array([1, 2, 0]), np.array([-1, -1, 0])))  # fmt: skip


def test_hard_series():
    survives(MODEL)


def test_uneven_times_and_few_values_are_not_fitted():
    x = walks(8, 1, 100, 4.0)
    t = np.arange(101.0)
    t[50:] += 1
    assert np.isnan(MODEL.fit(x, t, 0.95).log_likelihood).all()
    assert np.isnan(MODEL.fit(np.sign(x).cumsum(axis=1), np.arange(101.0), 0.95).values).all()


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_screen_lets_heavy_tails_pass_and_few_normal_ones(scale):
    times = np.arange(401.0)
    assert MODEL.may_be_best(scale * walks(9, 50, 400, 4.0), times).all()
    normal = wiener(np.random.default_rng(10), 200, 401)
    assert MODEL.may_be_best(scale * normal, times).mean() < 0.25


@pytest.mark.parametrize(("phi", "steps"), [(0.98, 4000), (0.95, 2000)])
def test_heavy_steps_that_lead_back_to_a_mean_are_no_walk(phi, steps):
    """As of weights in a bowl under heavy-tailed noise; one step hardly shows it, the path does."""
    rng = np.random.default_rng(5)
    noise = rng.standard_t(5, (steps, 10))
    x = np.zeros_like(noise)
    for k in range(1, steps):
        x[k] = phi * x[k - 1] + noise[k]
    found = sp.fit(x, models=["wiener", "ou", "levy", "student"])
    assert set(found["best"].values) == {"none"}
    assert (found["rejected_by"].values == "reverts").mean() >= 0.7
    assert "lead back to a mean" in str(found["reason"].values[0])


@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_steps_of_a_walk_seldom_lead_back_to_a_mean(drift):
    """At most 2 of 200 at the level that six tests share: 0.2%."""
    rng = np.random.default_rng(6)
    x = (drift + rng.standard_t(4, (1000, 200))).cumsum(axis=0)
    found = sp.fit(x, models=["wiener", "drifted_wiener", "student"])
    p_values = found["p_value"].sel(test="mean_reversion").values
    assert np.isfinite(p_values).sum() > 150
    assert np.nansum(p_values < 0.01 / 6) <= 2
    assert (found["best"].values == "student").mean() > 0.9
