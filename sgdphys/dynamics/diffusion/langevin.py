"""Multivariate Ornstein-Uhlenbeck process: drift matrix and diffusion matrix."""

import functools
from typing import Any

import numpy as np
import xarray as xr
from scipy import linalg

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.series import paths
from sgdphys.errors import InputError, nearest
from sgdphys.missing import numbers_of
from sgdphys.processes import linear_step
from sgdphys.quantities import labelled, number_of
from sgdphys.status import OK, OSCILLATING, TOO_SHORT, flagged

_STEPS_PER_COORDINATE = 20
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
    """Drift matrix and diffusion matrix of a multivariate Ornstein-Uhlenbeck process.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced, few coordinates; all further dimensions (replica) are paths of one process. A
        bare array is (point, coordinate).
    dim, across : str
        Time, and the coordinates that move together.
    per, dt
        Where points lie in time: see ``dynamics.series.paths``.
    resamples : int
        Of the parametric bootstrap; 0 for no intervals. Of fewer than about 200 the ends of an
        interval are too near to each other.
    confidence : float
    rng : int, SeedSequence or Generator

    Returns
    -------
    Dataset
        kappa_matrix (row, column), diffusion_matrix (row, column), center (row), the first two with
        ``_low`` and ``_high``; count, status.

    Raises
    ------
    InputError
        For uneven times, missing values, or fewer than 20 steps a coordinate.

    Notes
    -----
    dX = -B (X - c) dt + noise of covariance 2 D dt. The regression of each point on the one before
    has step matrix exp(-B dt), whose logarithm is exact at any dt if no mode turns by more than
    half a turn a step; D solves 2 D - e^{-B dt} 2 D e^{-B' dt} = B Q + Q B', Q the covariance of
    the residuals. The small-sample bias that a parametric bootstrap finds is taken out, and its
    percentiles give the interval (basic bootstrap). A real step eigenvalue below 0 has no
    logarithm: "oscillating at this sampling".

    References
    ----------
    Gardiner, "Stochastic methods", 4th ed., section 4.5; Davison and Hinkley (1997), chapter 5.
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
    n_paths, points, size = x.shape
    count = n_paths * (points - 1)
    if count < _STEPS_PER_COORDINATE * size:
        raise InputError(
            f"{count} steps are too few for {size} coordinates; at least "
            f"{_STEPS_PER_COORDINATE * size} are needed"
        )
    step, noise, centre = _regression(x)
    drift, diffusion = _matrices(step, noise, series.spacing)
    found = {"kappa_matrix": drift, "diffusion_matrix": diffusion}
    bounds = {f"{n}_{e}": np.full((size, size), np.nan) for n in found for e in ("low", "high")}
    status = OK if np.isfinite(drift).all() else OSCILLATING
    is_stable = bool((np.abs(np.linalg.eigvals(step)) < 1).all())
    if status == OK and resamples and is_stable:
        found, bounds = _bootstrap(
            found, x.shape, (step, noise), series.spacing, resamples, confidence, rng
        )
    if points - 1 < FEWEST:
        status = TOO_SHORT
    axes = ("row", "column")
    data = xr.Dataset(
        {name: (axes, v) for name, v in (found | bounds).items()}
        | {"center": ("row", centre), "count": count},
    )
    data["status"] = flagged(xr.DataArray(status))
    named = {"count": number_of("increments")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit).assign_attrs(
        method="regression of each point on the one before, exact at any spacing",
        reference="Gardiner, Stochastic methods, section 4.5",
        confidence=confidence,
        interval_method="parametric bootstrap, basic"
        if np.isfinite(bounds["kappa_matrix_low"]).all()
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
    n_paths, points = shape[:2]
    for _ in range(resamples):
        x = linear_step(step, noise, stationary, points - 1, n_paths, generator)
        refitted = _matrices(*_regression(x.transpose(1, 0, 2))[:2], dt)
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
