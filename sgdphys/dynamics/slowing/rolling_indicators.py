"""Early-warning indicators in rolling windows: variance, memory, skewness and reddening.

Sums are updated as the window moves, and recomputed about the window's own mean each time it has
moved by its length, or something large has left it: precision survives a mean of a million standard
deviations, and spikes, at a cost that is independent of the length of the window.
"""

import functools
import threading
from typing import Any

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.compiling import compiled
from sgdphys.dynamics.blocks import BLOCK_BYTES
from sgdphys.dynamics.clock import points_within
from sgdphys.dynamics.series import Paths, over_series, paths, result
from sgdphys.dynamics.slowing.autocorrelation import require_even
from sgdphys.errors import InputError
from sgdphys.missing import missing_as_nan
from sgdphys.quantities import number_of

INDICATORS = ("variance", "autocorrelation", "skewness", "reddening")
COARSE = 10
"""Blocks per window, whose means measure the low-frequency part of the variance."""
NARROWEST = 20
"""Minimum number of points of a window."""
_DROP = 1e4
"""Factor by which the squares of a window have fallen when its sums are computed anew."""
_LAZY_BYTES = 16 * 2**20
_ONE_AT_A_TIME = threading.Lock()
"""Lazy windows are loaded one after the other, which bounds memory; their series run in threads."""


@compiled
def _sums_of(x, first, end, shift, sums):
    """Fill sums of the points x[first:end] and of the pairs of neighbours among them."""
    for k in range(8):
        sums[k] = 0.0
    for i in range(first, end):
        a = x[i] - shift
        if not np.isfinite(a):
            continue
        sums[0] += 1.0
        sums[1] += a
        sums[2] += a * a
        sums[3] += a * a * a
        if i > first:
            b = x[i - 1] - shift
            if np.isfinite(b):
                sums[4] += 1.0
                sums[5] += a + b
                sums[6] += a * b


@compiled
def _about_mean(sums):
    """Sum of squares about the mean."""
    return sums[2] - sums[1] * sums[1] / sums[0] if sums[0] > 0 else 0.0


@compiled
def _coarse_means(x, length, out):
    """Mean of x[i - length + 1 : i + 1] at every i; NaN where a point is missing."""
    total = 0.0
    present = 0
    n = x.shape[0]
    for i in range(n):
        if i % length == 0:  # recomputed, so that rounding errors do not accumulate
            total = 0.0
            present = 0
            for k in range(max(0, i - length + 1), i + 1):
                if np.isfinite(x[k]):
                    total += x[k]
                    present += 1
        else:
            if np.isfinite(x[i]):
                total += x[i]
                present += 1
            if i >= length and np.isfinite(x[i - length]):
                total -= x[i - length]
                present -= 1
                if abs(x[i - length]) > _DROP * abs(total):  # whose rounding would stay
                    total = 0.0
                    for k in range(i - length + 1, i + 1):
                        if np.isfinite(x[k]):
                            total += x[k]
        out[i] = total / length if present == length else np.nan


