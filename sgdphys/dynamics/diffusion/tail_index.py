"""Tail index of increments, per coordinate, compared with that of Gaussian noise.

Coordinates are never pooled: pooled Gaussian noise of unequal variances looks heavy-tailed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import chdtri, ndtri

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.diffusion.stable_fit import fit_index, fit_index_of_path, scratch
from sgdphys.dynamics.diffusion.stable_law import INDICES, Table, table
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs
from sgdphys.dynamics.stretches import increments
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import number_of
from sgdphys.status import END_OF_RANGE, OK

FEWEST = 50
"""Least number of increments for an index."""
_OF_PATH = Needs(points=FEWEST + 1, even=True, neighbours=True, distinct="increments")
_OF_INCREMENTS = Needs(points=FEWEST, distinct="values")


@compiled
def _levy_kernel(table, dx, counts, drop, bins, points, distances, out):
    """Fill out (series, 6) with the results of ``fit_index`` for increments packed to the left."""
    for s in range(dx.shape[0]):
        row = dx[s, : counts[s]]
        fit_index(table, row, out[s, 3], out[s, 4], drop, bins, points, distances, out[s])


def levy_columns(dx: np.ndarray, confidence: float) -> np.ndarray:
    """Fit increments (series, increment) with enough distinct values, missing ones NaN.

    Returns
    -------
    (series, 6)
        Index, its interval, location, scale, log-likelihood. The lower end is -inf where the range
        of indices does not contain it.
    """
    out = np.full((len(dx), 6), np.nan)
    if not len(dx):
        return out
    finite = np.isfinite(dx)
    if finite.all():
        packed = np.ascontiguousarray(dx)
    else:
        packed = np.take_along_axis(dx, np.argsort(~finite, axis=1, kind="stable"), axis=1)
    out[:, 3:5] = _start(dx).T
    tables: Table = table()
    drop = 0.5 * float(chdtri(1, 1 - confidence))
    _levy_kernel(tables, packed, finite.sum(axis=1), drop, *scratch(dx.shape[1]), out)
    return out


def levy_columns_of_path(x: np.ndarray, confidence: float) -> np.ndarray:
    """``levy_columns`` of the increments of one path (point,) without gaps, which are not stored.

    The likelihood is that of all increments; the quartiles at which the search begins are those of
    the stretches on which a long series is judged.
    """
    out = np.full(6, np.nan)
    dx = increments(x[None])[0]
    out[3], out[4] = _start(dx[None])[:, 0]
    drop = 0.5 * float(chdtri(1, 1 - confidence))
    fit_index_of_path(table(), x, out[3], out[4], drop, *scratch(len(x) - 1), out)
    return out


def _start(dx: np.ndarray) -> np.ndarray:
    """Location and scale (2, series) at which a search begins, of increments, missing ones NaN."""
    quantile = np.quantile if np.isfinite(dx).all() else np.nanquantile
    quarter = quantile(dx, [0.25, 0.5, 0.75], axis=1)
    spread = 0.5 * (quarter[2] - quarter[0])
    typical = np.nanmean(np.abs(dx), axis=1)
    return np.stack([quarter[1], np.where(spread > 1e-9 * typical, spread, typical)])


def at_lower_end(index: np.ndarray) -> np.ndarray:
    """Whether indices by maximum likelihood are the smallest that is compared."""
    with np.errstate(invalid="ignore"):
        return index < INDICES[0] + 1e-9


@checked
def fit_levy(
    theta: Any,
    *,
    time: Any = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Levy flight (alpha-stable process): tail index, scale and drift by maximum likelihood.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths in units x, not increments; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    confidence : float
        Level of the interval, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: tail_index, between 0.8 and 2, with ``_low`` and
        ``_high``; scale (x), of one increment; drift (x/t); count (increments); status.

    Raises
    ------
    InputError
        For an unknown dimension, or times that do not increase.

    See Also
    --------
    tail_index : The index alone, by four methods, compared with Gaussian noise.
    fit : Which process describes the series?

    Notes
    -----
    Increments about the drift have the characteristic function exp(-|scale k|**alpha), a symmetric
    stable law. At alpha = 2 it is Gaussian with D dt = scale**2. Densities come from a table,
    interpolated between its indices; the likelihood is profiled over location and scale
    (iteratively reweighted least squares), and the interval is that of the likelihood ratio.

    Indices from 0.8 to 2 are compared. An interval that reaches 0.8 goes on to 0; an estimate of
    0.8 has the status "at the end of the range" and the lower end -inf. The index 2 is the boundary
    of the stable laws: an interval that reaches it is closed there. 95% intervals cover 92% to 98%
    up to an index of 1.99 and 4 10^4 increments (counted with another simulator). Where hardly any
    increment shows the tail, above 1.95 at 200 increments, above 1.97 at 1000, and at 2 itself,
    they cover 97% to 100%, since nothing can lie above 2.

    Increments next to missing points are left out. Unevenly spaced series have the status "needs
    even spacing".

    References
    ----------
    Nolan (2020), "Univariate stable distributions", chapter 4.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.levy_flight(tail_index=1.5, scale=1.0, steps=1000, rng=0)["theta"]
    >>> found = sp.dynamics.fit_levy(theta)
    >>> [round(found[name].item(), 1) for name in ("tail_index", "scale")]
    [1.4, 0.9]
    >>> found["tail_index_low"].item() < 1.5 < found["tail_index_high"].item()
    True
    """
    series = paths(theta, time=time)
    spacing = series.spacing

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        dx = np.diff(x, axis=1)
        return np.column_stack([levy_columns(dx, confidence), np.isfinite(dx).sum(axis=1)])

    columns, status = over_sound_series(series, kernel, 7, _OF_PATH)
    index, low, high, location, scale, _, count = np.moveaxis(columns, -1, 0)
    status = np.where((status == OK) & at_lower_end(index), END_OF_RANGE, status)
    return result(
        series,
        {
            "tail_index": index,
            "tail_index_low": low,
            "tail_index_high": high,
            "scale": scale,
            "drift": location / spacing,
            "count": count,
            "status": status,
        },
        named={"count": number_of("increments")},
        method="maximum likelihood of the symmetric stable law, index between 0.8 and 2",
        reference="Nolan (2020)",
        confidence=confidence,
        interval_method="likelihood ratio for tail_index; scale and drift: none",
    )


