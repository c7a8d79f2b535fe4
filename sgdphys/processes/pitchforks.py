"""Descent through a pitchfork bifurcation, and how long it takes."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.processes.labels import labelled_path


def pitchfork(
    *,
    signal: float | tuple[float, float],
    decay: float = 1.0,
    learning_rate: float = 0.01,
    noise: float = 1e-4,
    start: tuple[float, float] | None = None,
    steps: int = 10_000,
    replicas: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """SGD on the two-layer scalar linear network: a pitchfork bifurcation (symmetry breaking).

    Parameters
    ----------
    signal : float or (float, float)
        s; two numbers are its values at the start and at the end of a linear ramp.
    decay : float
        g, weight decay.
    learning_rate : float
        eta.
    noise : float
        C, variance of the white gradient noise of each parameter.
    start : (float, float), optional
        a and b at the start; by default the fixed point of the deterministic dynamics.
    steps, replicas, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        theta (step, replica, parameter), the parameters a and b, with coordinates step and
        time = eta step. The attribute relaxation_time is that of the slow mode, NaN for a ramp.

    See Also
    --------
    pitchfork_time : The relaxation time.
    slow_fold : A ramp towards a fold bifurcation.
    sgdphys.tasks.scalar_teacher : The data set of this network.

    Notes
    -----
    L = (s - a b)**2/2 + g (a**2 + b**2)/2. Below the critical point s = g both weights
    vanish, above it a b = s - g.

    References
    ----------
    Strogatz (2015), "Nonlinear dynamics and chaos", section 3.4.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.pitchfork(signal=2.0, decay=1.0, steps=1000, rng=0)["theta"]
    >>> round(float(theta.prod("parameter").mean()), 2)
    1.0
    """
    g, eta = decay, learning_rate
    ramp = np.linspace(*(signal if isinstance(signal, tuple) else (signal, signal)), steps)
    s = float(ramp[0])
    rest = np.sqrt(max(s - g, 0.0))
    rng = np.random.default_rng(rng)
    xi = np.sqrt(noise) * rng.standard_normal((steps, replicas, 2))
    values = np.empty((steps + 1, replicas, 2))
    values[0] = (rest, rest) if start is None else start
    for k in range(steps):
        a, b = values[k].T
        error = ramp[k] - a * b
        gradient = np.stack([g * a - error * b, g * b - error * a], axis=1)
        values[k + 1] = values[k] - eta * (gradient + xi[k])
    return labelled_path(
        values,
        eta,
        "pitchfork",
        signal=signal,
        decay=g,
        relaxation_time=np.nan if isinstance(signal, tuple) else pitchfork_time(s, g),
        noise=noise,
    )


def pitchfork_time(signal: float, decay: float = 1.0) -> float:
    """Relaxation time of the slow mode of ``pitchfork``, which diverges at signal = decay.

    Parameters
    ----------
    signal, decay : float
        s and g.

    Returns
    -------
    float
        In units of time = eta step; infinite at s = g. A plain number, since it is exact.

    See Also
    --------
    pitchfork : The process.
    sgdphys.dynamics.critical_point : Fit of such a divergence.

    Notes
    -----
    1/(g - |s|) below |s| = g. Above it 1/(2 (|s| - g)) up to |s| = 2 g, and 1/(2 g) beyond, where
    the difference of the two weights is slower than their sum.

    Examples
    --------
    >>> import sgdphys as sp
    >>> sp.processes.pitchfork_time(0.5), sp.processes.pitchfork_time(1.5)
    (2.0, 1.0)
    """
    distance = abs(signal) - decay
    if distance == 0:
        return float(np.inf)
    return float(-1 / distance if distance < 0 else 1 / (2 * min(distance, decay)))
