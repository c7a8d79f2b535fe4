"""Wiener fits and the tests that decide whether one is fair."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from simulators import wiener as simulated_wiener
from statsmodels.tsa.stattools import adfuller
from truths import covers, estimate, fires, recovers, scales

from sgdphys import dynamics, processes
from sgdphys.dynamics.diffusion.wiener_tests import TESTS, adf, pass_rate
from sgdphys.errors import InputError
from sgdphys.status import words


@pytest.mark.parametrize("steps", [10, 200, 1000])
def test_drift_and_diffusion(steps):
    process = processes.wiener(
        drift=0.3, diffusion=2.0, steps=steps, dt=0.5, parameters=600, rng=21
    )
    found = estimate(dynamics.fit_wiener, process)
    for name, truth in (("drift", 0.3), ("diffusion", 2.0)):
        recovers(found, name, truth)
    best = 2 * 1.96 * 2.0 * np.sqrt(2 / (steps - 1))
    covers(found, "diffusion", 2.0, efficient_width=best * (1.6 if steps < 20 else 1))
    covers(found, "drift", 0.3, efficient_width=2 * 1.96 * np.sqrt(2 * 2.0 / (0.5 * steps)))


def test_uneven_times_and_gaps():
    """Half of the points at random places: exact all the same."""
    process = processes.corrupt(
        processes.wiener(drift=0.1, diffusion=0.7, steps=400, parameters=600, rng=22), gaps=0.5
    )
    found = estimate(dynamics.fit_wiener, process)
    recovers(found, "diffusion", 0.7)
    covers(found, "diffusion", 0.7)
    covers(found, "drift", 0.1)


def test_every_second_step_tells_the_same():
    """C3: the same process at dt and 2 dt has the same D, within its interval."""
    process = processes.wiener(diffusion=0.5, steps=2000, dt=0.01, parameters=400, rng=23)
    thinned = processes.corrupt(process, thin=2)
    found, again = (estimate(dynamics.fit_wiener, p) for p in (process, thinned))
    inside = (again["diffusion"] > found["diffusion_low"]) & (
        again["diffusion"] < found["diffusion_high"]
    )
    # half the points: the difference has the variance of the interval itself
    assert float(inside.mean()) > 0.92


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.floats(1e-6, 1e6), st.integers(0, 5))
def test_scaling(factor, seed):
    theta = processes.wiener(drift=0.2, steps=60, parameters=3, rng=seed)["theta"]
    scales(dynamics.fit_wiener, theta, factor, {"diffusion": 2, "drift": 1, "sigma": 1, "count": 0})


@pytest.mark.parametrize("steps", [512, 1000])
def test_a_true_wiener_process_passes(steps):
    """Each test, and all of them together, reject 3% to 7%."""
    process = processes.wiener(steps=steps, drift=0.02, parameters=3000, rng=24)
    found = estimate(dynamics.wiener_tests, process)
    fires(found["passes"])
    for name in TESTS:
        fires(found["p_value"].sel(test=name) > 0.05)


@pytest.mark.parametrize(
    ("process", "least"),
    [
        (processes.ornstein_uhlenbeck(dt=0.1, steps=2000, parameters=200, rng=25), 0.90),
        (processes.fractional_brownian(hurst=0.7, steps=512, parameters=200, rng=25), 0.95),
    ],
)
def test_others_do_not(process, least):
    found = estimate(dynamics.wiener_tests, process)
    assert 1 - float(found["passes"].mean()) >= least


def test_the_unit_root_test_is_that_of_statsmodels():
    x = np.random.default_rng(26).standard_normal((5, 300)).cumsum(axis=1)
    statistics, p_values = adf(x)
    for row, statistic, p_value in zip(x, statistics, p_values, strict=True):
        wanted = adfuller(row, maxlag=0, autolag=None, result_object=False)
        assert statistic == pytest.approx(wanted[0], rel=1e-6)
        assert p_value == pytest.approx(wanted[1], abs=0.02)


def test_a_share_stands_beside_its_null():
    theta = processes.wiener(steps=600, replicas=5, parameters=60, rng=27)["theta"]
    theta = theta.assign_coords(layer=("parameter", np.repeat([1, 2, 3], 20)))
    share = pass_rate(dynamics.wiener_tests(theta, increments=512))
    assert share.sizes["layer"] == 3
    assert float(share["null_passes"]) == pytest.approx(0.95, abs=0.02)
    assert np.all(np.abs(share["passes"] - share["null_passes"]) < 0.1)
    assert share["count"].to_numpy().tolist() == [100, 100, 100]


def test_drift_and_noise_amplitude_of_four_points():
    """P22, C7: the drift exactly, D with n - 1; sigma is the noise and sigma**2 its square."""
    x, t = np.array([0.0, 1, -1, 3]), np.array([0.0, 1, 2, 6])
    labelled = xr.DataArray(x, dims="t", coords={"t": t})
    for found in (dynamics.fit_wiener(x, time=t), dynamics.fit_wiener(labelled, time="t")):
        assert float(found["drift"]) == 0.5
        assert float(found["diffusion"]) == pytest.approx(1.875, rel=1e-12)
        assert float(found["sigma"]) ** 2 == pytest.approx(2 * 1.875)
        assert "n - 1" in found.attrs["method"]


def test_series_that_say_nothing_leave_their_neighbours_alone():
    """C18, C19, P10, P36: constant, diverged, short, missing."""
    rng = np.random.default_rng(28)
    x = rng.standard_normal((100, 6)).cumsum(axis=0)
    alone = dynamics.fit_wiener(x[:, 5])
    x[:, 0] = 3.0
    x[50:, 1] = np.inf
    x[60:, 2] = np.nan
    x[:60, 2] = np.arange(60) % 2
    x[2:, 3] = np.nan
    x[:, 4] = np.nan
    found = dynamics.fit_wiener(x)
    assert words(found["status"])[:5].tolist() == [
        "constant", "diverged", "ok", "too short", "no data",
    ]  # fmt: skip
    assert float(found["diffusion"][0]) == 0
    assert found["diffusion"].isnull().to_numpy().tolist() == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    assert float(found["diffusion"][2]) == pytest.approx((59 - 1 / 59) / (2 * 58), rel=1e-12)
    assert found["count"].to_numpy().tolist() == [99, 0, 59, 0, 0, 99]
    assert found["diffusion"][5] == alone["diffusion"]


def test_a_localisation_error_needs_the_covariance_estimator():
    clean = processes.wiener(diffusion=2.0, drift=0.5, steps=1000, parameters=600, rng=29)
    noisy = processes.corrupt(clean, noise=2.0)
    found = estimate(dynamics.diffusion_coefficient, noisy, method="covariance")
    recovers(found, "diffusion", 2.0)
    covers(found, "diffusion", 2.0)
    fooled = estimate(dynamics.diffusion_coefficient, noisy)
    assert float(fooled["diffusion"].mean()) == pytest.approx(6.0, rel=0.02)


@pytest.mark.parametrize("increments", [np.nan, np.inf, 60.0, True, 49])
def test_a_number_of_increments_that_is_none_is_refused(increments):
    with pytest.raises(InputError, match="whole number of at least 50"):
        dynamics.wiener_tests(np.arange(100.0), increments=increments)


@pytest.mark.parametrize("steps", [50, 120])
def test_short_walks_are_rejected_as_often_as_stated(steps):
    found = dynamics.wiener_tests(simulated_wiener(np.random.default_rng(21), 4000, steps + 1).T)
    fires(found["passes"])
    for level, low, high in ((0.05, 0.038, 0.062), (0.01, 0.004, 0.016)):  # 3.5 binomial errors
        shares = (found["p_value"] < level).mean(found["p_value"].dims[0])
        assert bool(((low < shares) & (shares < high)).all()), shares


@pytest.mark.parametrize(("diffusion", "noise"), [(1.0, 0.0), (0.05, 1.0), (0.0, 1.0)])
@pytest.mark.parametrize("steps", [30, 100])
def test_the_covariance_estimator_in_short_noisy_series(diffusion, noise, steps):
    """Unbiased, and intervals that hold zero and negative estimates."""
    rng = np.random.default_rng(22)
    x = simulated_wiener(rng, 2000, steps + 1, diffusion=diffusion)
    x += noise * rng.standard_normal(x.shape)
    found = dynamics.diffusion_coefficient(x.T, method="covariance")
    recovers(found, "diffusion", diffusion)
    covers(found, "diffusion", diffusion)
    d, low, high = (found[f"diffusion{e}"] for e in ("", "_low", "_high"))
    assert bool(((low < d) & (d < high)).all())
    short = dynamics.diffusion_coefficient(x[:3, :20].T, method="covariance")
    assert set(words(short["status"])) == {"too short"}


@pytest.mark.parametrize("steps", [12, 100])
def test_the_slope_of_displacements_in_short_series(steps):
    x = simulated_wiener(np.random.default_rng(23), 2000, steps + 1, diffusion=1.0)
    recovers(dynamics.diffusion_coefficient(x.T, method="msd"), "diffusion", 1.0)


def test_gaps_that_leave_no_neighbours():
    """Points in pairs have lags 1, 3 and 4; every third point has one of the four lags."""
    x = simulated_wiener(np.random.default_rng(24), 400, 201, diffusion=1.0)
    pairs, thirds = x.copy(), x.copy()
    pairs[:, np.arange(201) % 4 > 1] = np.nan
    thirds[:, np.arange(201) % 3 > 0] = np.nan
    recovers(dynamics.diffusion_coefficient(pairs.T, method="msd"), "diffusion", 1.0)
    for theta, method in ((pairs, "covariance"), (thirds, "covariance"), (thirds, "msd")):
        found = dynamics.diffusion_coefficient(theta.T, method=method)
        assert bool(found["diffusion"].isnull().all())
        assert not set(words(found["status"])) & {"ok"}


@pytest.mark.parametrize("scale", [2.0**-230, 2.0**-20, 2.0**170])
def test_the_covariance_interval_scales_with_its_unit(scale):
    walk = np.random.default_rng(1).standard_normal(200).cumsum()
    names = ("diffusion", "diffusion_low", "diffusion_high")
    plain, scaled = (
        dynamics.diffusion_coefficient(x, method="covariance") for x in (walk, walk * scale)
    )
    for name in names:
        assert float(scaled[name]) == pytest.approx(float(plain[name]) * scale**2, rel=1e-9)
