"""Early-warning signals: trends of variance and memory, tested against stationary surrogates.

Windows overlap, so the values of an indicator are dependent, and the usual p-value of Kendall's
tau is below 5% for most stationary series. The test counts how often a stationary surrogate rises
as much.
"""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.blocks import in_groups
from sgdphys.dynamics.clock import pairs_at, points_within
from sgdphys.dynamics.series import Paths, over_sound_series, paths, result
from sgdphys.dynamics.slowing.autocorrelation import require_even
from sgdphys.dynamics.slowing.detrending import METHODS, rest_of, smoothing_points
from sgdphys.dynamics.slowing.ensemble_indicators import across_members
from sgdphys.dynamics.slowing.rolling_indicators import (
    INDICATORS,
    NARROWEST,
    require_window,
    rolling,
)
from sgdphys.dynamics.slowing.surrogates import KINDS, surrogates_of
from sgdphys.dynamics.status import Needs, precision_of, status_of
from sgdphys.errors import InputError, nearest
from sgdphys.intervals import require_members
from sgdphys.status import CONSTANT, OK

TRENDS = (*INDICATORS, "joint")
_WINDOWS = 100
"""Number of windows whose indicators are correlated with time, or up to twice as many."""
_NEEDS = Needs(even=True, whole=True)
_TWO_SIDED = 2
_JOINT = (0, 1)
"""Indicators whose mean tau is the joint one: variance and autocorrelation."""


@compiled
def _kendall(values, out):
    """Kendall's tau of each row of values (row, window) with time; NaN pairs are left out."""
    for r in range(values.shape[0]):
        total = 0
        pairs = 0
        for i in range(1, values.shape[1]):
            for k in range(i):
                a = values[r, i]
                b = values[r, k]
                if a > b:
                    total += 1
                    pairs += 1
                elif a < b:
                    total -= 1
                    pairs += 1
                elif a == b:
                    pairs += 1
        out[r] = total / pairs if pairs > 0 else np.nan


def _taus(indicators: np.ndarray) -> np.ndarray:
    """Taus (series, trend) of indicators (series, window, 4), the joint one last."""
    n_series, windows, kinds = indicators.shape
    rows = np.ascontiguousarray(np.moveaxis(indicators, 2, 1)).reshape(-1, windows)
    out = np.empty(len(rows))
    _kendall(rows, out)
    taus = out.reshape(n_series, kinds)
    return np.concatenate([taus, taus[:, _JOINT].mean(axis=1, keepdims=True)], axis=1)


def _p_values(found: np.ndarray, null: np.ndarray) -> np.ndarray:
    """P-values from taus of surrogates (surrogate, trend): one-sided, two-sided for skewness."""
    larger = (null >= found).sum(axis=0)
    p = (1 + larger) / (1 + len(null))
    k = _TWO_SIDED
    p[k] = (1 + (np.abs(null[:, k]) >= abs(found[k])).sum()) / (1 + len(null))
    p[np.isnan(found)] = np.nan
    return p


