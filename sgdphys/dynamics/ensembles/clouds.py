"""Ensembles of networks at fixed time, as clouds of points projected on a few directions."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys.containers import finite_array
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.blocks import in_time
from sgdphys.dynamics.ensembles.ensemble_diffusion import groups_along
from sgdphys.dynamics.series import Paths, paths
from sgdphys.errors import InputError, nearest
from sgdphys.missing import numbers_of

BASES = ("principal", "random", "coordinates")
MOST_MODES = 10
_DOF_PER_MODE = 4


class Cloud(NamedTuple):
    """Deviations of members from their groups' means, along chosen directions."""

    series: Paths
    y: np.ndarray
    """(time, member, mode), relative to the mean of each group; NaN for members that are missing
    at a time."""
    members: list[np.ndarray]
    """Indices along the second axis, for each group."""
    dof: int
    """Degrees of freedom: members minus groups."""
    present: np.ndarray
    """The same at each time, of the members that are there; int (time,)."""
    basis: np.ndarray
    """(parameter, mode)"""
    parameters: np.ndarray
    """Whether each parameter ever differs between members."""
    basis_name: str


class Shape(NamedTuple):
    """Members of an ensemble that are read, and the names of the dimensions."""

    x: xr.DataArray
    dim: str
    over: str
    coordinates: str
    members: list[np.ndarray]


def cloud_of(
    theta: xr.DataArray,
    *,
    time: Any,
    over: str,
    family: str | None,
    coordinates: str,
    basis: Any,
    modes: int | None,
    rng: Seed,
) -> Cloud:
    """Project an ensemble of trajectories on a few directions.

    Parameters
    ----------
    theta : DataArray (time, over, coordinates)
    family : str, optional
        Coordinate along ``over`` that names groups; deviations are from group means.
    basis : str or array (coordinates, mode)
        "principal": leading principal axes, averaged over times after scaling each covariance to
        unit variance. "random": orthonormal, by seed. "coordinates": parameters themselves.
    modes : int, optional
        A quarter of the degrees of freedom, at most 10, by default.

    Raises
    ------
    InputError
        For missing or further dimensions, or an unknown basis.
    """
    series = paths(theta, time=time)
    for name in (over, coordinates):
        if name not in series.over:
            raise InputError(f"there is no dimension {name!r}; {nearest(name, series.over)}")
    further = [d for d in series.over if d not in (over, coordinates)]
    if further:
        raise InputError(f"select one point along {', '.join(further)}: one ensemble is expected")
    x = series.given
    last = numbers_of(x.isel({series.dim: -1}).transpose(over, coordinates))
    is_finite = np.isfinite(last).all(axis=1)
    x = x.isel({over: np.flatnonzero(is_finite)})
    members = [g for g in groups_along(x, over, family) if len(g) > 1]
    dof = sum(len(g) - 1 for g in members)
    parameters = np.zeros(x.sizes[coordinates], bool)
    read = Shape(x, series.dim, over, coordinates, members)
    for y in _deviations(read):
        parameters |= (np.nan_to_num(y) != 0).any(axis=(0, 1))
    size = int(parameters.sum())
    named = basis if isinstance(basis, str) else "given"
    if isinstance(basis, str):
        if basis not in BASES:
            raise InputError(f"basis is {basis!r}; {nearest(basis, BASES)}")
        most = size if basis == "coordinates" else min(size, MOST_MODES)
        wanted = min(most, max(1, dof // _DOF_PER_MODE)) if modes is None else modes
        wanted = size if basis == "coordinates" and modes is None else min(wanted, size)
        vectors = np.zeros((x.sizes[coordinates], wanted))
        if wanted and dof:
            vectors[parameters] = _basis(basis, read, parameters, wanted, rng)
    else:
        vectors = finite_array(basis, "the vectors of the basis")
        if vectors.ndim != 2 or len(vectors) != x.sizes[coordinates]:
            raise InputError(
                f"basis has shape {vectors.shape}; it must be ({x.sizes[coordinates]}, modes)"
            )
    y = (
        np.concatenate([d @ vectors for d in _deviations(read)])
        if members
        else (np.zeros((x.sizes[series.dim], 0, vectors.shape[1])))
    )
    ends = np.cumsum([0, *(len(g) for g in members)])
    indices = [np.arange(a, b) for a, b in itertools.pairwise(ends)]
    is_there = np.asarray(np.isfinite(y).all(axis=2))
    present = np.zeros(len(y), np.int64)
    for group in indices:
        present += np.maximum(is_there[:, group].sum(axis=1) - 1, 0)
    return Cloud(series, y, indices, dof, present, vectors, parameters, named)


def _deviations(cloud: Shape) -> Iterator[np.ndarray]:
    """Deviations (time, member, parameter) from means of the members that are there.

    In stretches of times; NaN for members with a missing point.
    """
    for _, x in in_time(cloud.x, cloud.dim, cloud.over, cloud.coordinates):
        block = np.moveaxis(x, -1, 0)
        parts = [_about_their_mean(block[:, g]) for g in cloud.members]
        if parts:
            yield np.concatenate(parts, axis=1)


def _about_their_mean(block: np.ndarray) -> np.ndarray:
    """Members (time, member, parameter) of one group relative to the mean of those there."""
    is_there = np.isfinite(block).all(axis=2)
    first = np.take_along_axis(block, is_there.argmax(axis=1)[:, None, None], axis=1)
    with np.errstate(invalid="ignore"):
        # relative to a member first: equal members then differ by exactly 0
        y = block - first
        if is_there.all():
            return np.asarray(y - y.mean(axis=1, keepdims=True))
        there = is_there[..., None]
        total = np.where(there, y, 0.0).sum(axis=1, keepdims=True)
        mean = total / np.maximum(there.sum(axis=1, keepdims=True), 1)
        return np.where(there, y - mean, np.nan)


def _basis(name: str, cloud: Shape, parameters: np.ndarray, modes: int, rng: Seed) -> np.ndarray:
    size = int(parameters.sum())
    if name == "coordinates":
        return np.eye(size)[:, :modes]
    if name == "random":
        return np.linalg.qr(stream(rng).standard_normal((size, modes)))[0]
    total = np.zeros((size, size))
    for y in _deviations(cloud):
        for at_time in np.nan_to_num(y[:, :, parameters]):
            scale = (at_time**2).sum()
            if scale > 0:
                total += at_time.T @ at_time / scale
    return np.linalg.eigh(total)[1][:, ::-1][:, :modes]


def covariances(cloud: Cloud) -> np.ndarray:
    """Unbiased covariance (time, mode, mode) of deviations."""
    y = np.nan_to_num(cloud.y)
    freedom = np.maximum(cloud.present, 1)[:, None, None]
    return np.einsum("tmi,tmj->tij", y, y, optimize=True) / freedom
