"""Principal components of trajectories, always with those of random walks for comparison.

The components of a plain random walk look like structure: a smooth arc, and shares of the variance
that fall as 1/k**2. The null is simulated from the measured covariance of the increments.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import linalg

from sgdphys.arguments import checked, require_whole
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.blocks import READ_BYTES, in_groups, in_time
from sgdphys.dynamics.series import paths, require_free_names
from sgdphys.dynamics.sgd.fluctuation_ratios import require_momentum
from sgdphys.errors import InputError, nearest
from sgdphys.quantities import labelled

_DIRECTIONS = 100


@checked
def trajectory_components(
    theta: xr.DataArray,
    *,
    time: Any = None,
    coordinates: str = "parameter",
    components: int = 5,
    momentum: float = 0.0,
    resamples: int = 100,
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """Principal component analysis (PCA) of trajectories, with a random-walk null.

    Parameters
    ----------
    theta : DataArray (time, coordinates, ...)
        Trajectories along any further dimension, such as replica, are analysed one by one. Those
        that diverged are NaN.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    coordinates : str
        Dimension of the weight vector.
    components : int
        Number of components.
    momentum : float
        mu of the optimiser: increments of the random walks are then correlated, by mu from one to
        the next.
    resamples : int
        Random walks per trajectory.
    confidence : float
        Level of the range of the walks.
    rng : int, SeedSequence or Generator
        Seed of the walks, together with the index of each trajectory.

    Returns
    -------
    Dataset
        component_share (..., component), the explained fraction of the variance in time;
        null_component_share with ``_low`` and ``_high``, over the walks; score (..., time,
        component) in the unit of theta; null_score, of one walk.

    Raises
    ------
    InputError
        For fewer points than components + 2, or an unknown dimension.

    See Also
    --------
    project : Projection on given directions.
    msd : Mean squared displacement, where a random walk shows without a choice of directions.

    Notes
    -----
    Eigenvectors of the covariance of the points about their mean in time (by the smaller Gram
    matrix, of which there are two in memory; a lazy array is read in parts, once where it has at
    least as many coordinates as points, otherwise twice). A plain random walk looks like structure,
    a smooth arc: with isotropic noise in many directions its shares are 6/(pi k)**2. Each walk of
    the null has as many steps as the trajectory and Gaussian increments with the covariance of the
    measured ones about their mean, scaled to each interval of time.

    References
    ----------
    Antognini and Sohl-Dickstein (2018), NeurIPS, "PCA of high dimensional random walks".

    Examples
    --------
    A Wiener process in many dimensions has shares near 0.61, 0.15, 0.07, as its null has:

    >>> import sgdphys as sp
    >>> x = sp.processes.wiener(steps=200, parameters=300, rng=0)["theta"]
    >>> found = sp.dynamics.trajectory_components(x, time="time", components=3, resamples=5)
    >>> found["component_share"].values.ravel().round(2)
    array([0.58, 0.16, 0.08])
    >>> found["null_component_share"].values.ravel().round(2)
    array([0.61, 0.16, 0.07])
    """
    require_whole(components, "components", 1)
    require_momentum(momentum)
    series = paths(theta, time=time)
    if coordinates not in series.over:
        raise InputError(
            f"there is no dimension {coordinates!r}; {nearest(coordinates, series.over)}"
        )
    points = series.theta.sizes[series.dim]
    if points < components + 2:
        raise InputError(f"{points} points are too few for {components} components")
    further = [d for d in series.over if d != coordinates]
    shape = tuple(series.given.sizes[d] for d in further)
    n_paths = int(np.prod(shape))
    share = np.full((n_paths, components), np.nan)
    scores = np.full((n_paths, points, components), np.nan)
    null, null_scores = np.full((n_paths, 3, components), np.nan), np.full_like(scores, np.nan)
    dt = np.diff(series.times)
    tail = (1 - confidence) / 2
    for k, index in enumerate(np.ndindex(shape)):
        path = _Path(series.given, series.dim, coordinates, dict(zip(further, index, strict=True)))
        found = principal_components(path, dt, components)
        if found is None:
            continue
        share[k], scores[k], variances = found
        walks = _walks(variances, dt, momentum, resamples, stream(rng, k))
        of_walks = [_components(w, components) for w in walks]
        shares = np.stack([s for s, _ in of_walks])
        null[k] = [shares.mean(axis=0), *np.quantile(shares, [tail, 1 - tail], axis=0)]
        null_scores[k] = of_walks[0][1]
    axes = (*further, "component")
    require_free_names(series.theta, ["component_share", "score", "null_score"], ["component"])

    def shaped(values: np.ndarray) -> np.ndarray:
        return values.reshape(*shape, *values.shape[1:])

    coords = {n: c for n, c in series.theta.coords.items() if coordinates not in c.dims}
    data = xr.Dataset(
        {
            "component_share": (axes, shaped(share)),
            "null_component_share": (axes, shaped(null[:, 0])),
            "null_component_share_low": (axes, shaped(null[:, 1])),
            "null_component_share_high": (axes, shaped(null[:, 2])),
            "score": ((*further, series.dim, "component"), shaped(scores)),
            "null_score": ((*further, series.dim, "component"), shaped(null_scores)),
        },
        coords={**coords, "component": np.arange(1, components + 1)},
    )
    return labelled(data, x=series.value_unit, t=series.time_unit).assign_attrs(
        method="eigenvectors of the Gram matrix of points about their mean in time",
        reference="Antognini and Sohl-Dickstein (2018)",
        walks=resamples,
        momentum=momentum,
        confidence=confidence,
        interval_method="range of simulated random walks; that of the trajectory: none",
    )


class _Path(NamedTuple):
    """One path of an array, which is read in parts."""

    given: xr.DataArray
    dim: str
    coordinates: str
    within: Mapping[str, int]
    """Its place along the other dimensions."""

    def in_time(self, before: int = 0) -> Iterator[tuple[slice, np.ndarray]]:
        """Stretches (coordinate, point)."""
        given, dim, coordinates, within = self
        return in_time(given, dim, coordinates, before=before, within=within)


def principal_components(
    path: _Path, dt: np.ndarray, components: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Principal components of one path, which is read in parts.

    Parameters
    ----------
    path : _Path
    dt : float64 (increment,)
    components : int

    Returns
    -------
    tuple or None
        Shares of the variance (component,); scores (point, component); and the largest variances
        of the increments about their mean, per unit of time, (direction,). None for a path with
        missing points.
    """
    points, size = path.given.sizes[path.dim], path.given.sizes[path.coordinates]
    if points <= size:
        gram, of_increments = _products_of_points(path, dt)
    else:
        gram, of_increments, mean = _products_of_coordinates(path, dt)
    if not (np.isfinite(gram).all() and np.isfinite(of_increments).all()):
        return None
    total = float(np.trace(gram))
    variances = _largest(of_increments, _DIRECTIONS)[0] / len(dt)
    values, vectors = _largest(gram, components)
    if points <= size:
        scores = vectors * np.sqrt(np.maximum(values, 0))
    else:  # the path is read again
        scores = np.concatenate([(x - mean).T @ vectors for _, x in path.in_time()])
    return *_padded(values, total, scores, components), variances


