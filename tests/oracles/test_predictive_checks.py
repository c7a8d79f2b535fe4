"""Predictive checks: uniform p-values under the model, small ones under others."""

import numpy as np
import pytest
import xarray as xr
from cells import along_time
from scipy.stats import kstest
from simulators import autoregressive, ornstein_uhlenbeck, wiener

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.status import NO_MODEL, OK, UNEVEN

CHECKS = ["displacement", "increment_autocorrelation", "tail", "autocorrelation", "density"]


def p_values(x, model, **options):
    found = sp.dynamics.predictive_checks(along_time(x), model=model, copies=50, **options)
    assert found["check"].to_numpy().tolist() == CHECKS
    return found["p_value"].to_numpy()


def test_copies_of_the_true_model_are_like_the_series():
    """Plain p-values, whose copies are not refitted, have a mean of 0.6 in the tail here."""
    p = p_values(wiener(np.random.default_rng(1), 150, 100), "wiener")
    # standard error of a mean of 150 uniform numbers: 0.024
    assert np.abs(p.mean(axis=0) - 0.5).max() < 0.08
    assert np.abs(p.std(axis=0) - 12**-0.5).max() < 0.05


@pytest.mark.parametrize(
    ("make", "model", "check"),
    [
        (lambda rng: ornstein_uhlenbeck(rng, 3, np.arange(1000), kappa=0.3), "wiener",
         "displacement"),
        (lambda rng: wiener(rng, 3, 1000) + rng.standard_normal((3, 1000)), "wiener",
         "increment_autocorrelation"),
        (lambda rng: rng.standard_t(3, (3, 2000)).cumsum(axis=1), "drifted_wiener", "tail"),
        (lambda rng: autoregressive(rng, 3, 1000, 0.9), "wiener", "autocorrelation"),
        (lambda rng: 2.0 * np.sign(autoregressive(rng, 3, 1000, 0.9))
         + rng.standard_normal((3, 1000)), "ou", "density"),
        (lambda rng: wiener(rng, 3, 1000, drift=0.3), "wiener", "displacement"),
    ],
)  # fmt: skip
def test_what_a_wrong_model_does_not_show_has_a_small_p_value(make, model, check):
    p = p_values(make(np.random.default_rng(2)), model)[:, CHECKS.index(check)]
    np.testing.assert_allclose(p, 1 / 51)


def test_the_drift_of_a_model_with_drift_is_no_misfit():
    assert p_values(wiener(np.random.default_rng(3), 4, 400, drift=3.0), "drifted_wiener").min() > (
        1 / 51
    )


def test_bands_hold_the_curves_of_the_true_model():
    x = along_time(wiener(np.random.default_rng(4), 20, 300))
    found = sp.dynamics.predictive_checks(x, model="wiener", copies=100, confidence=0.9)
    for name in CHECKS:
        inside = (found[f"{name}_low"] <= found[name]) & (found[name] <= found[f"{name}_high"])
        assert 0.8 < inside.mean() < 0.97, name
    exact = np.square(x.diff("time")).mean("time")
    np.testing.assert_allclose(found["displacement"].isel(lag=0), exact)


def test_units_of_the_series_change_nothing():
    x = ornstein_uhlenbeck(np.random.default_rng(5), 2, np.arange(200), kappa=0.1)
    one = sp.dynamics.predictive_checks(along_time(x), model="ou", copies=50)
    other = sp.dynamics.predictive_checks(
        along_time(1e6 + 1e3 * x, 7.0 * np.arange(200)), model="ou", copies=50
    )
    np.testing.assert_allclose(other["p_value"], one["p_value"], atol=1 / 51 + 1e-9)
    ends = (found["displacement_high"].to_numpy() for found in (one, other))
    np.testing.assert_allclose(1e6 * next(ends), next(ends), rtol=1e-5)
    np.testing.assert_allclose(other["lag"], 7 * one["lag"])


def test_every_series_can_have_its_own_model():
    x = along_time(ornstein_uhlenbeck(np.random.default_rng(6), 4, np.arange(120), kappa=0.3))
    names = xr.DataArray(["wiener", "none", "ou", ""], dims="series")
    found = sp.dynamics.predictive_checks(x, model=names, copies=50)
    assert found["status"].to_numpy().tolist() == [OK, NO_MODEL, OK, NO_MODEL]
    assert found["count"].to_numpy().tolist() == [50, 0, 50, 0]
    alone = sp.dynamics.predictive_checks(x, model="ou", copies=50)
    np.testing.assert_array_equal(found["p_value"][2], alone["p_value"][2])
    with pytest.raises(InputError, match="model has the dimension 'layer', which the series"):
        sp.dynamics.predictive_checks(x, model=names.rename(series="layer"))
    with pytest.raises(InputError, match="there is no model 'wienr'; did you mean 'wiener'"):
        sp.dynamics.predictive_checks(x, model="wienr")
    with pytest.raises(InputError, match="copies is 10; it must be a whole number of at least 50"):
        sp.dynamics.predictive_checks(x, copies=10)


def test_odd_series():
    x = wiener(np.random.default_rng(7), 5, 100)
    x[0, 7] = np.nan
    x[1] = 2.0
    x[2] *= 1e-12
    x[3] = x[3].astype(np.float32) + 1e6
    x[4, 20:60] = x[4, 20]
    found = sp.dynamics.predictive_checks(along_time(x), model="wiener", copies=50)
    assert found["status"].to_numpy()[0] == UNEVEN
    assert found["p_value"].notnull().all("check").to_numpy().tolist() == [False] * 2 + [True] * 3


@pytest.mark.slow(reason="400 series of 1000 points with 200 copies each: 30 s a case")
@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("kappa", [0.0, 0.05, 0.3])
def test_p_values_are_uniform(n, kappa):
    rng = np.random.default_rng(8)
    x = (
        wiener(rng, 400, n)
        if kappa == 0
        else ornstein_uhlenbeck(rng, 400, np.arange(n), kappa=kappa)
    )
    found = sp.dynamics.predictive_checks(along_time(x), model="ou" if kappa else "wiener")
    p = found["p_value"].dropna("series").to_numpy()
    assert len(p) >= 396
    for k, name in enumerate(CHECKS):
        # 1 in 1000 for each of five checks in six cases: a false alarm of 3%
        assert kstest(p[:, k] - 0.5 / 201, "uniform").pvalue > 1e-3, name
        assert 0.01 < (p[:, k] < 0.05).mean() < 0.1, name
