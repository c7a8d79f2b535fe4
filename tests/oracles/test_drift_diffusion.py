"""Kramers-Moyal coefficients, ladders of lags, and ensembles of twins."""

import numpy as np
import pytest
import xarray as xr

from sgdphys import dynamics, processes
from sgdphys.errors import InputError


def line(found):
    """Slope of drift and mean of diffusion over bins, weighted by what they hold."""
    weights = found["count"].to_numpy().ravel()
    place, drift, diffusion, raw = (
        found[n].to_numpy().ravel() for n in ("position", "drift", "diffusion", "diffusion_raw")
    )
    bent = np.polyfit(place, raw, 2, w=np.sqrt(weights))
    slope = np.polyfit(place, drift, 1, w=np.sqrt(weights))[0]
    return slope, np.average(diffusion, weights=weights), bent[0]


@pytest.fixture(scope="module")
def coarse():
    return processes.ornstein_uhlenbeck(dt=0.5, steps=400_000, rng=71)["theta"]


def test_a_finite_step_bends_the_coefficients(coarse):
    """kappa = 1, D = 0.5, dt = 0.5: slope -0.787, D2 0.316, raw 0.316 + 0.155 x**2."""
    slope, diffusion, bend = line(dynamics.kramers_moyal(coarse, time="time"))
    assert slope == pytest.approx(-0.787, abs=0.008)
    assert diffusion == pytest.approx(0.316, abs=0.003)
    assert bend == pytest.approx(0.155, abs=0.01)


def test_extrapolation_straightens_them(coarse):
    found = dynamics.kramers_moyal(coarse, time="time", extrapolate=True)
    slope, diffusion, _ = line(found)
    assert slope == pytest.approx(-1, abs=0.04)
    assert diffusion == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("method", ["binned", "kernel"])
@pytest.mark.parametrize("dt", [0.01, 0.02])
def test_coefficients_are_divided_by_dt(method, dt):
    """C3, C4: sampled at dt and 2 dt the same D; bins and bandwidth by rule, and recorded."""
    process = processes.ornstein_uhlenbeck(dt=dt, steps=100_000, rng=72)
    found = dynamics.kramers_moyal(process["theta"], time="time", method=method)
    assert line(found)[1] == pytest.approx(0.5, rel=0.05)
    assert found.attrs["bins"] == 46
    assert (method == "binned") == isinstance(found.attrs["bandwidth"], str)


def test_bands_cover():
    """Over 100 paths of 15 bins each; neighbouring bins are dependent, so wider bounds."""
    process = processes.ornstein_uhlenbeck(dt=0.02, steps=20_000, parameters=100, rng=73)
    found = dynamics.kramers_moyal(process["theta"], time="time", bins=15)
    drift = -found["position"] * -np.expm1(-0.02) / 0.02
    diffusion = 0.5 * -np.expm1(-0.04) / 0.04
    for name, truth in (("drift", drift), ("diffusion", diffusion)):
        inside = (found[f"{name}_low"] < truth) & (found[f"{name}_high"] > truth)
        assert 0.90 <= float(inside.mean()) <= 0.985


def test_geometric_brownian_motion():
    """D1 = m x, D2 = s**2 x**2/2, across replicas at fixed time: nothing is stationary."""
    process = processes.geometric_brownian(
        growth=1.0, volatility=0.5, dt=1e-3, steps=2000, replicas=400, rng=74
    )
    found = dynamics.kramers_moyal(process["theta"], over="replica", time="time", bins=20).isel(
        parameter=0
    )
    x = found["position"]
    for name, truth in (("drift", x), ("diffusion", 0.125 * x**2)):
        z = (found[name] - truth) / (found[f"{name}_high"] - found[f"{name}_low"]) * 3.92
        # a bin's mean of x**2 is that at its centre to first order
        assert float(np.abs(z).median()) < 1.5
    assert float(np.abs(found["pawula"]).median()) < 0.05


def test_jumps_are_no_diffusion():
    process = processes.levy_flight(tail_index=1.5, steps=20_000, rng=75)
    found = dynamics.kramers_moyal(process["theta"])
    assert float(found["pawula"].max()) > 10


