"""Overlaps: permuted and sign-flipped copies of a network match, independent ones do not."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.dynamics import replica_overlap, unit_overlap
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron

NETWORK = Perceptron((6, 9, 5, 2))


def weights(seeds):
    table = NETWORK.parameters
    theta = np.stack([NETWORK.initial_weights(np.random.default_rng(s)) for s in seeds])
    return xr.DataArray(
        theta, dims=("replica", "parameter"),
        coords={"layer": ("parameter", table.layer), "kind": ("parameter", table.kind)},
    )  # fmt: skip


def shuffled_units(theta, seed):
    """The same function: hidden units permuted, some with their sign turned."""
    rng = np.random.default_rng(seed)
    out = theta.copy()
    pairs = [(w.copy(), b.copy()) for w, b in NETWORK.matrices(theta)]
    for layer in range(NETWORK.layers - 1):
        order = rng.permutation(len(pairs[layer][0]))
        sign = rng.choice([-1.0, 1.0], len(order))
        w, b = pairs[layer]
        pairs[layer] = (w[order] * sign[:, None], b[order] * sign)
        w, b = pairs[layer + 1]
        pairs[layer + 1] = (w[:, order] * sign, b)
    for layer, (w, b) in enumerate(pairs):
        out[NETWORK.weight_at[layer] :][: w.size] = w.ravel()
        out[NETWORK.bias_at[layer] :][: b.size] = b
    return out


def test_a_permuted_copy_is_the_same_network():
    theta = weights([0, 0])
    theta[1] = shuffled_units(theta[0].to_numpy(), 1)
    x = np.random.default_rng(2).standard_normal((7, 6))
    one, other = (NETWORK.forward(t, x)[-1] for t in theta.to_numpy())
    np.testing.assert_allclose(one, other, atol=1e-12)
    found = replica_overlap(theta)
    np.testing.assert_allclose(found["matched_overlap"], 1, atol=1e-12)
    assert (found["overlap"] < 0.7).all()


def test_independent_networks_match_as_their_null():
    found = replica_overlap(weights(range(14)))
    assert (abs(found["overlap"]) < 0.15).all()
    assert (found["matched_overlap"][:2] > found["overlap"][:2] + 0.2).all()
    np.testing.assert_allclose(found["matched_overlap"], found["null_matched_overlap"], atol=0.1)
    inside = (found["overlap_low"] <= 0) & (0 <= found["overlap_high"])
    assert inside.all()


def test_units_of_a_layer():
    found = unit_overlap(weights(range(40)))
    np.testing.assert_allclose(found["unit_overlap"], found["null_unit_overlap"], rtol=0.15)
    theta = weights(range(3))
    first = np.flatnonzero((theta["layer"] == 1) & (theta["kind"] == "weight"))
    theta[:, first] = np.tile(np.arange(6.0), 9)
    assert float(unit_overlap(theta)["unit_overlap"][0]) == pytest.approx(1)


def test_what_overlaps_need():
    with pytest.raises(InputError, match="at least two"):
        replica_overlap(weights([0]))
    with pytest.raises(InputError, match="layer and kind"):
        unit_overlap(weights([0, 1]).drop_vars("layer"))


def test_a_replica_without_weights_in_a_layer_costs_the_others_nothing():
    rng = np.random.default_rng(0)
    kind = ["weight"] * 4 + ["bias"] * 2 + ["weight"] * 2 + ["bias"]
    along = {"layer": ("parameter", [1] * 6 + [2] * 3), "kind": ("parameter", kind)}
    theta = xr.DataArray(rng.standard_normal((5, 9)), along, ("replica", "parameter"))
    dead = theta.copy()
    dead[2, :6] = 0
    found, others = (replica_overlap(t) for t in (dead, theta.isel(replica=[0, 1, 3, 4])))
    for name in ("overlap", "overlap_low", "overlap_high"):
        assert float(found[name][0]) == pytest.approx(float(others[name][0]))
    assert np.isfinite(found["matched_overlap"]).all()
