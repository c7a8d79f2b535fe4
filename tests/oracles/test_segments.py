"""Where a Wiener process holds, in time and in lag."""

import itertools

import numpy as np
import pytest
from cells import along_time
from simulators import autoregressive, ornstein_uhlenbeck, wiener

import sgdphys as sp
from sgdphys.dynamics.models.catalogue import MODELS
from sgdphys.dynamics.models.change_points import LEAST, SQUARES, change_points, penalty
from sgdphys.errors import InputError
from sgdphys.status import OK, TOO_SHORT, UNEVEN


def likelihood(model, x, ends):
    """Of the stretches between points, by the models themselves."""
    fits = [
        MODELS[model].fit(x[None, a : b + 1], np.arange(a, b + 1.0), 0.95)
        for a, b in itertools.pairwise(ends)
    ]
    return sum(float(f.log_likelihood[0]) for f in fits)


@pytest.mark.parametrize("model", SQUARES)
def test_the_partition_is_the_best_of_all(model):
    """By brute force over all pairs of changes, with the likelihood of each model."""
    rng = np.random.default_rng(1)
    n = 170
    x = np.concatenate([[0.0], (rng.standard_normal(n) * np.where(np.arange(n) < 70, 1, 3))])
    x = (
        x.cumsum()
        if model != "ou"
        else autoregressive(rng, 1, n + 1, 0.5)[0] * np.where(np.arange(n + 1) < 70, 1, 3)
    )
    (found,) = change_points(x[None], np.arange(n + 1.0), model)
    assert len(found) == 1
    singles = [[0, k, n] for k in range(LEAST, n - LEAST + 1)]
    best = max(singles, key=lambda ends: likelihood(model, x, ends))
    slack = 0.05 if model == "ou" else 1e-9  # one root of 0 or more is asked of the fitted one
    assert likelihood(model, x, [0, *found, n]) >= likelihood(model, x, best) - slack
    gain = 2 * (likelihood(model, x, best) - likelihood(model, x, [0, n]))
    assert gain > penalty(model, n)
    assert not len(change_points(x[None], np.arange(n + 1.0), model, gain + 1.0)[0])


@pytest.mark.parametrize("model", SQUARES)
def test_a_fall_of_the_diffusion_coefficient_is_found(model):
    rng = np.random.default_rng(2)
    scale = np.where(np.arange(1000) < 500, 1.0, 0.5)
    x = (scale * rng.standard_normal((20, 1000))).cumsum(axis=1)
    found = sp.dynamics.segments(along_time(x), model=model)
    assert (found["segments"] == 2).mean() >= 0.85
    change = found["end"].isel(segment=0).where(found["segments"] == 2)
    assert float(np.abs(change - 500).median()) < 20
    if model != "ou":
        right = found.isel(series=np.flatnonzero(found["segments"] == 2), segment=[0, 1])
        low, high = (right[f"diffusion_{end}"].to_numpy() for end in ("low", "high"))
        assert ((low < [0.5, 0.125]) & (high > [0.5, 0.125])).mean() > 0.85


def test_a_change_of_drift_is_found_and_only_with_drift():
    rng = np.random.default_rng(3)
    steps = rng.standard_normal((20, 1000)) + np.where(np.arange(1000) < 400, 0.5, -0.5)
    found = sp.dynamics.segments(along_time(steps.cumsum(axis=1)))
    assert (found["segments"] == 2).mean() >= 0.85
    assert float(np.abs(found["end"].isel(segment=0) - 400).median()) < 20


@pytest.mark.parametrize("model", SQUARES)
def test_a_series_without_a_change_has_none(model):
    rng = np.random.default_rng(4)
    x = wiener(rng, 100, 300)
    if model == "ou":
        x = ornstein_uhlenbeck(rng, 100, np.arange(300), kappa=0.1)
    changed = sp.dynamics.segments(along_time(x), model=model)["segments"] > 1
    assert changed.sum() <= 12  # binomial, 5%: 1 in 1000


def test_uneven_times_of_a_wiener_process():
    rng = np.random.default_rng(5)
    t = np.concatenate([[0.0], rng.exponential(1.0, 600).cumsum()])
    noise = np.sqrt(np.diff(t)) * rng.standard_normal((3, 600))
    noise[:, 300:] *= 3
    x = np.pad(noise.cumsum(axis=1), ((0, 0), (1, 0)))
    found = sp.dynamics.segments(along_time(x, t), model="wiener")
    assert found["segments"].to_numpy().tolist() == [2, 2, 2]
    np.testing.assert_allclose(found["end"].isel(segment=0), t[300], rtol=0.05)
    assert found["status"].to_numpy().tolist() == [OK] * 3
    of_ou = sp.dynamics.segments(along_time(x, t), model="ou")
    assert of_ou["status"].to_numpy().tolist() == [UNEVEN] * 3


