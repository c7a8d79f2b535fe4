"""An estimate of one number with its interval, and how one is made of many replicas."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.dynamics.intervals import mean_with_interval


class Estimate(NamedTuple):
    """A number, its 95% interval, and from how many independent members (0: it came so).

    ``null_low`` and ``null_high`` hold the middle 95% of the statistic where there is nothing to
    find, if it comes with such a null.
    """

    value: float
    low: float
    high: float
    members: int
    null_low: float = np.nan
    null_high: float = np.nan


def over_replicas(values: xr.DataArray, rng: int = 0) -> Estimate:
    """Mean over all but the replicas, then over replicas with a bootstrap interval.

    Parameters
    ----------
    values : DataArray (replica, ...)
        What is not finite is left out.
    rng : int
        Seed of the bootstrap.
    """
    finite = values.where(np.isfinite(values))
    each = finite.mean([d for d in values.dims if d != "replica"]).rename("value")
    found = mean_with_interval(each.astype(np.float64), rng=rng)
    value, low, high = (float(found[f"value{end}"]) for end in ("", "_low", "_high"))
    return Estimate(value, low, high, members=int(np.isfinite(each).sum()))


def of_intervals(found: xr.Dataset) -> Estimate:
    """Mean of value, low and high over whatever dimensions are left.

    The ends of a mean of estimates that err alike; of independent ones they are too wide.
    """
    value, low, high = (float(found[name].mean()) for name in ("value", "low", "high"))
    return Estimate(value, low, high, members=0)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """First less second, taken as independent: half-widths add in quadrature."""
    value = first.value - second.value
    low = value - float(np.hypot(first.value - first.low, second.high - second.value))
    high = value + float(np.hypot(first.high - first.value, second.value - second.low))
    return Estimate(value, low, high, min(first.members, second.members))
