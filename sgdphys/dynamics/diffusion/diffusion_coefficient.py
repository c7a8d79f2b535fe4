"""Diffusion coefficient: three estimators, by time window, by lag, and as a matrix."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from sgdphys.arguments import checked
from sgdphys.containers import finite_array, require_dimensions
from sgdphys.draws import Seed
from sgdphys.dynamics.clock import whole_lags
from sgdphys.dynamics.diffusion.msd import doubling, gappy_msd
from sgdphys.dynamics.diffusion.wiener import fit_wiener
from sgdphys.dynamics.intervals import METHOD, mean_with_interval
from sgdphys.dynamics.series import Paths, over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.errors import InputError, nearest
from sgdphys.glossary import Quantity
from sgdphys.missing import numbers_of
from sgdphys.quantities import attributes, labelled, number_of
from sgdphys.status import CONSTANT, ONCE, STRAIGHT, TOO_SHORT

METHODS = ("increments", "msd", "covariance")
_NEEDS = Needs(points=11, neighbours=True, takes=(CONSTANT, STRAIGHT, ONCE))
"""What an estimator from neighbouring increments needs."""
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
    """Drift and diffusion coefficient of every series, or of every window of it.

    Parameters
    ----------
    theta : DataArray or array
        Paths along time; an array without names has time first.
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    method : str
        "increments": maximum likelihood, any times. "msd": slope of the mean squared displacement
        at lags 1 to 4, with an intercept. "covariance": mean(dx**2)/(2 dt) + mean(dx_i
        dx_{i+1})/dt with the mean increment taken out, unbiased under localisation noise. The last
        two need even spacing.
    window : float, optional
        Length of a window in units of time; the result gains a dimension ``window``, its
        coordinate the time at which the window starts. A window has the points within it, both
        ends included. What is left over at the end is not used.
    confidence : float

    Returns
    -------
    Dataset
        drift, diffusion with ``_low`` and ``_high``, count, status.

    Raises
    ------
    InputError
        For an unknown method, or windows longer than the series.

    References
    ----------
    Vestergaard, Blainey and Flyvbjerg (2014), Phys. Rev. E 89, 022726.
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

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        return _neighbouring(x, spacing, method)

    columns, status = over_sound_series(series, kernel, 4, _NEEDS)
    drift, diffusion, error, count = np.moveaxis(columns, -1, 0)
    diffusion = np.where(is_still(status), 0.0, diffusion)
    half_width = ndtri(0.5 + confidence / 2) * error
    return result(
        series,
        {
            "drift": drift,
            "diffusion": diffusion,
            "diffusion_low": diffusion - half_width,
            "diffusion_high": diffusion + half_width,
            "count": count,
            "status": status,
        },
        named={"count": number_of("increments")},
        method=method,
        reference="Vestergaard, Blainey and Flyvbjerg (2014)",
        confidence=confidence,
        interval_method="normal, variance after Vestergaard et al. (2014); drift: none"
        if method == "covariance"
        else "none: neighbouring lags are dependent",
    )


def _neighbouring(x: np.ndarray, spacing: float, method: str) -> np.ndarray:
    """Drift, diffusion, its standard error and count of every series, (series, 4)."""
    with np.errstate(invalid="ignore"):
        dx = np.diff(x, axis=1)
        finite = np.isfinite(dx)
        count = finite.sum(axis=1)
        drift = np.where(finite, dx, 0).sum(axis=1) / count
        residual = dx - drift[:, None]
        products = residual[:, 1:] * residual[:, :-1]
        pairs = np.isfinite(products).sum(axis=1)
        square = np.nansum(residual**2, axis=1) / (count - 1)
        product = np.nansum(products, axis=1) / pairs
        # subtracting the mean biases every autocovariance by -1/n
        product += square / count
    if method == "covariance":
        diffusion = square / (2 * spacing) + product / spacing
        with np.errstate(divide="ignore", invalid="ignore"):
            noise = np.maximum(-product, 0.0) / (diffusion * spacing)
            error = diffusion * np.sqrt(
                (6 + 4 * noise + 2 * noise**2) / count + 4 * (1 + noise) ** 2 / count**2
            )
    else:
        line = drift[:, None] * np.arange(x.shape[1])
        msds, pairs_ = np.empty((2, len(x), len(_MSD_LAGS)))
        gappy_msd(np.ascontiguousarray(x - line), _MSD_LAGS, msds, pairs_)
        clock = _MSD_LAGS * spacing - (_MSD_LAGS * spacing).mean()
        # einsum: the last bits of a matrix product depend on the number of series
        diffusion = np.einsum("sk,k->s", msds, clock / (clock**2).sum()) / 2
        error = np.full_like(diffusion, np.nan)
    return np.column_stack([drift / spacing, diffusion, error, count])


