"""Relaxation times by three methods, which agree on an Ornstein-Uhlenbeck process."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import fit_ou
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.slowing.autocorrelation import STATIONARY, integrated, require_even
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import number_of
from sgdphys.status import FAST, OK

METHODS = ("lag1", "integrated", "exponential")
_FITTED = 2.0
"""Range of the exponential fit, in relaxation times."""
_ITERATIONS = 30
_FASTEST = 50.0
"""Relaxation rate per step from which on there is no memory."""


@checked
def relaxation_time(
    theta: Any,
    *,
    time: Any = None,
    method: str = "lag1",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Relaxation time (correlation time, decorrelation time, 1/kappa) of every series.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced, stationary series. An array without named dimensions has time first.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    method : str
        "lag1": -1/ln phi, phi the bias-corrected autocorrelation of neighbouring points; uneven
        times and gaps are allowed. "integrated": -1/ln[(t - 1)/(t + 1)] from the integrated time t
        in steps, which measurement noise biases less. "exponential": a fit of exp(-k/tau) to the
        autocorrelation over two relaxation times.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        relaxation_time with ``_low`` and ``_high`` (NaN for "exponential"), in units of time;
        count, the number of points; status. The time is NaN for a series that alternates
        ("oscillating at this sampling"), one without memory ("relaxes within one step"), and one
        whose correlations do not decay within its length ("too short").

    Raises
    ------
    InputError
        For an unknown method, or unevenly spaced points where even spacing is needed.

    See Also
    --------
    fit_ou : Fit of an Ornstein-Uhlenbeck process, on which "lag1" rests.
    integrated_time : Integrated autocorrelation time, on which "integrated" rests.
    critical_point : Fit of the divergence of relaxation times (critical slowing down).

    Notes
    -----
    All three agree on an Ornstein-Uhlenbeck process, rho(t) = exp(-kappa t). With
    several time scales "lag1" weighs the fast ones more and "integrated" the slow ones.

    References
    ----------
    Madras and Sokal (1988), J. Stat. Phys. 50, 109; Wolff (2004), Comput. Phys. Commun. 156, 143.

    Examples
    --------
    >>> import sgdphys as sp
    >>> x = sp.processes.ornstein_uhlenbeck(dt=0.1, steps=20_000, replicas=30, rng=0)["theta"]
    >>> for method in ("lag1", "integrated", "exponential"):
    ...     found = sp.dynamics.relaxation_time(x, time="time", method=method)
    ...     print(method, round(found["relaxation_time"].mean().item(), 1))
    lag1 1.0
    integrated 1.0
    exponential 1.0
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; {nearest(method, METHODS)}")
    series = paths(theta, time=time)
    if method == "lag1":
        fitted = fit_ou(series, confidence=confidence)
        kept = [f"relaxation_time{end}" for end in ("", "_low", "_high")]
        return fitted[[*kept, "count", "status"]]
    spacing = require_even(series, f"relaxation_time by {method!r}")

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        columns, found = integrated(x)
        fitted = np.full(len(x), np.nan)
        if method == "exponential":
            start = _from_integrated(columns[:, 0])
            _exponential(found, columns[:, 0], columns[:, 3], start, fitted)
        return np.column_stack([columns, fitted])

    columns, status = over_sound_series(series, kernel, 6, STATIONARY)
    time, error, _, count, found, fitted = np.moveaxis(columns, -1, 0)
    status = np.where(status == OK, found, status)
    if method == "integrated":
        factor = np.exp(ndtri(0.5 + confidence / 2) * error)
        tau, low, high = (_from_integrated(v) for v in (time, time / factor, time * factor))
    else:
        tau, low, high = fitted, np.full_like(time, np.nan), np.full_like(time, np.nan)
    # long enough, with an integrated time that is at most that of white noise
    is_fast = (status == OK) & np.isnan(tau)
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
    """Relaxation time in steps of an integrated time in steps; NaN at or below that of white noise.

    -1/ln[(t - 1)/(t + 1)].
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(time > 1, -1 / np.log((time - 1) / (time + 1)), np.nan)


@compiled
def _exponential(found, time, count, start, out):
    """Least squares of exp(-k/tau) on autocorrelations, by Gauss-Newton in 1/tau.

    Parameters
    ----------
    found : float64 (series, lag)
    time, count, start : float64 (series,)
        Integrated times, numbers of points, and starting values of relaxation times, in steps.
    out : float64 (series,)
        Filled; NaN without a starting value, and without memory.
    """
    for s in range(found.shape[0]):
        out[s] = np.nan
        if not start[s] > 0.0:
            continue
        lost = time[s] / count[s]
        last = int(min(max(_FITTED * start[s], 2.0), found.shape[1] - 1.0))
        rate = 1.0 / start[s]
        for _ in range(_ITERATIONS):
            product = 0.0
            square = 0.0
            for k in range(1, last + 1):
                target = found[s, k] * (1.0 - lost) + lost
                if target != target:  # no pair of points at this lag
                    continue
                curve = np.exp(-rate * k)
                product -= k * curve * (target - curve)
                square += (k * curve) ** 2
            if square <= 0.0:
                rate = _FASTEST
                break
            rate = min(max(rate + product / square, 1e-9), _FASTEST)
        if rate < _FASTEST:
            out[s] = 1.0 / rate
