"""Statistics of weights along directions of known curvature: memory, variance, flatness."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import array_of, labelled_array, require_dimensions
from sgdphys.dynamics.series import paths
from sgdphys.dynamics.sgd.fluctuation_ratios import require_consecutive, require_rates
from sgdphys.dynamics.slowing.autocorrelation import autocorrelation
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.intervals import (
    METHOD,
    Kind,
    finite_mean,
    jackknife_interval,
    mean_with_interval,
    means_without_each,
)
from sgdphys.missing import labelled_without_missing, numbers_of
from sgdphys.quantities import attributes, in_unit, labelled, number_of

_FEWEST_DIRECTIONS = 4


def project(
    theta: xr.DataArray, vectors: xr.DataArray, *, coordinates: str = "parameter"
) -> xr.DataArray:
    """Projection of weights onto directions, such as Hessian eigenvectors.

    Parameters
    ----------
    theta : DataArray (..., coordinates)
    vectors : DataArray (coordinates, mode, ...)
        Unit vectors; further dimensions, such as replica, are matched with those of theta.
    coordinates : str
        Dimension of the weight vector.

    Returns
    -------
    DataArray (..., mode)
        In the unit of theta; a DataArray and no Dataset, since projected paths are again paths.

    Raises
    ------
    InputError
        If theta and vectors differ in their number of parameters.

    See Also
    --------
    hessian_mode_statistics : Variance and memory of the projections.

    Notes
    -----
    y_k = sum_i v_ik theta_i.

    Examples
    --------
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> theta = xr.DataArray([3.0, 4.0], dims="parameter")
    >>> vectors = xr.DataArray([[1.0, 0.6], [0.0, 0.8]], dims=("parameter", "mode"))
    >>> sp.dynamics.project(theta, vectors).values.round(6)
    array([3., 5.])
    """
    theta = labelled_without_missing(labelled_array(theta))
    vectors = labelled_without_missing(labelled_array(vectors, coordinates, "mode"))
    size = theta.sizes.get(coordinates)
    if coordinates not in vectors.dims or vectors.sizes[coordinates] != size:
        raise InputError(
            f"vectors are {dict(vectors.sizes)} and theta is {dict(theta.sizes)}: "
            f"both need the same {coordinates!r}"
        )
    bare = [
        v.drop_vars([c for c in v.coords if coordinates in v[c].dims]) for v in (theta, vectors)
    ]
    found = xr.dot(bare[0].astype(np.float64), bare[1], dim=coordinates)
    return found.assign_attrs(attributes("projection", x=str(theta.attrs.get("units", "1"))))


@checked
def hessian_mode_statistics(
    theta: xr.DataArray,
    curvature: xr.DataArray,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    noise: xr.DataArray | None = None,
    time: Any = None,
    over: str = "replica",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Variance and lag-1 autocorrelation along Hessian eigenvectors, and their predictions.

    Parameters
    ----------
    theta : DataArray (time, over, mode)
        Projections on directions over a stationary stretch of consecutive steps: see ``project``.
    curvature : DataArray (mode) or (over, mode)
        Second derivative h of the loss along each direction.
    learning_rate, momentum : float
        eta and mu.
    noise : DataArray, optional
        Variance C of the minibatch gradient along each direction.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    over : str
        Ensemble dimension.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        variance (unit of theta squared) and autocorrelation (mode), means over members with
        ``_low`` and ``_high``; predicted_autocorrelation; stability, 1 at the edge of stability;
        curvature; with ``noise`` also predicted_variance.

    Raises
    ------
    InputError
        For an unknown dimension, or steps that are not consecutive.

    See Also
    --------
    project : Projections on directions.
    variance_flatness : Exponent of the variance against the curvature.
    relaxation_time : Relaxation times of the projections.

    Notes
    -----
    For white gradient noise on a quadratic loss the lag-1 autocorrelation is 1 - eta
    h/(1 + mu), the variance eta C (1 + mu)/[h (1 - mu)(2 (1 + mu) - eta h)], and stability = eta
    h/(2 (1 + mu)). There are two critical points: at h = 0 the autocorrelation is +1, at the edge
    of stability it is -1. A norm or a loss mixes both.

    References
    ----------
    Mandt, Hoffman and Blei (2017), J. Mach. Learn. Res. 18, 134; Cohen et al. (2021), ICLR, for the
    edge of stability.

    Examples
    --------
    SGD on a quadratic loss, a flat direction and one near the edge of stability:

    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> x = sp.processes.sgd_on_quadratic(
    ...     curvature=[1.0, 19.0], learning_rate=0.1, steps=5000, replicas=8, rng=0
    ... )["theta"].rename(parameter="mode")
    >>> h = xr.DataArray([1.0, 19.0], dims="mode")
    >>> found = sp.dynamics.hessian_mode_statistics(x, h, learning_rate=0.1)
    >>> found["autocorrelation"].values.round(1), found["predicted_autocorrelation"].values.round(1)
    (array([ 0.9, -0.9]), array([ 0.9, -0.9]))
    """
    require_rates(learning_rate, momentum)
    series = paths(theta, time=time)
    require_consecutive(series, "memory and its prediction are")
    theta = labelled_without_missing(series.theta).astype(np.float64)
    curvature = labelled_without_missing(labelled_array(curvature, "mode"))
    if "mode" not in theta.dims or over not in theta.dims:
        raise InputError(f"projections on directions need dimensions 'mode' and {over!r}")
    found = autocorrelation(series, lags=[series.spacing])["autocorrelation"].isel(lag=0, drop=True)
    variance = theta.var(series.dim, ddof=1)
    variance = variance.where(np.isfinite(found) | (variance == 0))  # of the same members
    measured = xr.Dataset({"variance": variance, "autocorrelation": found.astype(np.float64)})
    measured = measured.transpose(over, ...)
    data = xr.Dataset()
    kinds: dict[str, Kind] = {"variance": "positive", "autocorrelation": "symmetric"}
    for name, kind in kinds.items():
        ends = mean_with_interval(measured[name], kind=kind, over=over, confidence=confidence)
        data = data.merge(ends)
    h = curvature.mean(over) if over in curvature.dims else curvature
    data["curvature"] = h
    data["stability"] = learning_rate * h / (2 * (1 + momentum))
    data["predicted_autocorrelation"] = 1 - learning_rate * h / (1 + momentum)
    if noise is not None:
        noise = labelled_without_missing(labelled_array(noise, "mode"))
        c = noise.mean(over) if over in noise.dims else noise
        denominator = h * (1 - momentum) * (2 * (1 + momentum) - learning_rate * h)
        predicted = learning_rate * c * (1 + momentum) / denominator.where(denominator > 0)
        data["predicted_variance"] = predicted
    own = curvature.attrs.get("units")
    named = {"curvature": in_unit("curvature", str(own))} if own else None
    return labelled(data, named, x=series.value_unit).assign_attrs(
        method="moments of projections on directions",
        reference="Mandt, Hoffman and Blei (2017); Cohen et al. (2021)",
        learning_rate=learning_rate,
        momentum=momentum,
        confidence=confidence,
        interval_method=METHOD,
    )


