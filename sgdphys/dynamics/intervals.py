"""Bootstrap intervals over replicas.

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
        Values that are not finite are left out, entry by entry.
    draws : (resample, replica)
        From ``bootstrap_draws``; the same draws for all statistics that are combined.

    Returns
    -------
    (resample, ...)
        NaN where no finite value was drawn.
    """
    replicas = len(values)
    flat = values.reshape(replicas, -1).astype(np.float64)
    finite = np.isfinite(flat)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (draws @ np.where(finite, flat, 0.0)) / (draws @ finite.astype(np.float64))
    return means.reshape(len(draws), *values.shape[1:])


def finite_mean(values: np.ndarray) -> np.ndarray:
    """Mean of the finite values over replicas (replica, ...); NaN where there are none."""
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(finite, values, 0.0).sum(axis=0) / finite.sum(axis=0)


def quantiles(values: np.ndarray, shares: list[float]) -> np.ndarray:
    """Quantiles along the first axis, NaN left out, (share, ...); NaN where all values are."""
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
        NaN where the statistic does not exist; such samples are left out, and if they are half or
        more there is no interval.
    replicas : int or int array (...)
        Number of replicas that were resampled, counting finite values only.
    confidence : float

    Returns
    -------
    (array (...), array (...))
        Lower and upper end; NaN for a single replica.

    Notes
    -----
    With n replicas the plain percentile interval is too narrow: by sqrt((n - 1)/n), and because the
    normal distribution stands for Student's t. The expanded percentiles are
    Phi(-sqrt(n/(n - 1)) t_{n-1}).
    """
    low, high = np.full(samples.shape[1:], np.nan), np.full(samples.shape[1:], np.nan)
    counts = np.broadcast_to(replicas, samples.shape[1:])
    has_interval = np.isfinite(samples).mean(axis=0) > 0.5
    for n in np.unique(counts[has_interval & (counts > 1)]):
        score = np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.5 + confidence / 2)
        tail = float(ndtr(-score))
        selected = has_interval & (counts == n)
        low[selected], high[selected] = quantiles(samples[:, selected], [tail, 1 - tail])
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
    """Mean over a dimension with its bootstrap interval, under the name of the variable.

    Parameters
    ----------
    values : DataArray (replica, ...)
        Values that are not finite are left out; fewer than two finite ones have no interval.
    over : str
        The dimension of independent members.
    confidence : float
    resamples : int
        At least 1; with fewer than about 200 the intervals are too narrow.
    rng : int, SeedSequence or Generator

    Returns
    -------
    Dataset
        The mean, NaN where no value is finite, and its interval, NaN where fewer than two are.
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
