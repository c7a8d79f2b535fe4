"""Mean squared displacements of series, averaged over time.

Differences are taken directly, so that digits survive a large offset; all lags at once go through
an FFT of what is left after a straight line.
"""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.compiling import compiled
from sgdphys.dynamics.clock import whole_lags
from sgdphys.dynamics.series import Paths, over_sound_series, paths, result
from sgdphys.dynamics.status import Needs
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import labelled, number_of
from sgdphys.simd.operations import fma, load_block, store
from sgdphys.simd.vectors import SAMPLES, lanes
from sgdphys.status import CONSTANT, ONCE, STRAIGHT, TOO_SHORT

MOST_LAGS = 40
WIDTH = SAMPLES * lanes("float64")
"""Differences squared together."""
_NEEDS = Needs(takes=(CONSTANT, STRAIGHT, ONCE, TOO_SHORT))
_TILE = 2048
_LONGEST_SHARE = 0.25
_GRID_PER_POINT = 64


@compiled
def _whole_msd(x, lags, sums, out):
    """Mean squared differences (series, lag) of series without gaps.

    Parameters
    ----------
    x : float64 (series, point)
    lags : int64 (lag,)
    sums : float64 (lag, WIDTH)
        Scratch.
    out : float64 (series, lag)
    """
    flat = sums.reshape(-1)
    for s in range(x.shape[0]):
        row = x[s]
        points = row.shape[0]
        for j in range(flat.shape[0]):
            flat[j] = 0.0
        for first in range(0, points, _TILE):  # stays in the nearest cache for all lags
            for k in range(lags.shape[0]):
                lag = lags[k]
                last = min(first + _TILE, points - lag)
                i = first
                if i + WIDTH <= last:
                    partial = load_block(flat, k * WIDTH)
                    while i + WIDTH <= last:
                        moved = load_block(row, i + lag) - load_block(row, i)
                        partial = fma(moved, moved, partial)
                        i += WIDTH
                    store(flat, k * WIDTH, partial)
                while i < last:
                    flat[k * WIDTH] += (row[i + lag] - row[i]) ** 2
                    i += 1
        for k in range(lags.shape[0]):
            total = 0.0
            for j in range(WIDTH):
                total += sums[k, j]
            pairs = points - lags[k]
            out[s, k] = total / pairs if pairs > 0 else np.nan


