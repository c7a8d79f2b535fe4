"""Stochastic gradient descent on solvable models: quadratic, regression, pitchfork."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import linalg, optimize, special

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
    if a.ndim == 2:
        if mu or batches:
            raise InputError("a matrix curvature needs momentum 0 and white noise (batches = 0)")
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
    """Online linear regression: SGD with multiplicative noise (least mean squares, Kesten process).

    Parameters
    ----------
    covariance : float, array (parameter,) or (parameter, parameter)
        A, the covariance of the inputs.
    label_noise : float
        s**2, the variance of the label noise.
    learning_rate : float
        eta.
    batch_size : int
        B, fresh samples in every step.
    steps, replicas, rng
        As in ``wiener``. Paths start at 0, the solution.

    Returns
    -------
    Dataset
        theta (step, replica, parameter) with coordinates step and time = step. Attributes hold
        stationary_covariance, flattened (NaN where it is infinite), and in one dimension
        weight_tail_index.

    See Also
    --------
    kesten_index : Tail index of the weights.
    sgd_on_quadratic : SGD with additive noise.

    Notes
    -----
    Squared error with inputs x ~ N(0, A). The stationary covariance S solves A S + S A - eta
    [(1 + 1/B) A S A + tr(A S) A/B] = eta s**2 A/B: the noise grows with the distance from the
    solution, and formulas of additive noise fail.

    References
    ----------
    Gurbuzbalaban, Simsekli and Zhu (2021), "The heavy-tail phenomenon in SGD".

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.online_linear_regression(steps=2000, replicas=50, rng=0)
    >>> round(float(data["theta"].var()), 2), data.attrs["stationary_covariance"].round(2)
    (0.06, array([0.06]))
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
    """Tail index of the weight in one-dimensional online regression (Kesten-Goldie theorem).

    Parameters
    ----------
    learning_rate : float
        eta, for inputs of variance 1.
    batch_size : int
        B.

    Returns
    -------
    float
        alpha, P(|w| > x) ~ x**-alpha; infinite without a tail, NaN without a stationary state. A
        plain number, since it is exact.

    See Also
    --------
    online_linear_regression : The process.
    sgdphys.dynamics.tail_index : Tail index of increments, estimated.

    Notes
    -----
    The alpha > 0 with E|1 - eta h|**alpha = 1, h the mean of B squared inputs,
    distributed as Gamma(B/2, 2/B). It is a tail of the weights, caused by multiplicative noise; the
    noise of one step has its own.

    References
    ----------
    Kesten (1973), Acta Math. 131, 207; Gurbuzbalaban, Simsekli and Zhu (2021).

    Examples
    --------
    The variance of the weight is infinite from eta = 2/3 on, where alpha is 2:

    >>> import sgdphys as sp
    >>> round(sp.processes.kesten_index(2 / 3, batch_size=1), 3)
    2.0
    """
    nodes, weights = special.roots_genlaguerre(180, batch_size / 2 - 1)
    weights = weights / weights.sum()
    h = nodes * 2 / batch_size

    def excess(alpha: float) -> float:
        with np.errstate(over="ignore"):
            return float(np.log((weights * np.abs(1 - learning_rate * h) ** alpha).sum()))

    try:
        return float(optimize.brentq(excess, 1e-3, 200.0))
    except ValueError:  # no root: the excess keeps its sign
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
    1/(g - s) below s = g and 1/(2 (s - g)) above it.

    Examples
    --------
    >>> import sgdphys as sp
    >>> sp.processes.pitchfork_time(0.5), sp.processes.pitchfork_time(1.5)
    (2.0, 1.0)
    """
    distance = signal - decay
    return float(np.inf if distance == 0 else -1 / distance if distance < 0 else 1 / (2 * distance))