@np.errstate(all="ignore")  # of infinite values
def _products_of_points(path: _Path, dt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over coordinates of products of two points about their mean, and of two increments."""
    gram, of_increments = np.zeros((len(dt) + 1,) * 2), np.zeros((len(dt),) * 2)
    given, dim, _, within = path
    for _, values in in_groups(given, dim, block_bytes=READ_BYTES, within=within):
        x = values[:, 0]
        moved = np.diff(x, axis=1)
        moved -= ((x[:, -1] - x[:, 0]) / dt.sum())[:, None] * dt
        moved /= np.sqrt(dt)
        of_increments += moved.T @ moved
        x -= x.mean(axis=1, keepdims=True)
        gram += x.T @ x
    return gram, of_increments


@np.errstate(all="ignore")  # of infinite values
def _products_of_coordinates(
    path: _Path, dt: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over time of products of two coordinates about their means, and of their increments.

    In one pass: relative to the first point, which takes out most of the means. The third is the
    mean (coordinate, 1).
    """
    size = path.given.sizes[path.coordinates]
    gram, of_increments, total = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
    first = last = np.zeros((size, 1))
    for number, (here, values) in enumerate(path.in_time(before=1)):
        if not number:
            first = values[:, :1].copy()
        values -= first
        moved = np.diff(values, axis=1) / np.sqrt(dt[here.start : here.stop - 1])
        of_increments += moved @ moved.T
        new = values[:, 1:] if number else values
        total += new.sum(axis=1)
        gram += new @ new.T
        last = values[:, -1:].copy()
    points = len(dt) + 1
    mean = total[:, None] / points
    gram -= points * mean @ mean.T
    of_increments -= last @ last.T / dt.sum()
    return gram, of_increments, mean + first


def _largest(products: np.ndarray, many: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues of a symmetric matrix, which is overwritten, and their vectors."""
    size = len(products)
    first = max(size - many, 0)
    values, vectors = linalg.eigh(products, subset_by_index=[first, size - 1], overwrite_a=True)
    return values[::-1], vectors[:, ::-1]


def _components(path: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of variance and scores (point, component) of a path (point, coordinate) in memory."""
    deviations = path - path.mean(axis=0)
    if len(deviations) <= deviations.shape[1]:
        values, vectors = np.linalg.eigh(deviations @ deviations.T)
        values, vectors = values[::-1], vectors[:, ::-1]
        scores = vectors[:, :components] * np.sqrt(np.maximum(values[:components], 0))
    else:
        values, vectors = np.linalg.eigh(deviations.T @ deviations)
        values, vectors = values[::-1], vectors[:, ::-1]
        scores = deviations @ vectors[:, :components]
    return _padded(values, float(values.sum()), scores, components)


def _padded(
    values: np.ndarray, total: float, scores: np.ndarray, components: int
) -> tuple[np.ndarray, np.ndarray]:
    """Shares and scores of as many components, 0 where there are fewer."""
    padded = np.zeros((len(scores), components))
    padded[:, : scores.shape[1]] = scores
    # the sign of a component is arbitrary: its last score is made positive
    padded *= np.where(padded[-1] < 0, -1.0, 1.0)
    shares = np.zeros(components)
    if total > 0:
        shares[: len(values[:components])] = values[:components] / total
    return shares, padded


def _walks(
    variances: np.ndarray, dt: np.ndarray, momentum: float, walks: int, rng: np.random.Generator
) -> np.ndarray:
    """Random walks (walk, point, direction) with variances of increments per unit of time."""
    increments = rng.standard_normal((walks, len(dt), len(variances)))
    increments *= np.sqrt(np.maximum(variances, 0)) * np.sqrt(dt)[:, None]
    if momentum:
        for k in range(1, len(dt)):
            increments[:, k] = (
                momentum * increments[:, k - 1] + np.sqrt(1 - momentum**2) * increments[:, k]
            )
    start = np.zeros((walks, 1, len(variances)))
    return np.concatenate([start, np.cumsum(increments, axis=1)], axis=1)
