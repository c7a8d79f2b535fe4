"""Levy flights: walks with independent alpha-stable increments."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.processes.brownian import summed
from sgdphys.processes.labels import labelled_path


def levy_flight(
    *,
    tail_index: float,
    scale: float = 1.0,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Levy flight: random walk with symmetric alpha-stable (heavy-tailed) increments.

    Parameters
    ----------
    tail_index : float
        Stability index alpha, above 0 and at most 2.
    scale : float
        Scale of the increments per unit time.
    steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes tail_index and scale.

    Raises
    ------
    InputError
        For a tail index outside (0, 2].

    See Also
    --------
    sgdphys.dynamics.fit_levy : Estimate of tail index and scale.
    sgdphys.dynamics.tail_index : Test against Gaussian increments.

    Notes
    -----
    The characteristic function of an increment is exp(-dt |scale k|**alpha). At alpha = 2 this is a
    Wiener process with D = scale**2.

    References
    ----------
    Chambers, Mallows and Stuck (1976), J. Am. Stat. Assoc. 71, 340.

    Examples
    --------
    At alpha = 1 increments are Cauchy distributed, half of them between -1 and 1:

    >>> import sgdphys as sp
    >>> theta = sp.processes.levy_flight(tail_index=1.0, steps=10_000, rng=0)["theta"]
    >>> round(float((abs(theta.diff("step")) < 1).mean()), 2)
    0.5
    """
    if not 0 < tail_index <= 2:
        raise InputError(f"tail_index is {tail_index}; it must lie above 0 and be at most 2")
    dx = stable_noise(np.random.default_rng(rng), tail_index, (steps, replicas, parameters))
    dx *= scale * dt ** (1 / tail_index)
    return labelled_path(summed(dx), dt, "levy_flight", tail_index=tail_index, scale=scale)


def stable_noise(rng: np.random.Generator, tail_index: float, shape: tuple[int, ...]) -> np.ndarray:
    """Symmetric stable numbers of scale 1 (Chambers, Mallows and Stuck 1976)."""
    angle = rng.uniform(-np.pi / 2, np.pi / 2, shape)
    waiting_time = rng.exponential(size=shape)
    if tail_index == 1:
        return np.asarray(np.tan(angle))
    dx = np.sin(tail_index * angle) / np.cos(angle) ** (1 / tail_index)
    dx *= (np.cos((1 - tail_index) * angle) / waiting_time) ** ((1 - tail_index) / tail_index)
    return np.asarray(dx)
