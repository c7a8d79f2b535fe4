"""Order parameters of ensembles: Gaussian about 0, ordered, too few."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.transitions import order_parameter


def test_order_parameter_and_binder_cumulant():
    rng = np.random.default_rng(10)
    gaussian = order_parameter(xr.DataArray(rng.standard_normal(5000), dims="replica"))
    assert float(gaussian["binder"]) == pytest.approx(0, abs=0.04)
    assert float(gaussian["susceptibility"]) == pytest.approx(1 - 2 / np.pi, rel=0.05)
    signs = xr.DataArray(rng.choice([-2.0, 2.0], 200), dims="replica")
    ordered = order_parameter(signs)
    assert float(ordered["binder"]) == pytest.approx(2 / 3)
    assert float(ordered["order"]) == pytest.approx(2)
    with pytest.raises(InputError, match="1 along 'replica' is too few"):
        order_parameter(signs.isel(replica=[0]))


def test_a_large_mean_costs_the_susceptibility_no_digits():
    """Of 1e9 plus noise it was a multiple of 128, or below 0."""
    noise = np.random.default_rng(0).standard_normal(200)
    plain = order_parameter(xr.DataArray(1e4 + noise, dims="replica"))["susceptibility"]
    for offset in (1e6, 1e9):
        far = order_parameter(xr.DataArray(offset + noise, dims="replica"))["susceptibility"]
        assert float(far) == pytest.approx(float(plain), rel=1e-6)
    equal = order_parameter(xr.DataArray(np.full(200, 0.1), dims="replica"))
    ends = [equal[f"susceptibility{end}"].item() for end in ("", "_low", "_high")]
    assert ends == pytest.approx([0, 0, 0], abs=1e-30)