def test_only_pairs_at_the_commonest_spacing_count():
    x = processes.ornstein_uhlenbeck(dt=0.1, steps=20_000, rng=76)["theta"][:, 0, 0]
    whole = dynamics.kramers_moyal(x, time="time", bins=10)
    gappy = x.isel(step=np.random.default_rng(0).uniform(size=x.sizes["step"]) > 0.3)
    found = dynamics.kramers_moyal(gappy, time="time", bins=10)
    assert 0.4 < float(found["count"].sum() / whole["count"].sum()) < 0.55
    assert line(found)[1] == pytest.approx(line(whole)[1], rel=0.05)


def test_bands_cover_at_uneven_times():
    """A fine path seen at random times; neighbours up to twice the median apart count."""
    fine = processes.ornstein_uhlenbeck(dt=0.002, steps=200_000, parameters=60, rng=77)["theta"]
    gaps = np.random.default_rng(77).geometric(0.1, 18_000)  # 0.02 on average
    seen = fine.isel(step=gaps.cumsum()[gaps.cumsum() < fine.sizes["step"]])
    found = dynamics.kramers_moyal(seen, time="time", bins=15)
    assert found.attrs["pairs"] == "neighbours within 0.028"
    for name, truth in (
        ("drift", -found["position"]),
        ("diffusion", 0.5 * -np.expm1(-0.024) / 0.024),
    ):
        inside = (found[f"{name}_low"] < truth) & (found[f"{name}_high"] > truth)
        assert 0.90 <= float(inside.mean()) <= 0.985
    with pytest.raises(InputError, match="extrapolate=True needs evenly spaced points"):
        dynamics.kramers_moyal(seen, time="time", extrapolate=True)


@pytest.mark.parametrize("method", ["binned", "kernel"])
def test_pairs_with_a_missing_point_are_left_out(method):
    x = np.tile([0.1, 0.2, np.nan, 0.32, 0.4, 0.5, 0.35, 0.2], 20)
    found = dynamics.kramers_moyal(x, bins=2, method=method, bandwidth=None)
    before, after = x[:-1], x[1:]
    both = np.isfinite(before) & np.isfinite(after)
    assert np.isfinite(found["diffusion"]).all()
    if method == "binned":
        low = both & (before < 0.3)
        assert found["count"].to_numpy().tolist() == [low.sum(), (both & ~(before < 0.3)).sum()]
        assert float(found["drift"][0]) == pytest.approx((after - before)[low].mean())


def test_the_largest_level_counts():
    """Two and three levels: the upper end of the last bin is included."""
    two = dynamics.kramers_moyal(np.tile([0.0, 1.0], 200), bins=8)
    assert two["count"].to_numpy()[[0, -1]].tolist() == [200, 199]
    levels = np.random.default_rng(83).integers(0, 3, 1000)
    three = dynamics.kramers_moyal(levels, bins=3)
    assert three["count"].to_numpy().tolist() == np.bincount(levels[:-1]).tolist()


def test_extrapolated_diffusion_is_never_negative():
    x = processes.ornstein_uhlenbeck(dt=0.5, steps=400, parameters=200, rng=84)["theta"]
    found = dynamics.kramers_moyal(x, time="time", extrapolate=True, bins=8)
    for name in ("diffusion", "diffusion_low"):
        values = found[name].to_numpy()
        assert (values[np.isfinite(values)] > 0).all()


@pytest.mark.parametrize("bins", ["3", np.nan, [3], 2.5, 1, True])
def test_numbers_of_bins_are_whole(bins):
    with pytest.raises(InputError, match=r"bins is .*; it must be a whole number of at least 2"):
        dynamics.kramers_moyal(np.arange(100.0), bins=bins)


def test_noise_of_reshuffled_epochs_cannot_add_up():
    """D over a ladder of lags falls to 0; with replacement it does not."""
    found = {}
    for batches in (0, 8):
        process = processes.sgd_on_quadratic(
            curvature=[1e-9], batches=batches, steps=2000, replicas=300, rng=77
        )
        ladder = dynamics.diffusion_vs_lag(process["theta"], over="replica").isel(parameter=0)
        found[batches] = ladder["diffusion"] / 0.005
        assert float(ladder["diffusion_low"][0]) < 0.005 < float(ladder["diffusion_high"][0])
    np.testing.assert_allclose(found[0][:6], 1, atol=0.05)
    # 8 steps an epoch: lag 4 is half an epoch, lag 128 sixteen
    assert float(found[8].sel(lag=4)) == pytest.approx(0.67, abs=0.02)
    assert float(found[8].sel(lag=128)) < 0.03


