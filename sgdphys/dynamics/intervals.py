"""Where every ``_low`` and ``_high`` comes from: the bootstrap over replicas.

References
----------
Efron and Tibshirani (1993), "An introduction to the bootstrap"; Hesterberg (2015), "What teachers
should know about the bootstrap", for the expanded percentile interval.
"""

import warnings

import numpy as np
import xarray as xr
from scipy.special import ndtr, stdtrit

from sgdphys.arguments import checked
from sgdphys.draws import RESAMPLES, Seed, bootstrap_draws

METHOD = "expanded percentile bootstrap over replicas"


def resampled_means(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Means over replicas drawn with replacement.

    Parameters
    ----------
    values : (replica, ...)
        What is not finite is left out, entry by entry.
    draws : (resample, replica)
        Of ``bootstrap_draws``: the same for all whose results are combined.

    Returns
    -------
    (resample, ...)
        NaN where no finite replica was drawn.
    """
    replicas = len(values)
    flat = values.reshape(replicas, -1).astype(np.float64)
    there = np.isfinite(flat)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (draws @ np.where(there, flat, 0.0)) / (draws @ there.astype(np.float64))
    return means.reshape(len(draws), *values.shape[1:])


def finite_mean(values: np.ndarray) -> np.ndarray:
    """Mean over replicas (replica, ...) of what is finite; NaN where nothing is."""
    there = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0)


def quantiles(values: np.ndarray, shares: list[float]) -> np.ndarray:
    """Quantiles along the first axis of what is not NaN, (share, ...); NaN where nothing is."""
    if np.isfinite(values).all():  # a hundred times as fast
        return np.asarray(np.quantile(values, shares, axis=0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.asarray(np.nanquantile(values, shares, axis=0))


@checked
def percentile_interval(
    samples: np.ndarray, replicas: int | np.ndarray, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Interval from bootstrap samples of a statistic.

    Parameters
    ----------
    samples : (resample, ...)
        NaN where the statistic does not exist; such resamples are left out, and where they are more
        than half there is no interval.
    replicas : int or int array (...)
        How many were resampled; where some are not finite, how many are.
    confidence : float

    Returns
    -------
    (array (...), array (...))
        Lower and upper end; NaN for a single replica.

    Notes
    -----
    With n replicas the plain percentile interval is too narrow, by sqrt((n - 1)/n) and the width of
    Student's t; the percentiles are those of Phi(-sqrt(n/(n - 1)) t_{n-1}).
    """
    low, high = np.full(samples.shape[1:], np.nan), np.full(samples.shape[1:], np.nan)
    counts = np.broadcast_to(replicas, samples.shape[1:])
    there = np.isfinite(samples).mean(axis=0) > 0.5
    for n in np.unique(counts[there & (counts > 1)]):
        wide = np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.5 + confidence / 2)
        tail = float(ndtr(-wide))
        here = there & (counts == n)
        low[here], high[here] = quantiles(samples[:, here], [tail, 1 - tail])
    return low, high


@checked
def mean_with_interval(
    values: xr.DataArray,
    *,
    over: str = "replica",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    rng: Seed = 0,
) -> xr.Dataset:
    """Mean over a dimension of members with its interval, under the variable's own name.

    Parameters
    ----------
    values : DataArray (replica, ...)
        What is not finite is left out; fewer than two finite members have no interval.
    over : str
        The dimension of independent members.
    confidence : float
    resamples : int
        At least 1; of fewer than about 200 the ends of an interval are too near to each other.
    rng : int, SeedSequence or Generator

    Returns
    -------
    Dataset
        The mean, NaN where no member is finite, and its ends, NaN where fewer than two are.
    """
    name = str(values.name)
    ordered = values.transpose(over, ...)
    draws = bootstrap_draws(ordered.sizes[over], rng, resamples)
    samples = resampled_means(ordered.to_numpy(), draws)
    members = np.isfinite(ordered.to_numpy()).sum(axis=0)
    low, high = percentile_interval(samples, members, confidence)
    mean = ordered.isel({over: 0}, drop=True).copy(data=finite_mean(ordered.to_numpy()))
    return xr.Dataset(
        {name: mean, f"{name}_low": mean.copy(data=low), f"{name}_high": mean.copy(data=high)}
    )
