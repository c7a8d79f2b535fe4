"""Heavy ball, descent with momentum: likelihood, coefficients, residuals, simulation, borders."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov, toeplitz
from scipy.stats import multivariate_normal

from sgdphys import processes
from sgdphys.dynamics.models.heavy_ball import HeavyBall

MODEL = HeavyBall()
# momentum and curvature times rate: free; in a well; none; beyond 1; near the edge of stability
MOTIONS = [(0.9, 0.0), (0.3, 0.0), (0.9, 0.01), (0.0, 0.2), (0.5, 1.3), (0.8, 3.5)]


def values_of(momentum, rate, kick=0.7, place=1.3):
    well = rate > 0
    return np.array([
        momentum, rate, place if well else np.nan, np.nan if well else place, kick,
        kick**2 / (2 * (1 - momentum) ** 2),
    ])  # fmt: skip


def dense(momentum, rate, kick, place, x):
    """Log-likelihood given the first point, from the covariance of all positions."""
    if rate > 0:
        step = np.array([[1 - rate, momentum], [-rate, momentum]])
        state = solve_discrete_lyapunov(step, kick**2 * np.ones((2, 2)))
        c = toeplitz([(np.linalg.matrix_power(step, k) @ state)[0, 0] for k in range(len(x))])
        d = x - place
        mean = c[1:, 0] / c[0, 0] * d[0]
        c = c[1:, 1:] - np.outer(c[1:, 0], c[0, 1:]) / c[0, 0]
        return multivariate_normal.logpdf(d[1:], mean, c)
    n = len(x) - 1
    velocities = kick**2 / (1 - momentum**2) * toeplitz(momentum ** np.arange(n))
    total = np.tri(n)
    return multivariate_normal.logpdf(
        x[1:] - x[0], place * np.arange(1, n + 1), total @ velocities @ total.T
    )


@pytest.mark.parametrize(("momentum", "rate"), MOTIONS)
def test_likelihood_is_that_of_all_positions(momentum, rate):
    x = np.random.default_rng(2).standard_normal(40).cumsum()
    found = MODEL.steps(values_of(momentum, rate), x, np.arange(40.0))[1].sum()
    assert found == pytest.approx(dense(momentum, rate, 0.7, 1.3, x), rel=1e-8)


@pytest.mark.parametrize(("momentum", "rate"), [m for m in MOTIONS if m[0] > 0])
def test_the_fit_is_nearly_the_largest_likelihood(momentum, rate):
    """Least squares over all steps but the first: within 0.02 of the maximum."""
    t = 0.5 * np.arange(1000)
    rng = np.random.default_rng(3)
    x = MODEL.simulate(values_of(momentum, rate), t, 1.0, 1, rng)[0]
    found = MODEL.fit(x[None], t, 0.95)
    values = found.values[0]
    assert found.count[0] == (4 if rate else 3)
    log_likelihood = MODEL.steps(values, x, t)[1].sum()
    assert log_likelihood == pytest.approx(found.log_likelihood[0], abs=1e-6)
    for k in (k for k in range(5) if np.isfinite(values[k]) and values[k] != 0):
        for factor in (0.97, 0.999, 1.001, 1.03):
            other = values.copy()
            other[k] *= factor
            assert MODEL.steps(other, x, t)[1].sum() < log_likelihood + 0.02


@pytest.mark.parametrize(("momentum", "rate"), [m for m in MOTIONS if m[0] > 0])
def test_coefficients_are_recovered(momentum, rate):
    truth = values_of(momentum, rate)
    x = MODEL.simulate(truth, np.arange(4000.0), 1.0, 20, np.random.default_rng(4))
    found = MODEL.fit(x, np.arange(4000.0), 0.95)
    known = np.isfinite(truth)
    inside = (found.low <= truth) & (truth <= found.high)
    assert inside[:, known].mean(axis=0).min() >= 0.75  # 1e-4 by chance at 95%
    np.testing.assert_allclose(found.values[:, 0], momentum, atol=0.07)
    np.testing.assert_allclose(found.values[:, 1], rate, rtol=0.3)


def test_descent_with_momentum_on_a_quadratic():
    """eta h = 0.1, eta = 0.05, C = 4: kicks of deviation 0.1, and the known variances."""
    data = processes.sgd_on_quadratic(
        curvature=2.0, noise=4.0, learning_rate=0.05, momentum=0.9, steps=4000, replicas=20, rng=5
    )
    found = MODEL.fit(data["theta"].to_numpy()[200:, :, 0].T, np.arange(3801.0), 0.95)
    truth = [0.9, 0.1, 0.0, np.nan, 0.1, 0.1**2 / (2 * 0.1**2)]
    inside = ((found.low <= truth) & (truth <= found.high))[:, [0, 1, 2, 4, 5]]
    assert inside.mean(axis=0).min() >= 0.75
    mu, rate, kick = found.values[:, 0], found.values[:, 1], found.values[:, 4]
    variance = kick**2 * (1 + mu) / (rate * (1 - mu) * (2 * (1 + mu) - rate))
    np.testing.assert_allclose(np.median(variance), data.attrs["stationary_covariance"], rtol=0.05)


@pytest.mark.parametrize(("momentum", "rate"), MOTIONS)
def test_residuals_of_simulated_paths_are_independent_normal_numbers(momentum, rate):
    values = values_of(momentum, rate)
    t = np.arange(200.0)
    paths = MODEL.simulate(values, t, 2.0, 300, np.random.default_rng(6))
    np.testing.assert_allclose(paths[:, 0], 2.0)
    z = np.array([MODEL.steps(values, path, t)[0] for path in paths])
    assert abs(z.mean()) < 4.5 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 4.5 * np.sqrt(2 / z.size)
    assert abs((z[:, 0] ** 2).mean() - 1) < 4.5 * np.sqrt(2 / len(z))
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < 4.5 / np.sqrt(z.size)


@pytest.mark.parametrize("rate", [0.0, 0.05])
@pytest.mark.parametrize(
    ("scale", "offset", "unit"), [(1e-12, 0, 1), (1e12, 1e15, 1), (3, 1e6, 60)]
)
def test_units_of_position_and_time(rate, scale, offset, unit):
    x = MODEL.simulate(values_of(0.8, rate), np.arange(1000.0), 0, 3, np.random.default_rng(7))
    t = np.arange(1000.0)
    one = MODEL.fit(x, t, 0.95)
    two = MODEL.fit(scale * x + offset, unit * t + 5, 0.95)
    factors = np.array([1, 1, scale, scale / unit, scale, scale**2 / unit])
    for a, b in zip(one[:3], two[:3], strict=True):
        expected = a * factors + np.array([0, 0, offset, 0, 0, 0])
        np.testing.assert_allclose(b, expected, rtol=1e-5)
    change = two.log_likelihood - one.log_likelihood
    np.testing.assert_allclose(change, -999 * np.log(scale), rtol=1e-6)
    negative = MODEL.fit(-x, t, 0.95)
    np.testing.assert_allclose(negative.low[:, 2:4], -one.high[:, 2:4], rtol=1e-9)


def test_second_order_processes_outside_the_region_are_no_heavy_balls():
    """AR(2) with coefficients 0.5 and 0.3: momentum -0.3, which is not fitted."""
    rng = np.random.default_rng(8)
    x = np.zeros((20, 1000))
    for k in range(2, 1000):
        x[:, k] = 0.5 * x[:, k - 1] + 0.3 * x[:, k - 2] + rng.standard_normal(20)
    t = np.arange(1000.0)
    found = MODEL.fit(x, t, 0.95)
    assert (found.values[:, 0] == 0).all()
    assert MODEL.at_end_of_range(found.values).all()
    assert not MODEL.may_be_best(x, t).any()


@pytest.mark.parametrize("make", [lambda z: z, lambda z: z.cumsum(axis=1)], ids=["white", "walk"])
def test_no_momentum_is_screened_out(make):
    x = make(np.random.default_rng(9).standard_normal((400, 1000)))
    t = np.arange(1000.0)
    found = MODEL.fit(x, t, 0.95)
    assert (found.low[:, 0] == 0).mean() > 0.95
    assert np.isfinite(found.high[:, 0]).all()
    assert MODEL.may_be_best(x, t).mean() < 0.06
