"""Simulators of processes whose parameters are known, independent of ``sgdphys.processes``."""

import numpy as np
from scipy.special import gammaln

Times = np.ndarray


def wiener(rng, series, n, *, diffusion=0.5, drift=0.0, dt=1.0):
    """Paths (series, n) with variance 2 D dt and mean v dt per step."""
    steps = drift * dt + np.sqrt(2 * diffusion * dt) * rng.standard_normal((series, n - 1))
    return np.concatenate([np.zeros((series, 1)), steps.cumsum(axis=1)], axis=1)


def ornstein_uhlenbeck(rng, series, times, *, kappa, diffusion=1.0, start=None):
    """Paths (series, time) by the exact law of each step; stationary at the first time by default.

    ``start`` is the first value in stationary standard deviations.
    """
    sd = np.sqrt(diffusion / kappa)
    x = np.empty((series, len(times)))
    x[:, 0] = sd * (rng.standard_normal(series) if start is None else start)
    for k, dt in enumerate(np.diff(times), 1):
        decay = np.exp(-kappa * dt)
        noise = sd * np.sqrt(1 - decay**2) * rng.standard_normal(series)
        x[:, k] = decay * x[:, k - 1] + noise
    return x


def fractional_noise(rng, series, n, hurst):
    """Increments (series, n) of fractional Brownian motion, variance 1, by circulant embedding."""
    k = np.arange(n + 1)
    power = 2 * hurst
    covariance = 0.5 * (np.abs(k - 1.0) ** power - 2 * k**power + (k + 1.0) ** power)
    circle = np.concatenate([covariance, covariance[-2:0:-1]])
    spectrum = np.maximum(np.fft.fft(circle).real, 0)
    size = len(circle)
    z = rng.standard_normal((series, size)) + 1j * rng.standard_normal((series, size))
    return np.fft.fft(np.sqrt(spectrum / size) * z, axis=1).real[:, :n]


def fractional_brownian(rng, series, n, hurst):
    """Paths (series, n) of fractional Brownian motion."""
    steps = fractional_noise(rng, series, n - 1, hurst)
    return np.concatenate([np.zeros((series, 1)), steps.cumsum(axis=1)], axis=1)


def stable(rng, shape, alpha):
    """Symmetric stable numbers of index alpha, scale 1: Chambers, Mallows and Stuck (1976)."""
    angle = rng.uniform(-np.pi / 2, np.pi / 2, shape)
    weight = rng.exponential(1.0, shape)
    if alpha == 1:
        return np.tan(angle)
    return (
        np.sin(alpha * angle)
        / np.cos(angle) ** (1 / alpha)
        * (np.cos((1 - alpha) * angle) / weight) ** ((1 - alpha) / alpha)
    )


def levy(rng, series, n, alpha):
    """Paths (series, n) with symmetric stable increments."""
    steps = stable(rng, (series, n - 1), alpha)
    return np.concatenate([np.zeros((series, 1)), steps.cumsum(axis=1)], axis=1)


def autoregressive(rng, series, n, phi, noise=None):
    """Stationary AR(1) (series, n) with variance 1; ``noise`` draws its innovations."""
    draw = rng.standard_normal if noise is None else noise
    innovations = np.sqrt(1 - phi**2) * draw((series, n))
    x = np.empty((series, n))
    x[:, 0] = rng.standard_normal(series)
    for k in range(1, n):
        x[:, k] = phi * x[:, k - 1] + innovations[:, k]
    return x


def with_gaps(rng, x, share):
    """A copy with a share of the points missing, the first and last kept."""
    gaps = rng.random(x.shape) < share
    gaps[:, [0, -1]] = False
    return np.where(gaps, np.nan, x)


def curie_weiss_law(spins, coupling):
    """Magnetisations of the mean-field magnet and their probabilities, by enumeration."""
    up = np.arange(spins + 1)
    total = 2 * up - spins
    log_weight = -gammaln(up + 1) - gammaln(spins - up + 1) + coupling * total**2 / (2 * spins)
    weight = np.exp(log_weight - log_weight.max())
    return total / spins, weight / weight.sum()
