"""Rank correlations across replicas or layers, beside permutations."""

import numpy as np
import xarray as xr
from scipy.stats import rankdata

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
    value = _mean_spearman(a, b, axis, fewest)
    generator = np.random.default_rng(rng)
    null = [
        _mean_spearman(a, _permuted(b, axis, generator), axis, fewest) for _ in range(_RESAMPLES)
    ]
    draws = generator.integers(0, len(a), (_RESAMPLES, len(a)))
    samples = np.array([_mean_spearman(a[d], b[d], axis, fewest) for d in draws])
    low, high = percentile_interval(samples[:, None], len(a), 0.95)
    null_low, null_high = np.nanquantile(null, [0.025, 0.975])
    members = int(there.any(axis=1).sum())
    return Estimate(value, float(low[0]), float(high[0]), members, null_low, null_high)


def _ranks(values: np.ndarray, axis: int) -> np.ndarray:
    """Ranks along an axis less their mean; what is missing is left out."""
    there = np.isfinite(values)
    ranks = np.where(there, rankdata(np.where(there, values, np.inf), axis=axis), 0.0)
    count = np.maximum(there.sum(axis=axis, keepdims=True), 1)
    return np.where(there, ranks - ranks.sum(axis=axis, keepdims=True) / count, 0.0)


def _mean_spearman(a: np.ndarray, b: np.ndarray, axis: int, fewest: int) -> float:
    enough = np.isfinite(a).sum(axis=axis) >= fewest
    a, b = _ranks(a, axis), _ranks(b, axis)
    scale = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    kept = enough & (scale > 0)
    return float(((a * b).sum(axis=axis)[kept] / scale[kept]).mean()) if kept.any() else np.nan


def _permuted(values: np.ndarray, axis: int, rng: np.random.Generator) -> np.ndarray:
    """Each series in another order, what is missing left in its place."""
    moved = np.moveaxis(values.copy(), axis, 0)
    for k in range(moved.shape[1]):
        there = np.isfinite(moved[:, k])
        moved[there, k] = rng.permutation(moved[there, k])
    return np.moveaxis(moved, 0, axis)
