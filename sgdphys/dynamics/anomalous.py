"""Mean squared displacements: time-averaged, of ensembles, and of two times.

Differences are taken directly, so that digits survive a large offset; all lags at once go through
an FFT of what is left after a straight line.
"""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.compiling import compiled
from sgdphys.dynamics.intervals import METHOD, finite_mean, percentile_interval, resampled_means
from sgdphys.dynamics.paths import Paths, over_series, paths, result
from sgdphys.errors import InputError, nearest
from sgdphys.lanes.operations import fma, load_block, store
from sgdphys.lanes.vectors import SAMPLES, lanes
from sgdphys.quantities import labelled

MOST_LAGS = 40
WIDTH = SAMPLES * lanes("float64")
"""Differences squared together."""
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


def _lags(wanted: Any, size: int, spacing: float) -> np.ndarray:
    """Lags in grid steps, increasing."""
    if isinstance(wanted, str):
        if wanted == "all":
            return np.arange(1, size)
        if wanted != "log":
            raise InputError(f"lags is {wanted!r}; {nearest(wanted, ('log', 'all'))}")
        longest = max(int(size * _LONGEST_SHARE), 1)
        return np.unique(np.rint(np.geomspace(1, longest, MOST_LAGS)).astype(np.int64))
    lags = np.atleast_1d(np.asarray(wanted, float)) / spacing
    whole = np.rint(lags).astype(np.int64)
    wrong = np.flatnonzero((np.abs(lags - whole) > 1e-6 * np.maximum(lags, 1)) | (whole < 1))
    if len(wrong):
        raise InputError(
            f"lag {lags[wrong[0]] * spacing:g} is not a whole multiple of the spacing {spacing:g}"
        )
    return np.unique(whole)


