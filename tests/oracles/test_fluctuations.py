"""Fluctuation relations, memory along curved directions, and the random-walk null."""

import numpy as np
import pytest
import xarray as xr
from truths import covers

from sgdphys import processes
from sgdphys.dynamics import (
    fluctuation_ratios,
    hessian_mode_statistics,
    minibatch_gradients,
    noise_alignment,
    trajectory_components,
    variance_flatness,
)
from sgdphys.dynamics.sgd.fluctuation_ratios import minibatch_gradients as gradients_of
from sgdphys.errors import InputError


def quadratic(h=1.0, eta=0.1, mu=0.0, batches=0, seed=1, steps=20_000, replicas=30):
    data = processes.sgd_on_quadratic(
        curvature=h, noise=1.0, learning_rate=eta, momentum=mu, batches=batches, steps=steps,
        replicas=replicas, rng=seed,
    )  # fmt: skip
    return data["theta"].isel(step=slice(500, None))


def ratios(theta, h=1.0, eta=0.1, mu=0.0):
    g = minibatch_gradients(theta, learning_rate=eta, momentum=mu)
    return fluctuation_ratios(
        theta, learning_rate=eta, momentum=mu, full_gradient=h * theta, hessian_gradient=h * g
    )


@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_heavy_ball_identity_to_a_percent(mu):
    found = ratios(quadratic(mu=mu), mu=mu)
    assert float(found["minibatch_ratio"]) == pytest.approx(1, abs=0.01)
    assert float(found["full_ratio"]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_short_windows_leave_the_full_ratio_at_one(mu):
    """Four relaxation times of the softest direction; its own mean would take out a fifth."""
    h = xr.DataArray([1.0, 0.3, 0.1], dims="parameter")
    theta = quadratic(h=h.to_numpy(), mu=mu, steps=900, replicas=600)
    found = ratios(theta, h=h, mu=mu)
    assert float(found["full_ratio"]) == pytest.approx(1, abs=0.05)
    holed = theta.copy(data=theta.to_numpy().copy())
    holed[100:, 0] = np.nan
    left, rest = ratios(holed, h=h, mu=mu), ratios(theta.isel(replica=slice(1, None)), h=h, mu=mu)
    for name in ("minibatch_ratio", "full_ratio", "second_ratio"):
        assert float(left[name]) == pytest.approx(float(rest[name]), rel=1e-12)
    with pytest.raises(InputError, match=r"momentum is 1\.0; it must be at least 0 and below 1"):
        minibatch_gradients(theta, learning_rate=0.1, momentum=1.0)


def test_reshuffled_noise_fails_the_full_ratio_alone():
    """The minibatch ratio is a telescoping identity and cannot tell; the full gradient can."""
    theta = quadratic(mu=0.9, batches=8)
    found = ratios(theta, mu=0.9)
    assert float(found["minibatch_ratio"]) == pytest.approx(1, abs=0.01)
    assert float(found["full_ratio_high"]) < 0.9


def test_second_relation():
    """Exact without momentum; h = 1, eta = 0.1, mu = 0.9: 0.514 against 0.076."""
    assert float(ratios(quadratic(steps=40_000))["second_ratio"]) == pytest.approx(1, abs=0.02)
    found = ratios(quadratic(mu=0.9, steps=40_000), mu=0.9)
    assert float(found["second_ratio"]) == pytest.approx(0.514 / 0.076, rel=0.05)


@pytest.mark.slow
def test_ratios_are_covered_and_temperature_is_that_of_equipartition():
    found = xr.concat(
        [ratios(quadratic(seed=s, steps=1500, replicas=12)) for s in range(400)], dim="seed"
    )
    covers(found, "full_ratio", float(found["full_ratio"].mean()))
    # <theta f> = h Var(theta) = eta C/(2 - eta h)
    assert float(found["effective_temperature"].mean()) == pytest.approx(0.1 / 1.9, rel=0.02)


def test_gradients_are_read_from_weights():
    theta = quadratic(h=0.5, eta=0.2, mu=0.5, steps=700, replicas=2)
    g = gradients_of(theta, learning_rate=0.2, momentum=0.5)
    assert g.sizes["step"] == theta.sizes["step"] - 2
    noise = g - 0.5 * theta.sel(step=g["step"])
    assert float(noise.std()) == pytest.approx(1, abs=0.1)
    with pytest.raises(InputError, match="consecutive steps"):
        gradients_of(theta.isel(step=slice(None, None, 3)), learning_rate=0.2)


def test_one_step_memory_has_two_criticalities():
    """Lag-1 is 1 - eta h/(1 + mu): to +1 where flat, to -1 at the edge of stability."""
    h = np.array([0.02, 1.0, 10.0, 19.0])
    for mu in (0.0, 0.5):
        scaled = h * (1 + mu)
        data = processes.sgd_on_quadratic(
            curvature=scaled, noise=1.0, learning_rate=0.1, momentum=mu, steps=30_000,
            replicas=6, rng=3,
        )  # fmt: skip
        modes = data["theta"].rename(parameter="mode").isel(step=slice(3000, None))
        found = hessian_mode_statistics(
            modes, xr.DataArray(scaled, dims="mode"), learning_rate=0.1, momentum=mu,
            noise=xr.DataArray(np.ones(4), dims="mode"),
        )  # fmt: skip
        np.testing.assert_allclose(
            found["autocorrelation"], found["predicted_autocorrelation"], atol=0.01
        )
        np.testing.assert_allclose(found["variance"], found["predicted_variance"], rtol=0.15)
        assert float(found["stability"][-1]) == pytest.approx(0.95)


def test_discrete_time_covariance_is_not_the_continuous_one():
    """At eta = 0.5: A S + S A - eta A S A = eta C, distinguished from A S + S A = eta C."""
    hessian, noise = np.array([[1.0, 0.4], [0.4, 1.5]]), np.array([[1.0, -0.3], [-0.3, 0.5]])
    data = processes.sgd_on_quadratic(
        curvature=hessian, noise=noise, learning_rate=0.5, steps=4000, replicas=400, rng=4
    )
    late = data["theta"].isel(step=slice(100, None)).to_numpy()
    by_replica = np.einsum("sri,srj->rij", late, late) / len(late)
    mean, error = by_replica.mean(0), by_replica.std(0, ddof=1) / 20
    from scipy.linalg import solve_continuous_lyapunov

    truth = data.attrs["stationary_covariance"].reshape(2, 2)
    assert (np.abs(mean - truth) < 4.5 * error).all()
    assert (np.abs(mean - solve_continuous_lyapunov(hessian, 0.5 * noise)) > 20 * error).all()


def test_flatness_exponents_of_two_samplers():
    """Isotropic noise gives -1; reshuffled in epochs next to 0 where it is flat."""
    h = np.geomspace(0.02, 0.3, 8)
    slopes = {}
    for batches in (0, 16):
        data = processes.sgd_on_quadratic(
            curvature=h, noise=1.0, learning_rate=0.1, batches=batches, steps=40_000, replicas=12,
            rng=5,
        )  # fmt: skip
        variance = data["theta"].isel(step=slice(4000, None)).var("step", ddof=1)
        variance = variance.rename(parameter="mode")
        curvature = xr.DataArray(np.tile(h, (12, 1)), dims=("replica", "mode"))
        slopes[batches] = variance_flatness(variance, curvature)
    assert float(slopes[0]["flatness_exponent"]) == pytest.approx(-1, abs=0.1)
    assert abs(float(slopes[16]["flatness_exponent"])) < 0.15
    low, high = (float(slopes[0][f"flatness_exponent_{e}"]) for e in ("low", "high"))
    assert low <= -1 <= high


def test_a_random_walk_is_its_own_null():
    data = processes.wiener(steps=200, parameters=300, replicas=1, rng=6)
    found = trajectory_components(data["theta"].isel(replica=0), resamples=30)
    k = np.arange(1, 4)
    np.testing.assert_allclose(found["component_share"][:3], 6 / (np.pi * k) ** 2, rtol=0.2)
    low, high = (found[f"null_component_share_{e}"][:3] for e in ("low", "high"))
    assert ((low - 0.03 <= found["component_share"][:3])
            & (found["component_share"][:3] <= high + 0.03)).all()  # fmt: skip


def test_a_trap_is_not_a_walk_and_few_directions_are_seen():
    trapped = processes.ornstein_uhlenbeck(kappa=1.0, dt=0.5, steps=400, parameters=50, rng=7)
    found = trajectory_components(trapped["theta"].isel(replica=0), resamples=40)
    assert float(found["component_share"][0]) < float(found["null_component_share_low"][0])
    line = processes.wiener(steps=300, parameters=1, rng=8)["theta"].isel(replica=0)
    one = trajectory_components(line, resamples=10)
    assert float(one["component_share"][0]) == pytest.approx(1)
    assert float(one["null_component_share"][0]) == pytest.approx(1)


def test_momentum_is_in_the_null():
    """A walk whose increments have memory is distinguished from one without, by its momentum."""
    walk = xr.concat(
        [
            processes.sgd_on_quadratic(curvature=0.0, momentum=0.9, steps=60, rng=s)["theta"]
            for s in range(100)
        ],
        dim="parameter",
    ).isel(replica=0)
    share = float(trajectory_components(walk, resamples=2)["component_share"][0])
    deviation = {}
    for momentum in (0.9, 0.0):
        null = trajectory_components(walk, momentum=momentum, resamples=60)
        deviation[momentum] = abs(share - float(null["null_component_share"][0]))
    assert deviation[0.9] < 0.5 * deviation[0.0], (share, deviation)


def test_noise_alignment():
    """1 for covariance proportional to the Hessian, 0 for orthogonal ones."""
    h = np.diag([2.0, 1.0, 0.0])
    found = noise_alignment(np.stack([3 * h, np.diag([0.0, 0.0, 1.0])]), h)
    np.testing.assert_allclose(found, [1.0, 0.0], atol=1e-12)


def test_a_path_without_a_full_gradient_counts_in_no_average():
    x = processes.sgd_on_quadratic(curvature=2.0, steps=2000, replicas=5, rng=3)["theta"]
    full = (2 * x).copy()
    full[{"replica": 1}] = np.nan
    found = fluctuation_ratios(x, learning_rate=0.1, full_gradient=full)
    rest = [0, 2, 3, 4]
    alone = fluctuation_ratios(
        x.isel(replica=rest), learning_rate=0.1, full_gradient=full.isel(replica=rest)
    )
    for name in alone:
        np.testing.assert_allclose(found[name], alone[name], err_msg=str(name))
