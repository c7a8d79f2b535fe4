"""Distribution of an order parameter at a transition: two states or one, and the barrier between.

Kernels of arrays; samples that are missing are NaN and stand last where a sample is sorted.
"""

import numpy as np

_TRIMMED = 0.02
"""Share of the samples, at either end, that is set to the next value: at least one sample."""
_SMALLEST_STATE = 0.1
"""Least share of the samples in either of two states."""
_GRID = 200
"""Points at which a density is smoothed."""


def winsorised(values: np.ndarray) -> np.ndarray:
    """Samples (..., replica) whose outermost 2% at either end, at least one, are set to the next.

    Moments of the fourth order would otherwise rest on one odd replica.
    """
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    cut = np.maximum(1, (_TRIMMED * count).astype(int))
    last = values.shape[-1] - 1
    low = np.take_along_axis(ordered, np.clip(cut, 0, last), axis=-1)
    high = np.take_along_axis(ordered, np.clip(count - 1 - cut, 0, last), axis=-1)
    return np.where(high >= low, np.clip(values, low, high), values)


def threshold_of(sample: np.ndarray) -> float:
    """The value that parts a sample into two groups of the least variance (Otsu's threshold)."""
    x = np.sort(sample[np.isfinite(sample)])
    n = len(x)
    below = np.arange(1, n)
    total = np.cumsum(x)
    difference = (total[-1] - total[:-1]) / (n - below) - total[:-1] / below
    between = below * (n - below) * difference**2
    least = max(1, int(np.ceil(_SMALLEST_STATE * n)))
    between[: least - 1] = -1.0
    between[n - least :] = -1.0
    best = int(between.argmax())
    return float((total[best] / (best + 1) + (total[-1] - total[best]) / (n - best - 1)) / 2)


def bimodality(moments: np.ndarray) -> np.ndarray:
    """Central kurtosis - skewness**2 - 1 from the raw moments <x>, ..., <x**4> (..., 4).

    0 for two values with any weights, 0.8 for a uniform distribution, 2 for a Gaussian one.
    """
    first, second, third, fourth = np.moveaxis(moments, -1, 0)
    variance = second - first**2
    cube = third - 3 * first * second + 2 * first**3
    square = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
    with np.errstate(all="ignore"):
        found = square / variance**2 - cube**2 / variance**3 - 1
    return np.asarray(np.where(variance > 0, np.maximum(found, 0.0), np.nan))


def barriers(sample: np.ndarray, threshold: float, draws: np.ndarray) -> np.ndarray:
    """Barrier between two states, ln of the lower peak of the density over the valley between.

    Parameters
    ----------
    sample : (replica,)
        NaN where one is missing.
    threshold : float
        Value between the states.
    draws : (resample, replica)
        How often each replica counts.

    Returns
    -------
    (resample,)
        0 where the density has one peak. A valley that holds no sample counts as half of one, so
        that a high barrier is a lower bound.

    Notes
    -----
    The density is a Gaussian kernel estimate, with Silverman's width of the wider state.
    """
    finite = np.isfinite(sample)
    x, weights = sample[finite], draws[:, finite]
    upper = x > threshold
    if not 0 < upper.sum() < len(x):
        return np.full(len(draws), np.nan)
    spread = max(x[upper].std(), x[~upper].std())
    width = max(0.9 * spread * len(x) ** -0.2, (x.max() - x.min()) / 60)
    if not width > 0:
        return np.full(len(draws), np.nan)
    grid = np.linspace(x.min(), x.max(), _GRID)
    kernel = np.exp(-0.5 * ((x[:, None] - grid) / width) ** 2)
    density = weights @ kernel + 0.5
    is_upper = grid > threshold
    lower_peak = np.where(is_upper, 0.0, density).argmax(axis=1)
    upper_peak = np.where(is_upper, density, 0.0).argmax(axis=1)
    place = np.arange(_GRID)
    inside = (place >= lower_peak[:, None]) & (place <= upper_peak[:, None])
    valley = np.where(inside, density, np.inf).min(axis=1)
    rows = np.arange(len(density))
    peak = np.minimum(density[rows, lower_peak], density[rows, upper_peak])
    return np.asarray(np.log(peak / valley))
