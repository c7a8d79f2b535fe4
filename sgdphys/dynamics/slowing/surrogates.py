"""Series without a trend that are else like a given one: the null of every early warning."""

import numpy as np
from scipy import fft, signal

from sgdphys.errors import InputError, nearest

KINDS = ("ar1", "phases")
_MOST_MEMORY = 0.999


def memory_of(x: np.ndarray) -> float:
    """Lag-1 coefficient of zero-mean series (series, point), its own small-sample bias taken out.

    The mean and the regression lower it by (1 + 3 phi)/n, n the points of a series.
    """
    before, after = x[:, :-1], x[:, 1:]
    phi = (before * after).sum() / (before**2).sum()
    return float(np.clip(phi + (1 + 3 * phi) / x.shape[1], -_MOST_MEMORY, _MOST_MEMORY))


def surrogates_of(x: np.ndarray, many: int, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Stationary series with the memory and the marginal scatter of given ones.

    Parameters
    ----------
    x : float64 (member, point)
        Realisations of one process, without gaps.
    many : int
    kind : str
        "ar1": an AR(1) process whose innovations are drawn from those of the series. "phases":
        Fourier phases drawn anew, which keeps the whole spectrum.
    rng : Generator

    Returns
    -------
    (many, member, point)

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
    away = x - x.mean(axis=1, keepdims=True)
    members, points = x.shape
    if kind == "phases":
        size = np.abs(fft.rfft(away, axis=1))
        angle = rng.uniform(0, 2 * np.pi, (many, *size.shape))
        angle[..., 0] = 0
        if points % 2 == 0:
            angle[..., -1] = rng.integers(0, 2, (many, members)) * np.pi
        return np.asarray(fft.irfft(size * np.exp(1j * angle), points, axis=-1))
    phi = memory_of(away)
    kicks = (away[:, 1:] - phi * away[:, :-1]).ravel()
    kicks = kicks - kicks.mean()
    drawn = kicks[rng.integers(0, len(kicks), (many, members, points))]
    # a first point of the stationary state
    drawn[..., 0] = rng.standard_normal((many, members)) * kicks.std() / np.sqrt(1 - phi**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -phi], drawn, axis=-1))
