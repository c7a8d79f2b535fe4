"""Random walks whose increments are not those of a Wiener process: heavy tails, switching D."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.processes.brownian import summed
from sgdphys.processes.labels import labelled_path


def student_walk(
    *,
    degrees_of_freedom: float,
    diffusion: float = 0.5,
    drift: float = 0.0,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Random walk with Student t increments: heavy tails of finite variance.

    Parameters
    ----------
    degrees_of_freedom : float
        nu of one increment, above 2.
    diffusion, drift, steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes degrees_of_freedom, diffusion and drift.

    Raises
    ------
    InputError
        For at most 2 degrees of freedom, whose variance is infinite.

    See Also
    --------
    levy_flight : Heavy tails of infinite variance.

    Notes
    -----
    Increments are v dt + sqrt(2 D dt (nu - 2)/nu) T, so that MSD = 2 D t + (v t)**2 as for a Wiener
    process. Their sums are not t distributed: nu belongs to the spacing dt.

    References
    ----------
    Lange, Little and Taylor (1989), J. Am. Stat. Assoc. 84, 881.

    Examples
    --------
    The kurtosis of an increment is 3 + 6/(nu - 4):

    >>> import sgdphys as sp
    >>> data = sp.processes.student_walk(degrees_of_freedom=10.0, steps=100_000, rng=0)
    >>> dx = data["theta"].diff("step")
    >>> round(float((dx**4).mean() / (dx**2).mean() ** 2), 1)
    4.0
    """
    if not degrees_of_freedom > 2:
        raise InputError(f"degrees_of_freedom is {degrees_of_freedom}; it must be above 2")
    generator, shape = np.random.default_rng(rng), (steps, replicas, parameters)
    is_normal = np.isinf(degrees_of_freedom)
    unit = (
        generator.standard_normal(shape)
        if is_normal
        else generator.standard_t(degrees_of_freedom, shape)
    )
    scale = np.sqrt(2 * diffusion * dt * (1 - 2 / degrees_of_freedom))
    return labelled_path(
        summed(drift * dt + scale * unit),
        dt,
        "student_walk",
        degrees_of_freedom=degrees_of_freedom,
        diffusion=diffusion,
        drift=drift,
    )


def switching_diffusion(
    *,
    diffusion_slow: float = 0.5,
    diffusion_fast: float = 2.0,
    dwell_slow: float = 100.0,
    dwell_fast: float = 100.0,
    drift: float = 0.0,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Wiener process whose diffusion coefficient switches between two values (telegraph process).

    Parameters
    ----------
    diffusion_slow, diffusion_fast : float
        D in the two states.
    dwell_slow, dwell_fast : float
        Mean dwell times, at least dt.
    drift, steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes diffusion_slow, diffusion_fast, dwell_slow, dwell_fast and drift.

    Raises
    ------
    InputError
        For a dwell time below dt.

    See Also
    --------
    wiener : One diffusion coefficient.

    Notes
    -----
    A state is left at the end of a step with the chance dt/dwell; the first one is stationary. The
    mean diffusion coefficient is that of the states weighted by their dwell times.

    References
    ----------
    Hamilton (1989), Econometrica 57, 357.

    Examples
    --------
    Both states last equally long, so that the mean squared increment is 2 (0.5 + 2)/2 = 2.5:

    >>> import sgdphys as sp
    >>> data = sp.processes.switching_diffusion(steps=1000, replicas=500, rng=0)
    >>> round(float((data["theta"].diff("step") ** 2).mean()), 1)
    2.5
    """
    dwell = np.array([dwell_slow, dwell_fast])
    if not (dwell >= dt).all():
        raise InputError(f"dwell times are {dwell_slow} and {dwell_fast}; they must be at least dt")
    leave = dt / dwell
    rng = np.random.default_rng(rng)
    shape = (steps, replicas, parameters)
    draws = rng.random(shape)
    is_fast = np.empty(shape, bool)
    now = rng.random(shape[1:]) < leave[0] / leave.sum()
    for k in range(steps):
        is_fast[k] = now
        now ^= draws[k] < np.where(now, leave[1], leave[0])
    deviation = np.sqrt(2 * dt * np.where(is_fast, diffusion_fast, diffusion_slow))
    return labelled_path(
        summed(drift * dt + deviation * rng.standard_normal(shape)),
        dt,
        "switching_diffusion",
        diffusion_slow=diffusion_slow,
        diffusion_fast=diffusion_fast,
        dwell_slow=dwell_slow,
        dwell_fast=dwell_fast,
        drift=drift,
    )
