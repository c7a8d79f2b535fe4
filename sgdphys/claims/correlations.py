"""Rank correlations across replicas or layers, beside permutations."""

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.claims.estimates import Estimate
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.intervals import percentile_interval
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
        Pairs of which either is not finite are left out.
    over : str
        "replica": do replicas that have more of one have more of the other, layer by layer?
        Another axis, such as "layer": do layers, within each replica?
    rng : int, SeedSequence or Generator
        Seed of the bootstrap and of the permutations.

    Returns
    -------
    Estimate
        Its interval by bootstrap over replicas; its null from permuting ``second`` along ``over``,
        within every series. Its members are the replicas that have a part in it.

    Raises
    ------
    NotEnoughData
        Where no series has 4 pairs over replicas, or 3 over another axis, or all are tied.

    Notes
    -----
    Ties share their mean rank. Over replicas the bootstrap draws replicas and ranks them anew.
    """
    pair = xr.broadcast(*xr.align(first, second, join="inner"))
    rest = [d for d in pair[0].dims if d not in ("replica", over)]
    is_across = over == "replica"
    order = ("replica", *rest) if is_across else ("replica", *rest, over)
    a, b = (v.transpose(*order).to_numpy().astype(np.float64) for v in pair)
    axis = -len(order) if is_across else -1  # from the end: resamples come first
    fewest = _FEWEST if is_across else _FEWEST - 1
    there = np.isfinite(a) & np.isfinite(b)
    there &= there.sum(axis=axis, keepdims=True) >= fewest
    if not there.any():
        raise NotEnoughData(
            f"no series has {fewest} pairs of finite values along {over!r} to correlate"
        )
    # replicas without a pair are not drawn, and do not count
    has_pair = there.reshape(len(a), -1).any(axis=1)
    a, b = (np.where(there, v, np.nan)[has_pair] for v in (a, b))
    members = len(a)
    value = float(_mean_spearman(_ranks(a, axis)[None], _ranks(b, axis)[None], axis, fewest)[0])
    if np.isnan(value):
        raise NotEnoughData(f"all values along {over!r} are tied, and correlate with nothing")
    generator = stream(rng)
    dealt = _dealt(_ranks(b, axis), axis, generator)
    null = _mean_spearman(_ranks(a, axis)[None], dealt, axis, fewest)
    draws = generator.integers(0, members, (_RESAMPLES, members))
    samples = _mean_spearman(_ranks(a[draws], axis), _ranks(b[draws], axis), axis, fewest)
    low, high = percentile_interval(samples[:, None], members, 0.95)
    null_low, null_high = np.nanquantile(null, [0.025, 0.975])
    return Estimate(value, float(low[0]), float(high[0]), members, null_low, null_high)


def _ranks(values: np.ndarray, axis: int) -> np.ndarray:
    """Ranks along an axis less their mean; what is missing stays so."""
    from scipy.stats import rankdata

    there = np.isfinite(values)
    ranks = np.where(there, rankdata(np.where(there, values, np.inf), axis=axis), 0.0)
    count = np.maximum(there.sum(axis=axis, keepdims=True), 1)
    return np.where(there, ranks - ranks.sum(axis=axis, keepdims=True) / count, np.nan)


def _mean_spearman(a: np.ndarray, b: np.ndarray, axis: int, fewest: int) -> np.ndarray:
    """Correlation of ranks (resample, replica, ...), mean over all axes but their own."""
    there = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(there, a, 0.0), np.where(there, b, 0.0)
    scale = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    kept = (there.sum(axis=axis) >= fewest) & (scale > 0)
    each = np.where(kept, (a * b).sum(axis=axis) / np.where(kept, scale, 1.0), 0.0)
    others = tuple(range(1, each.ndim))
    with np.errstate(invalid="ignore"):
        return np.asarray(each.sum(axis=others) / kept.sum(axis=others))


def _dealt(ranks: np.ndarray, axis: int, rng: np.random.Generator) -> np.ndarray:
    """Each series in many other orders, (resample, replica, ...); what is missing stays."""
    there = np.broadcast_to(np.isfinite(ranks), (_RESAMPLES, *ranks.shape))
    places = np.argsort(~there, axis=axis, kind="stable")
    others = np.argsort(np.where(there, rng.random(there.shape), np.inf), axis=axis)
    dealt = np.empty(there.shape)
    values = np.broadcast_to(ranks, there.shape)
    np.put_along_axis(dealt, places, np.take_along_axis(values, others, axis), axis)
    return dealt
