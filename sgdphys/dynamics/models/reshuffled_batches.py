"""Number of batches per epoch of a path of reshuffled descent.

The spectrum of the kicks says about how many there are: it is searched with a tapered, debiased
Whittle likelihood. Then the phase of the epochs, which spectra do not see, tells which number it is
exactly: the kicks of an epoch must sum to zero. Without it a slowly relaxing process, whose lowest
frequencies happen to be weak, would be taken for reshuffled in some percent of series.

References
----------
Sykulski et al. (2019), Biometrika 106, 251, for the Whittle likelihood.
"""

import functools

import numpy as np
from scipy.special import chdtr

from sgdphys.dynamics.models.reshuffled_likelihood import PATH, ROUNDING

_EPOCHS = 10
"""Least number of epochs in a series."""
_LARGEST = 512
"""Of the numbers of batches that are searched."""
_CHANCE = 1e-4
"""Chance at which epochs of one phase are taken for true."""
_SHARE = 0.0005
"""Share of the variance of the noise at the ends of epochs, above which kicks do not sum to zero.

What is left of a sum accumulates, and is taken for a smaller rate: counted, the rate is low by some
40 times this share, in standard errors.
"""
_NEAR = 10.0
"""Loss of Whittle's log-likelihood within which numbers of batches are compared."""
_SEGMENT = 8192
"""Points of a segment whose periodograms are averaged."""


@functools.lru_cache(maxsize=4)
def _spectra(points: int, largest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of batches, inverse expected periodograms (batches, frequency), their log sums.

    The expectation is that of kicks under a sine taper. White noise comes first, as 0 batches.
    """
    batches = np.unique(np.round(np.geomspace(2, largest, 60)).astype(int))
    taper = _taper(points)
    overlap = np.fft.irfft(np.abs(np.fft.rfft(taper, 2 * points)) ** 2)[:largest]
    frequency = np.arange(1, points // 2) / points
    lag = np.arange(1, largest)
    cosines = 2 * overlap[1:] * np.cos(2 * np.pi * np.outer(frequency, lag))
    share = np.maximum(batches[:, None] - lag, 0) / (batches * (batches - 1.0))[:, None]
    expected = overlap[0] - share @ cosines.T
    expected = np.concatenate([np.ones((1, len(frequency))), expected])
    return np.append(0, batches), 1 / expected, np.log(expected).sum(axis=1)


def _taper(points: int) -> np.ndarray:
    return np.sqrt(2 / points) * np.sin(np.pi * (np.arange(points) + 0.5) / points)


def whittle(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tapered, debiased Whittle likelihood of series (series, point) at many numbers of batches.

    Returns
    -------
    ((batches,), (series, batches))
        Numbers of batches, and profile log-likelihoods minus that of white noise.
    """
    n = x.shape[1] - 1
    points = min(n, _SEGMENT)
    batches, inverse, logs = _spectra(points, _most(n))
    segments = n // points
    taper = _taper(points)
    level = x - x.mean(axis=1, keepdims=True)

    def transformed(y: np.ndarray) -> np.ndarray:
        y = y[:, : segments * points].reshape(len(y), segments, points)
        return np.fft.rfft(y * taper, axis=2)[:, :, 1 : inverse.shape[1] + 1]

    a, b = transformed(level[:, :-1]), transformed(level[:, 1:])
    # einsum: the last bits of a matrix product depend on the number of series
    aa, ab, bb = (
        np.einsum("sf,bf->sb", (u.conj() * v).real.sum(axis=1), inverse)
        for u, v in ((a, a), (a, b), (b, b))
    )
    squares = np.maximum(bb - ab**2 / aa, 1e-14 * bb)
    value = -segments * (inverse.shape[1] * np.log(squares) + logs)
    return batches[1:], value[:, 1:] - value[:, :1]


def _most(n: int) -> int:
    """Largest number of batches that is searched in n increments."""
    return min(n // _EPOCHS, _SEGMENT // _EPOCHS, _LARGEST)


def _coherent(columns: np.ndarray, candidates: np.ndarray) -> int:
    """Number of batches whose kicks sum to zero from one phase to the next; 0 if there is none.

    At the ends of epochs the noise of the regression is 0. So residuals of points K apart at the
    right phase are far smaller than those at other phases, and K is the smallest such number.
    Their variance must be below a share ``_SHARE`` of the mean over phases, with a chance below
    ``_CHANCE`` of being so small in independent noise of equal variance.
    """
    tests = int(candidates.sum())
    for k in candidates:
        epochs = columns.shape[1] // k
        by_phase = columns[:, : epochs * k].reshape(4, epochs, k)
        products = np.einsum("aek,bek->kab", by_phase, by_phase)
        products[:, range(PATH), range(PATH)] += ROUNDING * epochs  # columns may be equal
        known, path = products[:, :PATH, :PATH], products[:, :PATH, PATH]
        slopes = np.linalg.solve(known, path[..., None])[..., 0]
        squares = products[:, PATH, PATH] - np.einsum("ka,ka->k", path, slopes)
        share = max(squares.min(), 0.0) / squares.mean()
        freedom = epochs - PATH
        if share < _SHARE and tests * chdtr(freedom, freedom * share) < _CHANCE:
            return int(k)
    return 0


def of_batches(columns: np.ndarray, batches: np.ndarray, gains: np.ndarray) -> int:
    """Number of batches of a path, from its ``columns_of`` and ``whittle``; 0 without epochs."""
    near = batches[gains > gains.max() - _NEAR]
    last = min(int(1.1 * near[-1]), _most(columns.shape[1] - 1))
    # from below, since multiples of the right number pass as well
    return _coherent(columns, np.arange(max(near[0] // 3, 2), last + 1))
