"""Fractional Gaussian noise: autocovariance, prediction errors and exact likelihood."""

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.simd.operations import fma, load_block, store
from sgdphys.simd.vectors import SAMPLES, lanes

HURST = np.concatenate(
    [np.geomspace(0.01, 0.098, 12), np.arange(0.11, 0.96, 0.03), [0.965, 0.98, 0.99]]
)
"""Exponents at which likelihoods are evaluated, denser towards 0, where they change fastest."""
MEMORY = 256
"""Number of past points that a prediction uses."""
_NEAR = 200
"""Lags up to which autocovariances are differences of powers."""


def autocovariance(hurst: float, lags: int) -> np.ndarray:
    """Autocovariance of unit fractional Gaussian noise at lags 0 ... lags."""
    k = np.arange(lags + 1.0)
    power = 2 * hurst
    near = k[:_NEAR]
    found = np.empty(lags + 1)
    found[:_NEAR] = 0.5 * ((near + 1) ** power - 2 * near**power + np.abs(near - 1) ** power)
    # further on the difference would lose its digits: its Taylor series in 1/k
    far = k[_NEAR:]
    second = power * (power - 1)
    fourth = second * (power - 2) * (power - 3)
    sixth = fourth * (power - 4) * (power - 5)
    series = second / 2 + fourth / 24 / far**2 + sixth / 720 / far**4
    found[_NEAR:] = far ** (power - 2) * series
    return found


@compiled
def _whiten(covariance, rows):
    """Fill the whitening matrix, rows (point, point), by the Durbin-Levinson recursion.

    Row k gives the one-step prediction error of point k divided by its standard deviation. Returns
    the sum of the logarithms of the variances of the errors.
    """
    variance = covariance[0]
    logs = np.log(variance)
    rows[0, 0] = 1.0
    for k in range(1, rows.shape[0]):
        # row k holds -phi_{k,k} ... -phi_{k,1}, 1: the newest point last
        reflection = covariance[k]
        for j in range(1, k):
            reflection += rows[k - 1, k - 1 - j] * covariance[k - j]
        reflection /= variance
        rows[k, 0] = -reflection
        for j in range(1, k):
            rows[k, j] = rows[k - 1, j - 1] - reflection * rows[k - 1, k - 1 - j]
        rows[k, k] = 1.0
        variance *= 1.0 - reflection * reflection
        logs += np.log(variance)
    variance = covariance[0]
    for k in range(rows.shape[0]):
        reflection = -rows[k, 0] if k else 0.0
        variance *= 1.0 - reflection * reflection
        for j in range(k + 1):
            rows[k, j] /= np.sqrt(variance)
    return logs


@compiled
def _predict(hurst, noise, row, errors, deviations, last):
    """Prediction errors from all past points, for as many points as ``row`` has (Durbin, Levinson).

    Parameters
    ----------
    hurst : (series,)
    noise, errors, deviations : (series, point)
        Errors in their standard deviations, and these, are filled in.
    row : (3, order)
        Scratch.
    last : (series, order)
        Filled with the weights of the last prediction, the most distant point first.
    """
    order = row.shape[1]
    covariance, weights, next_weights = row[0], row[1], row[2]
    for s in range(noise.shape[0]):
        power = 2.0 * hurst[s]
        for k in range(order):
            covariance[k] = 0.5 * ((k + 1.0) ** power - 2.0 * k**power + abs(k - 1.0) ** power)
        variance = covariance[0]
        for k in range(order):
            # weights[j] is of the point j + 1 before
            if k:
                reflection = covariance[k]
                for j in range(k - 1):
                    reflection -= weights[j] * covariance[k - 1 - j]
                reflection /= variance
                for j in range(k - 1):
                    next_weights[j] = weights[j] - reflection * weights[k - 2 - j]
                next_weights[k - 1] = reflection
                for j in range(k):
                    weights[j] = next_weights[j]
                variance *= 1.0 - reflection * reflection
            error = noise[s, k]
            for j in range(k):
                error -= weights[j] * noise[s, k - 1 - j]
            deviations[s, k] = np.sqrt(variance)
            errors[s, k] = error / deviations[s, k]
        for j in range(order - 1):
            last[s, order - 2 - j] = -weights[j] / deviations[s, order - 1]
        last[s, order - 1] = 1.0 / deviations[s, order - 1]


