"""Detrending of series by a Gaussian kernel or local regression."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import signal

from sgdphys.dynamics.clock import number_given
from sgdphys.dynamics.series import Paths, over_sound_series, paths
from sgdphys.dynamics.slowing.autocorrelation import require_even
from sgdphys.dynamics.status import Needs
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import attributes
from sgdphys.status import CONSTANT, ONCE, STRAIGHT, TINY, TOO_SHORT

METHODS = ("gaussian", "lowess")
_NEEDS = Needs(takes=(CONSTANT, STRAIGHT, ONCE, TINY, TOO_SHORT))
_CUTOFF = 4.0
"""Standard deviations at which the Gaussian is cut off."""


def detrended(
    theta: Any,
    *,
    method: str = "gaussian",
    bandwidth: float | None = None,
    time: Any = None,
) -> xr.DataArray:
    """Detrended series: residuals of Gaussian kernel or lowess smoothing.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced series; missing points are NaN. An array without named dimensions has time
        first.
    method : str
        "gaussian": local linear regression with Gaussian weights, unbiased at the ends and at gaps.
        "lowess": robust local linear regression (statsmodels; about a second for some hundred
        series of a thousand points).
    bandwidth : float, optional
        In units of time: standard deviation of the Gaussian, or span of the local lines; a tenth of
        the series by default.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.

    Returns
    -------
    DataArray
        Residuals in the unit of theta; a DataArray and no Dataset, since a transformed series is
        again a series. Dimensions are ordered as in a DataArray given, otherwise with time last; in
        memory. Series that diverged are NaN.

    Raises
    ------
    InputError
        For an unknown method, a bandwidth below one point or above the length of the series, or
        unevenly spaced points.

    See Also
    --------
    early_warning : Trends of indicators, after detrending if asked for.
    rolling_indicators : Indicators in moving windows, which trends bias.

    Notes
    -----
    The trend at t is the intercept a of the line a + b (s - t) that minimises the weighted sum of
    squares over the points s.

    References
    ----------
    Fan and Gijbels (1996), "Local polynomial modelling"; Cleveland (1979), J. Am. Stat. Assoc. 74,
    829.

    Examples
    --------
    Unit noise on a linear trend keeps its variance and loses the trend:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> x = np.random.default_rng(0).standard_normal(2000) + 0.01 * np.arange(2000)
    >>> rest = sp.dynamics.detrended(x)
    >>> round(float(x.std())), round(float(rest.std()))
    (6, 1)
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; {nearest(method, METHODS)}")
    series = paths(theta, time=time)
    require_even(series, "detrended")
    points = series.theta.sizes[series.dim]
    width = smoothing_points(bandwidth, series)
    found, _ = over_sound_series(series, lambda x, t: rest_of(x, method, width), points, _NEEDS)
    rest = series.theta.copy(data=found)
    rest.attrs |= attributes("detrended", x=series.value_unit)
    return rest.transpose(*theta.dims) if isinstance(theta, xr.DataArray) else rest


def smoothing_points(bandwidth: float | None, series: Paths) -> float:
    """Bandwidth in points; a tenth of the series by default."""
    points = series.theta.sizes[series.dim]
    if bandwidth is None:
        return points / 10
    wanted = round(number_given(bandwidth, "bandwidth") / series.spacing, 9)
    if not 1 <= wanted <= points:
        raise InputError(
            f"bandwidth is {bandwidth}; it must lie between {series.spacing:g}, one point, and "
            f"{points * series.spacing:g}, the whole series"
        )
    return wanted


def rest_of(x: np.ndarray, method: str, bandwidth: float) -> np.ndarray:
    """Series (series, point) minus their trend; the bandwidth is in points."""
    if method == "lowess":
        return np.stack([_rest_of_lowess(row, bandwidth) for row in x])
    finite = np.isfinite(x)
    count = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    rest = x - np.where(finite, x, 0.0).sum(axis=1, keepdims=True) / count
    mask = (finite if not finite.all() else finite[:1]).astype(np.float64)
    filled = np.where(finite, rest, 0.0)
    half_width = int(_CUTOFF * bandwidth) + 1
    u = np.arange(-half_width, half_width + 1)
    weight = np.exp(-0.5 * (u / bandwidth) ** 2)
    # local linear regression: a local mean would be biased at the ends
    s0, s1, s2 = (_convolved(mask, weight * u**k) for k in range(3))
    t0, t1 = (_convolved(filled, weight * u**k) for k in range(2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(rest - (s2 * t0 - s1 * t1) / (s0 * s2 - s1**2))


def _rest_of_lowess(x: np.ndarray, bandwidth: float) -> np.ndarray:
    """One series (point,) minus its robust local lines, each through at least 3 points.

    A line is through as many points as mostly lie within the bandwidth.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    there = np.flatnonzero(np.isfinite(x))
    if len(there) < 3:
        return np.full_like(x, np.nan)
    many = bandwidth
    if len(there) < len(x):
        within = np.searchsorted(there, there + bandwidth) - np.arange(len(there))
        complete = there + bandwidth <= there[-1] + 1
        many = float(np.median(within[complete])) if complete.any() else float(len(there))
    clock = np.arange(len(x), dtype=float)
    share = min(max(many, 3) / len(there), 1.0)
    return np.asarray(x - lowess(x, clock, frac=share, return_sorted=False))


def _convolved(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Convolution of x (series, point) along its points, zero beyond the ends."""
    half_width = len(weight) // 2
    full = signal.fftconvolve(x, weight[None], axes=1)
    return np.asarray(full[:, half_width : half_width + x.shape[1]])
