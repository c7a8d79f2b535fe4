"""What ``over=`` may be, and members that are missing, in functions that average over members."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError, NotEnoughData

D = sp.dynamics
WALKS = xr.DataArray(
    np.random.default_rng(0).standard_normal((60, 5, 2)).cumsum(axis=0),
    dims=("step", "replica", "parameter"),
)
FUNCTIONS = {
    "msd": lambda over: D.msd(WALKS, over=over),
    "kramers_moyal": lambda over: D.kramers_moyal(WALKS, over=over, bins=4),
    "diffusion_vs_lag": lambda over: D.diffusion_vs_lag(WALKS, over=over),
    "msd_exponent": lambda over: D.msd_exponent(WALKS, over=over),
    "ensemble_diffusion": lambda over: D.ensemble_diffusion(WALKS, over=over),
    "ergodicity_breaking": lambda over: D.ergodicity_breaking(WALKS, over=over),
    "two_time_msd": lambda over: D.two_time_msd(WALKS, waiting_times=[1], lags=[2], over=over),
}


@pytest.mark.parametrize("over", ["zzz", "step", 3, ["replica", "zzz"]])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_ensemble_is_refused(name, over):
    with pytest.raises(InputError, match="over is"):
        FUNCTIONS[name](over)


def networks(members):
    rng = np.random.default_rng(1)
    coords = {
        "layer": ("parameter", [1] * 12 + [2] * 8),
        "kind": ("parameter", ["weight"] * 20),
    }
    return xr.DataArray(
        rng.standard_normal((members, 20)), dims=("replica", "parameter"), coords=coords,
        attrs={"sizes": [3, 4, 2]},
    )  # fmt: skip


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_networks_without_weights_are_left_out(missing):
    theta = networks(6)
    gone = theta.copy()
    gone[2] = missing
    rest = theta.isel(replica=[0, 1, 3, 4, 5])
    for function in (D.replica_overlap, D.unit_overlap):
        xr.testing.assert_allclose(function(gone), function(rest))
    with pytest.raises(InputError, match="an overlap needs two"):
        D.replica_overlap(gone.isel(replica=[1, 2]))


def test_intervals_stay_within_what_is_possible():
    for found in (D.unit_overlap(networks(2)), D.replica_overlap(networks(3))):
        for name in found.data_vars:
            if str(name).endswith(("_low", "_high")):
                assert (abs(found[name]) <= 1).all()
    found = D.msd_exponent(WALKS.isel(replica=[0, 1]), over="replica")
    assert (found["alpha_low"] >= 0).all()
    assert (found["alpha_high"] <= 2).all()


def test_equal_curvatures_have_no_slope():
    h = xr.DataArray(np.ones((3, 5)), dims=("replica", "mode"))
    with pytest.raises(NotEnoughData, match="same curvature"):
        D.variance_flatness(h * np.arange(1, 6), h)


def test_families_of_one_are_named():
    x = WALKS.assign_coords(family=("replica", [1, 1, 2, 2, 7]))
    for function in (D.deviation_from_mean, D.variance_components):
        with pytest.raises(InputError, match="family 7 along 'replica' has one member"):
            function(x, family="family")
