"""Double well: densities against a fine Fokker-Planck solution, coefficients, borders."""

import numpy as np
import pytest
import simulators_wells
from scipy.linalg import eigh_tridiagonal

from sgdphys.dynamics.models import double_well_likelihood as kernels
from sgdphys.dynamics.models.double_well import DoubleWell

MODEL = DoubleWell()
TRUTH = np.array([0.0, 1.0, 0.25, 0.25])


def transition(dt, diffusion):
    """Grid, and densities (from, to) of x' = x - x**3: Scharfetter and Gummel (1969)."""
    grid = np.linspace(-3.2, 3.2, 1201)
    spacing = grid[1] - grid[0]
    potential = (grid**4 / 4 - grid**2 / 2) / diffusion
    rise = np.diff(potential)
    up, down = (diffusion / spacing**2 * r / np.expm1(r) for r in (rise, -rise))
    inside = np.zeros(len(grid))
    inside[:-1] -= up
    inside[1:] -= down
    rates, modes = eigh_tridiagonal(inside, np.sqrt(up * down))
    weight = np.exp(-potential / 2)
    chances = (modes * np.exp(rates * dt)) @ modes.T * weight / weight[:, None]
    return grid, chances / spacing


def densities(start, ends, dt):
    values = np.empty((len(ends), 2))
    for k, end in enumerate(ends):
        values[k] = MODEL.steps(TRUTH, np.array([start, end]), np.array([0.0, dt]))[:, 0]
    return values


@pytest.mark.parametrize("start", [-1.2, -1.0, 0.0, 0.8])
def test_densities_and_scores_are_those_of_the_fokker_planck_equation(start):
    from scipy.special import ndtri

    grid, exact = transition(0.1, 0.25)
    row = exact[np.abs(grid - start).argmin()]
    start = grid[np.abs(grid - start).argmin()]
    likely = np.flatnonzero(row > 1e-2 * row.max())[::10]
    found = densities(start, grid[likely], 0.1)
    assert found[:, 1] == pytest.approx(np.log(row[likely]), abs=5e-3)
    spacing = grid[1] - grid[0]
    below = (row.cumsum() - 0.5 * row)[likely] * spacing
    assert found[:, 0] == pytest.approx(ndtri(below), abs=5e-3)


def test_sums_of_powers_are_all_the_likelihood_needs():
    x = simulators_wells.double_well(np.random.default_rng(1), 1, 400, 0.1, 0.25)[0]
    t = np.cumsum(np.random.default_rng(2).uniform(0.05, 0.1, 400))
    nodes, weights = np.polynomial.legendre.leggauss(kernels.NODES)
    sums = np.empty(kernels.SUMS)
    kernels.power_sums(x, t, 0.5 * (nodes + 1), 0.5 * weights, sums)
    q = np.array([0.1, np.log(0.9), np.log(0.3), np.log(0.2)])
    whole = kernels.log_likelihood(q, sums, np.empty(22), 3)
    steps = MODEL.steps(np.array([0.1, 0.9, 0.3, 0.2]), x, t)
    assert whole == pytest.approx(steps[1].sum(), abs=1e-8)


def test_coefficients_are_recovered():
    x = 5 + 2 * simulators_wells.double_well(np.random.default_rng(3), 60, 2000, 0.1, 0.25)
    found = MODEL.fit(x, 0.1 * np.arange(2000), 0.95)
    truth = np.array([5.0, 2.0, 1.0, 1.0])
    covered = (found.low <= truth) & (truth <= found.high)
    assert (covered.mean(axis=0) > 0.85).all()  # of 60 at 95%: false alarm below 1e-3
    assert np.median(found.values, axis=0) == pytest.approx(truth, rel=0.1)
    z, logs = MODEL.steps(found.values[0], x[0], 0.1 * np.arange(2000))
    assert logs.sum() == pytest.approx(found.log_likelihood[0], abs=0.01)
    assert abs(z.mean()) < 0.08
    assert z.std() == pytest.approx(1, abs=0.06)


def test_uneven_times_and_gaps():
    rng = np.random.default_rng(4)
    x = simulators_wells.double_well(rng, 30, 4000, 0.05, 0.25)
    kept = np.sort(rng.choice(4000, 3000, replace=False))
    found = MODEL.fit(x[:, kept], 0.05 * kept, 0.95)
    covered = (found.low <= TRUTH) & (found.high >= TRUTH)
    assert (covered.mean(axis=0) > 0.8).all()


