"""Diffusion in a potential: a double well, and a well that vanishes at a fold."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import integrate

from sgdphys.processes.labels import labelled_path


def double_well(
    *,
    diffusion: float = 0.1,
    steps: int = 10_000,
    dt: float = 0.1,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
    substeps: int | None = None,
) -> xr.Dataset:
    """Overdamped Langevin equation in a double-well potential (Kramers escape problem).

    Parameters
    ----------
    diffusion : float
        D, the temperature.
    steps, dt, replicas, parameters, rng
        As in ``wiener``.
    substeps : int, optional
        Internal steps per point; by default of at most 0.01 each.

    Returns
    -------
    Dataset
        As ``wiener``, from the stationary density; attributes diffusion and passage_time, the mean
        first-passage time from -1 to +1.

    See Also
    --------
    slow_fold : Escape where the barrier vanishes slowly.
    sgdphys.dynamics.kramers_moyal : Estimates of drift and diffusion as functions of x.

    Notes
    -----
    dX = (X - X**3) dt + sqrt(2 D) dW, U = x**4/4 - x**2/2, stationary density exp(-U/D)/Z.
    Integrated by the stochastic Heun scheme, whose weak error is of second order.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation", chapter 5.

    Examples
    --------
    The passage time tends to that of Kramers, sqrt(2) pi exp(1/(4 D)):

    >>> import math
    >>> import sgdphys as sp
    >>> data = sp.processes.double_well(diffusion=0.02, steps=10, rng=0)
    >>> round(data.attrs["passage_time"] / (math.sqrt(2) * math.pi * math.exp(12.5)), 1)
    1.0
    """
    inner = substeps or max(1, int(np.ceil(dt / 0.01)))
    h = dt / inner
    rng = np.random.default_rng(rng)
    end = _end_of(diffusion)
    grid = np.linspace(-end, end, 6001)
    weight = np.exp(-(_well(grid) + 0.25) / diffusion)
    chance = integrate.cumulative_trapezoid(weight, grid, initial=0)
    x = np.interp(rng.uniform(size=(replicas, parameters)), chance / chance[-1], grid)
    values = np.empty((steps + 1, replicas, parameters))
    values[0] = x
    for k in range(steps):
        for _ in range(inner):
            noise = np.sqrt(2 * diffusion * h) * rng.standard_normal(x.shape)
            slope = x - x**3
            guess = x + h * slope + noise
            x = x + 0.5 * h * (slope + guess - guess**3) + noise
        values[k + 1] = x
    return labelled_path(
        values, dt, "double_well", diffusion=diffusion, passage_time=_passage_time(diffusion)
    )


def _well(x: np.ndarray) -> np.ndarray:
    return x**4 / 4 - x**2 / 2


def _end_of(diffusion: float) -> float:
    """Place beyond which the stationary density is below e**-40 of that in a well."""
    return float(max(3.0, (200 * diffusion) ** 0.25))


def _passage_time(diffusion: float) -> float:
    """Mean first-passage time from -1 to +1: 1/D times the integral of e^{U/D} int e^{-U/D}."""
    grid = np.linspace(-_end_of(diffusion), 1, 40001)
    potential = _well(grid) / diffusion
    inside = integrate.cumulative_trapezoid(np.exp(-potential), grid, initial=0)
    late = grid >= -1
    weighted = np.exp(potential[late]) * inside[late]
    return float(integrate.trapezoid(weighted, grid[late]) / diffusion)


def slow_fold(
    *,
    control: tuple[float, float] = (1.0, 0.05),
    diffusion: float = 1e-3,
    steps: int = 500,
    dt: float = 0.5,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Slow passage to a fold (saddle-node) bifurcation: a tipping point, for early-warning tests.

    Parameters
    ----------
    control : (float, float)
        r at the start and at the end, both above 0.
    diffusion, steps, dt, replicas, parameters, rng
        As in ``wiener``; integrated at internal steps of at most 0.01.

    Returns
    -------
    Dataset
        As ``wiener``; attributes control and diffusion. A path that escapes over the barrier at
        -sqrt(r) is NaN from there on.

    See Also
    --------
    pitchfork : A pitchfork bifurcation, also as a ramp.
    sgdphys.dynamics.early_warning : Detection of the rise of variance and memory.

    Notes
    -----
    dX = (r - X**2) dt + sqrt(2 D) dW, the control parameter r decreasing linearly
    towards the fold at 0. The state near sqrt(r) relaxes at the rate 2 sqrt(r): critical slowing
    down.

    References
    ----------
    Strogatz (2015), "Nonlinear dynamics and chaos", section 3.1.

    Examples
    --------
    The state follows sqrt(r), from 1 to 0.5:

    >>> import sgdphys as sp
    >>> data = sp.processes.slow_fold(control=(1.0, 0.25), steps=200, diffusion=1e-6, rng=0)
    >>> data["theta"].isel(step=[0, -1]).values.ravel().round(2)
    array([1.  , 0.51])
    """
    inner = max(1, int(np.ceil(dt / 0.01)))
    h = dt / inner
    rng = np.random.default_rng(rng)
    ramp = np.linspace(*control, steps * inner)
    x = np.full((replicas, parameters), np.sqrt(control[0]))
    values = np.empty((steps + 1, replicas, parameters))
    values[0] = x
    for k in range(steps):
        for r in ramp[k * inner : (k + 1) * inner]:
            x = x + h * (r - x * x) + np.sqrt(2 * diffusion * h) * rng.standard_normal(x.shape)
            x = np.where(x < -2 * np.sqrt(r), np.nan, x)
        values[k + 1] = x
    return labelled_path(values, dt, "slow_fold", control=list(control), diffusion=diffusion)
