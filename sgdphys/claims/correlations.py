"""Spearman rank correlations across replicas or layers, with a permutation null."""

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.claims.estimates import Estimate
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.intervals import clopper_pearson, jackknife_interval
from sgdphys.errors import NotEnoughData

_RESAMPLES = 1000
_FEWEST = 4


@checked
def rank_correlation(
    first: xr.DataArray, second: xr.DataArray, *, over: str = "replica", rng: Seed = 0
) -> Estimate:
    """Spearman's rank correlation over one axis, averaged over the others.

    Parameters
    ----------
    first, second : DataArray (replica, ...)
        Pairs with a value that is not finite are left out.
    over : str
        "replica": correlation across replicas, layer by layer. Another axis, such as "layer":
        correlation across layers within each replica.
    rng : int, SeedSequence or Generator
        Seed of the permutations.

    Returns
    -------
    Estimate
        The interval is over replicas; the null permutes ``second`` along ``over``,
        all series alike. Members are the replicas with at least one pair.

    Raises
    ------
    NotEnoughData
        If no series has 4 pairs over replicas, or 3 over another axis, or all values are tied.

    Notes
    -----
    Ties share their mean rank. Over replicas those that are left are ranked again.
    """
    pair = xr.broadcast(*xr.align(first, second, join="inner"))
    rest = [d for d in pair[0].dims if d not in ("replica", over)]
    is_across = over == "replica"
    order = ("replica", *rest) if is_across else ("replica", *rest, over)
    a, b = (v.transpose(*order).to_numpy().astype(np.float64) for v in pair)
    axis = -len(order) if is_across else -1  # from the end: resamples come first
    fewest = _FEWEST if is_across else _FEWEST - 1
    finite = np.isfinite(a) & np.isfinite(b)
    finite &= finite.sum(axis=axis, keepdims=True) >= fewest
    if not finite.any():
        raise NotEnoughData(
            f"no series has {fewest} pairs of finite values along {over!r} to correlate"
        )
    # replicas without a pair are neither drawn nor counted
    has_pair = finite.reshape(len(a), -1).any(axis=1)
    a, b = (np.where(finite, v, np.nan)[has_pair] for v in (a, b))
    members = len(a)
    value = float(_mean_spearman(_ranks(a, axis)[None], _ranks(b, axis)[None], axis, fewest)[0])
    if np.isnan(value):
        raise NotEnoughData(f"all values along {over!r} are tied, so finite is no correlation")
    generator = stream(rng)
    permuted = _permuted(_ranks(b, axis), axis, generator)
    null = _mean_spearman(_ranks(a, axis)[None], permuted, axis, fewest)
    kept = np.array([np.delete(np.arange(members), k) for k in range(members)])
    least = fewest - 1 if is_across else fewest
    without_each = _mean_spearman(_ranks(a[kept], axis), _ranks(b[kept], axis), axis, least)
    if is_across:
        series = int(finite.any(axis=axis).sum())
        low, high = _interval_across(value, without_each, members, series)
    else:
        low, high = _interval_within(value, without_each, members)
    null_low, null_high = np.nanquantile(null, [0.025, 0.975])
    return Estimate(value, low, high, members, null_low, null_high)


def _interval_across(
    value: float, without_each: np.ndarray, members: int, series: int
) -> tuple[float, float]:
    """Interval of a correlation across replicas, by Fisher's z.

    Never narrower than that of as many independent series by the standard error of Bonett and
    Wright (2000), Psychometrika 65, 23. A perfect order counts as half a step of Spearman's
    coefficient below 1.
    """
    limit = 1 - 6 / (members * (members**2 - 1))
    centre = np.arctanh(np.clip(value, -limit, limit))
    each = np.arctanh(np.clip(without_each, -limit, limit))
    low, high = jackknife_interval(centre, each, members)
    least = 1.96 * np.sqrt((1 + value**2 / 2) / (members - 3) / series)
    half_width = np.fmax((high - low) / 2, least)
    return float(np.tanh(centre - half_width)), float(np.tanh(centre + half_width))


def _interval_within(value: float, without_each: np.ndarray, members: int) -> tuple[float, float]:
    """Interval of a mean over replicas of correlations, each from -1 to 1."""
    low, high = jackknife_interval(np.array(value), without_each, members)
    if members > 1 and not high > low:  # the same in all replicas: as a share of as many
        low, high = (2 * end - 1 for end in clopper_pearson((value + 1) / 2 * members, members))
    return float(np.maximum(low, -1.0)), float(np.minimum(high, 1.0))


def _ranks(values: np.ndarray, axis: int) -> np.ndarray:
    """Ranks along an axis minus their mean; missing values stay missing."""
    from scipy.stats import rankdata

    finite = np.isfinite(values)
    ranks = np.where(finite, rankdata(np.where(finite, values, np.inf), axis=axis), 0.0)
    count = np.maximum(finite.sum(axis=axis, keepdims=True), 1)
    return np.where(finite, ranks - ranks.sum(axis=axis, keepdims=True) / count, np.nan)


def _mean_spearman(a: np.ndarray, b: np.ndarray, axis: int, fewest: int) -> np.ndarray:
    """Rank correlation of (resample, replica, ...), mean over all other axes."""
    finite = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    scale = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    kept = (finite.sum(axis=axis) >= fewest) & (scale > 0)
    each = np.where(kept, (a * b).sum(axis=axis) / np.where(kept, scale, 1.0), 0.0)
    others = tuple(range(1, each.ndim))
    with np.errstate(invalid="ignore"):
        return np.asarray(each.sum(axis=others) / kept.sum(axis=others))


def _permuted(ranks: np.ndarray, axis: int, rng: np.random.Generator) -> np.ndarray:
    """Random orders along an axis (resample, replica, ...), each the same for all series.

    Layers of one network resemble those of another, and layers of one replica each other: series
    that were permuted apart would average out what they share.
    """
    orders = rng.permuted(np.tile(np.arange(ranks.shape[axis]), (_RESAMPLES, 1)), axis=1)
    moved = np.moveaxis(ranks, axis, 0)[orders]  # (resample, axis, ...)
    return np.moveaxis(moved, 1, axis)
