"""Likelihoods of long fractional series by Fourier and cosine transform (Whittle)."""

import functools
from collections.abc import Iterator

import numpy as np
from scipy.fft import dct

from sgdphys.dynamics.diffusion.fractional_noise import HURST, autocovariance

LONGEST = 2**17
"""Increments up to which the spectrum is that of the whole series; beyond, that of stretches."""
N_ROUGH = int(np.searchsorted(HURST, 0.66))
"""Number of exponents at which the cosine transform of a path is judged."""


def equal_stretches(points: int) -> tuple[int, int]:
    """Number and length of the stretches of a series of so many increments.

    The length is a multiple of 64, for fast transforms: of each stretch fewer are left out.
    """
    many = -(-points // LONGEST)
    return (many, points) if many == 1 else (many, points // many // 64 * 64)


def _noise_of(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, many: int, points: int
) -> Iterator[np.ndarray]:
    """Increments of each stretch of paths, about their mean, in their standard deviations."""
    for first in range(0, many * points, points):
        dx = np.diff(x[:, first : first + points + 1], axis=1)
        yield (dx - mean[:, None]) / deviation[:, None]


@functools.lru_cache(maxsize=4)
def _whittle_tables(points: int, exponents: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Inverse expected periodograms (frequency, hurst) and sums of their logarithms (hurst,).

    The expectation at this number of points stands for the spectrum (debiased Whittle likelihood,
    Sykulski et al. 2019): where the spectrum falls to 0, as at small exponents, most of a
    periodogram at low frequencies has leaked from high ones.
    """
    frequencies = (points - 1) // 2
    share = 1 - np.arange(points) / points
    spectra = np.empty((frequencies, len(exponents)))
    for k, hurst in enumerate(exponents):
        covariance = share * autocovariance(hurst, points - 1)
        expected = 2 * np.fft.rfft(covariance).real - covariance[0]
        spectra[:, k] = expected[1 : frequencies + 1]
    return 1 / spectra, np.log(spectra).sum(axis=0)


def whittle_profile(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, exponents: tuple[float, ...]
) -> np.ndarray:
    """Whittle's profile log-likelihood (series, hurst), maximised over the variance.

    That of long series is the sum of those of stretches of equal length, about their own means.
    """
    many, points = equal_stretches(x.shape[1] - 1)
    inverse, logs = _whittle_tables(points, exponents)
    power = np.zeros((len(x), points // 2 + 1))
    for part in _noise_of(x, mean, deviation, many, points):
        power += np.abs(np.fft.rfft(part - part.mean(axis=1, keepdims=True), axis=1)) ** 2 / points
    frequencies = len(inverse)
    # einsum: the last bits of a matrix product depend on the number of series
    weighted = np.einsum("sf,fh->sh", power[:, 1 : frequencies + 1], inverse)
    total = many * frequencies
    return -(total * np.log(weighted / total) + many * logs)


@functools.lru_cache(maxsize=4)
def _cosine_tables(
    points: int, exponents: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inverse variances (frequency, hurst) of the cosine transform of paths, without the constant.

    With c_j(t) = sqrt(2/n) cos(pi j (t + 1/2)/n) the variances are
    -1/2 sum |t - s|**(2 H) c_j(t) c_j(s). Then weights (frequency, hurst) with which a straight
    line has a sum of squares of 1, and what is subtracted from the log-likelihood (hurst,).
    """
    lag = np.arange(points)
    j = np.arange(1, points)
    found = np.empty((points - 1, len(exponents)))
    for k, hurst in enumerate(exponents):
        power = lag ** (2 * hurst)
        along = np.fft.rfft((1 - lag / points) * power, 2 * points)[1:points].real
        across = -np.fft.rfft(power, 2 * points)[1:points].imag
        found[:, k] = across / (points * np.sin(np.pi * j / points)) - along
    line = dct(np.arange(float(points)), norm="ortho")[1:, None]
    line /= np.sqrt((line**2).sum())
    information = (line**2 / found).sum(axis=0)
    logs = np.log(found).sum(axis=0) + np.log(information)
    return 1 / found, line / found / np.sqrt(information), logs


def cosine_profile(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, exponents: tuple[float, ...]
) -> np.ndarray:
    """Restricted log-likelihood (series, rough hurst) of paths by their cosine transform.

    Its coefficients are independent at H = 1/2 and, in the limit, at H = 0, and nearly so between,
    where the frequencies of increments all contain the one difference of the last and first point.
    That of long series is the sum of those of stretches, about lines of their own.
    """
    many, points = equal_stretches(x.shape[1] - 1)
    inverse, line, logs = _cosine_tables(points + 1, exponents)
    squares = np.zeros((len(x), len(exponents)))
    for part in _noise_of(x, mean, deviation, many, points):
        path = np.pad(np.cumsum(part, axis=1), ((0, 0), (1, 0)))
        y = dct(path, norm="ortho", axis=1)[:, 1:]
        # einsum: the last bits of a matrix product depend on the number of series
        squares += np.einsum("sf,fh->sh", y**2, inverse) - np.einsum("sf,fh->sh", y, line) ** 2
    return -0.5 * many * ((points - 1) * np.log(squares) + logs)
