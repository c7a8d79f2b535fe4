"""Transitions at known epochs, and the coverage of their intervals."""

import numpy as np
import pytest
import ruptures
import xarray as xr
from scipy.signal import lfilter

from sgdphys.dynamics.sgd.change_epochs import change_epochs, change_p_values, step_change
from sgdphys.dynamics.sgd.crossing import crossing_epoch
from sgdphys.dynamics.sgd.gradient_phases import gradient_phases
from sgdphys.errors import InputError

EPOCH = np.arange(1, 101)


def test_a_power_law_crosses_where_it_should():
    ratio = (1 + EPOCH) ** -1.0 * 31
    assert crossing_epoch(ratio, EPOCH) == pytest.approx(30, rel=1e-9)


def test_no_noise_has_no_transition():
    """P46: an infinite ratio, one that starts below 1, one that is unknown."""
    for ratio in (np.inf, 0.5, np.nan, 2.0):
        assert np.isnan(crossing_epoch(np.full(100, ratio), EPOCH))


def test_a_dip_is_not_for_good():
    ratio = np.full(100, 2.0)
    ratio[20:23] = 0.5
    ratio[60:] = 0.5
    assert 60 <= crossing_epoch(ratio, EPOCH) <= 61


def test_the_step_is_that_of_ruptures():
    rng = np.random.default_rng(0)
    series = rng.standard_normal((20, 80)) + 1.5 * (np.arange(80) >= 33)
    wanted = [ruptures.Dynp("l2", jump=1, min_size=1).fit_predict(s, 1)[0] for s in series]
    assert step_change(series)[0].tolist() == wanted


@pytest.mark.parametrize(
    ("phi", "series"),
    [(0.0, 100), *(pytest.param(p, 1000, marks=pytest.mark.slow) for p in (0.0, 0.5, 0.9, 0.98))],
)
def test_stationary_ratios_have_no_change(phi, series):
    """At log-spaced epochs: surrogates that are not interpolated as the data are fire in half."""
    epoch = np.unique(np.rint(np.geomspace(1, 1e4, 275)))
    z = np.random.default_rng(5).standard_normal((series, len(epoch) + 500))
    log = lfilter([1.0], [1.0, -phi], z, axis=1)[:, 500:]
    fired = (change_p_values(np.exp(0.3 * log), epoch) <= 0.05).mean()
    assert fired <= 0.13 if series < 1000 else 0.03 <= fired <= 0.07
    step = log[:10] + 8 * (epoch > 100)
    assert (change_p_values(np.exp(step), epoch) < 0.05).all() or phi > 0.5


def test_a_constant_ratio_has_no_change():
    constant = np.full((1, 100), 0.1)
    assert np.isnan(change_epochs(constant, EPOCH)).all()
    assert np.isnan(change_p_values(constant, EPOCH)).all()
    with pytest.raises(InputError, match="batches is 0; it must be a whole number of at least 1"):
        gradient_phases(norms(0.5, 1.0), batch_size=8, batches=0)


def norms(mean, noise, epochs=12, replicas=40, layers=2):
    """Gradient norms (epoch, replica, layer) as they are recorded."""
    shape = (epochs, replicas, layers)
    names = {"mean_norm": mean, "noise_norm": noise, "weight_norm": 1.0, "noise_trace": noise}
    return xr.Dataset(
        {n: (("epoch", "replica", "layer"), np.broadcast_to(v, shape)) for n, v in names.items()},
        coords={"epoch": np.arange(epochs), "layer": np.arange(1, layers + 1)},
    )


@pytest.mark.parametrize(("true", "raw"), [(0.0, 0.378), (0.2, 0.428)])
def test_drawn_batches_hold_noise_in_their_mean(true, raw):
    """P44: M = 7 batches drawn with replacement; the corrected square is that of the true mean."""
    rng = np.random.default_rng(2)
    batches = rng.standard_normal((7, 12, 400, 2, 20)) / np.sqrt(20) + true / np.sqrt(20)
    mean = np.sqrt((batches.mean(axis=0) ** 2).sum(axis=-1))
    noise = np.sqrt(batches.var(axis=0, ddof=1).sum(axis=-1))
    drawn = norms(mean, noise, replicas=400)
    found = gradient_phases(drawn, batch_size=8, batches=7, replacement=True, resamples=200)
    square = found["gradient_ratio_squared"]
    assert float(found["gradient_ratio"].mean()) == pytest.approx(raw, abs=0.02)
    assert float(square.mean()) == pytest.approx(true**2, abs=0.004)
    covered = (found["gradient_ratio_squared_low"] < true**2) & (
        found["gradient_ratio_squared_high"] > true**2
    )
    assert int(covered.sum()) >= 20  # of 24, at 95%


def test_shuffled_passes_are_exact_and_nothing_is_subtracted():
    """P44: at fixed weights the mean over a whole pass is the gradient itself."""
    found = gradient_phases(norms(0.5, 1.0), batch_size=8, batches=7, resamples=100)
    assert float(found["gradient_ratio_squared"].max()) == pytest.approx(0.25, rel=1e-12)


def test_one_batch_an_epoch_claims_no_transition():
    """P46: noise exactly 0."""
    found = gradient_phases(norms(0.5, 0.0), batch_size=8, batches=1, resamples=100)
    assert bool(np.isinf(found["gradient_ratio"]).all())
    assert bool(found["transition_epoch"].isnull().all())
    assert bool(found["transition_epoch_ensemble"].isnull().all())


def test_without_followed_gradients_there_is_no_third_reading():
    found = gradient_phases(norms(0.5, 1.0), batch_size=8, batches=7, resamples=100)
    assert not [name for name in found if "followed" in str(name) or "drift" in str(name)]


def test_three_readings_cross_where_each_should():
    epoch = np.arange(40)
    fall = (1 + epoch[:, None, None]) ** -1.0
    given = norms(31 * fall, 1.0, epochs=40).assign(
        followed_mean_norm=lambda d: 11 * d["weight_norm"] * fall,
        followed_noise_norm=lambda d: 1 * d["weight_norm"],
    )
    drift = xr.Dataset({"drift_norm": 0 * given["mean_norm"] + 21 * fall})
    found = gradient_phases(given, drift=drift, batch_size=8, batches=7, resamples=100)
    for name, at in (("", 30), ("drift_", 20), ("followed_", 10)):
        epochs = found[f"{name}transition_epoch"].to_numpy()
        assert epochs == pytest.approx(np.full((40, 2), at), rel=1e-9), name
        assert found[f"{name}transition_epoch_ensemble"].to_numpy() == pytest.approx([at, at])
    assert float(found["own_followed_ratio"][0, 0, 0]) == pytest.approx(11)


def test_a_drift_at_other_epochs_is_refused():
    drift = xr.Dataset({"drift_norm": norms(0.5, 1.0, epochs=5)["mean_norm"]})
    with pytest.raises(InputError, match="give epoch_drift the epochs of the gradients"):
        gradient_phases(norms(0.5, 1.0), drift=drift, batch_size=8, batches=7)
