"""An estimate of one number with its interval, from many replicas or from other estimates."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.dynamics.intervals import Kind, mean_with_interval
from sgdphys.errors import NotEnoughData


class Estimate(NamedTuple):
    """A number, its 95% interval, and the number of independent members.

    ``members`` is 0 if the interval was supplied by the analysis. ``null_low`` and ``null_high``
    are the 2.5% and 97.5% quantiles of the statistic under its null, if it has one.
    """

    value: float
    low: float
    high: float
    members: int
    null_low: float = np.nan
    null_high: float = np.nan


_FEWEST = 2
"""Replicas that an interval over them needs, of a share too."""


def over_replicas(values: xr.DataArray, kind: Kind = "symmetric") -> Estimate:
    """Mean over all but the replicas, then over replicas with an interval.

    Parameters
    ----------
    values : DataArray (replica, ...)
        Values that are not finite are left out. Too few finite replicas have no interval.
    kind : str
        Kind of the quantity: see ``dynamics.intervals``.
    """
    finite = values.where(np.isfinite(values))
    each = finite.mean([d for d in values.dims if d != "replica"]).rename("value")
    valid = each.isel(replica=np.flatnonzero(np.isfinite(each))).astype(np.float64)
    if not valid.size:
        return Estimate(np.nan, np.nan, np.nan, members=0)
    found = mean_with_interval(valid, kind=kind)
    value, low, high = (float(found[f"value{end}"]) for end in ("", "_low", "_high"))
    if valid.size < _FEWEST:
        low = high = np.nan
    return Estimate(value, low, high, members=valid.size)


def of_intervals(found: xr.Dataset) -> Estimate:
    """Mean of value, low and high over the remaining dimensions.

    The interval is exact for fully correlated errors and too wide for independent ones. Estimates
    without a finite value or without an interval are left out.

    Raises
    ------
    NotEnoughData
        When none is left.
    """
    parts = xr.broadcast(*(found[name] for name in ("value", "low", "high")))
    valid = np.logical_and.reduce([np.isfinite(part.to_numpy()) for part in parts])
    if not valid.any():
        raise NotEnoughData("the analysis found no finite value that has an interval")
    value, low, high = (float(part.to_numpy()[valid].mean()) for part in parts)
    return Estimate(value, low, high, members=0)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """First minus second, taken as independent: half-widths add in quadrature."""
    value = first.value - second.value
    low = value - float(np.hypot(first.value - first.low, second.high - second.value))
    high = value + float(np.hypot(first.high - first.value, second.value - second.low))
    return Estimate(value, low, high, min(first.members, second.members))
