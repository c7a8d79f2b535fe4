"""Laws of growth of distances, and displacements between recorded epochs."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.catalogue import statistics
from sgdphys.analyses.motion.analysis import analyse, lags_in_epochs, waiting_epochs
from sgdphys.analyses.motion.laws import growth_power, log_slope, misfits
from sgdphys.analyses.motion.settings import Settings
from sgdphys.claims.claim import Claim
from sgdphys.claims.verdicts import judge

T = np.unique(np.round(np.geomspace(10, 3000, 150))).astype(float)


@pytest.mark.parametrize("power", [-1.0, -0.25, 0.0, 0.1, 0.5, 1.0])
def test_the_power_of_growth_is_found(power):
    """With any constant and amplitude, and to a thousandth on a grid of 0.025."""
    grown = np.log(T) if power == 0 else (T**power - 1) / power
    curves = np.stack([3 + 2 * grown, -1 + 0.01 * grown], axis=1)
    assert growth_power(T, curves) == pytest.approx(power, abs=1e-3)


def test_a_random_walk_grows_with_one_half_and_a_saturation_is_told_by_its_misfit():
    rng = np.random.default_rng(1)
    walk = np.cumsum(rng.standard_normal((3001, 100, 4)), axis=0)[T.astype(int)]
    assert growth_power(T, np.sqrt((walk**2).sum(axis=1))).mean() == pytest.approx(0.5, abs=0.1)
    begun = 1 - np.exp(-T / 200)[:, None]  # from a drift to a constant: in the mean a logarithm
    assert abs(float(growth_power(T, begun)[0])) < 0.25
    assert misfits(T, begun)["saturation"] < 0.1 * misfits(T, begun)["logarithm"]
    assert np.isnan(growth_power(T, np.full((len(T), 1), np.nan))).all()


def test_the_law_that_made_a_curve_has_no_misfit():
    made = {"logarithm": 3 + 2 * np.log(T), "power": 2 * T**0.37, "saturation": -np.expm1(-T / 200)}
    for law, curve in made.items():
        found = misfits(T, curve[:, None])
        others = [float(v[0]) for name, v in found.items() if name != law]
        assert float(found[law][0]) < 0.02 * min(others), law


def test_slopes_of_powers():
    x = np.array([1.0, 10, 100])
    assert log_slope(x, np.stack([x**2, 5 * x**0.5], axis=1)) == pytest.approx([2, 0.5])
    assert np.isnan(log_slope(x, np.array([1.0, 0.0, 1.0])))


def recorded(path, epochs):
    """A source of weights (epoch, replica, parameter) recorded twice an epoch."""
    steps = np.arange(0, epochs + 0.25, 0.5)
    weights = xr.Dataset(
        {"theta": (("step", "replica", "parameter"), path(steps))},
        coords={"step": np.arange(len(steps)), "epoch": ("step", steps), "replica": [0, 1]},
    )
    return SimpleNamespace(weights=weights)


def test_displacements_are_those_between_the_epochs_that_they_name():
    """Of a straight line in 3 coordinates: (velocity times lag)**2, whatever the waiting time."""
    velocity = np.array([[0.1, 0.2, 0.2], [0.3, 0.0, 0.4]])  # of norm 0.3 and 0.5
    source = recorded(lambda t: 5 + t[:, None, None] * velocity, 400)
    found = analyse(source, Settings(of="motion"))
    assert found["distance"].sel(epoch=400).to_numpy() == pytest.approx([120, 200])
    expected = (np.array([0.3, 0.5]) * found["lag_epochs"].to_numpy()[:, None]) ** 2
    for wait in found["waiting_epoch"].to_numpy():
        assert found["squared_displacement"].sel(waiting_epoch=wait).to_numpy() == pytest.approx(
            expected
        )


def test_a_swing_of_two_updates_adds_nothing_to_even_lags():
    """7 updates an epoch: the swing is on the other side after every odd number of epochs."""
    source = recorded(lambda t: np.cos(np.pi * np.floor(t))[:, None, None] * np.ones((2, 3)), 400)
    found = analyse(source, Settings(of="motion"))
    assert float(found["squared_displacement"].max()) == 0
    assert (lags_in_epochs(10_000) % 2 == 0).all()
    assert waiting_epochs(10_000)[[0, -1]].tolist() == [100, 5000]


def test_weights_that_are_not_finite_have_no_displacement():
    def path(t):
        out = np.ones((len(t), 2, 3)) * t[:, None, None]
        out[t > 100, 1] = np.inf
        return out

    found = analyse(recorded(path, 400), Settings(of="motion"))
    assert np.isnan(found["distance"].sel(epoch=400, replica=1))
    assert np.isfinite(found["squared_displacement"].sel(replica=0)).all()


def judged(data, statistic, **rule):
    claim = Claim(says="s", by="b", statistic=statistic, null="n", **rule)
    (verdict,) = judge({"a": claim}, {"motion": data.assign_attrs(of="motion")}, statistics())
    return verdict


def test_diffusion_drift_and_ageing_are_told_apart():
    waits, lags = waiting_epochs(10_000), lags_in_epochs(10_000)
    spread = np.linspace(-0.1, 0.1, 8)
    powers = {"diffusion": 1 + spread, "drift": 1.9 + spread, "held": 0.3 + spread}
    for name, power in powers.items():
        squares = lags[None, :, None] ** power * waits[:, None, None] ** -1.0
        data = xr.Dataset(
            {"squared_displacement": (("waiting_epoch", "lag_epochs", "replica"), squares)},
            coords={"waiting_epoch": waits, "lag_epochs": lags},
        )
        anomaly = judged(data, "exponent_anomaly", above=0.25)
        assert (anomaly.word == "supported") == (name != "diffusion")
        assert anomaly.value == pytest.approx(abs(power.mean() - 1), abs=1e-6)
        assert anomaly.low < anomaly.value < anomaly.high
        assert judged(data, "ageing_exponent", below=-0.5).value == pytest.approx(-1)
        assert judged(data, "exponent_change", above=-0.1, below=0.1).word == "supported"
    few = judged(data, "displacement_exponent", above=1.0, where={"from_lag": 4000})
    assert "at least 6 lags; 1 remain" in few.reason
