"""Stochastic gradient descent on models that are solved: quadratic, regression, pitchfork."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import linalg, optimize, special

from sgdphys.errors import InputError
from sgdphys.processes.labels import labelled_path, root_of


def epoch_noise_spectrum(frequency: np.ndarray, batches: int) -> np.ndarray:
    """Spectrum of unit minibatch noise, drawn without replacement in epochs of K batches.

    S(f) = K/(K - 1) [1 - (sin(pi f K) / (K sin(pi f)))**2], f in cycles per step.
    """
    k = batches
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sin(np.pi * frequency * k) / (k * np.sin(np.pi * frequency))
    ratio = np.where(np.isfinite(ratio), ratio, 1.0)
    return k / (k - 1) * (1 - ratio**2)


def epoch_noise_diffusion(lags: np.ndarray, batches: int) -> np.ndarray:
    """D over that of white noise, for noise that sums to 0 over every epoch of K steps.

    [n + 2 sum_{k < n} (n - k) C(k)]/n at a lag of n steps, with C(k) = -(K - k)/(K (K - 1)) for
    0 < k < K averaged over places in the epoch; it falls as (K + 1)/(3 n) beyond an epoch.
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
    """SGD on f = x'Ax/2 with gradient noise: v' = mu v - eta (A x + xi), x' = x + v'.

    Parameters
    ----------
    curvature : float, array (parameter,) or (parameter, parameter)
        A; with momentum or reshuffled noise it must not be a matrix.
    noise : float, array (parameter,) or (parameter, parameter)
        C, the covariance of xi.
    learning_rate, momentum : float
        eta and mu.
    batches : int
        0: white noise, as of batches drawn with replacement. K > 1: noise that sums to 0 over each
        epoch of K steps, as of batches drawn without replacement at fixed weights.
    steps, replicas, rng
        As in ``wiener``. Starts at 0.

    Notes
    -----
    The stationary covariance S solves A S + S A - eta A S A = eta C; with momentum, a scalar,
    Var x = eta C (1 + mu)/[h (1 - mu)(2 (1 + mu) - eta h)]; with reshuffled noise (mu = 0) it is
    eta**2 times the integral of C S(f)/|exp(2 pi i f) - (1 - eta h)|**2.
    """
    a, c = np.asarray(curvature, float), np.asarray(noise, float)
    rng = np.random.default_rng(rng)
    eta, mu = learning_rate, momentum
    if a.ndim == 2:
        if mu or batches:
            raise InputError("a matrix of curvature goes with momentum 0 and white noise alone")
        c = c if c.ndim == 2 else np.diag(np.broadcast_to(c, (len(a),)))
        step = np.eye(len(a)) - eta * a
        variance = linalg.solve_discrete_lyapunov(step, eta**2 * c)
        kicks = rng.standard_normal((steps, replicas, len(a))) @ root_of(c).T
    else:
        a, c = (np.atleast_1d(v) for v in np.broadcast_arrays(a, c))
        step = 1 - eta * a
        kicks = np.sqrt(c) * _epoch_noise(rng, batches, steps, replicas, len(a))
        with np.errstate(divide="ignore"):  # nothing holds a flat direction
            variance = eta * c * (1 + mu) / (a * (1 - mu) * (2 * (1 + mu) - eta * a))
        if batches:
            f = (np.arange(200_000) + 0.5) / 200_000
            transfer = abs(np.exp(2j * np.pi * f)[:, None] - step) ** 2
            variance = eta**2 * c * (epoch_noise_spectrum(f, batches)[:, None] / transfer).mean(0)
            if mu:
                variance = np.full_like(variance, np.nan)
    values = np.zeros((steps + 1, replicas, a.shape[-1]))
    v = np.zeros_like(values[0])
    for k in range(steps):
        gradient = values[k] @ a if a.ndim == 2 else values[k] * a
        v = mu * v - eta * (gradient + kicks[k])
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


