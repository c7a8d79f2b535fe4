"""A scan over loads and dimensions from the cases of a sweep."""

import numpy as np
import xarray as xr

from sgdphys.errors import InputError


def scan(capacity: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values of every network by size N and control P/N, as ``sgdphys.transitions`` reads them.

    Parameters
    ----------
    capacity : Dataset
        With the dimension case.
    values : DataArray (case, replica)

    Returns
    -------
    DataArray (size, control, replica)
        With coordinates size and control (size, control); NaN where a size has fewer loads.

    Raises
    ------
    InputError
        Where networks of several shapes, or several cases with the same points, are mixed.
    """
    if "case" not in values.dims:
        raise InputError("a scan needs a sweep over loads and inputs")
    dimension, load = (capacity[name].to_numpy() for name in ("dimension", "load"))
    sizes = np.unique(dimension[np.isfinite(dimension)])
    rows = [np.flatnonzero(dimension == size) for size in sizes]
    rows = [row[np.argsort(load[row])] for row in rows]
    if any(len(np.unique(load[row])) < len(row) for row in rows):
        raise InputError(
            "several cases have the same numbers of points and inputs; choose one of them in "
            "'where', such as layers"
        )
    most = max(map(len, rows))
    table = values.transpose("case", "replica").to_numpy()
    m = np.full((len(sizes), most, table.shape[1]), np.nan)
    control = np.full((len(sizes), most), np.nan)
    for k, row in enumerate(rows):
        m[k, : len(row)], control[k, : len(row)] = table[row], load[row]
    return xr.DataArray(
        m,
        {"size": sizes, "control": (("size", "control"), control)},
        ("size", "control", "replica"),
    )
