"""Relaxation times, three ways that agree on an Ornstein-Uhlenbeck process."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from sgdphys.arguments import checked
from sgdphys.dynamics.correlations import integrated, require_even
from sgdphys.dynamics.ornstein_uhlenbeck import fit_ou
from sgdphys.dynamics.paths import over_series, paths, result
from sgdphys.dynamics.status import FAST, OK, TOO_SHORT
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import number_of
from sgdphys.scaling import critical_point

__all__ = ["critical_point", "relaxation_time"]

METHODS = ("lag1", "integrated", "exponential")
_FITTED = 2.0
"""Relaxation times over which an exponential is fitted to the autocorrelation."""
_ITERATIONS = 30


@checked
def relaxation_time(
    theta: Any,
    *,
    dim: str = "step",
    method: str = "lag1",
    dt: float | None = None,
    per: str | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Relaxation time of every series, 1/kappa of an Ornstein-Uhlenbeck process.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced, stationary series along ``dim``; a bare array has time first.
    dim, dt, per
        Where points lie in time: see ``dynamics.paths.paths``.
    method : str
        "lag1": -1/ln phi, phi the autocorrelation of neighbouring points with its bias taken out;
        uneven times and gaps are legal. "integrated": -1/ln[(t - 1)/(t + 1)] from the integrated
        time t in steps, which noise on each measurement lowers less. "exponential": a fit of
        exp(-k/tau) to the autocorrelation over two relaxation times.
    confidence : float

    Returns
    -------
    Dataset
        relaxation_time with ``_low`` and ``_high``, in units of time, count, status. A series that
        alternates is "oscillating at this sampling", one without memory "relaxes within one step";
        both have NaN.

    Raises
    ------
    InputError
        For an unknown method, or unevenly spaced points where they are needed.

    References
    ----------
    See ``fit_ou`` for "lag1" and ``integrated_time`` for "integrated".
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; {nearest(method, METHODS)}")
    series = paths(theta, dim=dim, dt=dt, per=per)
    if method == "lag1":
        fitted = fit_ou(series, confidence=confidence)
        kept = [f"relaxation_time{end}" for end in ("", "_low", "_high")]
        return fitted[[*kept, "count", "status"]]
    spacing = require_even(series, f"relaxation_time by {method!r}")

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        columns, found = integrated(x)
        if method == "exponential":
            start = _from_integrated(columns[:, 0])
            columns[:, 0] = _exponential(found, columns[:, 0], columns[:, 3], start)
        return columns

    time, error, _, count, status = np.moveaxis(over_series(series, kernel, 5), -1, 0)
    if method == "integrated":
        reach = np.exp(ndtri(0.5 + confidence / 2) * error)
        tau, low, high = (_from_integrated(v) for v in (time, time / reach, time * reach))
    else:
        tau, low, high = time, np.full_like(time, np.nan), np.full_like(time, np.nan)
    is_fast = np.isin(status, (OK, TOO_SHORT)) & np.isnan(tau)
    return result(
        series,
        {
            "relaxation_time": tau * spacing,
            "relaxation_time_low": low * spacing,
            "relaxation_time_high": high * spacing,
            "count": count,
            "status": np.where(is_fast, FAST, status),
        },
        named={"count": number_of("points")},
        method=method,
        reference="Madras and Sokal (1988); Wolff (2004)",
        confidence=confidence,
        interval_method="that of the integrated time"
        if method == "integrated"
        else "none: neighbouring lags are dependent",
    )


def _from_integrated(time: np.ndarray) -> np.ndarray:
    """Relaxation time in steps of an integrated time in steps; NaN at or below that of no memory.

    -1/ln[(t - 1)/(t + 1)].
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(time > 1, -1 / np.log((time - 1) / (time + 1)), np.nan)


def _exponential(
    found: np.ndarray, time: np.ndarray, count: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Least squares of exp(-k/tau) on autocorrelations (series, lag), by Gauss-Newton in 1/tau."""
    longest = np.nanmax(np.append(_FITTED * start, 2.0))
    lag = np.arange(1, min(int(longest) + 1, found.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        lost = (time / count)[:, None]
        target = found[:, lag] * (1 - lost) + lost
        weight = (lag <= np.maximum(_FITTED * start, 2.0)[:, None]).astype(np.float64)
        rate = 1 / start
        for _ in range(_ITERATIONS):
            curve = np.exp(-rate[:, None] * lag)
            slope = -lag * curve
            rate = rate + (weight * slope * (target - curve)).sum(1) / (weight * slope**2).sum(1)
            rate = np.clip(rate, 1e-9, 50.0)
        return np.where(rate < 50.0, 1 / rate, np.nan)