@checked
def early_warning(
    theta: Any,
    *,
    time: Any = None,
    over: str | None = None,
    window: float | None = None,
    detrend: str | None = None,
    bandwidth: float | None = None,
    surrogates: str = "ar1",
    resamples: int = 200,
    rng: Seed = 0,
) -> xr.Dataset:
    """Early-warning signals of a tipping point: Kendall tau trend tests against surrogates.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced series. An array without named dimensions has time first.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    over : str, optional
        Ensemble dimension: indicators are then taken across it at fixed time, without windows or
        detrending, of members about their own means in time. By default they are taken in moving
        windows along each series.
    window : float, optional
        Length of the windows in units of time; half of the series by default.
    detrend : str, optional
        "gaussian" or "lowess", with ``bandwidth``: see ``detrended``. Surrogates are detrended too.
        Without it a curved trend alone gives a warning: its slope changes from window to window.
    bandwidth : float, optional
        In units of time: see ``detrended``.
    surrogates : str
        "ar1" (AR(1) with bootstrapped innovations) or "phases" (randomised Fourier phases), which
        preserves any stationary memory but needs a series that spans many correlation times: on a
        random walk of 1000 points its p-value of the variance is below 5% in 8% to 10%, that of
        "ar1" in 5%.
    resamples : int
        Surrogates of each series, at least 19.
    rng : int, SeedSequence or Generator
        Seed of the surrogates, together with the index of each series in the array.

    Returns
    -------
    Dataset
        kendall and p_value (..., trend) of variance, autocorrelation, skewness (two-sided),
        reddening, and "joint", the mean tau of the first two; status.

    Raises
    ------
    InputError
        For windows longer than the series, fewer than 5 members, or unevenly spaced points.

    See Also
    --------
    rolling_indicators : The indicators in moving windows.
    ensemble_indicators : The indicators across an ensemble.
    critical_point : Fit of a divergence whose control parameter is known.

    Notes
    -----
    Kendall's rank correlation tau of an indicator with time, at about 100 windows. p =
    (1 + number of surrogates with a tau at least as large)/(1 + number of surrogates), one-sided:
    variance and memory rise under critical slowing down. Windows overlap, so that the textbook
    p-value of tau does not apply. A series with gaps is NaN, with the status "needs even spacing",
    and so is one that is constant in a window, with the status "constant".

    References
    ----------
    Dakos et al. (2008), PNAS 105, 14308; Boettiger and Hastings (2012), J. R.
    Soc. Interface 9, 2527, for surrogates.

    Examples
    --------
    A slow ramp towards a fold bifurcation raises variance and memory:

    >>> import sgdphys as sp
    >>> x = sp.processes.slow_fold(steps=300, diffusion=1e-4, rng=0)["theta"]
    >>> found = sp.dynamics.early_warning(x, time="time", detrend="gaussian", resamples=99, rng=0)
    >>> bool(found["kendall"].sel(trend="joint") > 0.5)
    True
    >>> round(found["p_value"].sel(trend="joint").item(), 2)
    0.01
    """
    series = paths(theta, time=time)
    spacing = require_even(series, "early_warning")
    if detrend is not None and detrend not in METHODS:
        raise InputError(f"detrend is {detrend!r}; {nearest(detrend, METHODS)}")
    if surrogates not in KINDS:
        raise InputError(f"surrogates are {surrogates!r}; {nearest(surrogates, KINDS)}")
    if resamples < 19:
        raise InputError(f"resamples is {resamples}; at least 19 surrogates are needed for 5%")
    smoothing = smoothing_points(bandwidth, series) if detrend else 0.0
    if over is not None:
        return _across(series, over, surrogates, resamples, rng)
    points = series.theta.sizes[series.dim]
    if window is None and points < 2 * NARROWEST:
        raise InputError(
            f"the series has {points} points; windows of half of it need at least "
            f"{2 * NARROWEST}, and no window may have fewer than {NARROWEST}"
        )
    width = round(points / 2) if window is None else points_within(window, spacing)
    require_window(width, points, spacing)
    stride = max(1, (points - width) // _WINDOWS)

    def indicators(x: np.ndarray) -> np.ndarray:
        rest = rest_of(x, detrend, smoothing) if detrend else x.copy()
        return rolling(rest, width, stride)[..., :4]

    def kernel(x: np.ndarray, t: np.ndarray, indices: np.ndarray) -> np.ndarray:
        out = np.full((len(x), 2 * len(TRENDS) + 1), np.nan)
        found_in_windows = indicators(x)
        moves = np.isfinite(found_in_windows).all(axis=(1, 2))
        out[:, -1] = np.where(moves, OK, CONSTANT)
        found = _taus(found_in_windows)
        rest = rest_of(x, detrend, smoothing) if detrend else x
        for k in np.flatnonzero(moves):
            row = rest[k]
            drawn = surrogates_of(row[None], resamples, surrogates, stream(rng, indices[k]))[:, 0]
            null = _taus(indicators(drawn))
            out[k, : len(TRENDS)] = found[k]
            out[k, len(TRENDS) : -1] = _p_values(found[k], null)
        return out

    columns, status = over_sound_series(series, kernel, 2 * len(TRENDS) + 1, _NEEDS, numbered=True)
    status = np.where(status == OK, columns[..., -1], status)
    return _labels(
        series,
        columns[..., :-1],
        status,
        surrogates,
        resamples,
        f"windows of {width * spacing:g}",
    )


def _across(series: Paths, over: str, surrogates: str, resamples: int, rng: Seed) -> xr.Dataset:
    """Trends of indicators across members, tested against ensembles of stationary surrogates."""
    require_members(series.theta, over)
    kept = [d for d in series.over if d != over]
    shape = tuple(series.given.sizes[d] for d in kept)
    many = int(np.prod(shape))
    stride = max(1, series.given.sizes[series.dim] // _WINDOWS)
    out = np.full((many, 2 * len(TRENDS)), np.nan)
    status = np.empty(many, np.int64)
    precision = precision_of(series.given.dtype)

    def indicators(members: np.ndarray) -> np.ndarray:
        """Of (member, ensemble, point), without reddening, which needs a window."""
        variance, memory, skewness, _ = across_members(members, *pairs_at(series.times, None))
        columns = np.stack([variance, memory, skewness, np.full_like(variance, np.nan)], axis=-1)
        return columns[:, ::stride]

    ensembles = (
        (int(k), members)
        for number, block in in_groups(series.given, series.dim, [over])
        for k, members in zip(number, block, strict=True)
    )
    for k, members in ensembles:
        status[k] = status_of(members, series.times, _NEEDS, precision).max()
        if status[k] != OK:
            continue
        deviations = _centred(members)
        found = _taus(indicators(deviations[:, None]))[0]
        drawn = surrogates_of(deviations, resamples, surrogates, stream(rng, k))
        null = _taus(indicators(_centred(drawn.swapaxes(0, 1))))
        out[k, : len(TRENDS)] = found
        out[k, len(TRENDS) :] = _p_values(found, null)
    template = series._replace(given=series.theta.isel({over: 0}, drop=True))
    return _labels(
        template, out.reshape(*shape, -1), status.reshape(shape), surrogates, resamples,
        f"across {over} at fixed time",
    )  # fmt: skip


def _centred(members: np.ndarray) -> np.ndarray:
    """Members (member, ..., point) about the ensemble mean, each about its own mean in time.

    A trend that all members share is drift, and a place of its own is no change in time.
    """
    deviations = members - members.mean(axis=0)
    return np.asarray(deviations - deviations.mean(axis=-1, keepdims=True))


def _labels(
    series: Paths, columns: np.ndarray, status: np.ndarray, surrogates: str, resamples: int,
    where: str,
) -> xr.Dataset:  # fmt: skip
    n_trends = len(TRENDS)
    return result(
        series,
        {
            "kendall": (("trend",), columns[..., :n_trends]),
            "p_value": (("trend",), columns[..., n_trends:]),
            "status": status,
        },
        coords={"trend": list(TRENDS)},
        method=f"Kendall's tau of indicators, {where}, against {resamples} {surrogates} surrogates",
        reference="Dakos et al. (2008); Boettiger and Hastings (2012)",
        interval_method="none; p-values are those of the surrogates",
    )