def test_a_stretch_that_is_no_wiener_process_says_so():
    rng = np.random.default_rng(6)
    x = np.concatenate([rng.standard_normal(500).cumsum(), 9 * rng.standard_t(2, 500).cumsum()])
    found = sp.dynamics.segments(x)
    names = found["model"].to_numpy().tolist()
    assert names[0] == "drifted_wiener"
    assert "none" in names


def test_odd_series_and_models():
    x = wiener(np.random.default_rng(7), 4, 90)
    assert sp.dynamics.segments(along_time(x))["status"].to_numpy().tolist() == [TOO_SHORT] * 4
    x = wiener(np.random.default_rng(7), 4, 300)
    x[0, 100:200] = x[0, 100]
    x[1] = x[1].astype(np.float32) * 1e-12 + 1e-9
    x[2] = 1e6 + x[2]
    x[3] = 5.0
    for model in SQUARES:
        found = sp.dynamics.segments(along_time(x), model=model)
        assert (found["segments"] >= 1).to_numpy().tolist() == [True, True, True, False]
    with pytest.raises(InputError, match="model is 'levy', and segments are those of wiener, "):
        sp.dynamics.segments(x, model="levy")


def test_a_stretch_that_does_not_move():
    x = np.random.default_rng(0).standard_normal(120).cumsum()
    x[60:] = x[60]
    for model in SQUARES:
        found = sp.dynamics.segments(x, model=model)
        still = found.isel(segment=found["segments"].item() - 1)
        assert found["segments"].item() == 2
        assert still["model"].item() == "none"
        assert np.isnan(still["diffusion"])


def test_units_of_the_series_change_nothing():
    rng = np.random.default_rng(8)
    x = (np.where(np.arange(400) < 200, 1, 3) * rng.standard_normal((2, 400))).cumsum(axis=1)
    one = sp.dynamics.segments(along_time(x))
    other = sp.dynamics.segments(along_time(1e4 - 1e3 * x, 7.0 * np.arange(400)))
    np.testing.assert_allclose(other["start"], 7 * one["start"])
    np.testing.assert_allclose(other["diffusion"], 1e6 / 7 * one["diffusion"], rtol=1e-6)
    np.testing.assert_allclose(other["p_value"], one["p_value"], rtol=1e-4)


def test_the_lag_of_a_wiener_process():
    rng = np.random.default_rng(9)
    walk = wiener(rng, 60, 500)
    found = sp.dynamics.wiener_lag(along_time(walk, 2.0 * np.arange(500)), time="time")
    assert found["lag"].to_numpy().tolist() == [2, 4, 6, 8, 12, 16]
    assert (found["wiener_lag"] > 2).sum() <= 9  # binomial, 5%: 1 in 1000
    noisy = sp.dynamics.wiener_lag(
        along_time(wiener(rng, 5, 2000) + 2 * rng.standard_normal((5, 2000)))
    )
    assert ((noisy["wiener_lag"] > 2) & (noisy["wiener_lag"] < 50)).all()
    still = sp.dynamics.wiener_lag(along_time(rng.standard_normal((5, 2000))))
    assert np.isinf(still["wiener_lag"]).all()


def test_the_lag_of_odd_series():
    x = wiener(np.random.default_rng(10), 3, 300)
    x[0, 200] = np.nan
    x[1] = 1.0
    found = sp.dynamics.wiener_lag(along_time(x))
    assert found["wiener_lag"].notnull().to_numpy().tolist() == [False, False, True]
    assert found["status"].to_numpy()[0] == UNEVEN
    short = sp.dynamics.wiener_lag(along_time(x[:, :30]))
    assert short["status"].to_numpy().tolist()[2] == TOO_SHORT


def test_a_drift_hides_no_change_of_the_variance():
    """Next to 1e5 a step the noise was below the least variance of a stretch."""
    z = np.random.default_rng(0).standard_normal(1000)
    size = np.where(np.arange(1000) < 500, 1.0, 10.0)
    plain, drifting = (sp.dynamics.segments((v + size * z).cumsum()) for v in (0.0, 1e5))
    assert int(plain["segments"]) == int(drifting["segments"]) == 2
    np.testing.assert_array_equal(plain["end"], drifting["end"])


@pytest.mark.parametrize("seed", range(5))
def test_long_stationary_series_pass_at_no_lag(seed):
    """With 17 lags the smallest p-value of the Dickey-Fuller test was above the level of each."""
    x = np.random.default_rng(seed).standard_normal(20_000)
    assert sp.dynamics.wiener_lag(x)["wiener_lag"].item() == np.inf
