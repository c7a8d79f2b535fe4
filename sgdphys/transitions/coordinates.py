"""Dimensions of scans and loops, and the numbers along them."""

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.errors import InputError
from sgdphys.glossary import GLOSSARY

_CRITICAL = {"crossing": "", "critical_point": "_c"}
"""Values of a control parameter in results, and what stands after its symbol."""


def named_after_control(result: xr.Dataset, control: str) -> xr.Dataset:
    """The result with the symbol of its control parameter at values of it, x where it has none."""
    symbol = result[control].attrs.get("symbol", "x")
    for name, mark in _CRITICAL.items():
        if name in result:
            result[name].attrs["symbol"] = f"{symbol}{mark}"
    return result


def named_after_samples(
    result: xr.Dataset, m: xr.DataArray, mean: str = r"\langle|{}|\rangle"
) -> xr.Dataset:
    """The result with the name and symbol of the samples for their mean, ``order``."""
    symbol, name = m.attrs.get("symbol"), m.attrs.get("long_name")
    if isinstance(symbol, str) and symbol:
        result["order"].attrs["symbol"] = mean.replace("{}", symbol)
    if isinstance(name, str) and name not in ("", GLOSSARY["m"].long_name):
        result["order"].attrs["long_name"] = name
    return result


def with_coordinates(m: xr.DataArray, *dims: str, over: str, what: str) -> xr.DataArray:
    """An array with the dimensions ``dims``, that all have coordinates, and ``over``, no others.

    Parameters
    ----------
    m
        Any container.
    *dims : str
    over : str
        Dimension of independent samples.
    what : str
        Name of the values in an error message.

    Raises
    ------
    InputError
        Where a dimension or its coordinate is missing, or there are further dimensions.
    """
    if isinstance(m, pd.DataFrame):
        names = [*dims, over]
        raise InputError(
            f"a table was given, and an array with the dimensions {', '.join((*dims, over))} was "
            f"expected: make one of the column of the samples, as in table.set_index({names})"
            "['m'].to_xarray()"
        )
    m = labelled_array(m, *dims, over)
    require_dimensions(m, *dims, over)
    if extra := sorted(str(d) for d in m.dims if d not in (*dims, over)):
        raise InputError(
            f"{what} further dimensions ({', '.join(extra)}); select one of each, or stack them "
            f"into {over!r} where they are independent samples"
        )
    for name in dims:
        if name not in m.coords:
            raise InputError(f"the dimension {name!r} needs a coordinate with its values")
    return m


def numbers_along(m: xr.DataArray, name: str, *dims: str) -> np.ndarray:
    """Numbers of a coordinate over ``dims``; NaN where they are missing, but not all of them.

    Raises
    ------
    InputError
        Where the coordinate holds no numbers, all are missing, one is infinite, or it has further
        dimensions.
    """
    coordinate = m.coords[name]
    if coordinate.dtype.kind not in "iuf":
        raise InputError(f"the coordinate {name!r} holds no numbers but {coordinate.dtype}")
    if np.isinf(coordinate).any() or np.isnan(coordinate).all():
        raise InputError(f"the coordinate {name!r} has values that are not finite")
    if others := sorted(str(d) for d in coordinate.dims if d not in dims):
        raise InputError(f"the coordinate {name!r} must not depend on {', '.join(others)}")
    shape = {d: m.sizes[d] for d in dims if d not in coordinate.dims}
    return coordinate.expand_dims(shape).transpose(*dims).to_numpy().astype(np.float64)
