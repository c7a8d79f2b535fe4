"""An estimate of one number with its interval, from many replicas or from other estimates."""

import math
from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.errors import NotEnoughData
from sgdphys.intervals import Kind, mean_with_interval


class Estimate(NamedTuple):
    """A number, its 95% interval, and the number of independent members.

    ``members`` is 0 if the interval was supplied by the analysis. ``null_low`` and ``null_high``
    are the 2.5% and 97.5% quantiles of the statistic under its null, if it has one. ``freedom`` are
    the degrees of freedom of the interval where they are not one less than the members.
    ``replicas`` is the number of networks, of which ``members`` have a finite value; 0 if not
    counted.
    """

    value: float
    low: float
    high: float
    members: int
    null_low: float = np.nan
    null_high: float = np.nan
    freedom: int = 0
    replicas: int = 0


_FEWEST = 2
"""Replicas that an interval over them needs, of a share too."""


def over_replicas(values: xr.DataArray, kind: Kind = "symmetric") -> Estimate:
    """Mean over all but the replicas, then over replicas with an interval.

    Parameters
    ----------
    values : DataArray (replica, ...)
        Values that are not finite are left out. Too few finite replicas have no interval. With a
        coordinate ``family`` along ``replica`` the families are the independent members.
    kind : str
        Kind of the quantity: see ``intervals``. The mean over what is not a replica is
        geometric too where that over replicas is.
    """
    each = _by_family(mean_by_replica(values, kind).rename("value"), kind)
    valid = each.isel(replica=np.flatnonzero(np.isfinite(each))).astype(np.float64)
    if not valid.size:
        return Estimate(np.nan, np.nan, np.nan, members=0)
    found = mean_with_interval(valid, kind=kind)
    value, low, high = (float(found[f"value{end}"]) for end in ("", "_low", "_high"))
    if valid.size < _FEWEST:
        low = high = np.nan
    return Estimate(value, low, high, members=valid.size, replicas=each.size)


def _by_family(each: xr.DataArray, kind: Kind) -> xr.DataArray:
    """Means of the twins of each family, which have their start in common; of shares the first."""
    if "family" not in each.coords:
        return each
    families, first = np.unique(each["family"], return_index=True)
    if len(families) == each.size:
        return each
    if kind == "share":
        return each.isel(replica=first)
    by_twin = each.drop_vars("family").rename(replica="twin").expand_dims("replica")
    means = [
        mean_by_replica(by_twin.isel(twin=np.flatnonzero(each["family"] == family)), kind)
        for family in families
    ]
    return each.isel(replica=first).copy(data=np.concatenate(means))


def mean_by_replica(values: xr.DataArray, kind: Kind) -> xr.DataArray:
    """Mean of the finite values of each replica, geometric where the kind is."""
    others = [d for d in values.dims if d != "replica"]
    if kind == "geometric":
        means = values.copy(data=finite_log(values.to_numpy())).mean(others)
        return means.copy(data=np.exp(means.to_numpy()))
    return values.where(np.isfinite(values)).mean(others)


def finite_log(values: np.ndarray) -> np.ndarray:
    """Logarithm, NaN where it is not finite."""
    v = values.astype(np.float64)
    valid = np.isfinite(v) & (v > 0)
    return np.where(valid, np.log(np.where(valid, v, 1.0)), np.nan)


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


def difference(first: Estimate, second: Estimate, kind: Kind = "symmetric") -> Estimate:
    """First minus second, taken as independent: half-widths add in quadrature.

    Of geometric means the ratio, by the same rule for logarithms.
    """
    if kind == "geometric":
        found = difference(_logs(first), _logs(second))
        value, low, high = np.exp(found[:3]).tolist()
        return found._replace(value=value, low=low, high=high)
    value = first.value - second.value
    low = value - float(np.hypot(first.value - first.low, second.high - second.value))
    high = value + float(np.hypot(first.high - first.value, second.value - second.low))
    return Estimate(value, low, high, min(first.members, second.members))


def _logs(estimate: Estimate) -> Estimate:
    value, low, high = finite_log(np.array(estimate[:3])).tolist()
    return estimate._replace(value=value, low=low, high=high)


def p_value(estimate: Estimate, threshold: float, kind: Kind = "symmetric") -> float:
    """Smallest level at which the interval of an estimate leaves a threshold, of two sides.

    Parameters
    ----------
    estimate : Estimate
    threshold : float
    kind : str
        Intervals of positive and geometric quantities are symmetric on the log scale.

    Notes
    -----
    From the half-width on the side of the threshold, which is a quantile of Student's t with one
    degree of freedom less than there are members, unless the estimate says how many, of the normal
    distribution where the analysis supplied the interval. For a share it is the exact binomial
    test; parts of successes are rounded towards the threshold.
    """
    from scipy.special import stdtr, stdtrit

    value, low, high, n = estimate[:4]
    if not np.isfinite([value, low, high]).all():
        return np.nan
    if kind == "share" and n:
        from scipy.stats import binomtest

        side = "greater" if value > threshold else "less"
        if not 0 < threshold < 1:
            return float(value == threshold)
        successes = value * n
        k = math.floor(successes + 1e-9) if side == "greater" else math.ceil(successes - 1e-9)
        return float(min(1.0, 2 * binomtest(k, n, threshold, side).pvalue))
    if kind in ("positive", "geometric") and low > 0:
        if threshold <= 0:
            return 0.0
        value, low, high, threshold = np.log([value, low, high, threshold])
    width = value - low if threshold < value else high - value
    if threshold == value:
        return 1.0
    if not width > 0:
        return 0.0
    freedom = estimate.freedom or (n - 1 if n > 1 else np.inf)
    quantile = stdtrit(freedom, 0.975) if np.isfinite(freedom) else 1.959963984540054
    t = abs(value - threshold) / width * quantile
    if not np.isfinite(freedom):
        from scipy.special import ndtr

        return float(2 * ndtr(-t))
    return float(2 * stdtr(freedom, -t))
