"""Stationary surrogates of a series: the null hypothesis of every early-warning test."""

import numpy as np
from scipy import fft, signal

from sgdphys.errors import InputError, nearest

KINDS = ("ar1", "phases")
_MOST_MEMORY = 0.999


def memory_of(x: np.ndarray) -> float:
    """AR(1) coefficient of zero-mean series (series, point), corrected for small-sample bias.

    Subtracting the mean and the regression bias it by -(1 + 3 phi)/n, n the points of a series.
    """
    before, after = x[:, :-1], x[:, 1:]
    phi = (before * after).sum() / (before**2).sum()
    return float(np.clip(phi + (1 + 3 * phi) / x.shape[1], -_MOST_MEMORY, _MOST_MEMORY))


def surrogates_of(x: np.ndarray, count: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Stationary surrogates with the memory and the variance of given series.

    Parameters
    ----------
    x : float64 (member, point)
        Realisations of one process, without gaps.
    count : int
        Number of surrogates.
    kind : str
        "ar1": an AR(1) process whose innovations are drawn from those of the series. "phases":
        random Fourier phases, which preserve the whole spectrum.
    rng : Generator

    Returns
    -------
    (count, member, point)

    Raises
    ------
    InputError
        For an unknown kind, or series with gaps.

    References
    ----------
    Theiler et al. (1992), Physica D 58, 77; Dakos et al. (2012), PLoS ONE 7, e41010.
    """
    if kind not in KINDS:
        raise InputError(f"surrogates are {kind!r}; {nearest(kind, KINDS)}")
    deviations = x - x.mean(axis=1, keepdims=True)
    members, points = x.shape
    if kind == "phases":
        size = np.abs(fft.rfft(deviations, axis=1))
        angle = rng.uniform(0, 2 * np.pi, (count, *size.shape))
        angle[..., 0] = 0
        if points % 2 == 0:
            angle[..., -1] = rng.integers(0, 2, (count, members)) * np.pi
        return np.asarray(fft.irfft(size * np.exp(1j * angle), points, axis=-1))
    phi = memory_of(deviations)
    innovations = (deviations[:, 1:] - phi * deviations[:, :-1]).ravel()
    innovations = innovations - innovations.mean()
    drawn = innovations[rng.integers(0, len(innovations), (count, members, points))]
    # the first point is in the stationary state
    drawn[..., 0] = rng.standard_normal((count, members)) * innovations.std() / np.sqrt(1 - phi**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -phi], drawn, axis=-1))
