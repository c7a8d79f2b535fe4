"""The processes themselves, against moments that are known exactly."""

import numpy as np
import pytest

from sgdphys import processes
from sgdphys.errors import InputError


def variance_of(data, first):
    """Mean square about the centre after some steps, by parameter, with its standard error."""
    late = data["theta"].isel(step=slice(first, None)).to_numpy() ** 2
    by_replica = late.mean(axis=0)
    return by_replica.mean(axis=0), by_replica.std(axis=0, ddof=1) / np.sqrt(len(by_replica))


def agrees(data, first, truth, within=4.5):
    found, error = variance_of(data, first)
    assert np.all(np.abs(found - truth) < within * error), (found, truth, error)


def test_wiener_moments():
    data = processes.wiener(drift=0.3, diffusion=2.0, steps=50, dt=0.5, replicas=20_000, rng=1)
    end = data["theta"].isel(step=-1).to_numpy()
    assert end.mean() == pytest.approx(0.3 * 25, abs=0.3)
    assert end.var() == pytest.approx(2 * 2.0 * 25, rel=0.05)


@pytest.mark.parametrize("hurst", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_fractional_brownian_msd(hurst):
    data = processes.fractional_brownian(hurst=hurst, steps=64, replicas=6000, rng=2)
    for step in (1, 8, 64):
        assert data["theta"][step].var() == pytest.approx(step ** (2 * hurst), rel=0.08)


def test_scaled_brownian_ages():
    data = processes.scaled_brownian(alpha=0.5, steps=400, replicas=6000, rng=3)
    moved = (data["theta"][400] - data["theta"][100]).var()
    assert moved == pytest.approx(400**0.5 - 100**0.5, rel=0.08)


@pytest.mark.parametrize("dt", [0.01, 2.0])
def test_ornstein_uhlenbeck_is_exact_at_any_step(dt):
    data = processes.ornstein_uhlenbeck(
        kappa=0.8, diffusion=0.4, center=3.0, dt=dt, steps=30, replicas=20_000, rng=4
    )
    theta = data["theta"].isel(parameter=0) - 3.0
    assert theta[-1].var() == pytest.approx(data.attrs["stationary_variance"], rel=0.04)
    memory = float((theta[0] * theta[1]).mean() / (theta[0] ** 2).mean())
    assert memory == pytest.approx(np.exp(-0.8 * dt), abs=0.03)


@pytest.mark.parametrize(("friction", "dt"), [(0.5, 0.5), (20.0, 3.0)])
def test_inertia_at_any_step(friction, dt):
    free = processes.underdamped(
        friction=friction, drift=0.2, dt=dt, steps=10, replicas=20_000, rng=40
    )
    t = 10 * dt
    msd = 2 * 0.5 * (t + np.expm1(-friction * t) / friction)
    assert free["theta"][-1].mean() == pytest.approx(0.2 * t, abs=5 * np.sqrt(msd / 20_000))
    assert free["theta"][-1].var() == pytest.approx(msd, rel=0.05)
    well = processes.underdamped(
        friction=friction, stiffness=0.3, center=2.0, dt=dt, steps=10, replicas=20_000, rng=41
    )
    late = well["theta"][-1] - 2.0
    assert late.var() == pytest.approx(well.attrs["stationary_variance"], rel=0.05)
    assert well.attrs["stationary_variance"] == pytest.approx(0.5 * friction / 0.3)
    with pytest.raises(InputError, match="no drift"):
        processes.underdamped(stiffness=1.0, drift=1.0)
    with pytest.raises(InputError, match="must be positive"):
        processes.underdamped(friction=0.0)


@pytest.mark.parametrize(
    ("process", "production"), [(processes.rotating_langevin, 8.0), (processes.gyrator, 0.4)]
)
def test_entropy_production(process, production):
    data = process(steps=10, dt=0.3, replicas=20_000, rng=5)
    assert data.attrs["entropy_production"] == pytest.approx(production, rel=1e-9)
    covariance = np.cov(data["theta"].to_numpy()[-1].T)
    truth = data.attrs["stationary_covariance"].reshape(2, 2)
    np.testing.assert_allclose(covariance, truth, atol=0.05)


def test_an_unstable_drift_needs_a_start():
    with pytest.raises(InputError, match="no stationary state"):
        processes.ornstein_uhlenbeck(kappa=np.array([[-1.0]]))


def test_geometric_brownian_grows():
    data = processes.geometric_brownian(growth=0.5, volatility=0.3, dt=0.01, steps=100,
                                        replicas=20_000, rng=6)  # fmt: skip
    assert float(data["theta"][-1].mean()) == pytest.approx(np.exp(0.5), rel=0.02)


def test_double_well_density():
    """The stationary density is exp(-U/D): <x**2> by quadrature."""
    data = processes.double_well(diffusion=0.2, steps=40, dt=0.5, replicas=8000, rng=7)
    x = np.linspace(-3, 3, 4001)
    weight = np.exp(-(x**4 / 4 - x**2 / 2) / 0.2)
    agrees(data, 1, (x**2 * weight).sum() / weight.sum())


@pytest.mark.parametrize(("diffusion", "above"), [(0.03, 5.4), (0.05, 10.7), (0.1, 22.4)])
def test_escape_is_slower_than_kramers(diffusion, above):
    """Kramers' rate is 5.4%, 10.7% and 22.4% above the inverse of the mean passage time."""
    kramers = np.sqrt(2) / (2 * np.pi) * np.exp(-0.25 / diffusion)
    passage = processes.double_well(diffusion=diffusion, steps=1).attrs["passage_time"]
    assert 100 * (kramers * passage - 1) == pytest.approx(above, abs=0.1)


def test_sgd_on_a_quadratic_is_not_the_continuous_lyapunov():
    a, c = np.array([[1.5, 0.4], [0.4, 0.6]]), np.array([[1.0, 0.3], [0.3, 0.5]])
    data = processes.sgd_on_quadratic(
        curvature=a, noise=c, learning_rate=0.4, steps=400, replicas=4000, rng=8
    )
    s = data.attrs["stationary_covariance"].reshape(2, 2)
    np.testing.assert_allclose(a @ s + s @ a - 0.4 * a @ s @ a, 0.4 * c, atol=1e-12)
    agrees(data, 100, np.diag(s))
    continuous = np.linalg.solve(np.kron(a, np.eye(2)) + np.kron(np.eye(2), a), 0.4 * c.ravel())
    assert np.all(np.diag(s) > 1.1 * continuous[[0, 3]])


def test_momentum():
    data = processes.sgd_on_quadratic(
        curvature=[1.0], learning_rate=0.1, momentum=0.9, steps=1500, replicas=600, rng=9
    )
    agrees(data, 300, data.attrs["stationary_covariance"])
    v = data["theta"].diff("step").isel(step=slice(300, None))
    assert float((v**2).mean()) == pytest.approx(float(data.attrs["variance_of_v"][0]), rel=0.02)


def test_reshuffled_epochs():
    """The integral over the spectrum and the simulation agree; the limit is eta**2 C (K + 1)/6."""
    data = processes.sgd_on_quadratic(
        curvature=[2.0, 0.3, 0.02], batches=8, learning_rate=0.1, steps=3000, replicas=800, rng=10
    )
    agrees(data, 1000, data.attrs["stationary_covariance"])
    flat = processes.sgd_on_quadratic(curvature=[1e-4], batches=8, learning_rate=0.1, steps=8)
    assert flat.attrs["stationary_covariance"][0] == pytest.approx(0.01 * 9 / 6, rel=0.01)


def test_epoch_noise_autocorrelation():
    """-(K - k)/(K (K - 1)) at lag k; it sums to -1/2."""
    k = 6
    data = processes.sgd_on_quadratic(
        curvature=[0.0], batches=k, learning_rate=1.0, steps=k * 20_000, rng=11
    )
    noise = np.diff(data["theta"].to_numpy()[:, 0, 0])
    for lag in range(1, k):
        found = (noise[lag:] * noise[:-lag]).mean() / (noise**2).mean()
        assert found == pytest.approx(-(k - lag) / (k * (k - 1)), abs=0.015)


def test_online_regression_is_not_additive_noise():
    data = processes.online_linear_regression(
        covariance=[1.0, 0.5], learning_rate=0.3, batch_size=2, steps=600, replicas=3000, rng=12
    )
    agrees(data, 100, data.attrs["stationary_covariance"][[0, 3]])
    additive = 0.3 / 2 * 1.0 / (2 - 0.3)  # the first direction, noise that does not grow
    assert data.attrs["stationary_covariance"][0] > 1.2 * additive


@pytest.mark.parametrize(
    ("signal", "tau"),
    [
        (0.6, 2.5),
        pytest.param(0.9, 10.0, marks=pytest.mark.slow(reason="100 000 steps; see test_slowing")),
        (1.2, 2.5),
        (2.0, 0.5),
    ],
)
def test_pitchfork_relaxes(signal, tau):
    data = processes.pitchfork(
        signal=signal, learning_rate=0.02, noise=1e-6, steps=int(200 * tau / 0.02), replicas=20,
        rng=13,
    )  # fmt: skip
    assert data.attrs["relaxation_time"] == pytest.approx(tau)
    mode = data["theta"].isel(step=slice(int(5 * tau / 0.02), None)).sum("parameter").to_numpy()
    mode = mode - mode.mean(axis=0)
    # the difference of the parameters relaxes at another rate; their sum is the slow mode
    memory = (mode[1:] * mode[:-1]).sum() / (mode[:-1] ** 2).sum()
    assert -0.02 / np.log(memory) == pytest.approx(tau, rel=0.12)


def test_spoiled_data_keep_their_truth_and_own_noise():
    """The noise that is added must not be the noise that made the path, although seeds agree."""
    clean = processes.wiener(steps=4000, rng=0)
    worse = processes.corrupt(clean, noise=2.0, gaps=0.1, thin=2, rng=0)
    assert worse.attrs["diffusion"] == clean.attrs["diffusion"]
    assert worse.sizes["step"] == 2001
    assert 0.05 < float(worse["theta"].isnull().mean()) < 0.15
    moved = float(worse["theta"].diff("step").var())
    assert moved == pytest.approx(2 * 1.0 + 2 * 4.0, rel=0.12)
