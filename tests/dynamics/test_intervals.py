"""Intervals say nothing where there is nothing to resample."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.dynamics.ensembles.order_parameter import order_parameter
from sgdphys.dynamics.intervals import mean_with_interval


@pytest.mark.parametrize("finite", [0, 1, 2, 5])
def test_no_interval_comes_from_fewer_than_two_members(finite):
    values = np.full(8, np.nan)
    values[:finite] = np.arange(finite)
    found = mean_with_interval(xr.DataArray(values, dims="replica", name="x"))
    assert np.isfinite(found["x"]) == (finite > 0)
    for end in ("x_low", "x_high"):
        assert np.isfinite(found[end]) == (finite > 1)
    if finite > 1:
        assert found["x_low"] < found["x"] < found["x_high"]


def test_moments_of_no_finite_member_are_missing_without_a_warning():
    found = order_parameter(xr.DataArray(np.full(6, np.nan), dims="replica"))
    assert all(np.isnan(found[name]) for name in ("order", "order_low", "susceptibility", "binder"))
