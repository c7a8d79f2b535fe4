"""Brownian motion: plain (Wiener), with a clock of its own (scaled), and geometric."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.processes.labels import labelled_path


def _noise(rng: Any, *shape: int) -> np.ndarray:
    return np.random.default_rng(rng).standard_normal(shape)


def wiener(
    *,
    drift: float = 0.0,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Wiener process (Brownian motion) with drift.

    Parameters
    ----------
    drift, diffusion : float
        v and D, per unit time.
    steps : int
        Increments; there is one point more.
    dt : float
        Time between points.
    replicas, parameters : int
        Independent copies.
    rng : int, SeedSequence or Generator
        Seed.

    Returns
    -------
    Dataset
        theta (step, replica, parameter), from 0, with coordinates step and time = step dt; the
        parameters as attributes.

    See Also
    --------
    ornstein_uhlenbeck : With a restoring force.
    fractional_brownian : With correlated increments.
    levy_flight : With heavy-tailed increments.

    Notes
    -----
    dX = v dt + sqrt(2 D) dW: <X(t)> = v t, MSD = 2 D t + (v t)**2.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation".

    Examples
    --------
    At t = 100 the mean squared displacement is 2 D t = 100:

    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(diffusion=0.5, steps=100, replicas=5000, rng=0)["theta"]
    >>> round(float((theta[-1] ** 2).mean()) / 100, 1)
    1.0
    """
    dx = drift * dt + np.sqrt(2 * diffusion * dt) * _noise(rng, steps, replicas, parameters)
    return labelled_path(summed(dx), dt, "wiener", drift=drift, diffusion=diffusion)


def summed(dx: np.ndarray) -> np.ndarray:
    """Path from 0 with increments along the first axis."""
    path = np.zeros((len(dx) + 1, *dx.shape[1:]))
    np.cumsum(dx, axis=0, out=path[1:])
    return path


def scaled_brownian(
    *,
    alpha: float,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Scaled Brownian motion: a Wiener process in the clock t**alpha, which ages.

    Parameters
    ----------
    alpha : float
        Exponent of the mean squared displacement.
    diffusion, steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes alpha and diffusion.

    See Also
    --------
    fractional_brownian : The same MSD exponent from correlated, stationary increments.
    sgdphys.dynamics.two_time_msd : Estimate of ageing.

    Notes
    -----
    <(X(t_w + tau) - X(t_w))**2> = 2 D ((t_w + tau)**alpha - t_w**alpha).

    References
    ----------
    Jeon, Chechkin and Metzler (2014), Phys. Chem. Chem. Phys. 16, 15811.

    Examples
    --------
    At t = 100 the mean squared displacement is 100**0.5 = 10:

    >>> import sgdphys as sp
    >>> theta = sp.processes.scaled_brownian(alpha=0.5, steps=100, replicas=5000, rng=0)["theta"]
    >>> round(float((theta[-1] ** 2).mean()))
    10
    """
    clock = np.diff((dt * np.arange(steps + 1)) ** alpha)
    dx = np.sqrt(2 * diffusion * clock)[:, None, None] * _noise(rng, steps, replicas, parameters)
    return labelled_path(summed(dx), dt, "scaled_brownian", alpha=alpha, diffusion=diffusion)


def geometric_brownian(
    *,
    growth: float = 0.0,
    volatility: float = 1.0,
    start: float = 1.0,
    steps: int = 10_000,
    dt: float = 1e-3,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Geometric Brownian motion (lognormal process, multiplicative noise), sampled exactly.

    Parameters
    ----------
    growth, volatility : float
        mu and sigma, per unit time.
    start : float
        X(0).
    steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes growth and volatility.

    See Also
    --------
    sgdphys.dynamics.kramers_moyal : Estimates of D1(x) and D2(x).
    ornstein_uhlenbeck : Additive noise.

    Notes
    -----
    dX = mu X dt + sigma X dW (Ito); Kramers-Moyal coefficients D1 = mu x, D2 = sigma**2 x**2/2.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation".

    Examples
    --------
    The mean grows as exp(mu t), here to exp(0.5) = 1.65:

    >>> import sgdphys as sp
    >>> theta = sp.processes.geometric_brownian(
    ...     growth=0.5, volatility=0.2, dt=0.01, steps=100, replicas=5000, rng=0
    ... )["theta"]
    >>> round(float(theta[-1].mean()), 2)
    1.65
    """
    z = _noise(rng, steps, replicas, parameters)
    logs = summed((growth - volatility**2 / 2) * dt + volatility * np.sqrt(dt) * z)
    return labelled_path(
        start * np.exp(logs), dt, "geometric_brownian", growth=growth, volatility=volatility
    )