@compiled
def _rolling_kernel(x, window, length, stride, coarse, sums, slow, out):
    """Fill out (series, windows, 5) with the indicators and the count of points.

    Parameters
    ----------
    x : float64 (series, point)
        Overwritten: the first finite point of every series is subtracted.
    window, length, stride : int
    coarse : float64 (point,)
        Scratch.
    sums : float64 (8,)
        Scratch: count, sums of x, x**2, x**3 about a shift; pairs, their sums and products.
    slow : float64 (8,)
        Scratch: the same for the coarse means.
    """
    n = x.shape[1]
    for s in range(x.shape[0]):
        row = x[s]
        base = 0.0
        for i in range(n):
            if np.isfinite(row[i]):
                base = row[i]
                break
        for i in range(n):
            row[i] -= base
        _coarse_means(row, length, coarse)
        shift = 0.0
        infinite = 0
        largest = 0.0
        last = -1
        changed = -1
        n_means = window - length + 1
        until_reset = 0
        until_output = 0
        written = 0
        for end in range(1, n + 1):
            new = row[end - 1]
            first = end - window
            if np.isfinite(new):
                if last >= 0 and row[last] != new:
                    changed = last
                last = end - 1
            elif new == new:
                infinite += 1
            if first < 0:
                continue
            if infinite and first > 0 and np.isinf(row[first - 1]):
                infinite -= 1
            if until_reset == 0:
                until_reset = window
                if first > 0 and sums[0] > 0:
                    shift += sums[1] / sums[0]
                _sums_of(row, first, end, shift, sums)
                if first == 0 and sums[0] > 0:
                    shift += sums[1] / sums[0]
                    _sums_of(row, first, end, shift, sums)
                _sums_of(coarse, first + length - 1, end, shift, slow)
                largest = _about_mean(sums)
            else:
                old = row[first - 1] - shift
                after = row[first] - shift
                now = new - shift
                before = row[end - 2] - shift
                if np.isfinite(old):
                    sums[0] -= 1.0
                    sums[1] -= old
                    sums[2] -= old * old
                    sums[3] -= old * old * old
                    if np.isfinite(after):
                        sums[4] -= 1.0
                        sums[5] -= old + after
                        sums[6] -= old * after
                if np.isfinite(now):
                    sums[0] += 1.0
                    sums[1] += now
                    sums[2] += now * now
                    sums[3] += now * now * now
                    if np.isfinite(before):
                        sums[4] += 1.0
                        sums[5] += now + before
                        sums[6] += now * before
                old = coarse[first + length - 2] - shift
                now = coarse[end - 1] - shift
                if np.isfinite(old):
                    slow[0] -= 1.0
                    slow[1] -= old
                    slow[2] -= old * old
                if np.isfinite(now):
                    slow[0] += 1.0
                    slow[1] += now
                    slow[2] += now * now
                squares = _about_mean(sums)
                largest = max(largest, squares)
                if _DROP * squares < largest and sums[0] > 0:
                    # what has left was so large that its rounding would stay
                    until_reset = window
                    for _ in range(2):
                        shift += sums[1] / sums[0]
                        _sums_of(row, first, end, shift, sums)
                    _sums_of(coarse, first + length - 1, end, shift, slow)
                    largest = _about_mean(sums)
            until_reset -= 1
            if until_output:
                until_output -= 1
                continue
            until_output = stride - 1
            found = out[s, written]
            written += 1
            count = sums[0]
            for k in range(4):
                found[k] = np.nan
            found[4] = count
            if infinite or 2 * count < window:
                continue
            if changed < first:
                found[0] = 0.0
                continue
            inverse = 1.0 / count
            mean = sums[1] * inverse
            square = mean * mean
            second = sums[2] * inverse - square
            if second <= 0.0:
                continue
            third = sums[3] * inverse - 3 * mean * sums[2] * inverse + 2 * mean * square
            found[0] = second * count / (count - 1)
            if sums[4] > 0:
                found[1] = (sums[6] - mean * sums[5] + sums[4] * square) / (sums[4] * second)
            cube = second * np.sqrt(second)
            if cube > 0:
                found[2] = third / cube
            if 2 * slow[0] >= n_means:
                coarse_squares = slow[2] - 2 * mean * slow[1] + slow[0] * square
                found[3] = length * coarse_squares / (slow[0] * second)