def _by_window(series: Paths, window: float, method: str, confidence: float) -> xr.Dataset:
    width = float(finite_array(window, "window"))
    times, tolerance = series.times, 1e-3 * np.diff(series.times).min(initial=np.inf)
    n_windows = int((times[-1] - times[0] + tolerance) / width) if width > 0 else 0
    starts = times[0] + width * np.arange(n_windows)
    first = np.searchsorted(times, starts - tolerance)
    last = np.searchsorted(times, starts + width + tolerance)
    if not n_windows or (last - first).max() < 3:
        raise InputError(
            f"window is {width:g}; it must be at most {times[-1] - times[0]:g}, the length of the "
            f"series, and at least two steps of {np.median(np.diff(times)):g}"
        )
    found = []
    for a, b in zip(first, last, strict=True):
        theta = series.theta.isel({series.dim: slice(a, b)})
        found.append(_whole(series._replace(theta=theta, times=times[a:b]), method, confidence))
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
    rng: Seed = 0,
) -> xr.Dataset:
    """Diffusion coefficient over a ladder of lags: noise that cannot add up has none at long ones.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths; an array without names has time first.
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    lags : array, optional
        In units of time; 1, 2, 4, ... points up to a tenth of the series by default.
    over : str, optional
        A dimension of independent paths to average over, with intervals by bootstrap.
    confidence : float
    rng : int, SeedSequence or Generator
        Seed of the bootstrap.

    Returns
    -------
    Dataset
        diffusion (..., lag), green_kubo (..., lag), pairs; with ``over`` their ``_low``, ``_high``.

    Raises
    ------
    InputError
        For unevenly spaced points, or lags that reach beyond the series.

    Notes
    -----
    D(k) = <(x_{i+k} - x_i - k v dt)**2>/(2 k dt), each series' own drift v taken out and its loss
    of 1 - k/n restored. The Green-Kubo sum up to lag k, 1/2 sum_{|j| <= k} C_dx(j)/dt, is the slope
    of the mean squared displacement there, [MSD(k + 1) - MSD(k)]/(2 dt), and tends to the long-time
    D. Over less than an epoch, batches drawn without replacement look like those drawn with.

    References
    ----------
    Kubo (1957); Lo and MacKinlay (1988) for the restored loss.
    """
    series = paths(theta, time=time)
    spacing, points = series.spacing, series.theta.sizes[series.dim]
    if np.isnan(spacing):
        raise InputError(
            f"diffusion_vs_lag needs evenly spaced points along {series.dim!r}; use "
            "diffusion_coefficient, which takes any times"
        )
    steps = doubling(points // 10) if lags is None else np.unique(whole_lags(lags, spacing))
    if steps.min() < 1 or steps.max() + 1 >= points:
        raise InputError(
            f"lags must lie between {spacing:g} and {(points - 2) * spacing:g}; they are "
            f"{steps * spacing}"
        )
    both = np.concatenate([steps, steps + 1])
    n_lags = len(steps)

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        dx = np.diff(x, axis=1)
        finite = np.isfinite(dx)
        with np.errstate(invalid="ignore"):
            drift = np.where(finite, dx, 0.0).sum(axis=1) / finite.sum(axis=1)
        driftless = x - drift[:, None] * np.arange(x.shape[1])
        msds, pairs = np.empty((2, len(x), 2 * n_lags))
        gappy_msd(np.ascontiguousarray(driftless), both, msds, pairs)
        msds /= 1 - both / (points - 1)
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
    return _over_ensemble(data, series, over, confidence, rng)


def _over_ensemble(
    data: xr.Dataset, series: Paths, over: str, confidence: float, rng: Seed
) -> xr.Dataset:
    """Means over a dimension with their bootstrap intervals."""
    if over not in data.dims:
        raise InputError(f"there is no dimension {over!r}; {nearest(over, data.dims)}")
    averaged = data["pairs"].sum(over).to_dataset()
    for name in ("diffusion", "green_kubo"):
        averaged = averaged.merge(
            mean_with_interval(data[name], over=over, confidence=confidence, rng=rng)
        )
    averaged = averaged.assign_attrs(data.attrs)
    named = {"pairs": number_of("pairs of points")}
    return labelled(averaged, named, x=series.value_unit, t=series.time_unit)


def diffusion_matrix(
    theta: Any, *, time: Any = None, coordinates: str = "parameter", modes: int = 10,
) -> xr.Dataset:  # fmt: skip
    """Trace, effective rank and largest eigenvalues of the matrix of diffusion coefficients.

    Parameters
    ----------
    theta : DataArray
        Evenly spaced; any further dimension (replica) is averaged over.
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    coordinates : str
        Those that diffuse together.
    modes : int
        Eigenvalues returned.

    Returns
    -------
    Dataset
        trace, effective_rank, eigenvalue (mode), eigenvector (coordinates, mode), count (degrees of
        freedom).

    Raises
    ------
    InputError
        For unevenly spaced points, or values with gaps.

    Notes
    -----
    D_ij = <(dx_i - v_i dt)(dx_j - v_j dt)>/(2 dt). The rank of an estimate is at most the number of
    increments; the effective rank is tr(D)**2/tr(D**2).
    """
    series = paths(theta, time=time, coordinates=coordinates)
    require_dimensions(series.theta, coordinates)
    if np.isnan(series.spacing):
        raise InputError(
            f"diffusion_matrix needs evenly spaced points along {series.dim!r}; interpolate first"
        )
    x = numbers_of(series.theta.transpose(..., series.dim, coordinates))
    x = x.reshape(-1, *x.shape[-2:])
    if not np.isfinite(x).all():
        raise InputError(
            "diffusion_matrix needs values without gaps; leave out paths that diverged"
        )
    dx = np.diff(x, axis=1)
    dx -= dx.mean(axis=1, keepdims=True)
    count = dx.shape[0] * (dx.shape[1] - 1)
    flat = dx.reshape(-1, dx.shape[-1])
    is_wide = len(flat) < flat.shape[1]
    values, vectors = np.linalg.eigh(flat @ flat.T if is_wide else flat.T @ flat)
    values, vectors = values[::-1] / (2 * series.spacing * count), vectors[:, ::-1][:, :modes]
    if is_wide:
        vectors = flat.T @ vectors
        vectors /= np.linalg.norm(vectors, axis=0)
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
