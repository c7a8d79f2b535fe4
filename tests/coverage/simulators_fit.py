"""Simulated series for the confusion matrix of ``sgdphys.fit``: plain numpy, own algorithms.

Each returns (series, n) paths, n points of spacing 1; the truth is in its docstring.
"""

import numpy as np
from scipy.signal import lfilter


def wiener(rng, series, n, drift_in_errors=0.0):
    """Wiener process with D = 1/2; its drift is so many standard errors of an estimated drift."""
    return (rng.standard_normal((series, n)) + drift_in_errors / np.sqrt(n)).cumsum(axis=1)


def ornstein_uhlenbeck(rng, series, n, kappa, start=None):
    """Ornstein-Uhlenbeck process of stationary variance 1, exact steps; stationary by default."""
    phi = np.exp(-kappa)
    kicks = np.sqrt(1 - phi**2) * rng.standard_normal((series, n))
    kicks[:, 0] = rng.standard_normal(series) if start is None else start
    return lfilter([1.0], [1.0, -phi], kicks, axis=1)


def fractional_brownian(rng, series, n, hurst):
    """Fractional Brownian motion, by circulant embedding of its increments."""
    k = np.arange(n + 1.0)
    power = 2 * hurst
    covariance = 0.5 * ((k + 1) ** power - 2 * k**power + np.abs(k - 1) ** power)
    circle = np.concatenate([covariance, covariance[-2:0:-1]])
    weights = np.sqrt(np.maximum(np.fft.rfft(circle).real, 0))
    noise = np.fft.rfft(rng.standard_normal((series, len(circle))), axis=1)
    return np.fft.irfft(weights * noise, len(circle), axis=1)[:, :n].cumsum(axis=1)


def levy_flight(rng, series, n, index):
    """Symmetric stable increments of scale 1 (Chambers, Mallows and Stuck 1976)."""
    angle = np.pi * (rng.random((series, n)) - 0.5)
    wait = rng.standard_exponential((series, n))
    steps = (
        np.sin(index * angle)
        / np.cos(angle) ** (1 / index)
        * (np.cos((1 - index) * angle) / wait) ** ((1 - index) / index)
    )
    return steps.cumsum(axis=1)


def white_noise(rng, series, n):
    """Independent normal values: an Ornstein-Uhlenbeck process that relaxes within one step."""
    return rng.standard_normal((series, n))


def student_walk(rng, series, n, freedom):
    """Independent increments of a Student t law."""
    return rng.standard_t(freedom, (series, n)).cumsum(axis=1)


JUMPS = 0.02
JUMP_SIZE = 5.0


def jump_diffusion(rng, series, n):
    """Wiener process, with a normal jump of standard deviation 5 in 2% of the steps."""
    jumps = (rng.random((series, n)) < JUMPS) * JUMP_SIZE * rng.standard_normal((series, n))
    return (rng.standard_normal((series, n)) + jumps).cumsum(axis=1)


NOISY_KAPPA = 0.05


def noisy_wiener(rng, series, n):
    """Wiener process with D = 1/2 under white noise of variance 1."""
    return wiener(rng, series, n) + rng.standard_normal((series, n))


def noisy_ornstein_uhlenbeck(rng, series, n):
    """Ornstein-Uhlenbeck process, kappa = 0.05 and D = 1/2, under white noise of variance 1."""
    path = ornstein_uhlenbeck(rng, series, n, NOISY_KAPPA) / np.sqrt(2 * NOISY_KAPPA)
    return path + rng.standard_normal((series, n))


def second_order(rng, series, n, first, second):
    """AR(2) process of unit kicks, after 500 points that are left out."""
    kicks = rng.standard_normal((series, n + 500))
    return lfilter([1.0], [1.0, -first, -second], kicks, axis=1)[:, 500:]


GARCH = (0.05, 0.1, 0.85)


def garch(rng, series, n):
    """Walk with GARCH(1,1) increments: variance 0.05 + 0.1 dx**2 + 0.85 times the last one."""
    constant, news, memory = GARCH
    normal = rng.standard_normal((n, series))
    variance = np.ones(series)
    steps = np.empty((n, series))
    for k in range(n):
        steps[k] = np.sqrt(variance) * normal[k]
        variance = constant + news * steps[k] ** 2 + memory * variance
    return steps.cumsum(axis=0).T.copy()


def double_well(rng, series, n, dt):
    """dx = (x - x**3) dt + dW, so D = 1/2, in sub-steps of at most 0.01; points every dt."""
    fine = int(np.ceil(dt / 0.01))
    h = dt / fine
    x = np.where(rng.random(series) < 0.5, -1.0, 1.0)
    out = np.empty((n, series))
    for k in range(n):
        out[k] = x
        for _ in range(fine):
            x = x + (x - x**3) * h + np.sqrt(h) * rng.standard_normal(series)
    return out.T.copy()


def waiting_walk(rng, series, n, exponent=0.7):
    """Continuous-time random walk: normal jumps after waiting times of density t**(-1.7), t > 1."""
    out = np.zeros((series, n))
    for s in range(series):
        arrivals = np.cumsum(rng.random(n) ** (-1 / exponent))
        jumps = np.concatenate([[0.0], rng.standard_normal(n).cumsum()])
        out[s] = jumps[np.searchsorted(arrivals, np.arange(n), side="right")]
    return out


SWITCHING = 0.01


def switching_diffusion(rng, series, n):
    """Walk whose D switches between 1/2 and 2 with a chance of 1% in every step (telegraph)."""
    switches = rng.random((series, n)) < SWITCHING
    fast = (rng.random((series, 1)) < 0.5) ^ (switches.cumsum(axis=1) % 2 == 1)
    return (np.where(fast, 2.0, 1.0) * rng.standard_normal((series, n))).cumsum(axis=1)


def reshuffled_descent(rng, series, n, batches=8, rate=0.05):
    """Descent on a quadratic, x' = 0.95 x + kick; 8 fixed kicks of sum 0 in new order per epoch."""
    kicks = rng.standard_normal((series, batches))
    kicks -= kicks.mean(axis=1, keepdims=True)
    epochs = -(-(n + 100) // batches)
    order = rng.random((series, epochs, batches)).argsort(axis=2)
    drawn = np.take_along_axis(kicks[:, None].repeat(epochs, axis=1), order, axis=2)
    path = lfilter([1.0], [1.0, rate - 1.0], drawn.reshape(series, -1), axis=1)
    return path[:, 100 : n + 100]


def with_gaps(rng, x, share=0.01):
    """The series with so large a share of their points missing, each series in its own places."""
    return np.where(rng.random(x.shape) < share, np.nan, x)


def scaled_brownian(rng, series, n, exponent, first=0):
    """Scaled Brownian motion of MSD t**exponent since the origin, from a later first point on."""
    growth = np.diff(np.arange(first, first + n + 0.0) ** exponent)
    steps = np.sqrt(growth) * rng.standard_normal((series, n - 1))
    return np.concatenate([np.zeros((series, 1)), steps.cumsum(axis=1)], axis=1)
