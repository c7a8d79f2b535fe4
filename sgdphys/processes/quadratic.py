"""Stochastic gradient descent on a quadratic loss, and its noise when samples go in epochs."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import linalg

from sgdphys.errors import InputError
from sgdphys.processes.labels import labelled_path, root_of


def epoch_noise_spectrum(frequency: np.ndarray, batches: int) -> np.ndarray:
    """Power spectrum of minibatch noise without replacement (random reshuffling), unit variance.

    Parameters
    ----------
    frequency : array
        f in cycles per step.
    batches : int
        K, steps per epoch, at least 2.

    Returns
    -------
    array
        S(f), 1 on average over frequencies; a plain array, since it is a formula and no estimate.

    See Also
    --------
    epoch_noise_diffusion : The same noise as a lag-dependent diffusion coefficient.
    sgd_on_quadratic : SGD with this noise.

    Notes
    -----
    S(f) = K/(K - 1) [1 - (sin(pi f K)/(K sin(pi f)))**2]: noise that sums to 0 over every epoch.

    Examples
    --------
    No power at frequency 0, since the noise sums to 0 over an epoch:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> f = np.linspace(0, 0.5, 1001)
    >>> spectrum = sp.processes.epoch_noise_spectrum(f, batches=10)
    >>> float(spectrum[0]), round(float(spectrum.mean()), 2)
    (0.0, 1.0)
    """
    k = batches
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sin(np.pi * frequency * k) / (k * np.sin(np.pi * frequency))
    ratio = np.where(np.isfinite(ratio), ratio, 1.0)
    return k / (k - 1) * (1 - ratio**2)


def epoch_noise_diffusion(lags: np.ndarray, batches: int) -> np.ndarray:
    """Lag-dependent diffusion coefficient of minibatch noise without replacement, white noise = 1.

    Parameters
    ----------
    lags : array
        In steps.
    batches : int
        K, steps per epoch; 1 for white noise.

    Returns
    -------
    array
        D(lag)/D(white noise), in the shape of ``lags``; a plain array, since it is a formula and no
        estimate.

    See Also
    --------
    epoch_noise_spectrum : Power spectrum of the same noise.
    sgdphys.dynamics.diffusion_vs_lag : Estimate of D(lag) from trajectories.

    Notes
    -----
    [n + 2 sum_{k < n} (n - k) C(k)]/n at a lag of n steps, with the autocorrelation C(k) =
    -(K - k)/(K (K - 1)) for 0 < k < K, averaged over positions in the epoch; it falls as
    (K + 1)/(3 n) beyond an epoch.

    Examples
    --------
    >>> import sgdphys as sp
    >>> sp.processes.epoch_noise_diffusion([1, 10, 100, 1000], batches=10).round(3)
    array([1.   , 0.367, 0.037, 0.004])
    """
    k = np.arange(1, max(batches, 2))
    correlation = -(batches - k) / (batches * (batches - 1.0)) if batches > 1 else np.zeros(1)
    n = np.asarray(lags)[..., None]
    return 1 + 2 * (np.maximum(n - k, 0) * correlation).sum(axis=-1) / n[..., 0]


def sgd_on_quadratic(
    *,
    curvature: Any = 1.0,
    noise: Any = 1.0,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    batches: int = 0,
    steps: int = 10_000,
    replicas: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Stochastic gradient descent (SGD) on a quadratic loss, with momentum and gradient noise.

    Parameters
    ----------
    curvature : float, array (parameter,) or (parameter, parameter)
        Hessian A; with momentum or reshuffled noise no matrix.
    noise : float, array (parameter,) or (parameter, parameter)
        C, the covariance of xi.
    learning_rate, momentum : float
        eta and mu.
    batches : int
        0: white noise, as for batches drawn with replacement. K > 1: noise that sums to 0 over each
        epoch of K steps, as for batches drawn without replacement at fixed weights.
    steps, replicas, rng
        As in ``wiener``. Paths start at 0.

    Returns
    -------
    Dataset
        theta (step, replica, parameter) with coordinates step and time = step. Attributes hold the
        parameters and, flattened, stationary_covariance and variance_of_v (NaN where no closed form
        is used).

    Raises
    ------
    InputError
        For a matrix of curvature with momentum or reshuffled noise.

    See Also
    --------
    online_linear_regression : SGD whose noise depends on the weights.
    epoch_noise_spectrum : Spectrum of reshuffled noise.
    ornstein_uhlenbeck : The limit of small learning rates.

    Notes
    -----
    L = x'Ax/2; v' = mu v - eta (A x + xi), x' = x + v'. The stationary covariance S solves
    A S + S A - eta A S A = eta C; with momentum, for a scalar h, Var x = eta C (1 + mu)/[h (1 - mu)
    (2 (1 + mu) - eta h)]; with reshuffled noise (mu = 0) it is eta**2 times the integral of
    C S(f)/|exp(2 pi i f) - (1 - eta h)|**2.

    References
    ----------
    Mandt, Hoffman and Blei (2017), J. Mach. Learn. Res. 18, 134.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.sgd_on_quadratic(learning_rate=0.1, steps=2000, replicas=50, rng=0)
    >>> round(float(data["theta"].var()), 2), data.attrs["stationary_covariance"].round(2)
    (0.05, array([0.05]))
    """
    a, c = np.asarray(curvature, float), np.asarray(noise, float)
    rng = np.random.default_rng(rng)
    eta, mu = learning_rate, momentum
    if a.ndim < 2 and c.ndim == 2:
        a = np.diag(np.broadcast_to(a, (len(c),)))
    if a.ndim == 2:
        if mu or batches:
            raise InputError(
                "a matrix of curvature or noise needs momentum 0 and white noise (batches = 0)"
            )
        c = c if c.ndim == 2 else np.diag(np.broadcast_to(c, (len(a),)))
        step = np.eye(len(a)) - eta * a
        variance = linalg.solve_discrete_lyapunov(step, eta**2 * c)
        xi = rng.standard_normal((steps, replicas, len(a))) @ root_of(c).T
    else:
        a, c = (np.atleast_1d(v) for v in np.broadcast_arrays(a, c))
        step = 1 - eta * a
        xi = np.sqrt(c) * _epoch_noise(rng, batches, steps, replicas, len(a))
        with np.errstate(divide="ignore"):  # a flat direction has no stationary state
            variance = eta * c * (1 + mu) / (a * (1 - mu) * (2 * (1 + mu) - eta * a))
        if batches:
            f = (np.arange(200_000) + 0.5) / 200_000
            transfer = abs(np.exp(2j * np.pi * f)[:, None] - step) ** 2
            variance = eta**2 * c * (epoch_noise_spectrum(f, batches)[:, None] / transfer).mean(0)
            if mu:
                variance = np.full_like(variance, np.nan)
        variance = np.where(variance > 0, variance, np.nan)  # beyond the edge there is none
    values = np.zeros((steps + 1, replicas, a.shape[-1]))
    v = np.zeros_like(values[0])
    for k in range(steps):
        gradient = values[k] @ a if a.ndim == 2 else values[k] * a
        v = mu * v - eta * (gradient + xi[k])
        values[k + 1] = values[k] + v
    return labelled_path(
        values,
        1.0,
        "sgd_on_quadratic",
        curvature=a.ravel(),
        noise=c.ravel(),
        learning_rate=eta,
        momentum=mu,
        batches=batches,
        stationary_covariance=variance.ravel(),
        variance_of_v=(2 * eta**2 * c / ((1 - mu) * (2 * (1 + mu) - eta * a))).ravel()
        if a.ndim == 1 and not batches
        else np.nan,
    )


def _epoch_noise(
    rng: np.random.Generator, batches: int, steps: int, replicas: int, parameters: int
) -> np.ndarray:
    """Unit noise (step, replica, parameter), white or summing to 0 over epochs."""
    if not batches:
        return rng.standard_normal((steps, replicas, parameters))
    epochs = -(-steps // batches)
    z = rng.standard_normal((epochs, batches, replicas, parameters))
    z -= z.mean(axis=1, keepdims=True)
    z *= np.sqrt(batches / (batches - 1))
    return z.reshape(-1, replicas, parameters)[:steps]
