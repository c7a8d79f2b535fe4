"""Missing values: the default fill values of netCDF, and masks, become NaN.

Integers can be fill values only in arrays that were read from a netCDF file.
"""

from typing import Any

import numpy as np
import xarray as xr

_FILLS = {
    "f4": 9.969209968386869e36, "f8": 9.969209968386869e36,
    "i2": -32767, "i4": -2147483647, "i8": -9223372036854775806,
    "u2": 65535, "u4": 4294967295, "u8": 18446744073709551614,
}  # fmt: skip
"""Default fill values of netCDF, by kind and number of bytes; single bytes have none."""


def missing_as_nan(values: np.ndarray) -> np.ndarray:
    """Return values with NaN in place of fill values.

    Parameters
    ----------
    values : array of real numbers
        Integers become float64; floats keep their precision, and are copied only if some are
        missing.
    """
    return values.astype(np.float64) if values.dtype.kind in "iub" else _without_fills(values)


def stored_as_nan(theta: Any) -> Any:
    """Return integers that were read from a netCDF file as float64, with fill values NaN.

    Parameters
    ----------
    theta : array or DataArray
        A Dask array stays lazy; single bytes and floats are returned unchanged.
    """
    if theta.dtype.kind not in "iu" or theta.dtype.str[1:] not in _FILLS:
        return theta
    if isinstance(theta, np.ndarray):
        return _without_fills(theta)
    return xr.apply_ufunc(
        _without_fills, theta, dask="parallelized", output_dtypes=[np.float64], keep_attrs=True
    )


def _without_fills(values: np.ndarray) -> np.ndarray:
    fill = _FILLS.get(values.dtype.str[1:])
    found = values.astype(np.float64) if values.dtype.kind in "iub" else values
    if fill is None or not values.size:
        return found
    is_missing = values == values.dtype.type(fill)
    if is_missing.any():
        found = found.copy() if found is values else found
        found[is_missing] = np.nan
    return found


def as_float(values: np.ndarray) -> np.ndarray:
    """Return a contiguous float64 copy with NaN in place of fill values."""
    return np.array(missing_as_nan(values), np.float64, order="C")


def unmasked(values: np.ndarray) -> np.ndarray:
    """Return an array without its mask, if it has one: masked values are NaN."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    mask = np.ma.getmaskarray(values)
    if not mask.any() or values.dtype.kind not in "iufb":
        return np.asarray(values.data)
    plain = missing_as_nan(np.asarray(values.data))
    return np.where(mask, plain.dtype.type(np.nan), plain)


def labelled_without_missing(theta: xr.DataArray) -> xr.DataArray:
    """Return a DataArray with NaN in place of fill values; a Dask array stays lazy."""
    dtype = np.dtype(np.float64) if theta.dtype.kind in "iub" else theta.dtype
    return xr.apply_ufunc(
        missing_as_nan, theta, dask="parallelized", output_dtypes=[dtype], keep_attrs=True
    )


def numbers_of(theta: xr.DataArray) -> np.ndarray:
    """Return the values of a DataArray as float64, with NaN in place of fill values."""
    return as_float(theta.to_numpy())