@pytest.mark.thorough(reason="fits many wells: 3 s")
def test_coarse_sampling_is_refused():
    x = simulators_wells.double_well(np.random.default_rng(5), 2, 2000, 1.0, 0.25)
    found = MODEL.fit(x, 1.0 * np.arange(2000), 0.95)
    assert np.isnan(found.values).all()
    assert np.isnan(found.log_likelihood).all()


def test_an_ornstein_uhlenbeck_process_is_no_double_well():
    rng = np.random.default_rng(6)
    n, phi = 1000, np.exp(-0.05)
    x = np.zeros((60, n))
    kicks = rng.standard_normal((60, n))
    for k in range(n - 1):
        x[:, k + 1] = phi * x[:, k] + kicks[:, k]
    assert MODEL.may_be_best(x, np.arange(n)).sum() <= 2
    x = simulators_wells.double_well(rng, 60, 4000, 0.1, 0.25)
    assert MODEL.may_be_best(x, 0.1 * np.arange(4000)).all()


def test_one_well_that_is_never_left_has_open_intervals():
    x = simulators_wells.double_well(np.random.default_rng(7), 40, 1000, 0.05, 0.03)
    found = MODEL.fit(x, 0.05 * np.arange(1000), 0.95)
    truth = np.array([0.0, 1.0, 0.25, 0.03])
    has = np.isfinite(found.log_likelihood)
    covered = (found.low <= truth) & (found.high >= truth)
    assert has.mean() > 0.8
    assert (covered[has].mean(axis=0) > 0.8).all()
    wide = found.high[has, 1] > 2 * found.low[has, 1]
    assert wide.mean() > 0.5


def test_simulated_paths_have_the_stationary_density():
    paths = MODEL.simulate(TRUTH, 0.5 * np.arange(60.0), 1.0, 1500, np.random.default_rng(8))
    assert (paths[:, 0] == 1).all()
    grid = np.linspace(-3, 3, 2001)
    density = np.exp(-((grid**2 - 1) ** 2) / 4 / 0.25)
    variance = (grid**2 * density).sum() / density.sum()
    assert paths[:, 40:].var() == pytest.approx(variance, rel=0.05)
    assert abs(paths[:, 50:].mean()) < 0.1


def test_units():
    x = simulators_wells.double_well(np.random.default_rng(9), 3, 800, 0.1, 0.25)
    t = 0.1 * np.arange(800)
    plain, scaled = MODEL.fit(x, t, 0.95), MODEL.fit(1e-6 * x + 1e-3, 50 * t + 7, 0.95)
    units = np.array([1e-6, 1e-6, 1e-12 / 50, 1e-12 / 50])
    for a, b in zip(plain[:3], scaled[:3], strict=True):
        assert b - [1e-3, 0, 0, 0] == pytest.approx(units * a, rel=1e-4, abs=1e-11 * units[0])
    shift = 799 * np.log(1e-6)
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood - shift, abs=1e-3)


def hostile():
    rng = np.random.default_rng(10)
    path = simulators_wells.double_well(rng, 1, 400, 0.1, 0.25)[0]
    flat = path.copy()
    flat[100:200] = flat[100]
    yield "offset", 1e6 + path
    yield "small", 1e-12 * path
    yield "large", 1e12 * path
    yield "constant piece", flat
    yield "constant", np.full(400, 3.0)
    yield "short", path[:51]
    yield "float32", path.astype(np.float32).astype(float)
    yield "walk", rng.standard_normal(400).cumsum()
    yield "white", rng.standard_normal(400)
    yield "line", np.arange(400.0)
    yield "alternating", np.tile([1.0, -1.0], 200)
    yield "growing", 1.05 ** np.arange(400.0)
    yield "heavy", rng.standard_cauchy(400).cumsum()


@pytest.mark.parametrize(("name", "x"), list(hostile()), ids=[name for name, _ in hostile()])
def test_survives(name, x):
    t = 0.1 * np.arange(len(x))
    found = MODEL.fit(x[None], t, 0.95)
    is_fitted = np.isfinite(found.log_likelihood[0])
    assert is_fitted == np.isfinite(found.values[0]).all()
    if name in ("offset", "small", "large", "float32"):
        assert is_fitted
    if is_fitted:
        assert np.isfinite(MODEL.steps(found.values[0], x, t)).all()
