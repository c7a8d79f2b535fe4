"""Twins whose noise is known: diffusion by lag and layer, its theory, and its nulls."""

import numpy as np
import pytest
import xarray as xr

from sgdphys import processes
from sgdphys.analyses.diffusion.bursts import burst_diffusion, find_bursts
from sgdphys.errors import InputError
from sgdphys.processes import epoch_noise_diffusion

K = 8


def recording(batches, families=6, twins=4, epochs=70, rate=0.1, noise=4.0):
    """Two bursts of weights on a nearly flat landscape, families far apart, with a common drift."""
    replicas = families * twins
    flat = processes.sgd_on_quadratic(
        curvature=np.full(12, 1e-9), noise=np.full(12, noise), learning_rate=rate, batches=batches,
        steps=2 * epochs * K, replicas=replicas, rng=101,
    )["theta"]  # fmt: skip
    family = np.repeat(np.arange(families), twins)
    start = 3 * np.random.default_rng(0).standard_normal((families, 12))[family]
    steps = np.concatenate([np.arange(epochs * K + 1), 5000 + np.arange(epochs * K)])
    theta = flat.isel(step=slice(0, len(steps))).to_numpy() + start
    theta += 1e-3 * steps[:, None, None]
    return xr.Dataset(
        {"theta": (("step", "replica", "parameter"), theta, {"units": "weight"})},
        coords={
            "step": steps, "epoch": ("step", steps / K), "time": ("step", steps * rate),
            "family": ("replica", family), "layer": ("parameter", np.repeat([1, 2], 6)),
        },
    )  # fmt: skip


def gradients(noise=4.0):
    """What such a run records: tr V over the 6 parameters of each of two layers."""
    norm = np.full((3, 24, 2), np.sqrt(6 * noise))
    return xr.Dataset(
        {"noise_norm": (("epoch", "replica", "layer"), norm)},
        coords={"epoch": [0, 10, 630], "layer": [1, 2]},
    )


@pytest.mark.parametrize("batches", [0, K])
def test_twins_diffuse_as_their_noise_says(batches):
    """With replacement D is that of the noise at every lag; reshuffled it follows its theory."""
    found = burst_diffusion(recording(batches), gradients(), updates_per_epoch=K, sample=60)
    assert found.sizes["burst"] == 2
    assert found["lag_epochs"].to_numpy().tolist() == [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16]
    np.testing.assert_allclose(found["predicted_diffusion"], 0.01 * 4 / 2)
    theory = epoch_noise_diffusion(found["lag"].to_numpy(), batches or 10**6)
    if batches:
        np.testing.assert_allclose(found["theory_ratio"], theory)
    short = found.isel(lag=slice(0, 6))
    mean = short["diffusion_ratio"].mean(["burst", "layer"])
    np.testing.assert_allclose(mean, theory[:6], rtol=0.08)
    inside = (short["diffusion_ratio_low"] < theory[:6][:, None]) & (
        short["diffusion_ratio_high"] > theory[:6][:, None]
    )
    assert float(inside.mean()) > 0.75
    alpha = float(found["alpha_long"].mean())
    assert alpha == pytest.approx(0.0 if batches else 1.0, abs=0.15)
    if not batches:
        assert float((found["passes"] - found["null_passes"]).mean()) == pytest.approx(0, abs=0.05)
        assert float(found["tail_index"].min()) > 1.95
        np.testing.assert_allclose(found["diffusion_ensemble"], 0.02, rtol=0.15)


def test_noise_and_start_are_told_apart():
    found = burst_diffusion(recording(0), updates_per_epoch=K)
    within = found["spread_within"].mean("layer").to_numpy()
    steps = found["mark_epoch"].to_numpy() * K
    late = (steps > 50) & (steps < 560)
    np.testing.assert_allclose(within[late], 0.04 * steps[late], rtol=0.4)
    np.testing.assert_allclose(found["spread_between"].mean("layer")[:10], 9, rtol=0.6)
    assert "predicted_diffusion" not in found


def test_twins_that_never_part():
    """No noise: D is 0, what cannot be said is NaN, and nothing warns."""
    weights = recording(0)
    same = weights["theta"].isel(replica=np.repeat(np.arange(0, 24, 4), 4)).to_numpy()
    found = burst_diffusion(weights.assign(theta=(weights["theta"].dims, same)),
                            gradients(0.0), updates_per_epoch=K)  # fmt: skip
    assert float(np.abs(found["diffusion"]).max()) < 1e-25
    assert bool(found["tail_index"].isnull().all())
    assert bool(found["passes"].isnull().all())


def test_what_was_not_recorded():
    weights = recording(0).isel(step=slice(None, None, 2))
    with pytest.raises(InputError, match="no stretch of 136 consecutive steps"):
        burst_diffusion(weights, updates_per_epoch=K)
    alone = recording(0, families=24, twins=1)
    with pytest.raises(InputError, match="one member"):
        burst_diffusion(alone, updates_per_epoch=K)


def test_bursts_are_found():
    step = np.array([0, 1, 2, 3, 10, 11, 20, 21, 22, 23, 24])
    assert find_bursts(step, 3) == [slice(0, 4), slice(6, 11)]


def test_lags_near_the_length_of_a_burst_are_left_out():
    """D of reshuffled noise over 16 of 18 epochs was ten times what it is."""
    found = burst_diffusion(recording(K, epochs=18), gradients(), updates_per_epoch=K)
    assert found["lag_epochs"].to_numpy()[-2:].tolist() == [2, 4]
    mean = found["diffusion_ratio"].mean(["burst", "layer"])
    np.testing.assert_allclose(mean, found["theory_ratio"], rtol=0.3)
