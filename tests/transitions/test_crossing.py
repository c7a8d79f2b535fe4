"""Crossings of cumulants: the mean-field magnet, a chain that has none, few sizes."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.status import FEW_REPLICAS, FEW_SIZES, MERGING, NO_CROSSING, OK

COUPLINGS = np.linspace(0.8, 1.2, 21)


def magnet(sizes, replicas=400, seed=5):
    return sp.processes.curie_weiss(sizes, COUPLINGS, replicas=replicas, rng=seed)["m"]


def test_the_magnet_crosses_at_its_critical_point():
    found = sp.transitions.crossing(magnet([64, 128, 256, 512]), resamples=200, rng=0)
    assert int(found["status"]) == OK
    assert found["critical_point_low"] < 1 < found["critical_point_high"]
    assert found["cumulant_low"] < 0.27052 < found["cumulant_high"]
    assert found["larger_size"].values.tolist() == [128, 256, 512]
    crossed = found["crossing"].values[np.isfinite(found["crossing"])]
    assert len(crossed) >= 2
    assert (abs(crossed - 1) < 0.15).all()


@pytest.mark.parametrize("unit", [1e-12, 1e6])
def test_the_unit_of_the_control_does_not_matter(unit):
    m = magnet([64, 256, 1024])
    one, other = (
        sp.transitions.crossing(x, resamples=50, rng=0)
        for x in (m, m.assign_coords(control=m["control"] * unit))
    )
    for name in ("critical_point", "critical_point_low", "critical_point_high"):
        assert float(other[name]) == pytest.approx(float(one[name]) * unit, rel=1e-8)


def test_a_chain_does_not_cross():
    for seed in range(3):
        m = sp.processes.ising_chain(
            [16, 32, 64, 128], np.linspace(0.2, 3, 20), replicas=200, rng=seed
        )["m"]
        found = sp.transitions.crossing(m, resamples=100, rng=0)
        assert int(found["status"]) in (NO_CROSSING, MERGING)
        assert np.isnan(found["critical_point"])


@pytest.mark.parametrize("sizes", [[64], [64, 512]])
def test_few_sizes_give_no_critical_point(sizes):
    found = sp.transitions.crossing(magnet(sizes), resamples=50, rng=0)
    assert int(found["status"]) == FEW_SIZES
    assert np.isnan(found["critical_point"])
    assert found.sizes["pair"] == len(sizes) - 1


def test_noise_does_not_cross():
    m = magnet([64, 128, 256])
    noise = m.copy(data=np.random.default_rng(1).standard_normal(m.shape))
    assert int(sp.transitions.crossing(noise, resamples=100, rng=0)["status"]) != OK


def test_fewer_than_five_replicas_are_refused():
    with pytest.raises(InputError, match="3 along 'replica' are too few replicas"):
        sp.transitions.crossing(magnet([64, 128, 256], replicas=3))


def test_few_replicas_give_no_critical_point():
    found = sp.transitions.crossing(magnet([64, 128, 256, 512], replicas=20), resamples=50, rng=0)
    assert int(found["status"]) == FEW_REPLICAS
    assert np.isnan(found["critical_point"])


def test_places_without_samples_are_no_lack_of_replicas():
    """Sizes that are scanned at couplings of their own, joined: most places have no samples."""
    scans = [
        magnet([size]).assign_coords(control=COUPLINGS + 1e-4 * k)
        for k, size in enumerate((64, 128, 256, 512))
    ]
    m = xr.concat(scans, dim="size", join="outer")
    found = sp.transitions.crossing(m, resamples=100, rng=0)
    assert int(found["status"]) == OK
    assert found["critical_point_low"] < 1 < found["critical_point_high"]


def test_no_samples_give_no_critical_point():
    found = sp.transitions.crossing(magnet([64, 128, 256]) * np.nan, resamples=50, rng=0)
    assert int(found["status"]) == FEW_SIZES
    assert np.isnan(found["critical_point"])


def test_labels_have_the_unit_of_the_control():
    m = magnet([64, 512])
    m["control"].attrs["units"] = "K"
    found = sp.transitions.crossing(m, resamples=20, rng=0)
    assert found["critical_point"].attrs["units"] == found["crossing"].attrs["units"] == "K"
    assert found["cumulant"].attrs["units"] == "1"


@pytest.mark.parametrize(("attrs", "symbol"), [({"symbol": "T"}, "T"), ({}, "x")])
def test_critical_values_have_the_symbol_of_the_control(attrs, symbol):
    m = magnet([64, 512])
    m["control"].attrs = attrs
    for found in (
        sp.transitions.crossing(m, resamples=20, rng=0),
        sp.transitions.collapse(m, resamples=20, rng=0),
    ):
        assert found["critical_point"].attrs["symbol"] == f"{symbol}_c"
        assert "crossing" not in found or found["crossing"].attrs["symbol"] == symbol


def test_an_odd_replica_gives_no_critical_point():
    m = magnet([64, 128, 256, 512], replicas=101)
    m[:, :, 3] = 1e6
    found = sp.transitions.crossing(m, resamples=50, rng=0)
    assert int(found["status"]) == NO_CROSSING
