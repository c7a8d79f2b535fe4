"""Kramers-Moyal coefficients: drift and diffusion as functions of position, with intervals."""

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.arguments import checked, require_whole
from sgdphys.compiling import compiled
from sgdphys.dynamics.blocks import BLOCK_BYTES, READ_BYTES, in_groups
from sgdphys.dynamics.clock import number_given
from sgdphys.dynamics.series import (
    Paths,
    ensemble_dimensions,
    paths,
    require_free_names,
)
from sgdphys.dynamics.status import FLOAT64, Needs, precision_of, status_of
from sgdphys.errors import InputError, nearest
from sgdphys.intervals import Kind, jackknife_interval
from sgdphys.quantities import labelled, number_of
from sgdphys.status import DIVERGED, TINY

MOST_BINS = 60
_BLOCKS = 20
_QUANTILE_POINTS = 2000
_FEWEST_IN_BIN = 10
_RICHARDSON = {1: 8 / 3, 2: -2.0, 4: 1 / 3}
"""Weights of lags 1, 2, 4 that cancel errors of first and second order in dt."""


@functools.partial(compiled, reorder_sums=True)
def _sums(x, ok, lag, blocks, low, high, cells, partial, out):
    """Sums of 1, dx, dx**2, dx**4 by bin.

    Parameters
    ----------
    x : float64 (group, path, point)
    ok : bool (point,)
        Whether the point ``lag`` later lies at the right distance in time; of length 0 where all
        do.
    lag : int
    blocks : int
        Number of blocks that each path is cut into.
    low, high : float64 (group,)
        Ends of the bins, both included; values outside, or missing, go to an extra bin.
    cells : int32 (point,)
        Scratch.
    partial : float64 (4, bin + 1, 4)
        Scratch: four partial sums per bin, of every fourth point each, so that the sums of
        neighbours in one bin do not depend on each other.
    out : float64 (group, path * blocks, bin, 4)
        Filled.
    """
    bins = out.shape[2]
    outside = np.float64(bins)
    last_bin = bins - 0.5
    flat = partial.reshape(-1)
    width = 4 * (bins + 1)
    for g in range(x.shape[0]):
        first = low[g]
        last = high[g]
        scale = bins / (last - first)
        for path in range(x.shape[1]):
            row = x[g, path]
            pairs = row.shape[0] - lag
            for i in range(pairs):
                inside = (row[i] >= first) & (row[i] <= last) & (abs(row[i + lag]) < np.inf)
                position = min((row[i] - first) * scale, last_bin)
                cells[i] = 4 * np.int32(position if inside else outside) + (i & 3) * width
            for i in range(ok.shape[0]):
                if not ok[i]:
                    cells[i] = 4 * bins
            for block in range(blocks):
                for k in range(flat.shape[0]):
                    flat[k] = 0.0
                for i in range(block * pairs // blocks, (block + 1) * pairs // blocks):
                    dx = row[i + lag] - row[i]
                    square = dx * dx
                    at = np.uint64(cells[i])
                    flat[at] += 1.0
                    flat[at + np.uint64(1)] += dx
                    flat[at + np.uint64(2)] += square
                    flat[at + np.uint64(3)] += square * square
                target = out[g, path * blocks + block]
                for b in range(bins):
                    for k in range(4):
                        target[b, k] = (
                            partial[0, b, k]
                            + partial[1, b, k]
                            + partial[2, b, k]
                            + partial[3, b, k]
                        )


@compiled
def _sums_of_near(x, dt, longest, low, high, out):
    """Sums of 1, dx, dx**2/dt, dx**4/dt**2 and dt by bin, of neighbours that are near in time.

    Parameters
    ----------
    x : float64 (group, path, point)
    dt : float64 (point - 1,)
    longest : float
        Largest distance in time of neighbours that are used.
    low, high : float64 (group,)
        Ends of the bins, both included.
    out : float64 (group, path * blocks, bin, 5)
        Zeros, which are filled.
    """
    bins = out.shape[2]
    blocks = out.shape[1] // x.shape[1]
    pairs = x.shape[2] - 1
    for g in range(x.shape[0]):
        scale = bins / (high[g] - low[g])
        for path in range(x.shape[1]):
            row = x[g, path]
            for block in range(blocks):
                target = out[g, path * blocks + block]
                for i in range(block * pairs // blocks, (block + 1) * pairs // blocks):
                    dx = row[i + 1] - row[i]
                    if not (dt[i] <= longest and low[g] <= row[i] <= high[g] and abs(dx) < np.inf):
                        continue
                    square = dx * dx / dt[i]
                    sums = target[min(int((row[i] - low[g]) * scale), bins - 1)]
                    sums[0] += 1.0
                    sums[1] += dx
                    sums[2] += square
                    sums[3] += square * square
                    sums[4] += dt[i]


def _coefficients(sums: np.ndarray) -> dict[str, np.ndarray]:
    """D1, D2 corrected and raw, D4 and the Pawula ratio.

    From sums (..., 5) of 1, dx, dx**2/dt, dx**4/dt**2 and dt: where D1 and D2 are constant, those
    of largest likelihood.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        count, moved, _, _, duration = np.moveaxis(sums, -1, 0)
        second, fourth = sums[..., 2] / count, sums[..., 3] / count
        drift, dt = moved / duration, duration / count
        corrected = (second - drift**2 * dt) / 2
        # a Gaussian of that variance has E dx**4 = 3 E[dx**2]**2: D4 = D2**2 dt / 2
        excess = (fourth - 3 * second**2 + 2 * drift**4 * dt**2) * dt / 24
        return {
            "drift": drift,
            "diffusion": corrected,
            "diffusion_raw": second / 2,
            "fourth": excess,
            "pawula": excess / (corrected**2 * dt),
        }


@functools.partial(checked, fewest=0)
def kramers_moyal(
    theta: Any,
    *,
    time: Any = None,
    over: str | Iterable[str] = (),
    bins: int | None = None,
    method: str = "binned",
    bandwidth: float | None = None,
    extrapolate: bool = False,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Kramers-Moyal coefficients: drift and diffusion as functions of position (Nadaraya-Watson).

    Parameters
    ----------
    theta : DataArray or array
        Paths in units x; an array without names has time first. For coefficients at a fixed
        training time give a few steps and ``over="replica"``: no stationarity is needed then.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``. Pairs of points at the median spacing are used; where fewer than
        half of all neighbours have it, neighbours up to twice as far apart.
    over : str or iterable of str
        Dimensions whose paths are realisations of one process.
    bins : int, optional
        Number of bins between the 0.5% and 99.5% quantiles, both included; by default n**(1/3) for
        n pairs, at least 8 and at most 60. It is an attribute of the result, as is the bandwidth.
    method : str
        "binned" (histogram regression), or "kernel" (Nadaraya-Watson with a Gaussian kernel, at the
        centres of the bins).
    bandwidth : float, optional
        Standard deviation of the kernel (x); by default Silverman's rule, 1.06 s n**(-1/5) with s
        the standard deviation of the values.
    extrapolate : bool
        Combine lags of 1, 2 and 4 points (Richardson extrapolation) so that errors of first and
        second order in dt cancel; of D2 its logarithm, so that it is never negative. Needs points
        of which most have the median spacing.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the dimensions that are neither time nor pooled, and ``bin`` with the coordinate
        ``position`` (x): drift D1 (x/t) and diffusion D2 (x**2/t), with ``_low`` and ``_high``;
        diffusion_raw, drift not subtracted; fourth, D4 (x**4/t); pawula; count (pairs). Bins with
        fewer than 10 pairs are NaN. Pairs with a missing point, and paths that diverged, are left
        out.

    Raises
    ------
    InputError
        For an unknown method or dimension, fewer than 2 bins, or extrapolation from uneven points.

    See Also
    --------
    fit_ou : A linear drift and a constant diffusion coefficient.
    fit_langevin : A linear drift of several coordinates.
    diffusion_coefficient : The coefficient as a function of time.

    Notes
    -----
    dX = D1(X) dt + sqrt(2 D2(X)) dW (Ito), with D1 = E[dx|x]/dt and
    D2 = E[(dx - D1 dt)**2|x]/(2 dt); of uneven points sum dx/sum dt and <(dx - D1 dt)**2/dt>/2,
    those of largest likelihood in each bin. At a finite dt an Ornstein-Uhlenbeck process shows the
    slope -(1 - e^{-kappa dt})/dt in place of -kappa, D2 is D (1 - e^{-2 kappa dt})/(2 kappa dt) in
    place of D, and diffusion_raw a spurious parabola. The logarithm of that D2 has no term of third
    order in dt, so that its extrapolation is within 2% up to kappa dt = 0.5; that of the drift is
    2% low there. The Pawula ratio D4/(D2**2 dt) is near 0 for a diffusion and large for jumps.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation"; Friedrich et al. (2011), Phys. Rep. 506, 87;
    Honisch and Friedrich (2011), Phys. Rev. E 83, 066701, for finite dt.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.ornstein_uhlenbeck(kappa=1.0, dt=0.02, steps=100_000, rng=0)["theta"]
    >>> found = sp.dynamics.kramers_moyal(theta, time="time", bins=9)
    >>> found["diffusion"].values.round(1).ravel().tolist()  # exact: 0.5 everywhere
    [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    >>> slope = (found["drift"] * found["position"]).sum() / (found["position"] ** 2).sum()
    >>> round(slope.item(), 2)  # exact: -0.99 at this spacing
    -0.95
    """
    series = paths(theta, time=time)
    if bins is not None:
        require_whole(bins, "bins", 2)
    if method not in ("binned", "kernel"):
        raise InputError(f"method is {method!r}; {nearest(method, ('binned', 'kernel'))}")
    if bandwidth is not None:
        if method != "kernel":
            raise InputError("bandwidth is of method='kernel'; leave it out, or give that method")
        bandwidth = number_given(bandwidth, "bandwidth")
        if not bandwidth > 0:
            raise InputError(f"bandwidth is {bandwidth:g}; it must be above 0")
    pooled = [] if over is None else ensemble_dimensions(series, over)
    kept = [d for d in series.over if d not in pooled]
    shape = tuple(series.given.sizes[d] for d in kept)
    paths_of_group = math.prod(series.given.sizes[d] for d in pooled)
    points = series.given.sizes[series.dim]
    n = paths_of_group * (points - 1)
    if bins is None:
        bins = int(np.clip(round(n ** (1 / 3)), 8, MOST_BINS))
    lags = [k for k in _RICHARDSON if k < points] if extrapolate else [1]
    if extrapolate and len(lags) < len(_RICHARDSON):
        raise InputError(f"extrapolate=True needs at least 5 points; there are {points}")
    longest = _longest(series.times)
    if extrapolate and longest is not None:
        raise InputError(
            f"extrapolate=True needs evenly spaced points along {series.dim!r}; leave it out"
        )
    values: dict[str, np.ndarray] = {}
    for number, x in in_groups(series.given, series.dim, pooled, block_bytes=READ_BYTES):
        _leave_out(x, series)
        found = _of_groups(x, series, lags, longest, bins, method, bandwidth, n, confidence)
        for name, column in found.items():
            whole = values.setdefault(name, np.empty((math.prod(shape), *column.shape[1:])))
            whole[number] = column
    count, centres, width = (values.pop(name) for name in ("count", "position", "bandwidth"))
    enough = count >= _FEWEST_IN_BIN
    template = series.theta.isel({series.dim: 0, **{d: 0 for d in pooled}}, drop=True)
    dims = (*kept, "bin")
    require_free_names(template, [*values, "position", "count", "bin"])
    data = xr.Dataset(
        {n_: (dims, np.where(enough, v, np.nan).reshape(*shape, bins)) for n_, v in values.items()},
        coords={**template.coords, "position": (dims, centres.reshape(*shape, bins))},
    )
    data["count"] = (dims, np.rint(count).astype(np.int64).reshape(*shape, bins))
    named = {"count": number_of("pairs of neighbouring points")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit).assign_attrs(
        method=method,
        bins=bins,
        bandwidth=float(np.mean(width)) if method == "kernel" else "none: bins",
        lags=lags,
        pairs="at the median spacing" if longest is None else f"neighbours within {longest:.3g}",
        reference="Risken (1989); Friedrich et al. (2011)",
        confidence=confidence,
        interval_method=(
            f"jackknife over {'paths' if paths_of_group > 1 else f'{_BLOCKS} blocks of the path'}"
        ),
    )


def _leave_out(x: np.ndarray, series: Paths) -> None:
    """Make paths (group, path, point) without a meaning missing."""
    for group in x:
        status = status_of(group, series.times, Needs(), precision_of(series.given.dtype))
        group[np.isin(status, (DIVERGED, TINY))] = np.nan


def _of_groups(
    x: np.ndarray, series: Paths, lags: list[int], longest: float | None, bins: int, method: str,
    bandwidth: float | None, n: int, confidence: float,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Coefficients of groups (group, path, point), their intervals, counts and positions."""
    blocks = _BLOCKS if x.shape[1] == 1 else 1
    moments, ends = _moments(x, series, lags, longest, bins, blocks)
    low, high = ends[..., None]
    centres = low + (high - low) * (np.arange(bins) + 0.5) / bins
    width = np.zeros(len(x))
    if method == "kernel":
        width = _bandwidths(x, n) if bandwidth is None else np.full(len(x), bandwidth)
        moments = _smoothed(moments, centres, width)
    total = moments.sum(axis=2)
    values = _combined(total, lags)
    values |= _bands(values, moments, lags, confidence)
    return values | {"count": total[0, ..., 0], "position": centres, "bandwidth": width}


@compiled
def _find_ends(x, stride, lowest, highest, ends):
    """Order statistics of every group near its extremes, ends (2, group).

    Parameters
    ----------
    x : float64 (group, point)
    stride : int
        Only every ``stride``-th point is used.
    lowest, highest : float64 (rank,)
        Scratch for the lowest and highest values; the innermost of each is an end.
    """
    rank = lowest.shape[0]
    for g in range(x.shape[0]):
        for r in range(rank):
            lowest[r] = np.inf
            highest[r] = -np.inf
        for k in range(0, x.shape[1], stride):
            value = x[g, k]
            if not np.isfinite(value):
                continue
            if value < lowest[rank - 1]:
                r = rank - 1
                while r > 0 and lowest[r - 1] > value:
                    lowest[r] = lowest[r - 1]
                    r -= 1
                lowest[r] = value
            if value > highest[rank - 1]:
                r = rank - 1
                while r > 0 and highest[r - 1] < value:
                    highest[r] = highest[r - 1]
                    r -= 1
                highest[r] = value
        ends[0, g] = lowest[rank - 1]
        ends[1, g] = highest[rank - 1]


def _range(x: np.ndarray) -> np.ndarray:
    """Ends (2, group) of the bins: the 0.5% and 99.5% quantiles of about 2000 points of each."""
    flat = x.reshape(len(x), -1)
    stride = max(1, flat.shape[1] // _QUANTILE_POINTS)
    ends = np.empty((2, len(x)))
    counts = np.isfinite(flat[:, ::stride]).sum(axis=1)
    ranks = np.maximum(1, (0.005 * counts).astype(int))
    for rank in np.unique(ranks):
        rows = np.flatnonzero(ranks == rank)
        found = np.empty((2, len(rows)))
        _find_ends(flat[rows], stride, np.empty(rank), np.empty(rank), found)
        ends[:, rows] = found
    low, high = np.where(np.isfinite(ends), ends, 0.0)
    is_empty = high <= low
    half = np.maximum(0.5, 2.0**-50 * np.abs(low))  # next to a large number 0.5 is rounded away
    return np.stack([np.where(is_empty, low - half, low), np.where(is_empty, low + half, high)])


def _at_spacing(times: np.ndarray, spacing: float, lag: int) -> np.ndarray:
    """Whether points lie so many spacings before the one that is ``lag`` later."""
    rounding = 4 * FLOAT64 * float(np.abs(times[[0, -1]]).max())  # far from 0
    separation = times[lag:] - times[:-lag]
    return np.asarray(np.abs(separation - lag * spacing) <= 1e-6 * lag * spacing + rounding)


def _longest(times: np.ndarray) -> float | None:
    """Largest distance of neighbours that are used, of uneven points; None of other points."""
    spacing = float(np.median(np.diff(times)))
    return None if _at_spacing(times, spacing, 1).mean() >= 0.5 else 2 * spacing


def _moments(
    x: np.ndarray, series: Paths, lags: list[int], longest: float | None, bins: int, blocks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sums (lag, group, unit, bin, 5), and ends of the bins (2, group)."""
    dt = np.diff(series.times)
    spacing = float(np.median(dt))
    found = np.zeros((len(lags), len(x), x.shape[1] * blocks, bins, 5))
    ends = np.empty((2, len(x)))
    is_near = []
    for lag in lags if longest is None else ():
        ok = _at_spacing(series.times, spacing, lag)
        is_near.append(ok[:0] if ok.all() else ok)

    def work(part: slice) -> None:
        low, high = ends[:, part] = _range(x[part])
        if longest is not None:
            _sums_of_near(x[part], dt, longest, low, high, found[0, part])
            return
        scratch = np.empty(x.shape[2], np.int32), np.empty((4, bins + 1, 4))
        for k, lag in enumerate(lags):
            sums = np.empty((len(x[part]), *found.shape[2:4], 4))
            _sums(x[part], is_near[k], lag, blocks, low, high, *scratch, sums)
            tau = lag * spacing
            found[k, part, ..., :4] = sums / np.array([1, 1, tau, tau**2])
            found[k, part, ..., 4] = tau * sums[..., 0]

    groups_per_block = max(1, BLOCK_BYTES // (8 * max(x[0].size, 1)) if len(x) else 1)
    parallel.map(work, [slice(k, k + groups_per_block) for k in range(0, len(x), groups_per_block)])
    return found, ends


def _bandwidths(x: np.ndarray, n: int) -> np.ndarray:
    """Silverman's rule for each group; 0 without data."""
    found = np.zeros(len(x))
    finite = np.isfinite(x).any(axis=(1, 2))
    found[finite] = 1.06 * np.nanstd(x[finite], axis=(1, 2)) * max(n, 1) ** -0.2
    return found


def _smoothed(moments: np.ndarray, centres: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Sums weighted by a Gaussian kernel between centres of bins."""
    # a kernel narrower than this has weight in its own bin only
    width = np.maximum(width, 1e-3 * (centres[:, 1] - centres[:, 0]))
    width = np.where(width > 0, width, 1.0)  # of groups that stand still
    z = (centres[:, :, None] - centres[:, None, :]) / width[:, None, None]
    return np.einsum("gab,lgubk->lguak", np.exp(-0.5 * z**2), moments)


def _combined(sums: np.ndarray, lags: list[int]) -> dict[str, np.ndarray]:
    """Coefficients at lag 1, or extrapolated to dt = 0 from all lags (lag, ..., 5)."""
    by_lag = [_coefficients(s) for s in sums]
    if len(lags) == 1:
        return by_lag[0]
    weights = np.array([_RICHARDSON[lag] for lag in lags])

    def extrapolated(name: str) -> np.ndarray:
        columns = np.stack([c[name] for c in by_lag])
        if name == "drift":
            return np.tensordot(weights, columns, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.where(columns > 0, columns, np.nan))
            found = np.exp(np.tensordot(weights, logs, 1))
        return np.where((columns == 0).all(axis=0), 0.0, found)

    return by_lag[0] | {n: extrapolated(n) for n in ("drift", "diffusion", "diffusion_raw")}


def _bands(
    values: Mapping[str, np.ndarray], moments: np.ndarray, lags: list[int], confidence: float
) -> dict[str, np.ndarray]:
    """Intervals of drift and diffusion over units, from sums (lag, group, unit, bin, 5)."""
    without_each = moments.sum(axis=2, keepdims=True) - moments
    left_out = _combined(np.moveaxis(without_each, 2, 1), lags)  # (unit, group, bin)
    present = (moments[0, ..., 0] > 0).sum(axis=1)  # units with pairs, (group, bin)
    bands: dict[str, np.ndarray] = {}
    kinds: dict[str, Kind] = {"drift": "symmetric", "diffusion": "positive"}
    for name, kind in kinds.items():
        low, high = jackknife_interval(values[name], left_out[name], present, confidence, kind=kind)
        bands |= {f"{name}_low": low, f"{name}_high": high}
    return bands