def rolling(x: np.ndarray, window: int, stride: int) -> np.ndarray:
    """Indicators and counts (series, window, 5) of series (series, point), which it overwrites."""
    points = x.shape[1]
    out = np.empty((len(x), (points - window) // stride + 1, 5))
    length = max(2, window // COARSE)
    _rolling_kernel(x, window, length, stride, np.empty(points), np.empty(8), np.empty(8), out)
    return out


def require_window(window: int, points: int, spacing: float) -> None:
    """Refuse windows, in points, that are too narrow or longer than the series."""
    if not NARROWEST <= window <= points:
        raise InputError(
            f"a window of {window * spacing:g} has {window} points; it must have at least "
            f"{NARROWEST}, and at most the {points} of the series"
        )


def rolling_indicators(
    theta: Any,
    *,
    window: float,
    stride: float | None = None,
    time: Any = None,
) -> xr.Dataset:
    """Early-warning indicators in rolling windows: variance, lag-1 autocorrelation, skewness.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced series; missing points are NaN. An array without named dimensions has time
        first. Trends are not removed: see ``detrended``. A lazy (dask) array gives lazy results,
        whatever its chunks.
    window : float
        Length of the window in units of time, rounded to a whole number of points, at least 20.
    stride : float, optional
        Distance between windows in units of time; one point by default.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.

    Returns
    -------
    Dataset
        variance (unit of theta squared), autocorrelation, skewness, reddening, and count, the
        number of points, over the other dimensions and time, which is that of the last point of
        each window.

    Raises
    ------
    InputError
        For a window longer than the series, or unevenly spaced points.

    See Also
    --------
    ensemble_indicators : The same across an ensemble at fixed time.
    early_warning : Tests of the trends of these indicators.
    detrended : Series without their slow trend.

    Notes
    -----
    The autocorrelation is the mean product of neighbouring points that are both finite,
    divided by the variance. Reddening is m times the variance of means of m points, m a tenth of
    the window, divided by the variance: Bartlett's estimate of the spectral density at frequency 0
    divided by its mean, 1 for white noise. A window with fewer than half of its points, or with an
    infinite one, is NaN; a constant window has variance 0 and is NaN otherwise.

    References
    ----------
    Scheffer et al. (2009), Nature 461, 53; Dakos et al. (2012), PLoS ONE 7, e41010; Biggs et al.
    (2009), PNAS 106, 826, for reddening.

    Examples
    --------
    White noise has variance 1, no memory, no skewness, and a reddening of about 1:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> x = np.random.default_rng(0).standard_normal(20_000)
    >>> found = sp.dynamics.rolling_indicators(x, window=1000, stride=100)
    >>> {name: abs(round(found[name].mean().item(), 1)) for name in found if name != "count"}
    {'variance': 1.0, 'autocorrelation': 0.0, 'skewness': 0.0, 'reddening': 1.0}
    """
    series = paths(theta, time=time)
    points = series.theta.sizes[series.dim]
    spacing = require_even(series, "rolling_indicators")
    width = points_within(window, spacing)
    require_window(width, points, spacing)
    by = 1 if stride is None else points_within(stride, spacing, "stride")
    if by < 1:
        raise InputError(f"stride is {stride}; it must be at least one point, {spacing:g}")
    if by > points:
        raise InputError(
            f"stride is {stride}; it must be at most {points * spacing:g}, the whole series"
        )
    windows = (points - width) // by + 1
    if series.theta.chunks:
        columns = _lazily(series, width, by, windows)
    else:
        flat = over_series(
            series, lambda x, t: rolling(x, width, by).reshape(len(x), -1), windows * 5
        )
        columns = flat.reshape(*flat.shape[:-1], windows, 5)
    ends = np.arange(windows) * by + width - 1
    along: dict[str, Any] = {
        str(name): (series.dim, coordinate.to_numpy()[ends], coordinate.attrs)
        for name, coordinate in series.theta.coords.items()
        if coordinate.dims == (series.dim,)
    }
    values: dict[str, Any] = {
        name: ((series.dim,), columns[..., k]) for k, name in enumerate((*INDICATORS, "count"))
    }
    return result(
        series,
        values,
        coords=along or {series.dim: series.times[ends]},
        window=width * spacing,
        stride=by * spacing,
        named={"count": number_of("points")},
        method="moments of moving windows",
        reference="Scheffer et al. (2009); Dakos et al. (2012)",
        interval_method="none: windows overlap; see early_warning",
    )


def _lazily(series: Paths, window: int, stride: int, windows: int) -> Any:
    """Dask array (..., window, 5), each task of which reads the chunks of its own windows."""
    import dask.array as da
    from dask.delayed import delayed

    theta = series.theta.data
    sizes = theta.chunks[-1]
    starts = np.cumsum([0, *sizes])
    blocks = theta.to_delayed()
    threads = (
        parallel.limit()
    )  # read here: the threads of Dask that compute the blocks do not inherit it

    def column(index: tuple[int, ...]) -> Any:
        shape = tuple(theta.chunks[axis][k] for axis, k in enumerate(index))
        # a task reads about a window and a half, and its output is small
        most = _LAZY_BYTES // (40 * max(int(np.prod(shape)), 1))
        together = max(1, min(most, 1 + window // (2 * stride)))
        parts = []
        for first in range(0, windows, together):
            n_windows = min(together, windows - first)
            begin, end = first * stride, (first + n_windows - 1) * stride + window
            low = int(np.searchsorted(starts, begin, side="right")) - 1
            high = int(np.searchsorted(starts, end, side="left"))
            # inside an object: chunks that are arguments Dask loads ahead of time, for all tasks
            work = functools.partial(
                _block_of_windows, _Chunks(list(blocks[index][low:high])), shape,
                begin - int(starts[low]), end - begin, window, stride, threads,
            )  # fmt: skip
            parts.append(da.from_delayed(delayed(work)(), (*shape, n_windows, 5), np.float64))
        return da.concatenate(parts, axis=-2)

    def nested(index: tuple[int, ...]) -> Any:
        axis = len(index)
        if axis == theta.ndim - 1:
            return column(index)
        return [nested((*index, k)) for k in range(theta.numblocks[axis])]

    found = nested(())
    return da.block(_in_two_more(found)) if isinstance(found, list) else found


class _Chunks:
    """Chunks that are loaded one after the other."""

    def __init__(self, chunks: list[Any]) -> None:
        self.chunks = chunks


def _in_two_more(nested: Any) -> Any:
    """Nest blocks twice more, for the two last axes, which have one block each."""
    return [_in_two_more(k) for k in nested] if isinstance(nested, list) else [[nested]]


def _block_of_windows(
    source: _Chunks, shape: tuple[int, ...], begin: int, points: int, window: int, stride: int,
    threads: int | None,
) -> np.ndarray:  # fmt: skip
    """Indicators of a stretch of consecutive chunks, a few series at a time."""
    n_series = int(np.prod(shape))
    out = np.empty((n_series, (points - window) // stride + 1, 5))
    together = max(1, BLOCK_BYTES // (8 * points))
    with _ONE_AT_A_TIME, parallel.limited(threads):
        flat = [
            missing_as_nan(np.asarray(c.compute(scheduler="synchronous"))).reshape(n_series, -1)
            for c in source.chunks
        ]

        def work(part: slice) -> None:
            x = np.concatenate([c[part] for c in flat], axis=1, dtype=np.float64)
            out[part] = rolling(np.ascontiguousarray(x[:, begin : begin + points]), window, stride)

        parallel.map(work, [slice(k, k + together) for k in range(0, n_series, together)])
    return out.reshape(*shape, *out.shape[1:])
