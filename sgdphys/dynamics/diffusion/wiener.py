"""Wiener process with drift, by maximum likelihood on any time grid."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import chdtri, stdtrit

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.dynamics.series import Paths, complete_or_present, over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.quantities import number_of
from sgdphys.status import CONSTANT, ONCE, STRAIGHT

NEEDS = Needs(points=3, takes=(CONSTANT, STRAIGHT, ONCE))
WIDTH = 4


@compiled
def _wiener_kernel(x, t, xs, ts, out):
    """Fill out (series, 4): drift, diffusion, count, duration."""
    for s in range(x.shape[0]):
        y, u, n = complete_or_present(x[s], t, xs, ts)
        duration = u[n - 1] - u[0]
        drift = (y[n - 1] - y[0]) / duration
        squares = 0.0
        for k in range(n - 1):
            dt = u[k + 1] - u[k]
            dx = y[k + 1] - y[k]
            squares += (dx - drift * dt) ** 2 / dt
        out[s, 0] = drift
        out[s, 1] = squares / (2 * (n - 2))
        out[s, 2] = n - 1
        out[s, 3] = duration


def wiener_kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Columns of the kernel (series, 4) of series (series, point) at times (point,)."""
    out = np.empty((len(x), WIDTH))
    _wiener_kernel(x, t, np.empty_like(t), np.empty_like(t), out)
    return out


@checked
def fit_wiener(
    theta: Any,
    *,
    time: Any = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Wiener process (Brownian motion) with drift: drift velocity and diffusion coefficient.

    Parameters
    ----------
    theta : DataArray or array
        Series along time, in units x; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: drift (x/t), diffusion (x**2/t) and sigma
        (x/t**0.5), each with ``_low`` and ``_high``; count (increments); status.

    Raises
    ------
    InputError
        For an unknown dimension, or times that do not increase.

    See Also
    --------
    wiener_tests : Is a Wiener process a fair model of the series?
    fit : Which process describes the series?
    diffusion_coefficient : The same by time window, or with measurement noise.

    Notes
    -----
    dX = v dt + sigma dW with sigma**2 = 2 D. Over n increments v = (x_n - x_0)/(t_n - t_0) and
    D = sum (dx - v dt)**2/dt / (2 (n - 1)). The intervals are exact at any spacing: chi-squared
    with n - 1 degrees of freedom for D, Student's t for v. The increment across missing points
    (NaN) counts as one. A "constant" series or a "straight line" has D = 0; a series with fewer
    than 2 increments, or one that diverged, has NaN.

    References
    ----------
    Gardiner, "Stochastic methods", 4th ed., section 3.8.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(drift=0.1, diffusion=0.5, steps=2000, rng=0)["theta"]
    >>> found = sp.dynamics.fit_wiener(theta)
    >>> [round(found[name].item(), 2) for name in ("drift", "drift_low", "drift_high")]
    [0.07, 0.03, 0.12]
    >>> [round(found[name].item(), 2) for name in ("diffusion", "diffusion_low", "diffusion_high")]
    [0.5, 0.47, 0.53]
    """
    series = paths(theta, time=time)

    return wiener_result(
        series, *over_sound_series(series, wiener_kernel, WIDTH, NEEDS), confidence
    )


def wiener_result(
    series: Paths, columns: np.ndarray, status: np.ndarray, confidence: float
) -> xr.Dataset:
    """Coefficients of the columns of the kernel (..., 4), as ``fit_wiener`` returns them."""
    drift, diffusion, count, duration = np.moveaxis(columns, -1, 0)
    diffusion = np.where(is_still(status), 0.0, diffusion)
    low, high = chi_squared_interval(diffusion, count - 1, confidence)
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        distinct, place = np.unique(count, return_inverse=True)
        quantile = stdtrit(np.maximum(distinct - 1, 1), 1 - tail)[place]
        half_width = quantile * np.sqrt(2 * diffusion / duration)
        values = {
            "drift": drift,
            "drift_low": drift - half_width,
            "drift_high": drift + half_width,
            "diffusion": diffusion,
            "diffusion_low": low,
            "diffusion_high": high,
            "sigma": np.sqrt(2 * diffusion),
            "sigma_low": np.sqrt(2 * low),
            "sigma_high": np.sqrt(2 * high),
        }
    return result(
        series,
        {**values, "count": count, "status": status},
        named={"count": number_of("increments")},
        method="maximum likelihood, n - 1 degrees of freedom",
        reference="Gardiner, Stochastic methods, 4th ed., section 3.8",
        confidence=confidence,
        interval_method="exact: chi-squared for diffusion, Student's t for drift",
    )


def chi_squared_interval(
    estimate: np.ndarray, dof: Any, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a variance from a chi-squared estimate with ``dof`` degrees of freedom."""
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        positive_dof = np.where(np.asarray(dof) > 0, dof, np.nan)
        # series of one array mostly have one length; chdtri is the inverse of the upper tail
        distinct, place = np.unique(positive_dof, return_inverse=True)
        low, high = (chdtri(distinct, p)[place] for p in (tail, 1 - tail))
        return estimate * positive_dof / low, estimate * positive_dof / high