def msd(
    theta: Any,
    *,
    dim: str = "step",
    lags: Any = "log",
    over: str | Iterable[str] | None = None,
    dt: float | None = None,
    times: Any = None,
    per: str | None = None,
) -> xr.Dataset:
    """Time-averaged mean squared displacement of every series.

    Parameters
    ----------
    theta : DataArray or array
        Paths along ``dim``; a bare array has time first.
    dim, dt, times, per
        Where points lie in time: see ``dynamics.paths.paths``.
    lags : "log", "all" or array
        About 40 lags up to a quarter of the series, all of them, or lags in units of time.
    over : str or iterable of str, optional
        Dimensions to average over, weighted by pairs.

    Returns
    -------
    Dataset
        msd (..., lag) and pairs (..., lag). A lag with no pair has NaN and 0 pairs.

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
    series = paths(theta, dim=dim, dt=dt, times=times, per=per)
    places, spacing, size = _grid(series)
    steps = _lags(lags, size, spacing)
    many = len(steps)
    by_fft = isinstance(lags, str) and lags == "all"

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        if size != x.shape[1]:
            spread = np.full((len(x), size), np.nan)
            spread[:, places] = x
            x = spread
        out = np.full((len(x), 2 * many), np.nan)
        whole = np.isfinite(x.sum(axis=1))
        if not whole.all():
            x[np.isinf(x).any(axis=1)] = np.nan
            whole = np.isfinite(x).all(axis=1)
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

    found = over_series(series, kernel, 2 * many)
    data = result(
        series,
        {
            "msd": (("lag",), found[..., :many]),
            "pairs": (("lag",), found[..., many:].astype(np.int64)),
        },
        coords={"lag": steps * spacing},
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
    return labelled(averaged, x=series.value_unit, t=series.time_unit)


def brownian_relative_variance(lag: Any, points: int) -> np.ndarray:
    """Relative variance of a time-averaged MSD of one-dimensional Brownian motion.

    Parameters
    ----------
    lag : int array
        n, in steps.
    points : int
        L, so that there are K = L - n pairs.

    Notes
    -----
    (4 n**2 K + 2 K + n - n**3)/(3 n K**2) for n <= K,
    else 2 + (K**3 - 4 n K**2 - K + 4 n)/(3 n**2 K).

    References
    ----------
    Qian, Sheetz and Elson (1991), Biophys. J. 60, 910.
    """
    n = np.asarray(lag, float)
    k = points - n
    short = (4 * n**2 * k + 2 * k + n - n**3) / (3 * n * k**2)
    long = 2 + (k**3 - 4 * n * k**2 - k + 4 * n) / (3 * n**2 * k)
    return np.where(n <= k, short, long)


def ergodicity_breaking(
    theta: Any, *, dim: str = "step", over: str = "replica", lags: Any = "log"
) -> xr.Dataset:
    """Relative variance of time-averaged MSDs over an ensemble, beside that of Brownian motion.

    Parameters
    ----------
    theta : DataArray
    dim, over : str
        Time, and the ensemble.
    lags
        As in ``msd``.

    Returns
    -------
    Dataset
        ergodicity_breaking with ``_low`` and ``_high``, and brownian_ergodicity_breaking, by lag.

    References
    ----------
    He, Burov, Metzler and Barkai (2008), Phys. Rev. Lett. 101, 058101.
    """
    single = msd(theta, dim=dim, lags=lags)
    values = single["msd"].transpose(over, ...)
    m = values.sizes[over]
    moments = np.stack([values.to_numpy(), values.to_numpy() ** 2], axis=-1)
    samples = resampled_means(moments)
    estimate = m / (m - 1) * (moments.mean(axis=0)[..., 1] / moments.mean(axis=0)[..., 0] ** 2 - 1)
    spread = m / (m - 1) * (samples[..., 1] / samples[..., 0] ** 2 - 1)
    low, high = percentile_interval(spread, m)
    template = values.isel({over: 0}, drop=True)
    names = {"": estimate, "_low": low, "_high": high}
    spacing = (
        float(single["lag"][0]) / _lags(lags, theta.sizes[dim], 1.0)[0]
        if isinstance(lags, str)
        else paths(theta, dim=dim).spacing
    )
    exact = brownian_relative_variance(np.rint(single["lag"] / spacing), theta.sizes[dim])
    return labelled(
        xr.Dataset(
            {f"ergodicity_breaking{end}": template.copy(data=v) for end, v in names.items()}
            | {"brownian_ergodicity_breaking": ("lag", exact)},
            attrs={"confidence": 0.95, "interval_method": METHOD},
        )
    )


def two_time_msd(
    theta: xr.DataArray,
    *,
    dim: str = "step",
    over: str = "replica",
    waits: Iterable[float],
    lags: Iterable[float],
    per: str | None = None,
    confidence: float = 0.95,
    rng: int = 0,
) -> xr.Dataset:
    """Ensemble mean squared displacement from a waiting time on, which tells ageing.

    Parameters
    ----------
    theta : DataArray
    dim, over : str
        Time, and the ensemble that is averaged over.
    waits, lags : iterable of float
        t_w and tau in units of time; pairs of points that are not there give NaN.
    per : str, optional
        Coordinate to measure time by.
    confidence : float
    rng : int
        Seed of the bootstrap.

    Returns
    -------
    Dataset
        msd (..., wait, lag) and its interval over the ensemble; ageing (..., lag), the slope of
        ln MSD against ln t_w over positive waiting times, with its interval.

    Notes
    -----
    Stationary increments (Wiener, 2 D tau; stationary Ornstein-Uhlenbeck, 2 (D/kappa)(1 -
    e^{-kappa tau})) do not depend on t_w: ageing 0. Scaled Brownian motion, 2 D ((t_w + tau)**a -
    t_w**a), has ageing a - 1 at lags short against t_w.

    References
    ----------
    Metzler, Jeon, Cherstvy and Barkai (2014), Phys. Chem. Chem. Phys. 16, 24128.
    """
    series = paths(theta, dim=dim, per=per)
    x = series.theta.transpose(over, ..., dim).to_numpy().astype(np.float64)
    waits_, lags_ = np.array(list(waits), float), np.array(list(lags), float)
    t = series.times - series.times[0]
    start, found_start = _points_at(t, waits_)
    end, found_end = _points_at(t, waits_[:, None] + lags_)
    squares = (x[..., end] - x[..., start][..., None]) ** 2
    squares[..., ~(found_end & found_start[:, None])] = np.nan
    members = len(squares)
    samples = resampled_means(squares, rng=rng)
    low, high = percentile_interval(samples, members, confidence)
    mean = finite_mean(squares)
    template = series.theta.isel({dim: 0, over: 0}, drop=True)
    more = (*map(str, template.dims), "wait", "lag")
    slope, slope_low, slope_high = _ageing(mean, samples, waits_, members, confidence)
    data = xr.Dataset(
        {
            "msd": (more, mean),
            "msd_low": (more, low),
            "msd_high": (more, high),
            "ageing": ((*more[:-2], "lag"), slope),
            "ageing_low": ((*more[:-2], "lag"), slope_low),
            "ageing_high": ((*more[:-2], "lag"), slope_high),
        },
        coords={**template.coords, "wait": waits_, "lag": lags_},
        attrs={"confidence": confidence, "interval_method": METHOD},
    )
    return labelled(data, x=series.value_unit, t=series.time_unit)


def _points_at(t: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points at given times, and whether they are there."""
    k = np.clip(np.searchsorted(t, wanted - 1e-9 * max(t[-1], 1.0)), 0, len(t) - 1)
    return k, np.abs(t[k] - wanted) <= 1e-6 * max(t[-1], 1.0)


def _ageing(
    mean: np.ndarray, samples: np.ndarray, waits: np.ndarray, members: int, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    late = waits > 0
    if late.sum() < 2:
        empty = np.full((*mean.shape[:-2], mean.shape[-1]), np.nan)
        return empty, empty, empty
    log_wait = np.log(waits[late]) - np.log(waits[late]).mean()
    weights = log_wait / (log_wait**2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, spread = (
            np.einsum("...wl,w->...l", np.log(m[..., late, :]), weights) for m in (mean, samples)
        )
    return slope, *percentile_interval(spread, members, confidence)
