"""Diffusion coefficient: three estimators, by time window, by lag, and as a matrix."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from sgdphys.arguments import checked
from sgdphys.containers import require_dimensions
from sgdphys.dynamics.blocks import READ_BYTES, in_groups, in_time
from sgdphys.dynamics.clock import number_given, whole_lags
from sgdphys.dynamics.diffusion.msd import doubling, gappy_msd
from sgdphys.dynamics.diffusion.wiener import fit_wiener
from sgdphys.dynamics.series import Paths, over_sound_series, paths, require_one_dimension, result
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.errors import InputError, nearest
from sgdphys.glossary import Quantity
from sgdphys.intervals import METHOD, Kind, mean_with_interval
from sgdphys.missing import numbers_of
from sgdphys.quantities import attributes, labelled, number_of
from sgdphys.status import CONSTANT, OK, ONCE, STRAIGHT, TOO_SHORT, UNEVEN

METHODS = ("increments", "msd", "covariance")
_STILL = (CONSTANT, STRAIGHT, ONCE)
_NEEDS = {
    "msd": Needs(points=11, takes=_STILL),
    "covariance": Needs(points=31, takes=_STILL),
}
"""What the estimators from neighbouring increments need."""
_NEEDS_OF_LAGS = Needs(takes=(CONSTANT, STRAIGHT, ONCE, TOO_SHORT))
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


def _driftless(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def _by_msd(x: np.ndarray, spacing: float) -> np.ndarray:
    """Drift, diffusion, no interval, and count of every series, (series, 5)."""
    driftless, drift, span = _driftless(x)
    msds, pairs = np.empty((2, len(x), len(_MSD_LAGS)))
    gappy_msd(driftless, _MSD_LAGS, msds, pairs)
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
    found = []
    for a, b in zip(first, last, strict=True):
        given = series.given.isel({series.dim: slice(a, b)})
        found.append(_whole(series._replace(given=given, times=times[a:b]), method, confidence))
    attrs = attributes("window", t=series.time_unit)
    return xr.concat(found, dim=xr.DataArray(starts, dims="window", name="window", attrs=attrs))


@checked
def diffusion_vs_lag(
    theta: Any,
    *,
    time: Any = None,
    lags: Any = None,
    over: str | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Lag-dependent (apparent) diffusion coefficient, and the Green-Kubo sum.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths in units x; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    lags : array, optional
        Lags in units t; by default 1, 2, 4, ... points up to a tenth of the series.
    over : str, optional
        Dimension of independent paths to average over, with intervals.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        diffusion (..., lag) and green_kubo (..., lag), both in x**2/t, with ``_low`` and ``_high``
        if ``over`` is given; pairs (..., lag).

    Raises
    ------
    InputError
        For unevenly spaced points, or lags beyond the length of the series.

    See Also
    --------
    msd : Mean squared displacement, drift included.
    diffusion_coefficient : One coefficient at the spacing of the points.
    msd_exponent : How the displacement grows with the lag.

    Notes
    -----
    D(k) = <(x_{i+k} - x_i - k v dt)**2>/(2 k dt), with v the drift of each series, divided by
    1 - k/n, the bias from subtracting v. The Green-Kubo sum up to lag k,
    1/2 sum_{|j| <= k} C_dx(j)/dt, is the local slope of the mean squared displacement,
    [MSD(k + 1) - MSD(k)]/(2 dt), and tends to the long-time D. The noise of batches drawn without
    replacement cancels over an epoch: D(k) falls as 1/k beyond an epoch.

    References
    ----------
    Kubo (1957); Lo and MacKinlay (1988) for the correction.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.sgd_on_quadratic(
    ...     curvature=0.0, learning_rate=1.0, batches=10, steps=5000, rng=0
    ... )  # a flat loss, and noise that cancels over every 10 steps
    >>> found = sp.dynamics.diffusion_vs_lag(data["theta"], lags=[1, 10, 100])
    >>> found["diffusion"].values.round(2).ravel().tolist()
    [0.5, 0.18, 0.02]
    >>> (0.5 * sp.processes.epoch_noise_diffusion([1, 10, 100], batches=10)).round(2).tolist()
    [0.5, 0.18, 0.02]
    """
    series = paths(theta, time=time)
    spacing, points = series.spacing, series.theta.sizes[series.dim]
    if np.isnan(spacing):
        raise InputError(
            f"diffusion_vs_lag needs evenly spaced points along {series.dim!r}; use "
            "diffusion_coefficient, which takes any times"
        )
    steps = doubling(points // 10) if lags is None else np.unique(whole_lags(lags, spacing))
    longest = points - 3  # one more has displacements other than that of the drift
    if points < 4 or steps.min() < 1 or (steps.max() > longest and lags is not None):
        raise InputError(
            f"lags must lie between {spacing:g} and {longest * spacing:g}, two spacings less than "
            f"the series spans; they are {steps * spacing}"
        )
    steps = steps[steps <= longest]
    both = np.concatenate([steps, steps + 1])
    n_lags = len(steps)

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        driftless, _, span = _driftless(x)
        msds, pairs = np.empty((2, len(x), 2 * n_lags))
        gappy_msd(driftless, both, msds, pairs)
        with np.errstate(invalid="ignore", divide="ignore"):
            msds /= 1 - both / span[:, None]
        return np.concatenate(
            [
                msds[:, :n_lags] / (2 * steps * spacing),
                (msds[:, n_lags:] - msds[:, :n_lags]) / (2 * spacing),
                pairs[:, :n_lags],
            ],
            axis=1,
        )

    found, _ = over_sound_series(series, kernel, 3 * n_lags, _NEEDS_OF_LAGS)
    parts = {name: found[..., k * n_lags : (k + 1) * n_lags] for k, name in
             enumerate(("diffusion", "green_kubo", "pairs"))}  # fmt: skip
    values: dict[str, Any] = {name: (("lag",), v) for name, v in parts.items()}
    values["pairs"] = (("lag",), np.nan_to_num(parts["pairs"]).astype(np.int64))
    data = result(
        series,
        values,
        coords={"lag": steps * spacing},
        named={"pairs": number_of("pairs of points")},
        method="variance of overlapping increments, the drift of each series subtracted",
        reference="Kubo (1957)",
        confidence=confidence,
        interval_method=METHOD if over else "none; give over=, a dimension of independent paths",
    )
    if over is None:
        return data
    return _over_ensemble(data, series, over, confidence)


def _over_ensemble(data: xr.Dataset, series: Paths, over: str, confidence: float) -> xr.Dataset:
    """Means over a dimension with their intervals."""
    require_one_dimension(series, over)
    averaged = data["pairs"].sum(over).to_dataset()
    kinds: dict[str, Kind] = {"diffusion": "positive", "green_kubo": "symmetric"}
    for name, kind in kinds.items():
        found = mean_with_interval(data[name], kind=kind, over=over, confidence=confidence)
        averaged = averaged.merge(found)
    averaged = averaged.assign_attrs(data.attrs)
    named = {"pairs": number_of("pairs of points")}
    return labelled(averaged, named, x=series.value_unit, t=series.time_unit)


def diffusion_matrix(
    theta: Any, *, time: Any = None, coordinates: str = "parameter", modes: int = 10,
) -> xr.Dataset:  # fmt: skip
    """Diffusion matrix (covariance of increments): trace, participation ratio, eigenvalues.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths in units x, without missing values; any further dimension (replica) is
        averaged over. An array without names is (point, coordinate).
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    coordinates : str
        Dimension of the vector that diffuses.
    modes : int
        Number of largest eigenvalues and eigenvectors that are returned.

    Returns
    -------
    Dataset
        trace (x**2/t); effective_rank; eigenvalue (mode), in x**2/t; eigenvector (coordinates,
        mode); count (degrees of freedom).

    Raises
    ------
    InputError
        For an unknown dimension, unevenly spaced points, or missing values.

    See Also
    --------
    diffusion_coefficient : Each coordinate alone.
    fit_langevin : Drift matrix and diffusion matrix jointly.
    trajectory_components : Principal components of the path itself.

    Notes
    -----
    D_ij = <(dx_i - v_i dt)(dx_j - v_j dt)>/(2 dt). The effective rank (participation ratio) is
    tr(D)**2/tr(D**2). The rank of the estimate is at most the number of increments.

    References
    ----------
    Gardiner, "Stochastic methods", 4th ed., section 3.5.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(diffusion=0.5, steps=2000, parameters=4, rng=0)["theta"]
    >>> found = sp.dynamics.diffusion_matrix(theta)
    >>> [round(found[name].item(), 1) for name in ("trace", "effective_rank")]
    [2.0, 4.0]
    """
    series = paths(theta, time=time, coordinates=coordinates)
    require_dimensions(series.theta, coordinates)
    if np.isnan(series.spacing):
        raise InputError(
            f"diffusion_matrix needs evenly spaced points along {series.dim!r}; interpolate first"
        )
    values, vectors, count = _increment_modes(series, coordinates, modes)
    if values is None:
        raise InputError(
            "diffusion_matrix needs values without gaps; leave out paths that diverged"
        )
    values = values / (2 * series.spacing * count)
    trace = values.sum()
    data = xr.Dataset(
        {
            "trace": trace,
            "effective_rank": trace**2 / (values**2).sum(),
            "eigenvalue": ("mode", values[:modes]),
            "eigenvector": ((coordinates, "mode"), vectors),
            "count": count,
        },
        coords={"mode": np.arange(1, min(modes, len(values)) + 1)},
        attrs={"method": "covariance of increments", "interval_method": "none"},
    )
    named = {
        "count": number_of("degrees of freedom"),
        "eigenvalue": Quantity(
            "{x}**2/{t}",
            "eigenvalue of the diffusion matrix",
            "",
            "diffusion coefficient along a mode, largest first",
        ),
    }
    return labelled(data, named, x=series.value_unit, t=series.time_unit)


@np.errstate(all="ignore")  # of infinite values
def _increment_modes(
    series: Paths, coordinates: str, modes: int
) -> tuple[np.ndarray | None, np.ndarray, int]:
    """Eigenvalues of the sum of products of increments about the mean of their path, and vectors.

    By the smaller Gram matrix; a lazy array is read in parts, twice where coordinates are more.

    Returns
    -------
    tuple
        All eigenvalues (mode,), largest first, or None with missing values; vectors (coordinate,
        mode); degrees of freedom.
    """
    given, dim = series.given, series.dim
    others = [d for d in series.over if d != coordinates]
    shape, size = [given.sizes[d] for d in others], given.sizes[coordinates]
    steps = given.sizes[dim] - 1
    total = int(np.prod(shape)) * steps
    count = total - int(np.prod(shape))

    def columns() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for number, x in in_groups(given, dim, others, block_bytes=READ_BYTES):
            dx = np.diff(x, axis=2)
            dx -= dx.mean(axis=2, keepdims=True)
            yield number, dx.reshape(len(dx), -1)

    is_wide = total < size
    products = np.zeros((total, total) if is_wide else (size, size))
    if is_wide:
        for _, dx in columns():
            products += dx.T @ dx
    else:
        for index in np.ndindex(*shape):
            within = dict(zip(others, index, strict=True))
            ends = numbers_of(given.isel({dim: [0, -1], **within}).transpose(coordinates, dim))
            mean = np.diff(ends, axis=1) / steps
            for _, x in in_time(given, dim, coordinates, before=1, within=within):
                dx = np.diff(x, axis=1) - mean
                products += dx @ dx.T
    if not np.isfinite(products).all():
        return None, products, count
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1], vectors[:, ::-1][:, :modes]
    if is_wide:
        rows = np.empty((size, vectors.shape[1]))
        for number, dx in columns():
            rows[number] = dx @ vectors
        vectors = rows / np.linalg.norm(rows, axis=0)
    return values, vectors, count