def log_moment(dx: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Log-moment estimator: index from Var ln|X| = (pi**2/6)(1/alpha**2 + 1/2).

    The fourth central moment of ln|X|, pi**4 (3/(20 a**4) + 1/(12 a**2) + 19/240), gives the
    standard error of the variance (Kuruoglu 2001).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs(dx))
        logs[~np.isfinite(logs)] = np.nan  # of exact zeros
    n = np.isfinite(logs).sum(axis=1)
    variance = np.nanvar(logs, axis=1, ddof=1)
    index = _index_of_variance(variance)
    fourth = np.pi**4 * (3 / (20 * index**4) + 1 / (12 * index**2) + 19 / 240)
    error = np.sqrt((fourth - variance**2) / n)
    half_width = ndtri(0.5 + confidence / 2) * error
    ends = (_index_of_variance(variance + side * half_width) for side in (1, -1))
    return index, *ends


def _index_of_variance(variance: np.ndarray) -> np.ndarray:
    return 1 / np.sqrt(np.maximum(6 * variance / np.pi**2 - 0.5, 0.25))


def block_log(dx: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Block estimator: 1/alpha = mean(ln|sum| - ln|X|)/ln b, with sums of b increments.

    b is about the square root of their number (Mohammadi, Mohammadpour and Ogata 2015, Metrika 78,
    549).
    """
    found = np.full(len(dx), np.nan)
    for s, row in enumerate(dx):
        x = row[np.isfinite(row) & (row != 0)]
        b = int(np.sqrt(len(x)))
        blocks = x[: len(x) // b * b].reshape(-1, b)
        sums = np.abs(blocks.sum(axis=1))
        sums = np.log(sums[sums > 0])  # exact zeros have no logarithm
        found[s] = np.log(b) / (sums.mean() - np.log(np.abs(blocks)).mean())
    return found, np.full_like(found, np.nan), np.full_like(found, np.nan)


def hill(dx: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Hill estimator: index of a power law, from the largest tenth of |X|; it may exceed 2."""
    found, error = np.full((2, len(dx)), np.nan)
    for s, row in enumerate(dx):
        sizes = np.sort(np.abs(row[np.isfinite(row)]))
        k = max(len(sizes) // 10, 5)
        if 0 < sizes[-k - 1] < sizes[-1]:
            found[s] = 1 / np.log(sizes[-k:] / sizes[-k - 1]).mean()
            error[s] = found[s] / np.sqrt(k)
    half_width = ndtri(0.5 + confidence / 2) * error
    return found, found - half_width, found + half_width


def likelihood(dx: np.ndarray, confidence: float) -> tuple[np.ndarray, ...]:
    """Maximum-likelihood index of a symmetric stable law, at most 2."""
    columns = levy_columns(dx, confidence)
    return columns[:, 0], columns[:, 1], columns[:, 2]


METHODS: dict[str, tuple[Callable[..., tuple[np.ndarray, ...]], str, str]] = {
    "likelihood": (likelihood, "likelihood ratio", "Nolan (2020)"),
    "log_moment": (log_moment, "normal, from the fourth moment of ln|X|", "Kuruoglu (2001)"),
    "block_log": (block_log, "none: no standard error is known", "Mohammadi et al. (2015)"),
    "hill": (hill, "normal, of an exact power law", "Hill (1975)"),
}


@checked
def tail_index(
    theta: Any,
    *,
    time: Any = None,
    of: str = "path",
    method: str = "likelihood",
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """Tail index (stability index alpha) of increments, compared with that of Gaussian noise.

    Parameters
    ----------
    theta : DataArray or array
        Series along time; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times: see
        ``dynamics.series.paths``.
    of : str
        What the series are: "path", whose differences are taken, or "increments".
    method : str
        "likelihood" (symmetric stable law), "log_moment" (variance of ln|X|), "block_log" (sums of
        blocks, common in the literature on SGD) or "hill" (Hill estimator, largest tenth).
    confidence : float
        Level of the interval, between 0 and 1.
    rng : int, SeedSequence or Generator
        Random numbers of the null: see ``sgdphys.draws``.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: tail_index with ``_low`` and ``_high``;
        null_tail_index, the same estimate from as many Gaussian numbers; count (increments);
        status. Stable laws have alpha at most 2, which is Gaussian.

    Raises
    ------
    InputError
        For an unknown ``method`` or ``of``.

    See Also
    --------
    fit_levy : Tail index with scale and drift.
    wiener_tests : Tests of normal increments.

    Notes
    -----
    Each series is estimated alone, since Gaussian noise of unequal variances looks heavy-tailed
    when it is pooled. Increments of paths are taken about their median, so that a drift is no tail;
    those that are given are taken as they are. By likelihood indices from 0.8 to 2 are compared,
    and the ends of the interval are those of ``fit_levy``. For a stable law Var ln|X| =
    (pi**2/6)(1/alpha**2 + 1/2), and sums of b increments scale as b**(1/alpha). Heavy tails of the
    weights themselves (Kesten) differ from heavy tails of their increments. Series with few
    distinct increments have NaN and a status. 95% intervals by "log_moment" cover 97% to 99.5%
    above an index of 1.5; those by "hill" are right for exact power laws only, and miss stable laws
    (68% at 1.8 and 200 increments).

    References
    ----------
    Nolan (2020); Kuruoglu (2001); Mohammadi, Mohammadpour and Ogata (2015); Hill (1975). Simsekli
    et al. (2019) for SGD; Xie et al. (2021) for a critique.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.levy_flight(tail_index=1.5, steps=2000, rng=0)["theta"]
    >>> found = sp.dynamics.tail_index(theta)
    >>> [round(found[name].item(), 1) for name in ("tail_index", "null_tail_index")]
    [1.5, 2.0]
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; {nearest(method, METHODS)}")
    if of not in ("path", "increments"):
        raise InputError(f"of is {of!r}; it can be 'path' or 'increments'")
    estimator, interval, reference = METHODS[method]
    series = paths(theta, time=time)

    def kernel(x: np.ndarray, t: np.ndarray, indices: np.ndarray) -> np.ndarray:
        dx = np.diff(x, axis=1) if of == "path" else x
        null = np.stack([stream(rng, k).standard_normal(dx.shape[1]) for k in indices])
        null[~np.isfinite(dx)] = np.nan
        if of == "path" and method != "likelihood":  # which has a location of its own
            dx, null = (v - np.nanmedian(v, axis=1, keepdims=True) for v in (dx, null))
        columns = (*estimator(dx, confidence), estimator(null, confidence)[0])
        return np.column_stack([*columns, np.isfinite(dx).sum(axis=1)])

    needs = _OF_PATH if of == "path" else _OF_INCREMENTS
    columns, status = over_sound_series(series, kernel, 5, needs, numbered=True)
    index, low, high, null, count = np.moveaxis(columns, -1, 0)
    if method == "likelihood":
        status = np.where((status == OK) & at_lower_end(index), END_OF_RANGE, status)
    return result(
        series,
        {
            "tail_index": index,
            "tail_index_low": low,
            "tail_index_high": high,
            "null_tail_index": null,
            "count": count,
            "status": status,
        },
        named={"count": number_of("increments")},
        method=method,
        reference=reference,
        confidence=confidence,
        interval_method=interval,
        of=of,
    )
