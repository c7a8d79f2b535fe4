"""Statistics along directions: steps that are not consecutive, and members that diverged."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError

H = xr.DataArray([1.0, 10.0], dims="mode")


def paths(**options):
    made = sp.processes.sgd_on_quadratic(
        curvature=[1.0, 10.0], learning_rate=0.1, steps=2000, replicas=6, rng=0, **options
    )
    return made["theta"].rename(parameter="mode")


def test_every_tenth_step_is_refused():
    """Their memory is that of ten updates, and the prediction beside it that of one."""
    x = paths()
    with pytest.raises(InputError, match="memory and its prediction are computed from weights at"):
        sp.dynamics.hessian_mode_statistics(
            x.isel(step=slice(None, None, 10)), H, learning_rate=0.1
        )
    by_time = sp.dynamics.hessian_mode_statistics(x, H, learning_rate=0.1, time="time")
    assert np.isfinite(by_time["autocorrelation"]).all()


def test_variance_and_memory_are_of_the_same_members():
    x = paths()
    plain = sp.dynamics.hessian_mode_statistics(
        x.isel(replica=slice(1, None)), H, learning_rate=0.1
    )
    x[500:, 0] = 1e100 * (-1.0) ** np.arange(1501)[:, None]
    found = sp.dynamics.hessian_mode_statistics(x, H, learning_rate=0.1)
    np.testing.assert_allclose(found["variance"], plain["variance"])