def test_green_kubo_is_the_summed_autocovariance():
    x = np.random.default_rng(78).standard_normal((3000, 1)).cumsum(axis=0)
    found = dynamics.diffusion_vs_lag(x, lags=[1, 2, 5])
    dx = np.diff(x[:, 0]) - np.diff(x[:, 0]).mean()
    for lag in (1, 2, 5):
        c = [(dx[k:] * dx[: len(dx) - k]).mean() for k in range(lag + 1)]
        wanted = 0.5 * (c[0] + 2 * sum(c[1:]))
        assert float(found["green_kubo"].sel(lag=lag)[0]) == pytest.approx(wanted, abs=0.01)


def test_windows():
    process = processes.wiener(diffusion=2.0, steps=1003, parameters=50, rng=79)
    found = dynamics.diffusion_coefficient(process["theta"], window=100)
    assert found["window"].to_numpy().tolist() == [100 * k for k in range(10)]
    assert float(found["diffusion"].mean()) == pytest.approx(2, rel=0.03)
    with pytest.raises(InputError, match="window is 5000; it must be at most 1003"):
        dynamics.diffusion_coefficient(process["theta"], window=5000)


def test_across_an_ensemble_nothing_need_be_stationary():
    """Scaled Brownian motion, D(t) = alpha t**(alpha - 1) D, at each step across replicas."""
    process = processes.scaled_brownian(alpha=0.5, steps=60, replicas=3000, rng=80)
    found = dynamics.ensemble_diffusion(process["theta"]).isel(parameter=0)
    t = np.arange(60)
    truth = 0.5 * (np.sqrt(t + 1) - np.sqrt(t))
    inside = (found["diffusion_low"] < truth) & (found["diffusion_high"] > truth)
    assert int(inside.sum()) >= 52  # of 60 at 95%


@pytest.mark.thorough(reason="a large ensemble: 2 s")
def test_twins_fluctuate_about_their_family():
    theta = processes.wiener(steps=50, replicas=600, parameters=4, rng=81)["theta"]
    start = np.repeat(np.random.default_rng(0).standard_normal(200), 3) * 5
    family = np.repeat(np.arange(200), 3)
    theta = (theta + xr.DataArray(start, dims="replica")).assign_coords(family=("replica", family))
    spread = dynamics.variance_components(theta)
    np.testing.assert_allclose(
        spread["spread_within"].mean("parameter"), np.arange(51), rtol=0.1, atol=1e-9
    )
    np.testing.assert_allclose(spread["spread_between"].mean("parameter"), 25, rtol=0.25)
    moved = dynamics.deviation_from_mean(theta, family="family")
    assert float((moved[-1] ** 2).mean()) == pytest.approx(50, rel=0.1)
    with pytest.raises(InputError, match="one member"):
        dynamics.deviation_from_mean(theta.isel(replica=slice(0, 4)), family="family")


def test_diffusion_matrix():
    found = dynamics.diffusion_matrix(
        processes.gyrator(steps=20_000, dt=0.01, rng=82)["theta"], time="time"
    )
    np.testing.assert_allclose(found["eigenvalue"], [1.0, 0.2], rtol=0.05)
    assert float(found["effective_rank"]) == pytest.approx(1.2**2 / 1.04, rel=0.05)


def test_the_longest_lag_has_a_green_kubo_sum():
    """One lag more would compare the two ends alone, whose displacement is the drift."""
    x = np.random.default_rng(71).standard_normal((20, 3)).cumsum(axis=0)
    found = dynamics.diffusion_vs_lag(x, lags=[1, 17])
    assert bool(np.isfinite(found["green_kubo"]).all())
    with pytest.raises(InputError, match="lags must lie between 1 and 17"):
        dynamics.diffusion_vs_lag(x, lags=[18])
    assert dynamics.diffusion_vs_lag(x[:4])["lag"].to_numpy().tolist() == [1]
