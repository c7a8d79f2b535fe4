"""Which came first, from curves whose onset and transition are known."""

import numpy as np
import xarray as xr

from sgdphys.claims.delays import compression_after_transition


def curves(onset, replicas=30, spread=20.0):
    """I(X;T) that falls from 4 bits to 1 between ``onset`` and 300 epochs later, (e, r, layer)."""
    epoch = np.arange(0, 1000, 5)
    begin = onset + spread * np.random.default_rng(1).standard_normal(replicas)
    share = np.clip((epoch[:, None] - begin) / 300, 0, 1)
    return xr.Dataset(
        {"I_XT": (("epoch", "replica", "layer"), (4 - 3 * share)[..., None])},
        coords={"epoch": epoch, "layer": [1]},
    )


def transitions(at, replicas=30):
    return xr.Dataset(
        {"transition_epoch": (("replica", "layer"), np.broadcast_to(at, (replicas, 1)))},
        coords={"layer": [1]},
    )


def test_bits_lost_and_their_delay():
    """A tenth of the loss takes 30 epochs, so an onset at 400 reads 430 on a grid of 5."""
    found = compression_after_transition(curves(400), transitions(350.0)).isel(layer=0)
    assert float(found["bits_lost_ensemble"]) == 3.0
    low, high = float(found["onset_delay_low"]), float(found["onset_delay_high"])
    assert low < 80 < high + 5
    assert low > 0
    assert high - low < 25  # 20 epochs of spread over 30 replicas
    assert float(found["transition_first"]) == 1.0
    assert int(found["pairs"]) == 30


def test_replicas_without_a_transition_make_no_pair():
    at = np.full((30, 1), np.nan)
    at[:4] = 600.0
    found = compression_after_transition(curves(400), transitions(at)).isel(layer=0)
    assert int(found["pairs"]) == 4
    assert float(found["onset_delay_high"]) < 0


def test_a_layer_that_loses_nothing_has_no_onset():
    flat = curves(400).assign(I_XT=lambda d: 0 * d["I_XT"] + 2)
    found = compression_after_transition(flat, transitions(350.0)).isel(layer=0)
    assert float(found["bits_lost_ensemble"]) == 0.0
    assert int(found["pairs"]) == 0
    assert np.isnan(float(found["onset_delay"]))
