"""Multivariate Ornstein-Uhlenbeck process: drift matrix and diffusion matrix."""

import functools
from typing import Any

import numpy as np
import xarray as xr
from scipy import linalg

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.diffusion.coordinates import (
    names_left_out,
    what_moves,
    with_left_out,
)
from sgdphys.dynamics.series import paths
from sgdphys.dynamics.status import precision_of
from sgdphys.errors import InputError, nearest
from sgdphys.missing import numbers_of
from sgdphys.processes import linear_step
from sgdphys.quantities import labelled, number_of
from sgdphys.status import (
    CONSTANT,
    LEFT_OUT,
    OK,
    OSCILLATING,
    PATHS_LEFT_OUT,
    TOO_SHORT,
    flagged,
)

_STEPS_PER_COORDINATE = 20
_BOOTSTRAP_BYTES = 16 * 2**20
"""Size of the paths of the bootstrap that are simulated together."""
FEWEST = 20
"""Least number of steps of a path."""


def _regression(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step matrix, noise covariance and centre of paths (path, point, coordinate)."""
    before, after = (x[:, s].reshape(-1, x.shape[-1]) for s in (slice(None, -1), slice(1, None)))
    mean_before, mean_after = before.mean(axis=0), after.mean(axis=0)
    a, b = before - mean_before, after - mean_after
    step = np.linalg.solve(a.T @ a, a.T @ b).T
    residual = b - a @ step.T
    noise = residual.T @ residual / (len(a) - x.shape[-1] - 1)
    identity = np.eye(x.shape[-1])
    centre = np.linalg.solve(identity - step, mean_after - step @ mean_before)
    return step, noise, centre


def _matrices(step: np.ndarray, noise: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Drift and diffusion matrix from the exact step; NaN without a real logarithm."""
    values = np.linalg.eigvals(step)
    if (np.abs(values.imag) < 1e-12).any() and (
        values.real[np.abs(values.imag) < 1e-12] <= 0
    ).any():
        return np.full_like(step, np.nan), np.full_like(step, np.nan)
    drift = -linalg.logm(step).real / dt
    # 2 D - e^{-B dt} 2 D e^{-B' dt} = B Q + Q B'
    flow = drift @ noise + noise @ drift.T
    if (np.abs(values) < 1).all():
        twice = linalg.solve_discrete_lyapunov(step, flow)
    else:
        size = step.size
        operator = np.eye(size) - np.kron(step, step)
        twice = np.linalg.lstsq(operator, flow.ravel(), rcond=None)[0].reshape(step.shape)
    return drift, twice / 2


@functools.partial(checked, fewest=0)
def fit_langevin(
    theta: Any,
    *,
    time: Any = None,
    coordinates: str = "parameter",
    resamples: int = 200,
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """Multivariate Ornstein-Uhlenbeck process (linear Langevin, VAR(1)): drift, diffusion matrix.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths of a few coordinates, in units x, without missing values; all further
        dimensions (replica) are paths of one process. An array without names is (point,
        coordinate).
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    coordinates : str
        Dimension of the vector whose components are coupled.
    resamples : int
        Number of parametric bootstrap samples; 0 for no intervals. With fewer than about 200 the
        intervals are too narrow.
    confidence : float
        Level of the intervals, between 0 and 1.
    rng : int, SeedSequence or Generator
        Random numbers of the bootstrap: see ``sgdphys.draws``.

    Returns
    -------
    Dataset
        kappa_matrix (row, column) in 1/t and diffusion_matrix (row, column) in x**2/t, both with
        ``_low`` and ``_high``; center (row) in x; count (increments); status. Coordinates that do
        not move (constant, a straight line, or a single jump in every path), or that are linear
        functions of those before them, are named in the attribute left_out; their rows and columns
        are NaN, and the status is "coordinates left out". Paths that do not move where others do
        are counted in the attribute paths_left_out, and the status is "paths left out".

    Raises
    ------
    InputError
        For uneven times, missing values, or fewer than 20 steps per coordinate.

    See Also
    --------
    fit_ou : One coordinate, at any times.
    entropy_production : Does the stationary state break detailed balance?
    kramers_moyal : Drift and diffusion without the assumption of linearity, of one coordinate.
    diffusion_matrix : Diffusion matrix from increments alone.

    Notes
    -----
    dX = -B (X - c) dt + noise of covariance 2 D dt. The regression of each point on the one before
    has the step matrix exp(-B dt). Its logarithm is exact at any dt provided that no mode turns by
    more than half a turn per step; D solves 2 D - e^{-B dt} 2 D e^{-B' dt} = B Q + Q B', where Q is
    the covariance of the residuals. The parametric bootstrap estimates the small-sample bias, which
    is subtracted, and gives the intervals (basic bootstrap). A negative real eigenvalue of the
    step matrix has no real logarithm: status "oscillating at this sampling".

    References
    ----------
    Gardiner, "Stochastic methods", 4th ed., section 4.5; Davison and Hinkley (1997), chapter 5.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.rotating_langevin(rotation=2.0, kappa=1.0, dt=0.05, steps=20_000, rng=0)
    >>> found = sp.dynamics.fit_langevin(data["theta"], time="time", resamples=0)
    >>> found["kappa_matrix"].values.round(1).tolist()  # exact: [[1, 2], [-2, 1]]
    [[1.0, 2.0], [-1.9, 0.9]]
    >>> abs(found["diffusion_matrix"].values).round(1).tolist()  # exact: 0.5 on the diagonal
    [[0.5, 0.0], [0.0, 0.5]]
    """
    series = paths(theta, time=time, coordinates=coordinates)
    if coordinates not in series.over:
        raise InputError(
            f"there is no dimension {coordinates!r}; {nearest(coordinates, series.over)}"
        )
    if np.isnan(series.spacing):
        raise InputError(
            f"fit_langevin needs evenly spaced points along {series.dim!r}; use fit_ou"
        )
    x = numbers_of(series.theta.transpose(..., series.dim, coordinates))
    x = x.reshape(-1, *x.shape[-2:])
    if not np.isfinite(x).all():
        raise InputError("fit_langevin needs values without gaps; use fit_ou for each coordinate")
    moving, kept = what_moves(x, series.times, precision_of(series.theta.dtype))
    x = x[moving]
    n_paths, points, size = x.shape
    count = n_paths * (points - 1)
    if count < _STEPS_PER_COORDINATE * size:
        raise InputError(
            f"{count} steps are too few for {size} coordinates; at least "
            f"{_STEPS_PER_COORDINATE * size} are needed"
        )
    x = x[..., kept]
    size = int(kept.sum())
    found = {n: np.full((size, size), np.nan) for n in ("kappa_matrix", "diffusion_matrix")}
    bounds = {f"{n}_{e}": v for n, v in found.items() for e in ("low", "high")}
    centre = np.full(size, np.nan)
    status = CONSTANT
    if size:
        scale = x.std(axis=(0, 1))
        x = x / scale  # coordinates in units 1e10 apart would make what is solved singular
        step, noise, centre = _regression(x)
        found = dict(zip(found, _matrices(step, noise, series.spacing), strict=True))
        status = OK if np.isfinite(found["kappa_matrix"]).all() else OSCILLATING
        is_stable = bool((np.abs(np.linalg.eigvals(step)) < 1).all())
        if status == OK and resamples and is_stable:
            found, bounds = _bootstrap(
                found, x.shape, (step, noise), series.spacing, resamples, confidence, rng
            )
        of_matrix = {"kappa": scale[:, None] / scale, "diffusion": scale[:, None] * scale}
        found, bounds = (
            {name: v * of_matrix[name.partition("_")[0]] for name, v in each.items()}
            for each in (found, bounds)
        )
        centre = centre * scale
    if status == OK and not (kept.all() and moving.all()):
        status = LEFT_OUT if moving.all() else PATHS_LEFT_OUT
    if points - 1 < FEWEST and size:
        status = TOO_SHORT
    has_intervals = bool(size) and bool(np.isfinite(bounds["kappa_matrix_low"]).all())
    axes = ("row", "column")
    data = xr.Dataset(
        {name: (axes, with_left_out(v, kept)) for name, v in (found | bounds).items()}
        | {"center": ("row", with_left_out(centre, kept)), "count": count},
    )
    data["status"] = flagged(xr.DataArray(status))
    named = {"count": number_of("increments")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit).assign_attrs(
        method="regression of each point on the one before, exact at any spacing",
        reference="Gardiner, Stochastic methods, section 4.5",
        confidence=confidence,
        left_out=names_left_out(series.theta, coordinates, kept),
        paths_left_out=int((~moving).sum()),
        interval_method="parametric bootstrap, basic"
        if has_intervals
        else "none: not stationary, or resamples is 0",
    )


def _bootstrap(
    found: dict[str, np.ndarray],
    shape: tuple[int, ...],
    law: tuple[np.ndarray, np.ndarray],
    dt: float,
    resamples: int,
    confidence: float,
    rng: Seed,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Bias-corrected matrices and their intervals, from paths simulated with the fit."""
    step, noise = law
    generator = stream(rng)
    stationary = linalg.solve_discrete_lyapunov(step, noise)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in found}
    n_paths, points, size = shape
    together = max(1, _BOOTSTRAP_BYTES // (8 * n_paths * points * size))
    for first in range(0, resamples, together):
        here = n_paths * min(together, resamples - first)
        x = linear_step(step, noise, stationary, points - 1, here, generator)
        for k in range(0, here, n_paths):
            sample = x[:, k : k + n_paths].transpose(1, 0, 2)
            refitted = _matrices(*_regression(sample)[:2], dt)
            if np.isfinite(refitted[0]).all():
                for name, value in zip(found, refitted, strict=True):
                    drawn[name].append(value)
    tail = (1 - confidence) / 2
    corrected, bounds = {}, {}
    for name, value in found.items():
        samples = np.stack(drawn[name])
        corrected[name] = 2 * value - samples.mean(axis=0)
        upper, lower = np.quantile(samples, [1 - tail, tail], axis=0)
        bounds[f"{name}_low"], bounds[f"{name}_high"] = 2 * value - upper, 2 * value - lower
    return corrected, bounds
