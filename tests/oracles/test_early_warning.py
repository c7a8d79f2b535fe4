"""Early warnings: silent on stationary series, heard before a fold."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from truths import fires

from sgdphys import processes
from sgdphys.dynamics import early_warning
from sgdphys.errors import InputError
from sgdphys.status import words


def ar1(phi, points, *shape, seed=0):
    z = np.random.default_rng(seed).standard_normal((points + 300, *shape))
    return lfilter([1.0], [1.0, -phi], z, axis=0)[300:]


def warns(found, trend="joint"):
    return found["p_value"].sel(trend=trend) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("surrogates", ["ar1", "phases"])
def test_stationary_series_give_no_warning(surrogates):
    found = early_warning(ar1(0.7, 300, 1000, seed=1), surrogates=surrogates, resamples=99)
    for trend in ("variance", "autocorrelation", "joint"):
        fires(1 - warns(found, trend))


@pytest.mark.slow
def test_stationary_series_give_no_warning_detrended():
    found = early_warning(ar1(0.7, 300, 1000, seed=2), detrend="gaussian", resamples=39)
    fires(1 - warns(found))


def test_the_plain_p_value_would():
    """Kendall's own p-value is below 5% in most stationary series: windows overlap."""
    from scipy.stats import kendalltau

    from sgdphys.dynamics import rolling_indicators

    found = rolling_indicators(ar1(0.7, 400, 60, seed=3), window=200)["variance"].transpose(
        ..., "step"
    )
    naive = [kendalltau(np.arange(len(v)), v).pvalue < 0.05 for v in found.to_numpy()]
    assert np.mean(naive) > 0.75


@pytest.mark.slow
def test_stationary_ensembles_give_no_warning():
    x = xr.DataArray(ar1(0.7, 60, 1000, 10, seed=4), dims=("step", "case", "replica"))
    found = early_warning(x, over="replica", resamples=59)
    fires(1 - warns(found))


def test_a_slow_fold_is_heard():
    data = processes.slow_fold(control=(1.0, 0.05), diffusion=5e-4, steps=500, replicas=60, rng=5)
    theta = data["theta"].isel(parameter=0)
    theta = theta.isel(replica=np.flatnonzero(np.isfinite(theta).all("step")))
    assert theta.sizes["replica"] >= 50
    found = early_warning(theta, detrend="gaussian", resamples=99)
    assert float(warns(found).mean()) >= 0.6
    across = early_warning(
        theta.isel(replica=slice(0, 50)).coarsen(replica=10).construct(
            replica=("case", "replica")
        ).isel(step=slice(None, None, 5)), over="replica", resamples=99,
    )  # fmt: skip
    assert float(warns(across).mean()) >= 0.6


def test_members_at_places_of_their_own_give_no_warning():
    """Where a member sits is no change in time: the test is the same without it."""
    x = xr.DataArray(ar1(0.7, 60, 4, 10, seed=6), dims=("step", "case", "replica"))
    places = 30 * np.random.default_rng(7).standard_normal((4, 10))
    moved = x + xr.DataArray(places, dims=("case", "replica"))
    one, other = (early_warning(v, over="replica", resamples=19) for v in (x, moved))
    xr.testing.assert_allclose(one, other)


def test_a_series_that_stops_has_no_trend():
    x = ar1(0.5, 300, 2, seed=8)
    x[200:, 0] = 0.1
    found = early_warning(x, window=60, resamples=19)
    assert words(found["status"]).tolist() == ["constant", "ok"]
    assert found["p_value"].isnull().all("trend").to_numpy().tolist() == [True, False]


def test_wrong_input():
    x = ar1(0.5, 100, 3)
    with pytest.raises(InputError, match="a window of 200 has 200 points"):
        early_warning(x, window=200)
    with pytest.raises(InputError, match="1 along 'replica' is too few"):
        early_warning(xr.DataArray(x[:, :1], dims=("step", "replica")), over="replica")
    x[4, 0] = np.nan
    found = early_warning(x, resamples=19)
    assert np.isnan(found["p_value"].to_numpy()[0]).all()
    assert np.isfinite(found["p_value"].to_numpy()[1:]).all()