def prediction_errors(hurst: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-step prediction errors of unit fractional Gaussian noise from its past points.

    Parameters
    ----------
    hurst : (series,)
    noise : (series, point)

    Returns
    -------
    ((series, point), (series, point))
        Errors divided by their standard deviations under the model, and those deviations.
    """
    series, points = noise.shape
    order = min(MEMORY, points)
    errors, deviations = np.empty_like(noise), np.empty_like(noise)
    last = np.empty((series, order))
    _predict(hurst, noise, np.empty((3, order)), errors, deviations, last)
    if points > order:
        for s in range(series):
            errors[s, order:] = np.correlate(noise[s, 1:], last[s], "valid")
        deviations[:, order:] = 1 / last[:, -1:]
    return errors, deviations


@compiled
def _whitened_sums(rows, unit, noise, sums):
    """Sums over whitened series: of their products with a whitened constant, and of squares.

    Parameters
    ----------
    rows : (point, point)
        Whitening matrix, whose entries above the diagonal are not read.
    unit : (point,)
        The whitened constant 1.
    noise : (group, point * width)
        ``width`` series side by side.
    sums : (group, 2 * width)
        Zeros, which are filled.
    """
    width = sums.shape[1] // 2
    points = rows.shape[0]
    for g in range(noise.shape[0]):
        x, out = noise[g], sums[g]
        along, squares = load_block(out, 0), load_block(out, width)
        for k in range(0, points - 1, 2):  # two rows, for which every number is loaded once
            here = load_block(x, 0)
            first, second = here * rows[k, 0], here * rows[k + 1, 0]
            for j in range(1, k + 1):
                here = load_block(x, j * width)
                first = fma(here, rows[k, j], first)
                second = fma(here, rows[k + 1, j], second)
            second = fma(load_block(x, (k + 1) * width), rows[k + 1, k + 1], second)
            along = fma(second, unit[k + 1], fma(first, unit[k], along))
            squares = fma(second, second, fma(first, first, squares))
        if points % 2:
            k = points - 1
            first = load_block(x, 0) * rows[k, 0]
            for j in range(1, points):
                first = fma(load_block(x, j * width), rows[k, j], first)
            along = fma(first, unit[k], along)
            squares = fma(first, first, squares)
        store(out, 0, along)
        store(out, width, squares)


def exact_profile(dx: np.ndarray) -> np.ndarray:
    """Restricted log-likelihood (series, hurst): integrated over the mean, maximal in the variance.

    With the mean at its maximum instead, exponents near 1 are biased downwards in short series,
    whose mean is then nearly as uncertain as a single point.
    """
    series, points = dx.shape
    width = SAMPLES * lanes(np.float64)
    groups = -(-series // width)
    # complete groups, so that the last bits of a result do not depend on the number of series
    padded = np.zeros((groups * width, points))
    padded[:series] = dx
    noise = padded.reshape(groups, width, points).transpose(0, 2, 1).reshape(groups, -1)
    found = np.empty((series, len(HURST)))
    rows = np.zeros((points, points))
    for k, hurst in enumerate(HURST):
        logs = _whiten(autocovariance(hurst, points), rows)
        unit = rows.sum(axis=1)
        information = (unit**2).sum()
        sums = np.zeros((groups, 2 * width))
        _whitened_sums(rows, unit, noise, sums)
        along, squares = sums.reshape(groups, 2, width).transpose(1, 0, 2).reshape(2, -1)
        squares = (squares - along**2 / information)[:series]
        found[:, k] = -0.5 * ((points - 1) * np.log(squares) + logs + np.log(information))
    return found
