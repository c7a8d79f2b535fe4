"""Curves by which a path is compared with simulated copies of a fitted model."""

from collections.abc import Callable

import numpy as np

MOST_LAG = 0.25
"""Longest lag, as a share of the increments."""
SHARES = np.array([0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001])
"""Shares of the increments that are larger than a quantile of the tail."""
LEVELS = np.linspace(-3.0, 3.0, 13)
"""Middles of the bins of the levels, in standard deviations from their mean; the outer ones open.
"""
BACK: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "displacement": np.exp,
    "increment_autocorrelation": np.copy,
    "tail": np.exp,
    "autocorrelation": np.copy,
    "density": np.square,
}
"""Back from the scale of each check on which copies scatter about evenly."""
_LEAST = 1e-300


def lag_ladder(n: int) -> np.ndarray:
    """Lags 1, 2, 3, 4, 6, 8, 12, 16, ... of a path of n increments."""
    powers = 2 ** np.arange(40, dtype=np.int64)
    lags = np.unique(np.concatenate([powers, 3 * powers]))
    return lags[lags <= max(1.0, MOST_LAG * n)]


def shares_of(n: int) -> np.ndarray:
    """Shares of ``SHARES`` that are at least two increments of n."""
    return SHARES[SHARES * n >= 2]


def curves(x: np.ndarray) -> dict[str, np.ndarray]:
    """Curves of all checks of paths (path, point), evenly spaced and without gaps.

    Returns
    -------
    dict
        By the name of the check, arrays (path, place), on the scales of ``BACK``:
        displacement, log of the mean squared displacement by ``lag_ladder``;
        increment_autocorrelation and autocorrelation (of the levels about their mean) by the same
        lags; tail, log of the sizes of increments about their median that a share ``shares_of`` of
        them exceeds; density, root of the probability density of the levels in their own standard
        deviations, by ``LEVELS``.
    """
    dx = np.diff(x, axis=1)
    lags = lag_ladder(dx.shape[1])
    moved = [np.square(x[:, k:] - x[:, :-k]).mean(axis=1) for k in lags]
    return {
        "displacement": np.log(np.maximum(np.stack(moved, axis=1), _LEAST)),
        "increment_autocorrelation": _autocorrelation(dx, lags),
        "tail": _tail(dx),
        "autocorrelation": _autocorrelation(x, lags),
        "density": _density(x),
    }


def _autocorrelation(x: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Autocorrelations about the mean of each path, normalised by all points."""
    c = x - x.mean(axis=1, keepdims=True)
    squares = np.einsum("pk,pk->p", c, c)
    squares = np.where(squares > 0, squares, np.inf)
    found = [np.einsum("pk,pk->p", c[:, k:], c[:, :-k]) / squares for k in lags]
    return np.stack(found, axis=1)


def _tail(dx: np.ndarray) -> np.ndarray:
    """Logarithms of the quantiles of the sizes of increments about their median."""
    n = dx.shape[1]
    sizes = np.sort(np.abs(dx - np.median(dx, axis=1, keepdims=True)), axis=1)
    place = np.rint((1 - shares_of(n)) * n).astype(int)
    return np.log(np.maximum(sizes[:, np.minimum(place, n - 1)], _LEAST))


def _density(x: np.ndarray) -> np.ndarray:
    """Roots of the densities of standardised levels in the bins about ``LEVELS``."""
    spread = x.std(axis=1, keepdims=True)
    z = (x - x.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    width = LEVELS[1] - LEVELS[0]
    last = len(LEVELS) - 1
    bins = np.clip(np.rint((z - LEVELS[0]) / width), 0, last).astype(np.int64)
    rows = np.arange(len(x))[:, None] * (last + 1)
    counts = np.bincount((bins + rows).ravel(), minlength=len(x) * (last + 1))
    return np.sqrt(counts.reshape(len(x), -1) / (x.shape[1] * width))