def online_linear_regression(
    *,
    covariance: Any = 1.0,
    label_noise: float = 1.0,
    learning_rate: float = 0.1,
    batch_size: int = 1,
    steps: int = 10_000,
    replicas: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """SGD on squared error with inputs x ~ N(0, A), fresh at every step, and labels of noise s**2.

    The stationary covariance solves A S + S A - eta [(1 + 1/B) A S A + tr(A S) A/B] = eta s**2 A/B:
    the noise grows with the distance, and additive-noise formulas fail.

    Parameters
    ----------
    covariance : float, array (parameter,) or (parameter, parameter)
    label_noise : float
        s**2.
    learning_rate, batch_size, steps, replicas, rng
    """
    a = np.atleast_1d(np.asarray(covariance, float))
    a = np.diag(a) if a.ndim == 1 else a
    d, eta, b = len(a), learning_rate, batch_size
    identity = np.eye(d)
    index = kesten_index(float(a[0, 0]) * eta, b) if d == 1 else np.nan
    operator = np.kron(a, identity) + np.kron(identity, a) - eta * (1 + 1 / b) * np.kron(a, a)
    operator -= eta / b * np.outer(a.ravel(), a.ravel())
    truth = np.linalg.solve(operator, eta * label_noise / b * a.ravel())
    is_stable = bool((np.linalg.eigvals(operator).real > 0).all())
    rng = np.random.default_rng(rng)
    root = root_of(a)
    values = np.zeros((steps + 1, replicas, d))
    for k in range(steps):
        x = rng.standard_normal((replicas, b, d)) @ root.T
        error = np.einsum("rbd,rd->rb", x, values[k])
        error -= np.sqrt(label_noise) * rng.standard_normal((replicas, b))
        values[k + 1] = values[k] - eta / b * np.einsum("rbd,rb->rd", x, error)
    return labelled_path(
        values,
        1.0,
        "online_linear_regression",
        learning_rate=eta,
        batch_size=b,
        stationary_covariance=truth if is_stable else np.full(d * d, np.nan),
        weight_tail_index=index,
    )


def kesten_index(learning_rate: float, batch_size: int) -> float:
    """Tail index of the weight of one-dimensional online regression with unit inputs.

    The alpha at which E|1 - eta h|**alpha = 1, h the mean of B squared inputs, Gamma(B/2, 2/B). It
    is a tail of the weights, made by multiplication; the noise of a step has its own.

    References
    ----------
    Kesten (1973), Acta Math. 131, 207; Gurbuzbalaban, Simsekli and Zhu (2021).
    """
    nodes, weights = special.roots_genlaguerre(180, batch_size / 2 - 1)
    weights = weights / weights.sum()
    h = nodes * 2 / batch_size

    def excess(alpha: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.log((weights * np.abs(1 - learning_rate * h) ** alpha).sum()))

    try:
        return float(optimize.brentq(excess, 1e-3, 200.0))
    except ValueError:  # it falls or rises throughout
        return np.inf if excess(1e-3) < 0 else np.nan


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
    """SGD on the two-layer scalar linear network L = (s - a b)**2/2 + g (a**2 + b**2)/2.

    Parameters (a, b), with white gradient noise of variance C each. A pitchfork at s = g: below it
    both vanish, above it a b = s - g. In units of time = steps x eta the slow mode relaxes with
    ``relaxation_time`` 1/(g - s) below and 1/(2 (s - g)) above. Two numbers for ``signal`` are
    where it starts and ends, changing evenly with the steps; there is no relaxation time then.
    """
    g, eta = decay, learning_rate
    course = np.linspace(*(signal if isinstance(signal, tuple) else (signal, signal)), steps)
    s = float(course[0])
    rest = np.sqrt(max(s - g, 0.0))
    rng = np.random.default_rng(rng)
    kicks = np.sqrt(noise) * rng.standard_normal((steps, replicas, 2))
    values = np.empty((steps + 1, replicas, 2))
    values[0] = (rest, rest) if start is None else start
    for k in range(steps):
        a, b = values[k].T
        pull = course[k] - a * b
        gradient = np.stack([g * a - pull * b, g * b - pull * a], axis=1)
        values[k + 1] = values[k] - eta * (gradient + kicks[k])
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
    """Relaxation time of the slow mode, 1/(g - s) below s = g and 1/(2 (s - g)) above it."""
    away = signal - decay
    return float(np.inf if away == 0 else -1 / away if away < 0 else 1 / (2 * away))
