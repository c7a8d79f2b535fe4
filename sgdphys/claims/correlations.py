"""Spearman rank correlations across replicas or layers, with a permutation null."""

import itertools

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.claims.estimates import Estimate
from sgdphys.draws import Seed, stream
from sgdphys.errors import NotEnoughData
from sgdphys.intervals import jackknife_interval

_RESAMPLES = 1000
_FEWEST = 4
_ALL_ORDERS = 6
"""Layers of which every order is tried."""
_DIGITS = 12
"""Decimal digits to which correlations of different orders are compared."""
_REACHED = 1e-9
"""How far an interval reaches beyond a value that it includes."""


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
        The null permutes ``second`` along ``over``, all series alike. Over replicas the interval is
        Fisher's, by the jackknife; over another axis it is that of the permutations. Members are
        the replicas with at least one pair.

    Raises
    ------
    NotEnoughData
        If no series has 4 pairs over replicas, or 3 over another axis, or all values are tied.

    Notes
    -----
    Ties share their mean rank. Over replicas those that are left are ranked again.

    All networks have the same few layers, so that they are no independent evidence about an order
    of layers: two unrelated properties of layers that all networks share would correlate in every
    network alike. The order of layers is therefore permuted jointly over all replicas (every order
    of at most 6 layers, 1000 random ones of more), and the interval is the value minus the 97.5%
    and 2.5% quantiles of the permutations, within -1 and 1: it leaves 0 if at most 2.5% of the
    orders reach the value, 3 of 120 for 5 layers and none of 4.

    Permutations assume that layers could stand in any order, as epochs of a curve could not.
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
    whole = a[has_pair], b[has_pair]
    a, b = (np.where(finite, v, np.nan)[has_pair] for v in (a, b))
    members = len(a)
    value = _mean_spearman(_ranks(a, axis)[None], _ranks(b, axis)[None], axis, fewest)[0]
    value = float(value.round(_DIGITS))
    if np.isnan(value):
        raise NotEnoughData(f"all values along {over!r} are tied, so finite is no correlation")
    if is_across:
        permuted = _permuted(_ranks(b, axis), axis, stream(rng))
        null = _mean_spearman(_ranks(a, axis)[None], permuted, axis, fewest)
        kept = np.array([np.delete(np.arange(members), k) for k in range(members)])
        without_each = _mean_spearman(
            _ranks(a[kept], axis), _ranks(b[kept], axis), axis, fewest - 1
        )
        series = int(finite.any(axis=axis).sum())
        low, high = _interval_across(value, without_each, members, series)
    else:
        null = _over_orders(*whole, fewest, stream(rng))
        low, high = _interval_of_orders(value, null, members)
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


def _interval_of_orders(value: float, null: np.ndarray, members: int) -> tuple[float, float]:
    """Values that a joint permutation of layers does not reject; none for a single replica."""
    if members < 2:
        return np.nan, np.nan
    # quantiles of a step function: at most 2.5% of the orders lie beyond
    most = np.nanquantile(null, 0.975, method="inverted_cdf")
    least = -np.nanquantile(-null, 0.975, method="inverted_cdf")
    low, high = value - most - _REACHED, value - least + _REACHED
    return float(max(low, -1.0)), float(min(high, 1.0))


def _over_orders(a: np.ndarray, b: np.ndarray, fewest: int, rng: np.random.Generator) -> np.ndarray:
    """Mean correlation within replicas for orders of the last axis of ``b``, the same for all."""
    a, b = (v.reshape(-1, v.shape[-1]) for v in (a, b))
    has_pair = (np.isfinite(a) & np.isfinite(b)).any(axis=0)
    a, b = a[:, has_pair], b[:, has_pair]
    length = a.shape[1]
    if length > _ALL_ORDERS:
        orders = rng.permuted(np.tile(np.arange(length), (_RESAMPLES, 1)), axis=1)
        orders[0] = np.arange(length)  # the order that was met counts as one
        moved = np.moveaxis(b[:, orders], 0, 1)  # (order, series, layer)
        there = np.isfinite(a) & np.isfinite(moved)
        here, other = (_ranks(np.where(there, v, np.nan), -1) for v in (a, moved))
    else:
        orders = np.array(list(itertools.permutations(range(length))))
        there = np.isfinite(a) & np.moveaxis(np.isfinite(b)[:, orders], 0, 1)
        places = 2 ** np.arange(length)
        series = np.arange(len(a))
        here = _ranks_of_subsets(a)[series, there @ places]
        other = _ranks_of_subsets(b)[series, np.einsum("nrk,nk->nr", there, places[orders])]
        other = np.take_along_axis(other, orders[:, None], axis=-1)
    return _mean_spearman(here, other, -1, fewest).round(_DIGITS)


def _ranks_of_subsets(values: np.ndarray) -> np.ndarray:
    """Ranks (series, subset, layer) among each subset of layers, the bits of its number."""
    length = values.shape[-1]
    inside = (np.arange(2**length)[:, None] >> np.arange(length)) % 2 > 0
    return _ranks(np.where(inside, values[:, None], np.nan), -1)


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
