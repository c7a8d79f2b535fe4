"""Rank correlations across replicas or layers, beside permutations."""

import numpy as np
import xarray as xr

from sgdphys.dynamics.intervals import percentile_interval
from sgdphys.errors import NotEnoughData
from sgdphys.relate.estimates import Estimate

_RESAMPLES = 1000
_FEWEST = 4


def rank_correlation(
    first: xr.DataArray, second: xr.DataArray, *, over: str = "replica", rng: int = 0
) -> Estimate:
    """Spearman's rank correlation over one of two axes, averaged over the other.

    Parameters
    ----------
    first, second : DataArray (replica, layer)
        Pairs of which either is not finite are left out.
    over : str
        "replica": do replicas that have more of one have more of the other, layer by layer?
        "layer": do layers, within each replica?
    rng : int
        Seed of the bootstrap and of the permutations.

    Returns
    -------
    Estimate
        Its interval by bootstrap over replicas; its null from permuting ``second`` along ``over``,
        within each layer or within each replica.

    Raises
    ------
    NotEnoughData
        Where no series has 4 pairs over replicas, or 3 over layers.

    Notes
    -----
    Ties share their mean rank. Over replicas the bootstrap draws replicas and ranks them anew.
    """
    a, b = (
        v.transpose("replica", "layer").to_numpy().astype(np.float64)
        for v in xr.align(first, second, join="inner")
    )
    there = np.isfinite(a) & np.isfinite(b)
    axis = 0 if over == "replica" else 1
    fewest = _FEWEST if over == "replica" else _FEWEST - 1
    if not (there.sum(axis=axis) >= fewest).any():
        raise NotEnoughData(
            f"no series has {fewest} pairs of finite values along {over!r} to correlate"
        )
    a, b = np.where(there, a, np.nan), np.where(there, b, np.nan)
    axis -= 2  # from the end: resamples come first
    value = _mean_spearman(_ranks(a, axis), _ranks(b, axis), axis, fewest)
    generator = np.random.default_rng(rng)
    dealt = _dealt(_ranks(b, axis), axis, generator)
    null = _mean_spearman(_ranks(a, axis), dealt, axis, fewest)
    draws = generator.integers(0, len(a), (_RESAMPLES, len(a)))
    samples = _mean_spearman(_ranks(a[draws], axis), _ranks(b[draws], axis), axis, fewest)
    low, high = percentile_interval(samples[:, None], len(a), 0.95)
    null_low, null_high = np.nanquantile(null, [0.025, 0.975])
    members = int(there.any(axis=1).sum())
    return Estimate(float(value), float(low[0]), float(high[0]), members, null_low, null_high)


def _ranks(values: np.ndarray, axis: int) -> np.ndarray:
    """Ranks along an axis less their mean; what is missing stays so."""
    from scipy.stats import rankdata

    there = np.isfinite(values)
    ranks = np.where(there, rankdata(np.where(there, values, np.inf), axis=axis), 0.0)
    count = np.maximum(there.sum(axis=axis, keepdims=True), 1)
    return np.where(there, ranks - ranks.sum(axis=axis, keepdims=True) / count, np.nan)


def _mean_spearman(a: np.ndarray, b: np.ndarray, axis: int, fewest: int) -> np.ndarray:
    """Correlation of ranks (..., replica, layer), mean over the other axis than their own."""
    there = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(there, a, 0.0), np.where(there, b, 0.0)
    scale = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    kept = (there.sum(axis=axis) >= fewest) & (scale > 0)
    each = np.where(kept, (a * b).sum(axis=axis) / np.where(kept, scale, 1.0), 0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(each.sum(axis=-1) / kept.sum(axis=-1))


def _dealt(ranks: np.ndarray, axis: int, rng: np.random.Generator) -> np.ndarray:
    """Each series in many other orders, (resample, replica, layer); what is missing stays."""
    there = np.broadcast_to(np.isfinite(ranks), (_RESAMPLES, *ranks.shape))
    places = np.argsort(~there, axis=axis, kind="stable")
    others = np.argsort(np.where(there, rng.random(there.shape), np.inf), axis=axis)
    dealt = np.empty(there.shape)
    values = np.broadcast_to(ranks, there.shape)
    np.put_along_axis(dealt, places, np.take_along_axis(values, others, axis), axis)
    return dealt
