"""Area of a hysteresis loop at zero speed: A(v) = A0 + c v**a, profile likelihood."""

from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc, stdtrit

LEAST, MOST = 0.25, 2.0
"""Range of exponents; 1/3 to 1 are known."""
_EXPONENTS = 64
FEWEST = 3
_TESTABLE = 4
"""Speeds that three parameters need to be tested."""
REFUSED = 0.01
"""p-value below which the law is no answer."""
_REJECTED = 0.1
_GRID = 400


class ZeroSpeed(NamedTuple):
    """Area at zero speed and exponent: value, lower and upper end; NaN where there are none."""

    area: tuple[float, float, float]
    exponent: tuple[float, float, float]
    used: np.ndarray
    """(speed,): which speeds the law was fitted to."""
    p_value: float
    """Of the law; NaN where so few speeds cannot test it."""


def at_zero_speed(
    speeds: np.ndarray, areas: np.ndarray, covariance: np.ndarray, members: int, confidence: float
) -> ZeroSpeed:
    """Fit A0 >= 0, c >= 0 and a together, leaving out the fastest speeds while the law is rejected.

    Parameters
    ----------
    speeds, areas : (speed,)
        Ascending speeds.
    covariance : (speed, speed)
        Of the areas.
    members : int
        Replicas that the covariance rests on.
    confidence : float

    Notes
    -----
    chi2(A0) is minimised over c and over exponents from 1/4 to 2; the interval of A0 is where it
    exceeds its minimum by at most t**2, t Student's quantile for the replicas; that of a likewise.
    The law is rejected at 10%, by the F distribution, with at least 4 speeds.
    """
    for count in range(len(speeds), FEWEST - 1, -1):
        found = _fit(speeds[:count], areas[:count], covariance[:count, :count], members, confidence)
        if count <= _TESTABLE or not found.p_value < _REJECTED:
            break
    used = np.arange(len(speeds)) < count
    return found._replace(used=used)


def _fit(
    speeds: np.ndarray, areas: np.ndarray, covariance: np.ndarray, members: int, confidence: float
) -> ZeroSpeed:
    weights = np.linalg.inv(covariance)
    beyond = float(stdtrit(members - 1, 0.5 + confidence / 2)) ** 2
    width = float(np.sqrt(beyond * np.diag(covariance).max()))
    first, last = LEAST, MOST
    for _ in range(5):  # each time on a finer grid about what is allowed
        exponents = np.geomspace(first, last, _EXPONENTS)
        powers = (speeds / speeds[-1]) ** exponents[:, None]
        least = _least_misfit(areas, powers, weights)
        fitting = np.flatnonzero(least <= least.min() + beyond)
        step = exponents[1] / exponents[0]
        first = max(LEAST, exponents[fitting[0]] / step)
        last = min(MOST, exponents[fitting[-1]] * step)
    reach = areas.max() - areas.min() + width
    low, high = 0.0, max(float(areas.max()), 0.0) + 3 * reach
    for _ in range(5):
        grid = np.linspace(low, high, _GRID)
        misfit = _misfit(grid, areas, powers, weights)
        allowed = np.flatnonzero(misfit.min(axis=0) <= misfit.min() + beyond)
        step = grid[1] - grid[0]
        low, high = max(0.0, grid[allowed[0]] - step), grid[allowed[-1]] + step
    best, at = (int(k) for k in np.unravel_index(misfit.argmin(), misfit.shape))
    free = len(speeds) - 3
    p_value = float(fdtrc(free, members - 1, misfit.min() / free)) if free else np.nan
    return ZeroSpeed(
        (float(grid[at]), float(grid[allowed[0]]), float(grid[allowed[-1]])),
        (float(exponents[best]), float(exponents[fitting[0]]), float(exponents[fitting[-1]])),
        np.ones(len(speeds), bool),
        p_value,
    )


def _misfit(
    grid: np.ndarray, areas: np.ndarray, powers: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """chi2 (exponent, A0), c the best that is not negative."""
    rest = areas - grid[:, None]  # (A0, speed)
    weighted = rest @ weights
    square = (powers @ weights * powers).sum(axis=1)[:, None]
    product = powers @ weighted.T
    return np.asarray((weighted * rest).sum(axis=1) - np.maximum(product, 0.0) ** 2 / square)


def _least_misfit(areas: np.ndarray, powers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """chi2 (exponent,) at the best A0 and c that are not negative."""
    ones = np.ones_like(areas)
    one, square = ones @ weights @ ones, (powers @ weights * powers).sum(axis=1)
    cross, product = powers @ weights @ ones, powers @ weights @ areas
    constant = ones @ weights @ areas
    of_law = (product - cross * constant / one) / (square - cross**2 / one)
    of_law = np.maximum(of_law, 0.0)  # c at the best A0
    area = (constant - cross * of_law) / one
    of_law = np.where(area < 0, np.maximum(product / square, 0.0), of_law)
    area = np.maximum(area, 0.0)
    rest = areas - area[:, None] - of_law[:, None] * powers
    return np.asarray((rest @ weights * rest).sum(axis=1))
