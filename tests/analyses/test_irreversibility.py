"""Entropy production of networks whose means and directions are their own."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.stationarity.irreversibility import production_of_networks

MEMORY, NATS = 0.8, 0.06


def rotating(networks=8, steps=1500, seed=0):
    """x' = c R x + noise, which produces 4 c**2 sin**2/(1 - c**2) nats per step."""
    rng = np.random.default_rng(seed)
    sine = np.sqrt(NATS * (1 - MEMORY**2)) / (2 * MEMORY)
    turn = MEMORY * np.array([[np.sqrt(1 - sine**2), -sine], [sine, np.sqrt(1 - sine**2)]])
    noise = rng.standard_normal((steps + 50, networks, 2))
    x = np.zeros((steps + 50, networks, 2))
    for k in range(1, len(x)):
        x[k] = x[k - 1] @ turn.T + noise[k]
    return x[50:], rng


def found(x, is_random=True):
    paths = xr.DataArray(x, dims=("step", "replica", "mode"))
    data = production_of_networks(paths, xr.DataArray(is_random), 0.95, seed=0)
    return [float(data[n]) for n in ("entropy_production", "entropy_production_low", "p_value")]


def test_centres_and_signs_of_networks_change_nothing():
    """Centres ten times the spread made it a hundredth, and opposite turns cancelled."""
    x, rng = rotating()
    plain = found(x)
    moved = found(rng.choice([-1, 1], (8, 2)) * (x + 50 * rng.standard_normal((8, 2))))
    assert moved == pytest.approx(plain, rel=1e-6)
    value, low, p_value = plain
    assert value == pytest.approx(NATS, rel=0.25)
    assert low > 0
    assert p_value < 1e-6


def test_relaxation_produces_none():
    rng = np.random.default_rng(1)
    x = np.zeros((1500, 8, 2))
    for k in range(1, len(x)):
        x[k] = np.array([0.8, 0.3]) * x[k - 1] + rng.standard_normal((8, 2))
    value, low, p_value = found(x)
    assert abs(value) < 0.01
    assert low <= 0
    assert p_value > 0.01


def test_one_network_whose_loss_jumps_decides_nothing():
    """It made a mean of 0.6 nats of what is 0.01 in most networks."""
    x, _rng = rotating(networks=24, steps=519)
    plain = found(x)
    times = np.arange(60)
    loop = np.stack([np.cos(times / 3), np.sin(times / 3)], axis=1)
    x[300:360, 3] += 100 * loop * np.exp(-times / 20)[:, None]
    assert found(x) == pytest.approx(plain, rel=0.3, abs=0.01)


def test_few_networks_have_no_interval():
    """The low end was 0, as if it were known."""
    x, _rng = rotating(networks=5)
    value, low, _p_value = found(x)
    assert value > 0
    assert np.isnan(low)


def test_updates_without_noise_have_no_value():
    x, _rng = rotating(networks=6)
    assert np.isnan(found(x, is_random=False)).all()
