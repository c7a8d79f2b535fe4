"""Diffusion processes in plain numpy, independent of ``sgdphys.processes``: (series, n + 1) paths.

Every function takes ``rng`` (a Generator), the number of series and of increments first.
"""

import numpy as np


def walk(rng, series, n, diffusion=1.0, noise=0.0):
    """Wiener paths of spacing 1, D is ``diffusion``; every point has an error of size ``noise``."""
    steps = np.sqrt(2 * diffusion) * rng.standard_normal((series, n))
    x = np.concatenate([np.zeros((series, 1)), steps.cumsum(axis=1)], axis=1)
    return x + noise * rng.standard_normal(x.shape)


def stable_walk(rng, series, n, index):
    """Levy flight of scale 1, tail index ``index`` (Chambers, Mallows and Stuck 1976)."""
    angle = np.pi * (rng.random((series, n)) - 0.5)
    weight = rng.exponential(size=(series, n))
    steps = (
        np.sin(index * angle)
        / np.cos(angle) ** (1 / index)
        * (np.cos((1 - index) * angle) / weight) ** ((1 - index) / index)
    )
    return np.concatenate([np.zeros((series, 1)), steps.cumsum(axis=1)], axis=1)


def fractional_walk(rng, series, n, hurst):
    """Fractional Brownian paths, MSD = lag**(2 hurst), by circulant embedding of the noise."""
    k = np.arange(n + 1.0)
    covariance = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + abs(k - 1) ** (2 * hurst))
    circle = np.concatenate([covariance, covariance[-2:0:-1]])
    size = np.sqrt(np.maximum(np.fft.fft(circle).real, 0.0) / len(circle))
    wave = rng.standard_normal((series, len(circle))) + 1j * rng.standard_normal(
        (series, len(circle))
    )
    steps = np.fft.fft(size * wave, axis=1)[:, :n].real
    return np.concatenate([np.zeros((series, 1)), steps.cumsum(axis=1)], axis=1)


def relaxing_walk(rng, series, n, kappa, diffusion=1.0, start=None, times=None):
    """Ornstein-Uhlenbeck paths about 0 by exact steps: D/kappa is their stationary variance.

    ``start`` is the first point in stationary standard deviations, by default drawn from the
    stationary law; ``times`` (n + 1) are those of the points, by default 0, 1, 2, ...
    """
    spacing = np.ones(n) if times is None else np.diff(times)
    size = np.sqrt(diffusion / kappa)
    x = np.empty((series, n + 1))
    x[:, 0] = size * (rng.standard_normal(series) if start is None else start)
    for k in range(n):
        a = np.exp(-kappa * spacing[k])
        x[:, k + 1] = a * x[:, k] + size * np.sqrt(1 - a * a) * rng.standard_normal(series)
    return x


def with_gaps(rng, x, share):
    """The paths with a share of their points missing at random, never the first or the last."""
    missing = rng.random(x.shape) < share
    missing[:, [0, -1]] = False
    return np.where(missing, np.nan, x)
