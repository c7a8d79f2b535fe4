"""Entropy of clouds, its balance, and entropy production, against closed forms."""

import numpy as np
import pytest
import xarray as xr
from truths import covers

from sgdphys import processes
from sgdphys.dynamics import entropy_balance, entropy_production, weight_entropy
from sgdphys.dynamics.ensembles.entropy import log_determinant_bias
from sgdphys.errors import InputError
from sgdphys.status import words

UNIT = np.log(2 * np.pi * np.e)


def test_wiener_cloud_grows_as_half_a_log_a_mode():
    data = processes.wiener(diffusion=0.5, steps=64, replicas=1500, parameters=40, rng=1)
    found = weight_entropy(
        data["theta"].isel(step=slice(1, None)), basis="random", modes=4, time="time"
    )
    exact = 2 * (UNIT + np.log(data["time"].to_numpy()[1:]))
    np.testing.assert_allclose(found["entropy"], exact, atol=0.12)
    np.testing.assert_allclose(found["entropy_nearest"], exact, atol=0.25)
    slope = np.polyfit(np.log(found["time"]), 2 * found["entropy"], 1)[0]
    assert slope == pytest.approx(4, abs=0.1)


def test_entropy_of_small_clouds_is_unbiased_and_covered():
    """Five modes from twelve members: the bias of the log determinant would be 1.6 nats."""
    x = np.random.default_rng(2).standard_normal((500, 12, 5)) * [1, 2, 3, 4, 5]
    theta = xr.DataArray(x, dims=("step", "replica", "parameter"))
    found = weight_entropy(theta, basis="coordinates")
    truth = 0.5 * 5 * UNIT + np.log(120)
    assert log_determinant_bias(11, 5) < -1.4
    assert float(found["entropy"].mean()) == pytest.approx(truth, abs=0.1)
    covers(found, "entropy", truth)


def test_twins_and_starts_are_told_apart():
    """Within families the cloud is that of the noise, however far apart families began."""
    rng = np.random.default_rng(3)
    starts = rng.standard_normal((10, 1, 3)) * 50
    x = (starts + rng.standard_normal((10, 8, 3))).reshape(1, 80, 3)
    theta = xr.DataArray(
        np.repeat(x, 2, axis=0), dims=("step", "replica", "parameter"),
        coords={"family": ("replica", np.repeat(np.arange(10), 8))},
    )  # fmt: skip
    within = weight_entropy(theta, family="family", basis="coordinates")
    alone = weight_entropy(theta, basis="coordinates")
    assert within.attrs["freedom"] == 70
    assert float(within["entropy"][0]) == pytest.approx(1.5 * UNIT, abs=0.4)
    assert float(alone["entropy"][0]) > float(within["entropy"][0]) + 8


def test_few_members_constant_parameters_and_one_replica():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3, 5, 20))
    x[..., 6] = 0.25
    theta = xr.DataArray(
        x, dims=("step", "replica", "parameter"),
        coords={"parameter": [f"w{k}" for k in range(20)]},
    )  # fmt: skip
    found = weight_entropy(theta)
    assert np.isfinite(found["entropy"]).all()
    assert int(found["rank"]) == 4
    assert found.attrs["never_differ"] == ["w6"]
    singular = weight_entropy(theta, basis="coordinates")
    assert np.isnan(singular["entropy"]).all()
    assert set(words(singular["status"])) == {"too few members"}
    alone = weight_entropy(theta.isel(replica=[0]))
    assert np.isnan(alone["entropy"]).all()
    assert set(words(alone["status"])) == {"too few members"}
    same = weight_entropy(theta.isel(replica=[0] * 6))
    assert set(words(same["status"])) == {"constant"}


def test_members_count_where_they_are_there():
    """Four members that end early, four that start late: named where too few are there."""
    rng = np.random.default_rng(12)
    x = rng.standard_normal((150, 8, 6)).cumsum(axis=0)
    x[100:, :4] = x[:50, 4:] = np.nan
    theta = xr.DataArray(x, dims=("step", "replica", "parameter"))
    found = weight_entropy(theta, basis="coordinates", modes=2)
    assert set(words(found["status"])[:50]) == {"too few members"}
    late = weight_entropy(theta.isel(replica=slice(4, 8), step=slice(50, None)),
                          basis="coordinates", modes=2)  # fmt: skip
    np.testing.assert_allclose(found["entropy"][50:], late["entropy"])
    z = rng.standard_normal((400, 12, 5))
    z[:-1, 3] = np.nan
    gone = weight_entropy(xr.DataArray(z, dims=theta.dims), basis="coordinates")
    covers(gone, "entropy", 2.5 * UNIT)


def test_directions_chosen_from_the_same_members_have_no_interval():
    x = np.random.default_rng(13).standard_normal((5, 40, 20))
    theta = xr.DataArray(x, dims=("step", "replica", "parameter"))
    chosen = weight_entropy(theta, modes=3)
    assert np.isfinite(chosen["entropy"]).all()
    assert np.isnan(chosen["entropy_low"]).all()
    assert chosen.attrs["interval_method"].startswith("none")
    for options in ({"modes": 20}, {"basis": "random"}):
        assert np.isfinite(weight_entropy(theta, **options)["entropy_low"]).all()
    with pytest.raises(InputError, match=r"modes is 1\.5"):
        weight_entropy(theta, modes=1.5)


