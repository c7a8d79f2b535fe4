"""Fractional Brownian motion, exactly simulated."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.processes.brownian import summed
from sgdphys.processes.labels import labelled_path


def fractional_brownian(
    *,
    hurst: float,
    diffusion: float = 0.5,
    steps: int = 10_000,
    dt: float = 1.0,
    replicas: int = 1,
    parameters: int = 1,
    rng: Any = 0,
) -> xr.Dataset:
    """Fractional Brownian motion (FBM): Gaussian, with power-law correlated increments.

    Parameters
    ----------
    hurst : float
        Hurst exponent H, between 0 and 1; 1/2 is a Wiener process.
    diffusion, steps, dt, replicas, parameters, rng
        As in ``wiener``.

    Returns
    -------
    Dataset
        As ``wiener``; attributes hurst, diffusion and alpha = 2 H.

    Raises
    ------
    InputError
        For a Hurst exponent outside (0, 1).

    See Also
    --------
    scaled_brownian : The same MSD exponent without stationary increments.
    sgdphys.dynamics.fit_fbm : Estimate of H and D.

    Notes
    -----
    MSD = 2 D t**(2 H); increments are exact, by circulant embedding.

    References
    ----------
    Davies and Harte (1987), Biometrika 74, 95.

    Examples
    --------
    At t = 100 the mean squared displacement is 100**(2 H):

    >>> import sgdphys as sp
    >>> data = sp.processes.fractional_brownian(hurst=0.25, steps=100, replicas=5000, rng=0)
    >>> round(float((data["theta"][-1] ** 2).mean()))
    10
    """
    if not 0 < hurst < 1:
        raise InputError(f"hurst is {hurst}; it must lie between 0 and 1")
    dx = np.empty((steps, replicas, parameters))
    noise = fractional_noise(np.random.default_rng(rng), hurst, replicas * parameters, steps)
    dx[...] = noise.reshape(replicas, parameters, steps).transpose(2, 0, 1)
    dx *= np.sqrt(2 * diffusion * dt ** (2 * hurst))
    return labelled_path(
        summed(dx), dt, "fractional_brownian", hurst=hurst, diffusion=diffusion, alpha=2 * hurst
    )


def fractional_noise(rng: np.random.Generator, hurst: float, series: int, steps: int) -> np.ndarray:
    """Fractional Gaussian noise of unit variance (series, step), exact by circulant embedding."""
    k = np.arange(steps + 1.0)
    covariance = 0.5 * ((k + 1) ** (2 * hurst) - 2 * k ** (2 * hurst) + abs(k - 1) ** (2 * hurst))
    spectrum = np.fft.rfft(np.concatenate([covariance, covariance[-2:0:-1]])).real
    spectrum = np.maximum(spectrum, 0.0)  # non-negative except for rounding (Craigmile 2003)
    size = 2 * steps
    out = np.empty((series, steps))
    for row in out:  # a loop, so that memory is bounded by one series
        z = rng.standard_normal((2, len(spectrum)))
        waves = np.sqrt(spectrum * size / 2) * (z[0] + 1j * z[1])
        waves[0], waves[-1] = (np.sqrt(spectrum[e] * size) * z[0, e] for e in (0, -1))
        row[:] = np.fft.irfft(waves, size)[:steps]
    return out
