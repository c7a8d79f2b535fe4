"""Diffusion coefficient: three estimators, of whole series and by time window."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from sgdphys.arguments import checked
from sgdphys.dynamics.clock import number_given
from sgdphys.dynamics.diffusion.msd import driftless, gappy_msd
from sgdphys.dynamics.diffusion.wiener import fit_wiener
from sgdphys.dynamics.series import Paths, over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import attributes, number_of
from sgdphys.status import CONSTANT, NO_DATA, OK, ONCE, STRAIGHT, UNEVEN

METHODS = ("increments", "msd", "covariance")
_STILL = (CONSTANT, STRAIGHT, ONCE)
_NEEDS = {
    "msd": Needs(points=11, takes=_STILL),
    "covariance": Needs(points=31, takes=_STILL),
}
"""What the estimators from neighbouring increments need."""
_MSD_LAGS = np.array([1, 2, 3, 4])


@checked
def diffusion_coefficient(
    theta: Any,
    *,
    time: Any = None,
    method: str = "increments",
    window: float | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Diffusion coefficient (and drift): maximum likelihood, MSD slope or covariance-based (CVE).

    Parameters
    ----------
    theta : DataArray or array
        Paths in units x; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    method : str
        "increments": maximum likelihood, at any times. "msd": slope of the mean squared
        displacement at lags of 1 to 4 points, with an intercept. "covariance": covariance-based
        estimator, unbiased with measurement (localisation) noise, from 30 increments on. The last
        two need even spacing.
    window : float, optional
        Length of a window in units t: one estimate per window, along a new dimension ``window``
        whose coordinate is the start of the window. A window includes the points at both ends; the
        rest after the last full window is not used.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: drift (x/t); diffusion (x**2/t) with ``_low`` and
        ``_high`` (NaN for "msd"); with "increments" also ``drift_low`` and ``drift_high``; count
        (increments); status.

    Raises
    ------
    InputError
        For an unknown method, uneven spacing with "msd" or "covariance", or a window longer than
        the series.

    See Also
    --------
    fit_wiener : The fit behind "increments".
    diffusion_vs_lag : The coefficient as a function of the lag.
    diffusion_matrix : Several coordinates jointly.
    kramers_moyal : The coefficient as a function of position.

    Notes
    -----
    The covariance-based estimator is D = <dx_i**2>/(2 dt) + <dx_i dx_{i+1}>/dt. Measurement noise
    of variance s**2 adds s**2/dt to the first term and -s**2/dt to the second. The drift of each
    series is subtracted, and its bias taken out: both covariances are solved for from their sums
    about the mean, which takes from them the variance of that mean, and a mean squared displacement
    at lag k of n increments is divided by 1 - k/n. Estimates by covariance may be negative, where
    noise dominates. Their 95% intervals cover 92% to 98% from 30 increments on, for s**2 up to
    9 D dt and at D = 0 (counted with another simulator); shorter series are "too short". Gaps that
    leave fewer than two of the four lags, or no neighbouring increments, give the status "needs
    even spacing".

    References
    ----------
    Vestergaard, Blainey and Flyvbjerg (2014), Phys. Rev. E 89, 022726.

    Examples
    --------
    >>> import sgdphys as sp
    >>> path = sp.processes.wiener(diffusion=2.0, steps=5000, rng=0)
    >>> noisy = sp.processes.corrupt(path, noise=2.0)["theta"]
    >>> [round(sp.dynamics.diffusion_coefficient(noisy, method=m)["diffusion"].item(), 1)
    ...  for m in ("increments", "covariance")]
    [6.1, 2.1]
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; {nearest(method, METHODS)}")
    series = paths(theta, time=time)
    if window is not None:
        return _by_window(series, window, method, confidence)
    return _whole(series, method, confidence)


def _whole(series: Paths, method: str, confidence: float) -> xr.Dataset:
    if method == "increments":
        fitted = fit_wiener(series, confidence=confidence)
        return fitted.drop_vars(["sigma", "sigma_low", "sigma_high"])
    spacing = series.spacing
    if np.isnan(spacing):
        raise InputError(
            f"method {method!r} needs evenly spaced points along {series.dim!r}; use "
            "method='increments'"
        )

    score = float(ndtri(0.5 + confidence / 2))

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        return _by_msd(x, spacing) if method == "msd" else _by_covariance(x, spacing, score)

    columns, status = over_sound_series(series, kernel, 5, _NEEDS[method])
    drift, diffusion, low, high, count = np.moveaxis(columns, -1, 0)
    still = is_still(status)
    diffusion, low, high = (np.where(still, 0.0, d) for d in (diffusion, low, high))
    if method == "msd":
        low = high = np.full_like(diffusion, np.nan)
    # gaps leave no neighbouring increments
    status = np.where((status == OK) & np.isnan(diffusion), UNEVEN, status)
    return result(
        series,
        {
            "drift": drift,
            "diffusion": diffusion,
            "diffusion_low": low,
            "diffusion_high": high,
            "count": count,
            "status": status,
        },
        named={"count": number_of("increments")},
        method=method,
        reference="Vestergaard, Blainey and Flyvbjerg (2014)",
        confidence=confidence,
        interval_method="inversion of the normal law, with its skewness, at the variance of "
        "Vestergaard et al. (2014); drift: none"
        if method == "covariance"
        else "none: neighbouring lags are dependent",
    )


def _by_msd(x: np.ndarray, spacing: float) -> np.ndarray:
    """Drift, diffusion, no interval, and count of every series, (series, 5)."""
    noise, drift, span = driftless(x)
    msds, pairs = np.empty((2, len(x), len(_MSD_LAGS)))
    gappy_msd(noise, _MSD_LAGS, msds, pairs)
    msds /= 1 - _MSD_LAGS / span[:, None]
    there = pairs > 0
    few = there.sum(axis=1) < 2
    clock = np.where(there, _MSD_LAGS * spacing, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        clock = np.where(
            there, clock - clock.sum(axis=1, keepdims=True) / there.sum(axis=1)[:, None], 0.0
        )
        # einsum: the last bits of a matrix product depend on the number of series
        slope = np.einsum("sk,sk->s", np.where(there, msds, 0.0), clock) / (clock**2).sum(axis=1)
    diffusion = np.where(few, np.nan, slope / 2)
    count = np.isfinite(np.diff(x, axis=1)).sum(axis=1)
    nothing = np.full_like(diffusion, np.nan)
    return np.column_stack([drift / spacing, diffusion, nothing, nothing, count])


def _by_covariance(x: np.ndarray, spacing: float, score: float) -> np.ndarray:
    """Drift, diffusion, its interval and count of every series, (series, 5)."""
    dx = np.diff(x, axis=1)
    finite = np.isfinite(dx)
    n = finite.sum(axis=1)
    paired = finite[:, 1:] & finite[:, :-1]
    pairs = paired.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        drift = np.where(finite, dx, 0).sum(axis=1) / n
        residual = np.where(finite, dx - drift[:, None], 0.0)
        square = (residual**2).sum(axis=1)
        product = (residual[:, 1:] * residual[:, :-1]).sum(axis=1)
        # covariances of increments at lags 0 and 1 from their sums about the mean: two equations
        neighbours = np.zeros(dx.shape, np.int64)
        neighbours[:, 1:] += paired
        neighbours[:, :-1] += paired
        a, b = n - 1.0, -2.0 * pairs / n
        c, d = -pairs / n, pairs - (neighbours**2).sum(axis=1) / n + 2.0 * (pairs / n) ** 2
        determinant = a * d - b * c
        lag_0 = (d * square - b * product) / determinant
        lag_1 = (a * product - c * square) / determinant
        diffusion = (lag_0 / 2 + lag_1) / spacing
        noise = -lag_1 / spacing
    low, high = _interval(diffusion, noise, pairs + 1.0, score)
    return np.column_stack([drift / spacing, diffusion, low, high, n])


def _interval(
    estimate: np.ndarray, noise: np.ndarray, n: np.ndarray, score: float
) -> tuple[np.ndarray, np.ndarray]:
    """Values of D at which the covariance-based estimate lies within its own law.

    Parameters
    ----------
    estimate : (series,)
        Estimates; negative ones are kept.
    noise : (series,)
        Variance of the measurement noise over the spacing.
    n : (series,)
        Number of increments.
    score : float
        Normal quantile of the upper end.

    Notes
    -----
    The estimate is a quadratic form of increments with spectrum D + noise (1 - cos w): its variance
    is (6 D**2 + 4 D s + 2 s**2)/n + 4 (D + s)**2/n**2, s the noise (Vestergaard et al. 2014), and
    its third cumulant (8/n**2) times the mean of [(1 + 2 cos w)(D + s (1 - cos w))]**3, which is
    7 D**3 + 3 D**2 s - 3 s**3/4. Its quantiles are those of Cornish and Fisher to this order; below
    D = 0 they move with D.
    """

    def quantile(d: np.ndarray, z: float) -> np.ndarray:
        positive = np.maximum(d, 0.0)
        s = np.maximum(noise + estimate - positive, 0.0)
        slope = (4 * positive**2 + 4 * positive * s + 3 * s**2) / np.maximum(
            6 * positive**2 + 4 * positive * s + 2 * s**2, 1e-300
        )
        s = np.maximum(noise + slope * (estimate - positive), 0.0)
        variance = (6 * positive**2 + 4 * positive * s + 2 * s**2) / n
        variance = variance + 4 * (positive + s) ** 2 / n**2
        third = 8 * (7 * positive**3 + 3 * positive**2 * s - 0.75 * s**3) / n**2
        with np.errstate(invalid="ignore", divide="ignore"):
            skewness = np.where(variance > 0, third / variance**1.5, 0.0)
        return d + np.sqrt(variance) * (z + skewness * (z * z - 1) / 6)

    unit = np.abs(estimate) + np.abs(noise)  # so that no power over- or underflows
    unit = np.where(unit > 0, unit, 1.0)
    estimate, noise = estimate / unit, noise / unit
    size = np.full(unit.shape, 100.0)
    ends = []
    for side in (1, -1):
        below, above = -size, size
        for _ in range(60):
            middle = 0.5 * (below + above)
            is_low = quantile(middle, side * score) < estimate
            below, above = np.where(is_low, middle, below), np.where(is_low, above, middle)
        ends.append(0.5 * (below + above))
    low, high = ends
    return low * unit, np.where(high > 0.99 * size, np.inf, high * unit)


def _by_window(series: Paths, window: float, method: str, confidence: float) -> xr.Dataset:
    width = number_given(window, "window")
    times, tolerance = series.times, 1e-3 * np.diff(series.times).min(initial=np.inf)
    fits = (times[-1] - times[0] + tolerance) / width if width > 0 else 0.0
    n_windows = int(fits) if fits <= len(times) else 0
    starts = times[0] + width * np.arange(n_windows)
    first = np.searchsorted(times, starts - tolerance)
    last = np.searchsorted(times, starts + width + tolerance)
    if not n_windows or (last - first).max() < 3:  # two increments
        raise InputError(
            f"window is {width:g}; it must be at most {times[-1] - times[0]:g}, the length of the "
            f"series, and at least two steps of {np.median(np.diff(times)):g}"
        )
    found: list[xr.Dataset | None] = []
    for a, b in zip(first, last, strict=True):
        given = series.given.isel({series.dim: slice(a, b)})
        part = series._replace(given=given, times=times[a:b])
        found.append(_whole(part, method, confidence) if a < b else None)
    like = next(f for f in found if f is not None)
    empty = like.map(lambda v: xr.full_like(v, np.nan) if v.dtype.kind == "f" else v * 0)
    empty = empty.assign(status=xr.full_like(like["status"], NO_DATA)).assign_attrs(like.attrs)
    attrs = attributes("window", t=series.time_unit)
    parts = [empty if f is None else f for f in found]
    return xr.concat(parts, dim=xr.DataArray(starts, dims="window", name="window", attrs=attrs))
