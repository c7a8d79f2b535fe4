"""Simulators at their edges: stiff matrices, arrays of centres, small rates, signals beyond 2 g."""

import numpy as np
import pytest

from sgdphys import processes
from sgdphys.errors import InputError


@pytest.mark.parametrize("dt", [0.01, 1.0, 100.0])
def test_stiff_matrices_have_their_covariance(dt):
    """The exponential of 99 lost all digits of the slow direction."""
    kappa = np.array([[50.0, 49.0], [49.0, 50.0]])
    data = processes.ornstein_uhlenbeck(kappa=kappa, dt=dt, steps=500, replicas=200, rng=0)
    exact = data.attrs["stationary_covariance"].reshape(2, 2)
    found = np.cov(data["theta"].values.reshape(-1, 2).T)
    np.testing.assert_allclose(found, exact, rtol=0.15 if dt < 1 else 0.02)


def test_parameters_with_centres_of_their_own_are_independent():
    data = processes.ornstein_uhlenbeck(kappa=1.0, center=[0, 5, 9], steps=4000, dt=1.0, rng=0)
    x = data["theta"].values[:, 0]
    np.testing.assert_allclose(np.corrcoef(x.T), np.eye(3), atol=0.1)
    np.testing.assert_allclose(x.mean(axis=0), [0, 5, 9], atol=0.1)
    with pytest.raises(InputError, match="center has 3 values and parameters is 2"):
        processes.ornstein_uhlenbeck(center=[0, 5, 9], parameters=2)


@pytest.mark.parametrize(
    ("rate", "batch", "index"), [(2 / 3, 1, 2), (0.02, 1, 89.1), (0.1, 16, 258), (0.005, 1, 358)]
)
def test_the_index_of_small_rates_is_finite(rate, batch, index):
    """E|1 - eta h|**alpha = 1, checked by sums over many inputs in its logarithm."""
    found = processes.kesten_index(rate, batch)
    assert found == pytest.approx(index, rel=0.01)
    u = np.linspace(0, 60, 2_000_001)[1:]
    logs = (batch - 1) * np.log(u) - batch * u**2 / 2
    weight = np.exp(logs - logs.max())
    with np.errstate(divide="ignore"):
        power = np.exp(found * np.log(abs(1 - rate * u**2)) + logs - logs.max())
    assert power.sum() / weight.sum() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    ("signal", "time"), [(0.5, 2), (1.5, 1), (2.0, 0.5), (3.0, 0.5), (-0.5, 2), (-1.5, 1)]
)
def test_the_slow_mode_of_the_pitchfork(signal, time):
    """The inverse of the least eigenvalue of the Hessian at the minimum."""
    assert processes.pitchfork_time(signal) == pytest.approx(time)
    a = np.sqrt(max(abs(signal) - 1, 0))
    b = np.sign(signal) * a
    hessian = np.array([[b * b + 1, 2 * a * b - signal], [2 * a * b - signal, a * a + 1]])
    assert 1 / np.linalg.eigvalsh(hessian).min() == pytest.approx(time)


def test_noise_may_be_a_matrix_beside_a_curvature_that_is_none():
    c = np.array([[1.0, 0.5], [0.5, 1.0]])
    data = processes.sgd_on_quadratic(
        curvature=1.0, noise=c, learning_rate=0.1, steps=3000, replicas=50, rng=0
    )
    found = np.cov(data["theta"].values[200:].reshape(-1, 2).T)
    np.testing.assert_allclose(found, 0.1 * c / (2 - 0.1), rtol=0.1)
    unstable = processes.sgd_on_quadratic(curvature=30.0, learning_rate=0.1, steps=5, rng=0)
    assert np.isnan(unstable.attrs["stationary_covariance"]).all()


def test_infinitely_many_degrees_of_freedom_are_a_normal_law():
    x = processes.student_walk(degrees_of_freedom=np.inf, steps=20_000, rng=0)["theta"]
    assert float(x.diff("step").var()) == pytest.approx(1, rel=0.05)


def test_a_flat_well_starts_in_its_stationary_state():
    x = processes.double_well(diffusion=20.0, steps=200, dt=0.05, replicas=4000, rng=0)["theta"]
    squares = (x**2).mean("replica").values.ravel()
    assert squares[0] == pytest.approx(squares[100:].mean(), rel=0.05)