@pytest.mark.parametrize(("start", "sign"), [(5.0, -1), (0.05, 1)])
def test_balance_of_a_relaxing_cloud(start, sign):
    """An Ornstein-Uhlenbeck cloud that shrinks or spreads: -d kappa + D tr(1/Sigma) = dS/dt."""
    rng = np.random.default_rng(5)
    kappa, diffusion, dt = 1.0, 0.5, 0.01
    begin = start * rng.standard_normal((4000, 3))
    t = np.arange(40) * dt
    x = np.empty((40, 4000, 3))
    x[0] = begin
    for k in range(1, 40):
        noise = rng.standard_normal(begin.shape) * np.sqrt(
            diffusion / kappa * (1 - np.exp(-2 * kappa * dt))
        )
        x[k] = np.exp(-kappa * dt) * x[k - 1] + noise
    theta = xr.DataArray(x, dims=("step", "replica", "parameter"), coords={"time": ("step", t)})
    found = entropy_balance(theta, basis="coordinates", time="time")
    variance = diffusion + (start**2 - diffusion) * np.exp(-2 * t[:-1])
    flow, spreading = -3 * kappa, 3 * diffusion / variance
    late = slice(10, None)
    assert float(found["entropy_flow"].mean()) == pytest.approx(flow, rel=0.1)
    np.testing.assert_allclose(found["entropy_spreading"][late], spreading[late], rtol=0.15)
    mean = (flow + spreading)[late].mean()
    assert np.sign(mean) == sign
    assert float(found["entropy_balance"][late].mean()) == pytest.approx(mean, abs=0.3)
    assert float(found["entropy_rate"][late].mean()) == pytest.approx(mean, abs=0.3)


@pytest.mark.parametrize(
    ("process", "truth", "steps"),
    [
        pytest.param(processes.rotating_langevin, 8.0, 8000, marks=pytest.mark.thorough),
        pytest.param(processes.gyrator, 0.4, 40_000, marks=pytest.mark.slow),
    ],
)
def test_entropy_production(process, truth, steps):
    data = process(dt=0.05, steps=steps, replicas=400, rng=6)
    found = xr.concat([
        entropy_production(data["theta"].isel(replica=r), time="time", resamples=19)
        for r in range(400)
    ], dim="replica")  # fmt: skip
    covers(found, "entropy_production", truth)
    mean, error = found["entropy_production"].mean(), found["entropy_production"].std() / 20
    assert abs(float(mean) - truth) < 4 * float(error)


@pytest.mark.slow
def test_equilibrium_produces_no_entropy():
    data = processes.ornstein_uhlenbeck(
        kappa=np.array([[1.0, 0.3], [0.3, 2.0]]), diffusion=0.5, dt=0.05, steps=4000,
        replicas=1000, rng=7,
    )  # fmt: skip
    found = xr.concat([
        entropy_production(data["theta"].isel(replica=r), time="time", resamples=99)
        for r in range(1000)
    ], dim="replica")  # fmt: skip
    fired = float((found["p_value"] <= 0.05).mean())
    assert 0.03 <= fired <= 0.07
    mean, error = found["entropy_production"].mean(), found["entropy_production"].std() / 31
    assert abs(float(mean)) < 4 * float(error)
    covers(found, "entropy_production", 0.0)


def test_sgd_is_reversible_when_hessian_and_noise_commute():
    """A chain: exact from pair covariances; zero when they commute."""
    hessian = np.diag([1.0, 2.0])
    for noise, is_zero in ((np.diag([1.0, 0.3]), True), (np.array([[1, 0.6], [0.6, 1]]), False)):
        data = processes.sgd_on_quadratic(
            curvature=hessian, noise=noise, learning_rate=0.3, steps=20_000, replicas=10, rng=8
        )
        same = data.attrs["stationary_covariance"].reshape(2, 2)
        apart = (np.eye(2) - 0.3 * hessian) @ same
        forward = np.block([[same, apart.T], [apart, same]])
        backward = np.block([[same, apart], [apart.T, same]])
        truth = 0.5 * np.trace(np.linalg.solve(backward, forward)) - 2
        found = entropy_production(data["theta"].isel(step=slice(100, None)), process="chain")
        low, high = (float(found[f"entropy_production_{e}"]) for e in ("low", "high"))
        assert low <= truth <= high
        assert (truth < 1e-12) == is_zero
        assert (float(found["p_value"]) > 0.01) == is_zero


def test_production_needs_a_whole_path():
    x = np.random.default_rng(9).standard_normal((500, 2))
    x[7, 1] = np.nan
    with pytest.raises(InputError, match="without gaps"):
        entropy_production(x)
    with pytest.raises(InputError, match="too few for 2 coordinates"):
        entropy_production(np.zeros((15, 2)))
