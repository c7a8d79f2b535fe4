"""Integrated and relaxation times against processes whose memory is known."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from truths import covers, recovers

from sgdphys import processes
from sgdphys.dynamics import (
    autocorrelation,
    critical_point,
    integrated_time,
    relaxation_time,
)
from sgdphys.errors import InputError
from sgdphys.status import words


def ar1(phi, points, series, seed=0):
    z = np.random.default_rng(seed).standard_normal((points + 800, series))
    return lfilter([1.0], [1.0, -phi], z, axis=0)[800:]


@pytest.mark.parametrize(
    ("phi", "points"), [(-0.9, 2000), (-0.5, 1000), (0.0, 1000), (0.5, 2000), (0.9, 8000)]
)
def test_integrated_time_of_ar1(phi, points):
    """(1 + phi)/(1 - phi), also of series that alternate: the sum stopped at lag 1 is negative."""
    found = integrated_time(ar1(phi, points, 700, seed=1))
    truth = (1 + phi) / (1 - phi)
    covers(found, "integrated_time", truth)
    assert float(found["integrated_time"].median()) == pytest.approx(truth, rel=0.05)
    assert (words(found["status"]) == "ok").all()


def test_three_ways_agree():
    x = ar1(np.exp(-1 / 12), 20_000, 60, seed=2)
    for method in ("lag1", "integrated", "exponential"):
        found = relaxation_time(x, method=method)
        assert float(found["relaxation_time"].median()) == pytest.approx(12, rel=0.05), method


@pytest.mark.parametrize("method", ["lag1", "integrated"])
def test_relaxation_times_are_covered(method):
    covers(relaxation_time(ar1(0.9, 4000, 500, seed=3), method=method), "relaxation_time",
           -1 / np.log(0.9))  # fmt: skip


def test_times_follow_the_clock():
    """In units of time, with dt or with a coordinate."""
    data = processes.ornstein_uhlenbeck(kappa=0.5, dt=0.2, steps=20_000, replicas=60, rng=4)
    for method in ("lag1", "integrated", "exponential"):
        found = relaxation_time(data["theta"], time="time", method=method)
        assert float(found["relaxation_time"].median()) == pytest.approx(2.0, rel=0.06)
        assert found["relaxation_time"].attrs["units"] == "time"


def test_measurement_noise_spoils_lag_one_alone():
    """White noise on every point: lag 1 reads far too little, the exponential of all lags less."""
    data = processes.ornstein_uhlenbeck(kappa=0.05, dt=1.0, steps=20_000, replicas=20, rng=5)
    noisy = processes.corrupt(data, noise=2.0, rng=6)["theta"]
    quick = relaxation_time(noisy, method="lag1")["relaxation_time"].median()
    slow = relaxation_time(noisy, method="integrated")["relaxation_time"].median()
    assert float(quick) < 5 < float(slow)


def test_autocorrelation_with_a_gap():
    """Zero-filling gives -0.6 and dropping -0.467."""
    found = autocorrelation(np.array([1, -1, np.nan, -1, 1, -1.0] * 2)[:6], lags=[1])
    assert float(found["autocorrelation"][0]) == pytest.approx(-1, abs=1e-12)
    assert int(found["pairs"][0]) == 3


def test_short_constant_and_white_series():
    short = integrated_time(ar1(0.99, 500, 40, seed=7))
    assert (words(short["status"]) == "too short").all()
    assert (short["integrated_time_high"] > 5 * short["integrated_time_low"]).all()
    inside = (short["integrated_time_low"] <= 199) & (199 <= short["integrated_time_high"])
    assert float(inside.mean()) > 0.75  # wide, and not to be relied on
    constant = integrated_time(np.full(100, 3.0))
    assert np.isnan(float(constant["integrated_time"]))
    assert words(constant["status"]).item() == "constant"
    white = integrated_time(ar1(0.0, 5000, 1, seed=8))
    assert white["integrated_time_low"].item() < 1 < white["integrated_time_high"].item()
    for method in ("lag1", "integrated"):
        fast = relaxation_time(ar1(-0.6, 3000, 1, seed=9), method=method)
        assert np.isnan(fast["relaxation_time"].item())


@pytest.mark.parametrize("method", ["integrated", "exponential"])
def test_slow_series_never_relax_within_a_step(method):
    """Walks, and memory as long as the series; white noise does."""
    walks = np.random.default_rng(11).standard_normal((300, 200)).cumsum(axis=0)
    for slow in (walks, ar1(np.exp(-1 / 333), 300, 200, seed=12)):
        assert "relaxes within one step" not in words(
            relaxation_time(slow, method=method)["status"]
        )
    found = relaxation_time(ar1(0.0, 3000, 40, seed=13), method=method)
    told = words(found["status"])
    fast = np.isin(told, ["relaxes within one step", "oscillating at this sampling"])
    assert 0.2 < (told == "relaxes within one step").mean() < 0.8
    assert bool((found["relaxation_time"].isnull() == fast).all())


def test_integrated_time_of_swinging_series():
    """AR(2) with complex roots, as of momentum; a two-cycle, whose time is 0."""
    a, b = 1.8, -0.9
    z = np.random.default_rng(14).standard_normal((2500, 400))
    variance = (1 - b) / ((1 + b) * ((1 - b) ** 2 - a**2))
    found = integrated_time(lfilter([1.0], [1.0, -a, -b], z, axis=0)[500:])
    covers(found, "integrated_time", 1 / (1 - a - b) ** 2 / variance)
    cycle = integrated_time(np.arange(100) % 2 * 1.0)
    assert 0 <= cycle["integrated_time_low"].item() <= cycle["integrated_time"].item() < 1e-6


def test_the_upper_end_decides_what_is_too_short():
    """No series of 50 integrated times is called long enough because its estimate came out low."""
    found = integrated_time(ar1(0.9, 950, 1000, seed=15))
    low = (words(found["status"]) == "ok") & (found["integrated_time_high"] < 19)
    assert float(low.mean()) < 0.045


def test_what_is_not_an_ornstein_uhlenbeck_process():
    """Two memories, and white noise on one: named. AR(1) and its gaps: not, at a level of 1%."""
    told = "no single relaxation time"
    two = ar1(0.5, 2000, 50, seed=16) + 0.2 * ar1(0.99, 2000, 50, seed=17)
    noisy = ar1(0.95, 2000, 50, seed=18)
    noisy = noisy + np.random.default_rng(19).standard_normal(noisy.shape)
    for x in (two, noisy):
        assert (words(relaxation_time(x)["status"]) == told).mean() > 0.95
    one = ar1(0.9, 500, 1000, seed=20)
    assert (words(relaxation_time(one)["status"]) == told).mean() < 0.025
    one[np.random.default_rng(21).uniform(size=one.shape) < 0.2] = np.nan
    assert (words(relaxation_time(one)["status"]) == told).mean() < 0.025


def test_uneven_times_are_refused():
    theta = xr.DataArray(np.arange(6.0), coords={"step": [0, 1, 2, 3, 9, 10]}, dims="step")
    with pytest.raises(InputError, match="needs evenly spaced points"):
        integrated_time(theta)


@pytest.mark.parametrize(
    "signal",
    [
        0.2, 0.9, 2.0,
        *(pytest.param(s, marks=pytest.mark.slow(reason="the same law once more"))
          for s in (0.6, 0.8, 1.1, 1.2, 1.5)),
    ],
)  # fmt: skip
def test_pitchfork_relaxes_as_the_law_says(signal):
    """Within 5% of 1/(g - s) or 1/(2 (s - g)), from 2000 relaxation times in all."""
    replicas = 20
    tau = processes.pitchfork_time(signal)
    eta = 0.02 * tau if tau < 2.5 else 0.05
    steps = int(400 * tau / eta)
    data = processes.pitchfork(
        signal=signal, learning_rate=eta, steps=steps, replicas=replicas, rng=int(10 * signal)
    )
    slow = data["theta"].sum("parameter").isel(step=slice(int(5 * tau / eta), None))
    found = relaxation_time(slow.transpose("replica", "step"), time="time")
    assert float(found["relaxation_time"].median()) == pytest.approx(tau, rel=0.05)


def test_critical_point_of_the_pitchfork():
    signal = np.array([0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.5, 1.8])
    found = critical_point(signal, [processes.pitchfork_time(s) for s in signal])
    assert float(found["critical"]) == pytest.approx(1.0, abs=1e-3)
    assert float(found["exponent"]) == pytest.approx(1.0, abs=1e-2)


def test_scaling_leaves_times_alone():
    x = ar1(0.8, 2000, 5, seed=10)
    for method in ("lag1", "integrated", "exponential"):
        one, other = (relaxation_time(x * c, method=method) for c in (1.0, 100.0))
        recovers(other, "relaxation_time", float(one["relaxation_time"].mean()), within=1e-6)


def test_a_series_that_never_decays_has_no_exponential_time():
    walk = np.random.default_rng(0).standard_normal(30).cumsum()
    for x in (walk, np.arange(30.0) ** 2):
        found = relaxation_time(x, method="exponential")
        assert np.isnan(found["relaxation_time"]) or found["relaxation_time"] < 1e6


def test_the_integrated_time_of_fast_series_has_a_lower_end():
    """0 where the lower end of the integrated time is that of white noise."""
    x = processes.ornstein_uhlenbeck(kappa=3, dt=1, steps=2000, replicas=60, rng=0)["theta"]
    found = relaxation_time(x, time=1.0, method="integrated")
    has_high = np.isfinite(found["relaxation_time_high"])
    assert has_high.sum() > 30
    assert np.isfinite(found["relaxation_time_low"].where(has_high, 0)).all()
