"""Langevin equation with inertia, free or in a harmonic well."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.processes.labels import labelled_path
from sgdphys.processes.linear_drift import linear_step, step_over


def underdamped(
    *,
    friction: float = 0.1,
    stiffness: float = 0.0,
    diffusion: float = 0.5,
    center: float = 0.0,
    drift: float = 0.0,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Langevin equation with inertia (underdamped, Kramers, momentum): positions of a particle.

    Parameters
    ----------
    friction : float
        Relaxation rate of the velocity of the free particle.
    stiffness : float
        Of a harmonic well, per mass; 0 for a free particle.
    diffusion : float
        Long-time diffusion coefficient D of the free particle.
    center : float
        Bottom of the well.
    drift : float
        Mean velocity of the free particle.
    steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``, in the stationary state of the well, or free, from 0 with the stationary law
        of the velocity. Attributes: the parameters, and stationary_variance (infinite if free).

    Raises
    ------
    InputError
        For a friction or dt that is not positive, a negative stiffness, or a drift in a well.

    See Also
    --------
    sgd_on_quadratic : Descent with momentum, its discrete form.
    ornstein_uhlenbeck : The limit of large friction, kappa = stiffness/friction.

    Notes
    -----
    dx = v dt, dv = -friction (v - drift) dt - stiffness (x - center) dt + friction sqrt(2 D) dW.
    Free: MSD = 2 D (t - (1 - exp(-friction t))/friction). Well: Var x = D friction/stiffness,
    Var v = D friction. Transitions are exact at any dt (Van Loan 1978).

    References
    ----------
    Uhlenbeck and Ornstein (1930), Phys. Rev. 36, 823.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.underdamped(friction=0.2, stiffness=0.1, replicas=50, rng=0)
    >>> round(float(data["theta"].var()), 1), data.attrs["stationary_variance"]
    (1.0, 1.0)
    """
    if not friction > 0 or not stiffness >= 0 or not dt > 0:
        raise InputError("friction and dt must be positive, and stiffness must not be negative")
    if stiffness and drift:
        raise InputError("a particle in a well has no drift; move the center")
    noise = np.array([[0.0, 0.0], [0.0, 2 * friction**2 * diffusion]])
    flow = np.array([[0.0, 1.0], [-stiffness, -friction]])
    step, covariance = step_over(dt, flow, noise)
    variance = diffusion * friction / stiffness if stiffness else np.inf
    start = np.diag([variance if stiffness else 0.0, diffusion * friction])
    motion = linear_step(
        step, covariance, start, steps, replicas * parameters, np.random.default_rng(rng)
    )
    values = motion[:, :, 0].reshape(-1, replicas, parameters) + center * bool(stiffness)
    values += drift * dt * np.arange(steps + 1)[:, None, None]
    return labelled_path(
        values,
        dt,
        "underdamped",
        friction=friction,
        stiffness=stiffness,
        diffusion=diffusion,
        center=center,
        drift=drift,
        stationary_variance=variance,
    )