def whole_msd(x: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Mean squared differences (series, lag) of contiguous float64 series without gaps."""
    out = np.empty((len(x), len(lags)))
    _whole_msd(x, lags, np.empty((len(lags), WIDTH)), out)
    return out


@functools.partial(compiled, reorder_sums=True)
def gappy_msd(x, lags, out, pairs):
    """Mean squared differences (series, lag) and the pairs that both points of are there."""
    for s in range(x.shape[0]):
        row = x[s]
        for k in range(lags.shape[0]):
            total = 0.0
            count = 0
            for i in range(row.shape[0] - lags[k]):
                difference = row[i + lags[k]] - row[i]
                if difference == difference:
                    total += difference * difference
                    count += 1
            pairs[s, k] = count
            out[s, k] = total / count if count else np.nan


def _fft_msd(x: np.ndarray) -> np.ndarray:
    """Mean squared differences (series, lag) at lags 1 ... points - 1 of series without gaps.

    A line from the first to the last point is taken out and put back exactly, so that a drift does
    not eat the digits of small lags: MSD_x(k) = MSD_r(k) + 2 v k <r_{i+k} - r_i> + v**2 k**2.
    """
    points = x.shape[1]
    k = np.arange(1, points)
    slope = (x[:, -1:] - x[:, :1]) / (points - 1)
    r = x - x[:, :1] - slope * np.arange(points)
    r -= r.mean(axis=1, keepdims=True)
    wave = np.fft.rfft(r, 2 * points, axis=1)
    products = np.fft.irfft(np.abs(wave) ** 2, axis=1)[:, 1:points]
    squares = np.cumsum(r**2, axis=1)
    # sums of squares of the first and of the last points - k points
    both = squares[:, points - 1 - k] + squares[:, -1:] - squares[:, k - 1]
    sums = np.cumsum(r, axis=1)
    moved = sums[:, -1:] - sums[:, k - 1] - sums[:, points - 1 - k]
    pairs = points - k
    found = np.maximum(both - 2 * products, 0.0) / pairs
    return np.maximum(found + 2 * slope * k * moved / pairs + (slope * k) ** 2, 0.0)


def _grid(series: Paths) -> tuple[np.ndarray, float, int]:
    """Places of the points on a common even grid, its spacing and size."""
    spacing = series.spacing
    points = len(series.times)
    if np.isfinite(spacing) or points < 2:
        return np.arange(points), spacing, points
    finest = float(np.diff(series.times).min())
    at = (series.times - series.times[0]) / finest
    places = np.rint(at).astype(np.int64)
    size = int(places[-1]) + 1
    if np.abs(at - places).max() > 1e-6 * max(size, 1) or size > _GRID_PER_POINT * points + 10**6:
        raise InputError(
            f"the points along {series.dim!r} do not lie on a common grid of spacing {finest:g}; "
            "a mean squared displacement compares equal lags: interpolate, or fit with fit_ou, "
            "which takes any times"
        )
    return places, finest, size


def doubling(longest: int) -> np.ndarray:
    """Lags 1, 2, 4, ... up to one, in points; 1 and 2 at the least."""
    return 2 ** np.arange(max(longest, 2).bit_length())


def lags_in_steps(wanted: Any, size: int, spacing: float) -> np.ndarray:
    """Lags in grid steps, increasing."""
    if isinstance(wanted, str):
        if wanted == "all":
            return np.arange(1, size)
        if wanted != "log":
            raise InputError(f"lags is {wanted!r}; {nearest(wanted, ('log', 'all'))}")
        longest = max(int(size * _LONGEST_SHARE), 1)
        return np.unique(np.rint(np.geomspace(1, longest, MOST_LAGS)).astype(np.int64))
    whole = np.unique(whole_lags(wanted, spacing))
    if whole[0] < 1:
        raise InputError(f"lags must be above 0; one is {whole[0] * spacing:g}")
    return whole


def msd(
    theta: Any,
    *,
    time: Any = None,
    lags: Any = "log",
    over: str | Iterable[str] | None = None,
) -> xr.Dataset:
    """Time-averaged mean squared displacement of every series.

    Parameters
    ----------
    theta : DataArray or array
        Paths along time; an array without names has time first.
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    lags : "log", "all" or array
        About 40 lags up to a quarter of the series, all of them, or lags in units of time.
    over : str or iterable of str, optional
        Dimensions to average over, weighted by pairs.

    Returns
    -------
    Dataset
        msd (..., lag) and pairs (..., lag). A lag with no pair has NaN and 0 pairs, as have series
        that diverged.

    Raises
    ------
    InputError
        When points do not lie on a common grid, or a lag is no multiple of its spacing.

    Notes
    -----
    MSD(tau) = <(x(t + tau) - x(t))**2>, 2 D tau for a Wiener process; drift is not taken out:
    subtract an ensemble's mean first (``dynamics.ensembles.fluctuation``). Values at neighbouring
    lags are strongly dependent; ``msd_exponent`` gives a slope with an interval.
    """
    series = paths(theta, time=time)
    places, spacing, size = _grid(series)
    steps = lags_in_steps(lags, size, spacing)
    many = len(steps)
    by_fft = isinstance(lags, str) and lags == "all"

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        if size != x.shape[1]:
            spread = np.full((len(x), size), np.nan)
            spread[:, places] = x
            x = spread
        out = np.full((len(x), 2 * many), np.nan)
        whole = np.isfinite(x.sum(axis=1))
        for rows, is_whole in ((np.flatnonzero(whole), True), (np.flatnonzero(~whole), False)):
            if not len(rows):
                continue
            part = x if len(rows) == len(x) else x[rows]
            found = np.empty((len(rows), many))
            pairs = np.broadcast_to(np.maximum(size - steps, 0.0), found.shape)
            if is_whole and by_fft:
                found = _fft_msd(part)
            elif is_whole:
                found = whole_msd(part, steps)
            else:
                pairs = np.empty((len(rows), many))
                gappy_msd(part, steps, found, pairs)
            out[rows, :many], out[rows, many:] = found, pairs
        return out

    found, _ = over_sound_series(series, kernel, 2 * many, _NEEDS)
    data = result(
        series,
        {
            "msd": (("lag",), found[..., :many]),
            "pairs": (("lag",), np.nan_to_num(found[..., many:]).astype(np.int64)),
        },
        coords={"lag": steps * spacing},
        named={"pairs": number_of("pairs of points")},
        method="mean over all pairs of points",
        reference="Qian, Sheetz and Elson (1991)",
        interval_method="none: see msd_exponent and ergodicity_breaking",
    )
    if over is None:
        return data
    dims = [over] if isinstance(over, str) else list(over)
    total = data["pairs"].sum(dims)
    mean = (data["msd"].fillna(0) * data["pairs"]).sum(dims) / total.where(total > 0)
    averaged = xr.Dataset({"msd": mean, "pairs": total}, attrs=data.attrs)
    named = {"pairs": number_of("pairs of points")}
    return labelled(averaged, named, x=series.value_unit, t=series.time_unit)
