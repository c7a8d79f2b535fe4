"""Reshuffled descent: likelihood against a dense one, coefficients, and other processes."""

import numpy as np
import pytest
import simulators_wells
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from sgdphys import processes
from sgdphys.dynamics.diffusion import unit_root
from sgdphys.dynamics.models import detrended_root
from sgdphys.dynamics.models.reshuffled import Reshuffled

MODEL = Reshuffled()
NAMES = list(MODEL.coefficients)


def fitted(x):
    return MODEL.fit(x, np.arange(x.shape[1]), 0.95)


def dense(values, x):
    """Gaussian log-likelihood of the kicks, with their autocorrelation averaged over phases."""
    rate, center, kick, batches = values
    kicks = x[1:] - x[:-1] + rate * (x[:-1] - center)
    lag = np.arange(len(kicks))
    correlation = np.where(lag < batches, -(batches - lag) / (batches * (batches - 1)), 0.0)
    correlation[0] = 1.0
    covariance = kick**2 * toeplitz(correlation)
    sign, logs = np.linalg.slogdet(2 * np.pi * covariance)
    assert sign > 0
    return -0.5 * (logs + kicks @ np.linalg.solve(covariance, kicks))


@pytest.mark.parametrize("batches", [2, 5, 8])
def test_the_likelihood_is_the_dense_one(batches):
    rng = np.random.default_rng(1)
    x = 3 + 2 * simulators_wells.reshuffled(rng, 1, 120, batches, 0.2)
    values = np.array([0.15, 2.5, 2.2, batches])
    _, densities = MODEL.steps(values, x[0], np.arange(120))
    assert densities.sum() == pytest.approx(dense(values, x[0]), abs=1e-3)
    found = fitted(x)
    assert found.values[0, 3] == batches
    nearby = dense(found.values[0], x[0])
    assert nearby - 1e-3 <= found.log_likelihood[0] < nearby + 2


def test_coefficients_are_recovered_at_every_phase():
    rng = np.random.default_rng(2)
    x = simulators_wells.reshuffled(rng, 60, 1000, 8, 0.1)
    found = fitted(x)
    assert (found.values[:, 3] == 8).all()
    assert (found.low[:, 3] == 8).all()
    truth = [0.1, 0.0, 1.0]
    covered = (found.low[:, :3] <= truth) & (truth <= found.high[:, :3])
    assert (covered.mean(axis=0) > 0.85).all()  # of 60 at 95%: false alarm below 1e-3
    assert np.median(found.values[:, :3], axis=0) == pytest.approx(truth, abs=0.02)


def test_the_package_own_process():
    path = processes.sgd_on_quadratic(
        curvature=3.0, learning_rate=0.1, batches=16, steps=2000, replicas=5, rng=3
    )
    found = fitted(path["theta"].to_numpy()[..., 0].T)
    assert (found.values[:, 3] == 16).all()
    assert found.values[:, 0] == pytest.approx(0.3, abs=0.06)
    assert found.values[:, 2] == pytest.approx(0.1, rel=0.1)


def test_one_set_of_kicks_in_new_order():
    x = simulators_wells.reshuffled(np.random.default_rng(4), 20, 1000, 8, 0.1, fixed=True)
    found = fitted(x)
    assert (found.values[:, 3] == 8).all()
    assert found.values[:, 2] == pytest.approx(1, rel=0.05)


def test_without_epochs_it_is_not_fitted():
    """A moving average with the spectrum of reshuffled kicks, but without epochs."""
    rng = np.random.default_rng(5)
    lag = np.arange(7)
    covariance = toeplitz(np.append((7 - lag) * (8 - lag) * (9 - lag) / 336, np.zeros(993)))
    bridge = np.linalg.cholesky(covariance) @ rng.standard_normal((1000, 20))
    x = np.zeros((20, 1000))
    for k in range(999):
        x[:, k + 1] = 0.7 * x[:, k] + bridge[k + 1] - bridge[k]
    assert MODEL.may_be_best(x, np.arange(1000)).all()
    assert np.isnan(fitted(x).values).all()


@pytest.mark.parametrize(("white", "is_fitted"), [(0.001, True), (0.02, False), (0.3, False)])
def test_kicks_that_do_not_sum_to_zero_are_refused(white, is_fitted):
    """What is left of the sums would be taken for a smaller rate."""
    rng = np.random.default_rng(11)
    x = simulators_wells.reshuffled(rng, 30, 2000, 8, 0.1)
    kicks = x[:, 1:] - 0.9 * x[:, :-1] + white * rng.standard_normal((30, 1999))
    found = fitted(lfilter([1.0], [1.0, -0.9], kicks, axis=1))
    has = np.isfinite(found.log_likelihood)
    assert has.mean() > 0.9 if is_fitted else has.mean() < 0.1
    covered = (found.low[has, 0] <= 0.1) & (found.high[has, 0] >= 0.1)
    assert covered.mean() > 0.8 if is_fitted else True


