"""Diffusion matrix of several coordinates."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.containers import require_dimensions
from sgdphys.dynamics.blocks import READ_BYTES, in_groups, in_time
from sgdphys.dynamics.series import Paths, paths
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled, number_of


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
        mode), NaN beyond the rank; count (degrees of freedom).

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
    vectors = np.where(np.arange(vectors.shape[1]) < count, vectors, np.nan)
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