@checked
def variance_flatness(
    variance: xr.DataArray,
    curvature: xr.DataArray,
    *,
    over: str = "replica",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Variance-flatness exponent: slope of ln variance against ln curvature over directions.

    Parameters
    ----------
    variance, curvature : DataArray (over, mode)
        Directions in which either is not positive are left out.
    over : str
        Ensemble dimension, for the interval.
    confidence : float
        Level of the interval.

    Returns
    -------
    Dataset
        flatness_exponent, dimensionless, with ``_low`` and ``_high``; count, the number of
        directions used.

    Raises
    ------
    NotEnoughData
        For fewer than 4 directions.

    See Also
    --------
    hessian_mode_statistics : Variance along directions of known curvature.
    noise_alignment : Alignment of gradient noise with the Hessian.

    Notes
    -----
    Variance ~ curvature**exponent. White noise with a covariance proportional to the
    Hessian gives 0, isotropic white noise -1, and noise reshuffled every epoch up to +1 whatever
    the loss: report the sampler with every such exponent, and compare more than one.

    References
    ----------
    Feng and Tu (2021), PNAS 118, e2015617118, for the inverse variance-flatness relation.

    Examples
    --------
    Isotropic white noise, variance proportional to 1/curvature:

    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> h = xr.DataArray([[1.0, 2, 4, 8], [1.1, 2, 4, 8]], dims=("replica", "mode"))
    >>> round(sp.dynamics.variance_flatness(0.5 / h, h)["flatness_exponent"].item(), 2)
    -1.0
    """
    variance, curvature = (labelled_array(a, over, "mode") for a in (variance, curvature))
    for array in (variance, curvature):
        require_dimensions(array, over, "mode")
    v = numbers_of(variance.transpose(over, "mode"))
    h = numbers_of(curvature.transpose(over, "mode"))
    is_used = (np.nanmean(v, axis=0) > 0) & (np.nanmean(h, axis=0) > 0)
    if is_used.sum() < _FEWEST_DIRECTIONS:
        raise NotEnoughData(
            f"{int(is_used.sum())} directions have a positive curvature and variance; "
            f"a slope needs {_FEWEST_DIRECTIONS}"
        )
    both = np.stack([v[:, is_used], h[:, is_used]], axis=-1)
    is_complete = np.isfinite(both).all(axis=(1, 2))
    members = int(is_complete.sum())
    both = both[is_complete] if members else both
    if np.ptp(finite_mean(both)[:, 1]) == 0:
        raise NotEnoughData(
            "all directions have the same curvature, and there is no slope: give others"
        )
    slope = _log_slope(finite_mean(both))
    low, high = jackknife_interval(slope, _log_slope(means_without_each(both)), members, confidence)
    data = xr.Dataset(
        {
            "flatness_exponent": slope,
            "flatness_exponent_low": low,
            "flatness_exponent_high": high,
            "count": int(is_used.sum()),
        }
    )
    return labelled(data, {"count": number_of("directions")}).assign_attrs(
        method="least squares of ln variance on ln curvature of member means",
        reference="Feng and Tu (2021)",
        confidence=confidence,
        interval_method=METHOD,
    )


def _log_slope(both: np.ndarray) -> np.ndarray:
    """Slope of ln variance on ln curvature, (..., mode, 2) to (...)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y, x = np.moveaxis(np.log(both), -1, 0)
    x = x - x.mean(axis=-1, keepdims=True)
    return np.asarray((x * y).sum(axis=-1) / (x**2).sum(axis=-1))


def noise_alignment(noise: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Alignment of gradient noise with the Hessian: cosine similarity of two matrices.

    Parameters
    ----------
    noise, hessian : array (..., row, column)
        Noise covariance C and Hessian H.

    Returns
    -------
    array (...)
        tr(C H)/(|C| |H|), dimensionless; a plain array, since matrices come without named
        dimensions.

    Raises
    ------
    InputError
        For matrices that are not square, or of different sizes.

    See Also
    --------
    variance_flatness : What aligned and isotropic noise do to the variance.

    Notes
    -----
    |.| is the Frobenius norm. 1 for C proportional to H; NaN where either is zero.

    References
    ----------
    Zhu et al. (2019), ICML, "The anisotropic noise in stochastic gradient descent".

    Examples
    --------
    >>> import numpy as np
    >>> import sgdphys as sp
    >>> h = np.diag([1.0, 0.0])
    >>> [float(sp.dynamics.noise_alignment(c, h)) for c in (3 * h, np.eye(2) - h)]
    [1.0, 0.0]
    """
    noise, hessian = array_of(noise, "noise"), array_of(hessian, "hessian")
    square = noise.ndim > 1 and noise.shape[-1] == noise.shape[-2]
    if not square or noise.shape[-2:] != hessian.shape[-2:] or not noise.size:
        raise InputError(
            f"noise is {noise.shape} and hessian {hessian.shape}; matrices (..., row, column) of "
            "one size were expected"
        )
    product = np.einsum("...ij,...ji->...", noise, hessian)
    size = np.linalg.norm(noise, axis=(-2, -1)) * np.linalg.norm(hessian, axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(product / size)