def test_simulated_paths_have_the_law():
    values = np.array([0.1, 5.0, 0.3, 8])
    x = MODEL.simulate(values, np.arange(400.0), 5.0, 400, np.random.default_rng(6))
    assert (x[:, 0] == 5).all()
    path = processes.sgd_on_quadratic(
        learning_rate=0.1, batches=8, noise=9.0, steps=10, replicas=1, rng=0
    )
    variance = path.attrs["stationary_covariance"].item()
    assert x[:, 100:].var() == pytest.approx(variance, rel=0.03)
    kicks = x[:, 1:] - x[:, :-1] + 0.1 * (x[:, :-1] - 5)
    assert kicks.std() == pytest.approx(0.3, rel=0.02)
    for lag in (1, 5, 9):
        expected = -(8 - lag) / 56 if lag < 8 else 0.0
        measured = (kicks[:, lag:] * kicks[:, :-lag]).mean() / 0.09
        assert measured == pytest.approx(expected, abs=0.01)


def test_residuals_are_standard_and_uncorrelated():
    x = simulators_wells.reshuffled(np.random.default_rng(7), 20, 2000, 8, 0.1)
    z = np.array([MODEL.steps(np.array([0.1, 0, 1, 8]), row, np.arange(2000))[0] for row in x])
    assert z.std() == pytest.approx(1, abs=0.02)
    assert abs(z.mean()) < 0.02
    for lag in (1, 2, 8):
        assert abs((z[:, lag:] * z[:, :-lag]).mean()) < 0.02


def test_units():
    x = simulators_wells.reshuffled(np.random.default_rng(8), 3, 600, 8, 0.1)
    plain, scaled = fitted(x), fitted(1e-12 * x + 1e-9)
    later = MODEL.fit(x, 7.0 * np.arange(600), 0.95)
    for a, b, c in zip(plain[:3], scaled[:3], later[:3], strict=True):
        assert b[:, [0, 3]] == pytest.approx(a[:, [0, 3]], rel=1e-4)
        assert b[:, 1] == pytest.approx(1e-12 * a[:, 1] + 1e-9, rel=1e-6)
        assert b[:, 2] == pytest.approx(1e-12 * a[:, 2], rel=1e-4)
        assert (a == c).all()
    shift = 599 * np.log(1e-12)
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood - shift, abs=0.01)


@pytest.mark.thorough(reason="fits many processes: 3 s")
def test_other_processes_are_not_fitted():
    rng = np.random.default_rng(9)
    white = rng.standard_normal((100, 1000))
    relaxing = lfilter([1.0], [1.0, -0.95], white, axis=1)
    for x in (white, white.cumsum(axis=1), relaxing):
        assert np.isnan(fitted(x).log_likelihood).all()
    x = simulators_wells.reshuffled(rng, 60, 4000, 8, 0.1)
    assert MODEL.may_be_best(x, np.arange(4000)).all()


def hostile():
    rng = np.random.default_rng(10)
    walk = rng.standard_normal(400).cumsum()
    path = simulators_wells.reshuffled(rng, 1, 400, 8, 0.1)[0]
    flat = path.copy()
    flat[100:200] = flat[100]
    yield "offset", 1e6 + path
    yield "small", 1e-12 * path
    yield "large", 1e12 * path
    yield "constant piece", flat
    yield "constant", np.full(400, 3.0)
    yield "short", path[:51]
    yield "float32", path.astype(np.float32).astype(float)
    yield "walk", walk
    yield "white", rng.standard_normal(400)
    yield "line", np.arange(400.0)
    yield "alternating", np.tile([1.0, -1.0], 200)
    yield "growing", 1.05 ** np.arange(400.0)
    yield "two values", (rng.random(400) < 0.5).astype(float)


@pytest.mark.parametrize(("name", "x"), list(hostile()), ids=[name for name, _ in hostile()])
def test_survives(name, x):
    t = np.arange(len(x))
    found = fitted(x[None])
    assert MODEL.may_be_best(x[None], t).shape == (1,)
    if name in ("offset", "small", "large", "float32"):
        assert found.values[0, 3] == 8
    is_fitted = np.isfinite(found.log_likelihood[0])
    assert is_fitted == np.isfinite(found.values[0]).all()
    if is_fitted and name != "growing":
        assert np.isfinite(MODEL.steps(found.values[0], x, t)).all()


def test_the_law_of_the_detrended_root():
    """Critical values of the Dickey-Fuller test with a trend: Fuller (1996), table 10.A.2."""
    for chance, critical in ((0.01, -3.96), (0.05, -3.41), (0.1, -3.12)):
        assert detrended_root.quantiles(chance)[1][-1] == pytest.approx(critical, abs=0.03)
    again = detrended_root.tabulate(2000, np.array([10.0]), seed=5)
    kept = detrended_root.table()[list(detrended_root.DURATIONS).index(10)]
    middle = (unit_root.CHANCES >= 0.05) & (unit_root.CHANCES <= 0.95)
    assert again[0][middle] == pytest.approx(kept[middle], abs=0.15)
