"""Moving windows against moments taken afresh, in memory and lazily."""

import tracemalloc

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from sgdphys.dynamics import detrended, ensemble_indicators, rolling_indicators
from sgdphys.errors import InputError


def afresh(x, window):
    """Indicators of every window, by numpy."""
    length = max(2, window // 10)
    rows = []
    for end in range(window, len(x) + 1):
        part = x[end - window : end] - np.nanmean(x)
        mean, variance = np.nanmean(part), np.nanvar(part)
        deviation = part - mean
        slow = np.convolve(part, np.ones(length) / length, mode="valid")
        rows.append([
            np.nanvar(part, ddof=1),
            np.nanmean(deviation[1:] * deviation[:-1]) / variance,
            np.nanmean(deviation**3) / variance**1.5,
            length * np.nanmean(np.append((slow - mean) ** 2, np.nan)) / variance,
        ])  # fmt: skip
    return np.array(rows)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("gaps", [False, True])
def test_moving_sums_are_those_of_each_window(offset, gaps):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(400).cumsum() * 0.1 + rng.standard_normal(400) + offset
    if gaps:
        x[::90] = np.nan
    found = rolling_indicators(x, window=60)
    for k, name in enumerate(("variance", "autocorrelation", "skewness", "reddening")):
        np.testing.assert_allclose(found[name], afresh(x, 60)[:, k], rtol=1e-6, atol=1e-7)


def test_strides_and_coordinates():
    theta = xr.DataArray(
        np.random.default_rng(1).standard_normal((3, 100)),
        coords={"step": np.arange(100) * 10},
        dims=("parameter", "step"),
    )
    every, some = (rolling_indicators(theta, window=400, stride=s) for s in (10, 70))
    xr.testing.assert_allclose(every.isel(step=slice(None, None, 7)), some)
    assert some["step"].to_numpy().tolist() == list(range(390, 1000, 70))


def test_constant_stretches_gaps_and_infinities():
    x = np.random.default_rng(2).standard_normal((4, 200))
    x[0, 50:120] = 0.3
    x[1, 60:110] = np.nan
    x[2, 100] = np.inf
    found = rolling_indicators(xr.DataArray(x, dims=("s", "step")), window=40)
    flat = found["variance"].isel(s=0).to_numpy()
    assert (flat[50:81] == 0).all()
    assert np.isnan(found["autocorrelation"].isel(s=0)[50:81]).all()
    assert flat[49] > 0 < flat[81]
    assert np.isnan(found["variance"].isel(s=1)[45:75]).any()
    assert int(found["count"].isel(s=1).min()) == 0
    assert np.isnan(found["variance"].isel(s=2)[61:101]).all()
    assert np.isfinite(found["variance"].isel(s=2)[:61]).all()
    assert np.isfinite(found["variance"].isel(s=3)).all()


@pytest.mark.thorough(reason="measures memory of a long array: 3 s")
def test_lazy_windows_stay_in_bounds():
    """80 MB in chunks much shorter than a window of 20 MB: under three windows at once."""

    def chunk(block_info=None):
        (first, _), _ = block_info[None]["array-location"]
        rng = np.random.default_rng(first)
        return rng.standard_normal(block_info[None]["chunk-shape"], dtype=np.float32)

    chunks = ((256,) * 78 + (32,), (1000,))
    lazy = da.map_blocks(chunk, chunks=chunks, dtype=np.float32)
    theta = xr.DataArray(lazy, dims=("step", "parameter"))
    found = rolling_indicators(theta, window=5000, stride=500)
    tracemalloc.start()
    means = found[["variance", "autocorrelation"]].mean("step").compute(num_workers=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6, peak
    few = np.ascontiguousarray(lazy[:, :3].compute())
    exact = rolling_indicators(few, window=5000, stride=500).mean("step")
    for name in ("variance", "autocorrelation"):
        np.testing.assert_allclose(means[name][:3], exact[name], rtol=1e-6)


def test_lazy_blocks_in_every_direction():
    x = np.random.default_rng(3).standard_normal((4, 150, 6))
    lazy = xr.DataArray(da.from_array(x, chunks=(2, 13, 4)), dims=("replica", "step", "parameter"))
    eager = rolling_indicators(lazy.compute(), window=50)
    xr.testing.assert_allclose(rolling_indicators(lazy, window=50).compute(), eager)


@pytest.mark.parametrize("method", ["gaussian", "lowess"])
def test_detrending_leaves_noise(method):
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((400, 2))
    trend = 1e4 + 20 * np.sin(np.linspace(0, 3, 400))[:, None]
    rest = detrended(noise + trend, method=method, bandwidth=20 if method == "gaussian" else 80)
    assert rest.dims == ("dim_1", "step")
    assert np.corrcoef(rest[0], noise[:, 0])[0, 1] > 0.85
    assert float(rest.std()) < 1.1


def test_ensembles_at_fixed_time():
    rng = np.random.default_rng(5)
    spread = np.linspace(1, 3, 50)
    x = rng.standard_normal((4000, 50)) * spread
    x[:, 1:] += 0.5 * x[:, :-1]
    x[7] = np.nan
    theta = xr.DataArray(x, dims=("replica", "step"))
    found = ensemble_indicators(theta)
    np.testing.assert_allclose(found["variance"], np.nanvar(x, axis=0, ddof=1))
    pair = np.corrcoef(np.delete(x, 7, 0)[:, 10], np.delete(x, 7, 0)[:, 11])[0, 1]
    assert float(found["autocorrelation"][10]) == pytest.approx(pair)
    assert np.isnan(found["autocorrelation"][-1])
    assert (found["count"] == 3999).all()


def test_windows_that_do_not_fit():
    with pytest.raises(
        InputError,
        match="a window of 300 has 300 points",
    ):
        rolling_indicators(np.zeros(100), window=300)
    with pytest.raises(InputError, match=r"stride is 1000000000\.0; it must be at most 100"):
        rolling_indicators(np.zeros(100), window=30, stride=1e9)
    with pytest.raises(InputError, match="at least 20"):
        rolling_indicators(np.zeros(100), window=3)
    with pytest.raises(InputError, match="evenly spaced"):
        rolling_indicators(
            xr.DataArray(np.zeros(50), coords={"step": np.arange(50) ** 2}, dims="step"), window=30
        )
    with pytest.raises(InputError, match="1 along 'replica' is too few"):
        ensemble_indicators(xr.DataArray(np.zeros((1, 50)), dims=("replica", "step")))


@pytest.mark.parametrize("spike", [1e6, 1e8, 1e12, 1e15])
def test_what_has_left_the_window_leaves_nothing(spike):
    """The rounding of a spike stayed in the sums: skewness of 1e4, or no variance."""
    x = np.random.default_rng(0).standard_normal(400)
    plain = rolling_indicators(x[31:], window=60)
    x[30] = spike
    found = rolling_indicators(x, window=60).isel(time=slice(31, None), missing_dims="ignore")
    found = found.isel({found["variance"].dims[0]: slice(-len(plain["variance"]), None)})
    for name in ("variance", "autocorrelation", "skewness", "reddening"):
        np.testing.assert_allclose(found[name], plain[name], rtol=1e-6, atol=1e-8)


def test_a_transient_that_decays_by_six_orders_leaves_nothing():
    noise = 1e-6 * np.random.default_rng(1).standard_normal(2000)
    x = noise + np.exp(-np.arange(2000) / 20)
    found = rolling_indicators(x, window=500)["variance"].values[-500:]
    plain = rolling_indicators(noise, window=500)["variance"].values[-500:]
    np.testing.assert_allclose(found, plain, rtol=1e-6)


@pytest.mark.parametrize("level", [0.1, 0.3, 7.7])
def test_members_that_coincide_have_no_skewness(level):
    x = np.random.default_rng(0).standard_normal((20, 6))
    x[0] = level
    x[5:8] = level
    found = ensemble_indicators(xr.DataArray(x, dims=("step", "replica")))
    assert found["variance"].values[0] == 0
    assert np.isnan(found["skewness"].values[[0, 5]]).all()
    assert np.isnan(found["autocorrelation"].values[5:7]).all()
    assert np.isfinite(found["skewness"].values[1:5]).all()


def test_lines_of_lowess_span_the_bandwidth_beside_a_long_gap():
    """They spanned half of it, and took half of the slow signal away."""
    x = np.random.default_rng(0).standard_normal(2000).cumsum()
    half = x.copy()
    half[1000:] = np.nan
    whole, rest = (detrended(v, method="lowess", bandwidth=200) for v in (x, half))
    ratio = np.nanvar(rest.values[200:800]) / np.var(whole.values[200:800])
    assert ratio == pytest.approx(1, abs=0.02)
