"""Time-averaged mean squared displacement.

Differences are summed directly, so that a large offset costs no digits; all lags at once are found
by FFT after a straight line is subtracted.
"""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.compiling import compiled
from sgdphys.dynamics.clock import whole_lags
from sgdphys.dynamics.series import Paths, ensemble_dimensions, over_sound_series, paths, result
from sgdphys.dynamics.status import Needs
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import labelled, number_of
from sgdphys.simd.operations import fma, load_block, store
from sgdphys.simd.vectors import SAMPLES, lanes
from sgdphys.status import CONSTANT, NO_PAIRS, OK, ONCE, STRAIGHT, TOO_SHORT, flagged

MOST_LAGS = 40
WIDTH = SAMPLES * lanes("float64")
"""Number of differences that are squared together."""
_NEEDS = Needs(takes=(CONSTANT, STRAIGHT, ONCE, TOO_SHORT))
_TILE = 2048
_LONGEST_SHARE = 0.25
_GRID_PER_POINT = 64


@compiled
def _complete_msd(x, lags, sums, out):
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
                        difference = load_block(row, i + lag) - load_block(row, i)
                        partial = fma(difference, difference, partial)
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


def complete_msd(x: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Mean squared differences (series, lag) of contiguous float64 series without gaps."""
    out = np.empty((len(x), len(lags)))
    _complete_msd(x, lags, np.empty((len(lags), WIDTH)), out)
    return out


@functools.partial(compiled, reorder_sums=True)
def gappy_msd(x, lags, out, pairs):
    """Mean squared differences (series, lag), and the numbers of pairs with both points."""
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


def driftless(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Paths (series, point) without their drift; the drift a point, and the points it spans.

    The drift is that from the first to the last point, so that subtracting it multiplies a mean
    squared displacement at lag k by 1 - k/span, whatever is missing between.
    """
    finite = np.isfinite(x)
    first = finite.argmax(axis=1)
    last = x.shape[1] - 1 - finite[:, ::-1].argmax(axis=1)
    rows = np.arange(len(x))
    span = last - first
    with np.errstate(invalid="ignore", divide="ignore"):
        drift = (x[rows, last] - x[rows, first]) / span
    line = drift[:, None] * np.arange(x.shape[1])
    return np.ascontiguousarray(x - line), drift, span


def _fft_msd(x: np.ndarray) -> np.ndarray:
    """Mean squared differences (series, lag) at lags 1 ... points - 1 of series without gaps.

    A line from the first to the last point is subtracted and its part added back exactly, so that
    a drift costs no digits at small lags: MSD_x(k) = MSD_r(k) + 2 v k <r_{i+k} - r_i> + v**2 k**2.
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
    displacement = sums[:, -1:] - sums[:, k - 1] - sums[:, points - 1 - k]
    pairs = points - k
    found = np.maximum(both - 2 * products, 0.0) / pairs
    return np.maximum(found + 2 * slope * k * displacement / pairs + (slope * k) ** 2, 0.0)


def _grid(series: Paths) -> tuple[np.ndarray, float, int]:
    """Indices of the points on a common even grid, its spacing and size."""
    spacing = series.spacing
    points = len(series.times)
    if np.isfinite(spacing) or points < 2:
        return np.arange(points), spacing, points
    differences = np.diff(series.times)
    finest = _common_divisor(differences, _GRID_PER_POINT * points + 10**6)
    if np.isnan(finest):
        raise InputError(
            f"the points along {series.dim!r} do not lie on a common grid: the shortest distance "
            f"between them is {differences.min():g}, and their distances are not multiples of any "
            "fraction of it that is large enough; a mean squared displacement compares equal lags: "
            "interpolate, or fit with fit_ou, which takes any times"
        )
    indices = np.rint((series.times - series.times[0]) / finest).astype(np.int64)
    return indices, finest, int(indices[-1]) + 1


def _common_divisor(differences: np.ndarray, most: int) -> float:
    """Greatest spacing of which all differences are multiples, up to rounding; NaN if none is.

    Euclid's algorithm: the least remainder takes the place of the divisor. ``most`` is the largest
    number of spacings that the sum of the differences may have.
    """
    total = float(differences.sum())
    divisor = float(differences.min())
    rounding = 1e-6 * divisor + 4 * np.finfo(float).eps * total
    while total / divisor <= most:
        remainders = np.abs(differences - divisor * np.rint(differences / divisor))
        if remainders.max() <= rounding:
            return total / np.rint(differences / divisor).sum()
        divisor = float(remainders[remainders > rounding].min())
    return np.nan


def doubling(longest: int) -> np.ndarray:
    """Lags 1, 2, 4, ... up to ``longest``, in points; at least 1 and 2."""
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
    steps = np.unique(whole_lags(wanted, spacing))
    if steps[0] < 1:
        raise InputError(f"lags must be above 0; one is {steps[0] * spacing:g}")
    return steps


def msd(
    theta: Any,
    *,
    time: Any = None,
    lags: Any = "log",
    over: str | Iterable[str] | None = None,
) -> xr.Dataset:
    """Mean squared displacement (MSD), time-averaged; also called structure function or variogram.

    Parameters
    ----------
    theta : DataArray or array
        Paths in units x; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    lags : "log", "all" or array
        About 40 log-spaced lags up to a quarter of the series, all lags, or lags in units t.
    over : str or iterable of str, optional
        Dimensions to average over, weighted by the number of pairs.

    Returns
    -------
    Dataset
        msd (..., lag), in x**2, pairs and status (..., lag), over the other dimensions of
        ``theta``. A lag without pairs, be it that gaps leave none or that it is longer than the
        series, has NaN, 0 pairs and the status "no pairs"; a series that diverged has NaN too.

    Raises
    ------
    InputError
        If the points do not lie on a common grid, or a lag is not a multiple of its spacing.

    See Also
    --------
    msd_exponent : Exponent of anomalous diffusion, with an interval.
    diffusion_vs_lag : MSD over twice the lag, with drift subtracted.
    ergodicity_breaking : Do time averages differ between paths?
    two_time_msd : Ensemble average from a waiting time on.
    deviation_from_mean : Subtract the mean of an ensemble first.

    Notes
    -----
    MSD(tau) = <(x(t + tau) - x(t))**2> over all pairs of points, per coordinate; 2 D tau for a
    Wiener process. Drift is not subtracted. Values at neighbouring lags are strongly dependent, so
    a fit through them has no valid standard error; ``msd_exponent`` accounts for that.

    References
    ----------
    Qian, Sheetz and Elson (1991), Biophys. J. 60, 910.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(diffusion=0.5, steps=2000, parameters=20, rng=0)["theta"]
    >>> found = sp.dynamics.msd(theta, lags=[1, 2, 4], over="parameter")
    >>> found["msd"].values.round(1).ravel().tolist()  # 2 D lag
    [1.0, 2.0, 4.0]
    """
    series = paths(theta, time=time)
    dims = [] if over is None else ensemble_dimensions(series, over)
    indices, spacing, size = _grid(series)
    steps = lags_in_steps(lags, size, spacing)
    n_lags = len(steps)
    by_fft = isinstance(lags, str) and lags == "all"

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        if size != x.shape[1]:
            on_grid = np.full((len(x), size), np.nan)
            on_grid[:, indices] = x
            x = on_grid
        out = np.full((len(x), 2 * n_lags), np.nan)
        complete = np.isfinite(x.sum(axis=1))
        for is_complete in (True, False):
            rows = np.flatnonzero(complete == is_complete)
            if not len(rows):
                continue
            part = x if len(rows) == len(x) else x[rows]
            found = np.empty((len(rows), n_lags))
            pairs = np.broadcast_to(np.maximum(size - steps, 0.0), found.shape)
            if is_complete and by_fft:
                found = _fft_msd(part)
            elif is_complete:
                found = complete_msd(part, steps)
            else:
                pairs = np.empty((len(rows), n_lags))
                gappy_msd(part, steps, found, pairs)
            out[rows, :n_lags], out[rows, n_lags:] = found, pairs
        return out

    found, of_series = over_sound_series(series, kernel, 2 * n_lags, _NEEDS)
    pairs = np.nan_to_num(found[..., n_lags:]).astype(np.int64)
    # a series without noise, or a short one, has displacements all the same
    of_series = np.where(np.isin(of_series, _NEEDS.takes), OK, of_series)[..., None]
    status = np.where((of_series == OK) & (pairs == 0), NO_PAIRS, of_series)
    data = result(
        series,
        {
            "msd": (("lag",), found[..., :n_lags]),
            "pairs": (("lag",), pairs),
            "status": (("lag",), status),
        },
        coords={"lag": steps * spacing},
        named={"pairs": number_of("pairs of points")},
        method="mean over all pairs of points",
        reference="Qian, Sheetz and Elson (1991)",
        interval_method="none: see msd_exponent and ergodicity_breaking",
    )
    if over is None:
        return data
    total = data["pairs"].sum(dims)
    mean = (data["msd"].fillna(0) * data["pairs"]).sum(dims) / total.where(total > 0)
    status = xr.where(total > 0, OK, data["status"].max(dims))
    averaged = xr.Dataset(
        {"msd": mean, "pairs": total, "status": flagged(status)}, attrs=data.attrs
    )  # fmt: skip
    named = {"pairs": number_of("pairs of points")}
    return labelled(averaged, named, x=series.value_unit, t=series.time_unit)
