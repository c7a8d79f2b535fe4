"""Langevin equation with inertia: likelihood, coefficients, residuals, simulation, borders."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.stats import multivariate_normal

from sgdphys import processes
from sgdphys.dynamics.models.langevin_filter import transition
from sgdphys.dynamics.models.underdamped import Underdamped

MODEL = Underdamped()
NAMES = list(MODEL.coefficients)
EVEN = np.arange(40.0)
UNEVEN = np.cumsum(np.random.default_rng(1).exponential(1.0, 40))
# free; under-, critically and overdamped; beside the critical point; nearly no inertia
MOTIONS = [(0.1, 0.0), (3.0, 0.0), (0.1, 0.01), (0.2, 0.01), (2.0, 1.0 + 1e-9), (8.0, 0.3)]


def values_of(friction, stiffness, diffusion=0.7, place=1.3):
    well = stiffness > 0
    return np.array(
        [friction, stiffness, place if well else np.nan, np.nan if well else place, diffusion]
    )


def dense(friction, stiffness, diffusion, place, x, t):
    """Log-likelihood given the first point from the covariance of all positions."""
    if stiffness > 0:
        flow = np.array([[0.0, 1.0], [-stiffness, -friction]])
        lags = np.abs(t[:, None] - t)
        decay = {lag: expm(lag * flow)[0, 0] for lag in np.unique(lags)}
        c = diffusion * friction / stiffness * np.vectorize(decay.get)(lags)
        d = x - place
        # given the first point
        mean = c[1:, 0] / c[0, 0] * d[0]
        c = c[1:, 1:] - np.outer(c[1:, 0], c[0, 1:]) / c[0, 0]
        return multivariate_normal.logpdf(d[1:], mean, c)
    msd = 2 * diffusion * (t - t[0] + np.expm1(-friction * (t - t[0])) / friction)
    between = np.abs(t[:, None] - t)
    c = 2 * diffusion * (between + np.expm1(-friction * between) / friction)
    c = 0.5 * (msd[:, None] + msd - c)[1:, 1:]
    return multivariate_normal.logpdf(x[1:] - x[0], place * (t[1:] - t[0]), c)


def a_path(t, seed=2):
    return np.random.default_rng(seed).standard_normal(len(t)).cumsum()


@pytest.mark.parametrize("t", [EVEN, UNEVEN, 1e-12 * EVEN], ids=["even", "uneven", "fast"])
@pytest.mark.parametrize(("friction", "stiffness"), MOTIONS)
def test_likelihood_is_that_of_all_positions(friction, stiffness, t):
    x = a_path(t)
    unit = 1e-12 if t[1] == 1e-12 else 1.0
    values = values_of(friction / unit, stiffness / unit**2)
    found = MODEL.steps(values, x, t)[1].sum()
    truth = dense(friction / unit, stiffness / unit**2, 0.7, 1.3, x, t)
    assert found == pytest.approx(truth, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("dt", [1e-4, 0.3, 1.0, 7.0])
@pytest.mark.parametrize(("friction", "stiffness"), MOTIONS)
def test_transitions_are_those_of_matrix_exponentials(friction, stiffness, dt):
    flow = np.array([[0.0, 1.0], [-stiffness, -friction]])
    g, lost, dg, *covariance = transition(friction, stiffness, dt)
    found = [[1 - lost, g], [-stiffness * g, dg]]
    np.testing.assert_allclose(found, expm(dt * flow), rtol=1e-9, atol=1e-13)
    for (i, j), value in zip(((0, 0), (0, 1), (1, 1)), covariance, strict=True):

        def product(s, i=i, j=j):
            response = expm(s * flow)[:, 1]
            return response[i] * response[j]

        truth = quad(product, 0, dt, points=[min(0.1 * dt, 0.2)], epsabs=1e-25, epsrel=1e-9)[0]
        assert value == pytest.approx(truth, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("t", [np.arange(300.0), np.cumsum(np.full(300, 0.4) + 0.1)])
@pytest.mark.parametrize("stiffness", [0.0, 0.05])
def test_the_fit_is_the_largest_likelihood(stiffness, t):
    data = processes.underdamped(friction=0.3, stiffness=stiffness, steps=299, rng=4)
    x = data["theta"].to_numpy()[:, 0, 0]
    found = MODEL.fit(x[None], t, 0.95)
    values = found.values[0]
    assert found.count[0] == (4 if stiffness else 3)
    log_likelihood = MODEL.steps(values, x, t)[1].sum()
    assert log_likelihood == pytest.approx(found.log_likelihood[0], abs=1e-6)
    for k in np.flatnonzero(np.isfinite(values) & (values != 0)):
        for factor in (0.98, 1.02):
            other = values.copy()
            other[k] *= factor
            assert MODEL.steps(other, x, t)[1].sum() < log_likelihood


@pytest.mark.parametrize(("friction", "stiffness"), [(0.1, 0.0), (0.1, 0.01)])
def test_coefficients_are_recovered(friction, stiffness):
    data = processes.underdamped(
        friction=friction, stiffness=stiffness, diffusion=2.0, steps=4000, parameters=20, rng=5
    )
    found = MODEL.fit(data["theta"].to_numpy()[:, 0].T, np.arange(4001.0), 0.95)
    truth = values_of(friction, stiffness, 2.0, 0.0)
    known = np.isfinite(truth)
    inside = (found.low <= truth) & (truth <= found.high)
    assert (np.isfinite(found.values) == known).all()
    assert inside[:, known].mean(axis=0).min() >= 0.75  # 1e-4 by chance at 95%
    np.testing.assert_allclose(np.median(found.values[:, known], axis=0), truth[known], atol=0.2)


@pytest.mark.parametrize("t", [np.arange(200.0), np.cumsum(np.tile([0.3, 1.7], 100))])
@pytest.mark.parametrize(("friction", "stiffness"), MOTIONS[:4])
def test_residuals_of_simulated_paths_are_independent_normal_numbers(friction, stiffness, t):
    values = values_of(friction, stiffness)
    paths = MODEL.simulate(values, t, 2.0, 300, np.random.default_rng(6))
    assert (paths[:, 0] == 2.0).all()
    z = np.array([MODEL.steps(values, path, t)[0] for path in paths])
    assert abs(z.mean()) < 4.5 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 4.5 * np.sqrt(2 / z.size)
    assert abs((z[:, 0] ** 2).mean() - 1) < 4.5 * np.sqrt(2 / len(z))
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < 4.5 / np.sqrt(z.size)


@pytest.mark.parametrize("stiffness", [0.0, 0.01])
@pytest.mark.parametrize(
    ("scale", "offset", "unit"), [(1e-12, 0, 1), (1e12, 1e15, 1), (-3, 1e6, 60)]
)
def test_units_of_position_and_time(stiffness, scale, offset, unit):
    data = processes.underdamped(stiffness=stiffness, steps=1000, parameters=2, rng=7)
    x, t = data["theta"].to_numpy()[:, 0].T, np.arange(1001.0)
    one = MODEL.fit(x, t, 0.95)
    two = MODEL.fit(scale * x + offset, unit * t + 5, 0.95)
    change = two.log_likelihood - one.log_likelihood
    np.testing.assert_allclose(change, -1000 * np.log(abs(scale)), rtol=1e-6, atol=1e-3)
    factors = np.array([1 / unit, 1 / unit**2, scale, scale / unit, scale**2 / unit])
    for a, b in zip(one[:3], two[:3], strict=True):
        expected = a * factors + np.array([0, 0, offset, 0, 0])
        if scale < 0:
            continue
        np.testing.assert_allclose(b, expected, rtol=1e-4)
    if scale < 0:  # ends of centre and drift change places
        expected = one.low * factors + np.array([0, 0, offset, 0, 0])
        np.testing.assert_allclose(two.high[:, 2:4], expected[:, 2:4], rtol=1e-4)
        np.testing.assert_allclose(two.low[:, [0, 1, 4]], expected[:, [0, 1, 4]], rtol=1e-4)


def test_missing_points_are_uneven_times():
    data = processes.underdamped(stiffness=0.01, steps=2000, parameters=8, rng=8)
    kept = np.random.default_rng(9).random(2001) > 0.1
    x, t = data["theta"].to_numpy()[kept, 0].T, np.arange(2001.0)[kept]
    found = MODEL.fit(x, t, 0.95)
    inside = (found.low <= [0.1, 0.01, 0, 0, 0.5]) & (found.high >= [0.1, 0.01, 0, 0, 0.5])
    assert inside[:, [0, 1, 2, 4]].mean() > 0.8
    assert MODEL.may_be_best(x, t).all()
    walks = np.random.default_rng(9).standard_normal((200, 2001)).cumsum(axis=1)[:, kept]
    assert MODEL.may_be_best(walks, t).mean() < 0.06


def test_too_many_spacings_are_refused():
    t = np.random.default_rng(12).exponential(1.0, 600).cumsum()
    x = np.random.default_rng(13).standard_normal((2, 600)).cumsum(axis=1)
    assert np.isnan(MODEL.fit(x, t, 0.95).values).all()
    assert not MODEL.may_be_best(x, t).any()
    assert np.isfinite(MODEL.fit(x[:, :300], t[:300], 0.95).log_likelihood).all()


def test_no_inertia_is_the_end_of_the_range():
    """A Wiener process: friction is infinite, its interval open; the model is screened out."""
    x = np.random.default_rng(10).standard_normal((200, 1000)).cumsum(axis=1)
    t = np.arange(1000.0)
    found = MODEL.fit(x, t, 0.95)
    ends = MODEL.at_end_of_range(found.values)
    assert 0.4 < ends.mean() < 0.9
    assert np.isinf(found.high[ends, 0]).all()
    assert (found.low[ends, 0] > 0.5).mean() > 0.9
    assert MODEL.may_be_best(x, t).mean() < 0.06
    assert MODEL.may_be_best(x[:, ::20], t[::20] ** 2).all()  # uneven: not screened


def test_stiffness_of_a_free_particle_has_an_upper_end():
    x = processes.underdamped(steps=1000, parameters=50, rng=11)["theta"].to_numpy()[:, 0].T
    found = MODEL.fit(x, np.arange(1001.0), 0.95)
    free = found.count == 3
    assert free.mean() > 0.9
    assert (found.values[free, 1] == 0).all()
    assert (found.low[free, 1] == 0).all()
    # the strongest well that is unseen has about 4 to 25 relaxation times
    relaxations = found.high[free, 1] / found.values[free, 0] * 1000
    assert relaxations.min() > 3
    assert relaxations.max() < 60
