"""Members that are missing at some times count where they are, and harm no other time."""

import numpy as np
import xarray as xr

import sgdphys as sp


def walks(members=8, parameters=300):
    steps = np.random.default_rng(1).standard_normal((10, members, parameters))
    return xr.DataArray(steps.cumsum(axis=0), dims=("step", "replica", "parameter"))


def test_members_that_are_missing_do_not_count():
    x = walks()
    for missing in (np.nan, np.inf):
        gone = x.copy()
        gone[4:, :3] = missing
        found = sp.dynamics.ensemble_diffusion(gone, time="step")
        alone = sp.dynamics.ensemble_diffusion(x[:, 3:], time="step")
        whole = sp.dynamics.ensemble_diffusion(x, time="step")
        for name in ("diffusion", "diffusion_low", "diffusion_high", "count"):
            xr.testing.assert_allclose(
                found[name].isel(step=slice(4, None)), alone[name].isel(step=slice(4, None))
            )
            xr.testing.assert_allclose(
                found[name].isel(step=slice(3)), whole[name].isel(step=slice(3))
            )


def test_deviations_are_of_the_members_that_are_there():
    x = walks()
    gone = x.copy()
    gone[4:, 0] = np.inf
    found = sp.dynamics.deviation_from_mean(gone)
    np.testing.assert_allclose(found[4:, 1:], sp.dynamics.deviation_from_mean(x[:, 1:])[4:])
    np.testing.assert_allclose(found[:4], sp.dynamics.deviation_from_mean(x)[:4])
    assert np.isnan(found[4:, 0]).all()


def test_variances_are_of_the_members_that_are_there():
    x = walks().assign_coords(family=("replica", [0, 0, 0, 1, 1, 1, 2, 2]))
    gone = x.copy()
    gone[:, 0] = np.inf
    found = sp.dynamics.variance_components(gone)
    xr.testing.assert_allclose(found, sp.dynamics.variance_components(x[:, 1:]))
