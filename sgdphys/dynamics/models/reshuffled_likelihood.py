"""Regression of a path of reshuffled descent: its Gaussian likelihood at one number of batches.

With S_k the sum of the points before the k-th, x_k = constant - rate S_k + rate center k + u_k,
where u_k is minus the sum of the kicks so far. It returns to its start after every epoch, and
averaged over the unknown phase of the epochs it is a moving average of order K - 2 with
autocovariance

    (K - j - 1) (K - j) (K - j + 1)/(6 K (K - 1)) kick_deviation**2 at lag j < K.

References
----------
Harville (1974), Biometrika 61, 383, for the likelihood without the constant.
"""

import functools
from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled

MEMORY = 4
"""Epochs of past points that a prediction uses: a loss of 1e-6 of log-likelihood at 4000 points."""
ROUNDING = 1e-12
"""Relative to the square of the constant; added to squares, so that no matrix is singular."""
ONE, TIME, SUM, PATH = range(4)
"""Columns of the regression."""


def bridge_covariance(batches: int, lags: int) -> np.ndarray:
    """Autocovariance at lags 0 ... lags of the sum of unit kicks since the start of an epoch."""
    k = batches - np.minimum(np.arange(lags + 1.0), batches - 1)
    return (k - 1) * k * (k + 1) / (6 * batches * (batches - 1))


@functools.partial(compiled, reorder_sums=True)
def _errors(row, order, columns, k):
    """Prediction errors of the four columns at point k, from ``order`` points before it."""
    a = b = c = d = 0.0
    first = k - order
    for j in range(order):
        weight = row[j]
        a += weight * columns[0, first + j]
        b += weight * columns[1, first + j]
        c += weight * columns[2, first + j]
        d += weight * columns[3, first + j]
    return columns[0, k] - a, columns[1, k] - b, columns[2, k] - c, columns[3, k] - d


@compiled
def _whiten(covariance, weights, row, columns, out):
    """Whiten four columns (column, point) by the Durbin-Levinson recursion.

    The fifth row of ``out`` is filled with the standard deviations of the prediction errors.

    Parameters
    ----------
    covariance : (lag,)
        From lag 0 to the largest number of past points that are used.
    weights, row : (lag - 1,)
        Work space: weights of past points in a prediction, the newest first and last.
    """
    orders = covariance.shape[0] - 1
    variance = covariance[0]
    for k in range(columns.shape[1]):
        if 0 < k <= orders:
            reflection = covariance[k]
            for j in range(k - 1):
                reflection -= weights[j] * covariance[k - 1 - j]
            reflection /= variance
            for j in range(k // 2):
                a, b = weights[j], weights[k - 2 - j]
                weights[j] = a - reflection * b
                weights[k - 2 - j] = b - reflection * a
            weights[k - 1] = reflection
            for j in range(k):
                row[j] = weights[k - 1 - j]
            variance *= 1.0 - reflection * reflection
        deviation = np.sqrt(variance)
        errors = _errors(row, min(k, orders), columns, k)
        for c in range(4):
            out[c, k] = errors[c] / deviation
        out[4, k] = deviation


def columns_of(x: np.ndarray) -> np.ndarray:
    """Columns (4, point) of the regression of a centred path."""
    columns = np.empty((4, len(x)))
    columns[ONE] = 1.0
    columns[TIME] = np.arange(len(x)) / (len(x) - 1)
    columns[SUM, 0] = 0.0
    np.cumsum(x[:-1], out=columns[SUM, 1:])
    columns[PATH] = x
    return columns


def whitened(columns: np.ndarray, batches: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns without the correlation of the noise at K batches; its deviations (point,)."""
    orders = min(MEMORY * batches, columns.shape[1] - 1)
    covariance = bridge_covariance(batches, orders)
    out = np.empty((5, columns.shape[1]))
    _whiten(covariance, np.zeros(orders), np.zeros(orders), columns, out)
    return out[:4], out[4]


class Regression(NamedTuple):
    """Regression of one path on constant, time and sum of earlier points, at one K."""

    white: np.ndarray
    slopes: np.ndarray
    inverse: np.ndarray
    """Of the matrix of products of the regressors."""
    variance: float
    """Of unit kicks."""
    log_likelihood: float


def regression(columns: np.ndarray, batches: int) -> Regression:
    """Coefficients and likelihood of ``columns_of`` of a path at K batches an epoch."""
    white, deviations = whitened(columns, batches)
    logs = 2 * float(np.log(deviations).sum())
    n = columns.shape[1] - 1
    products = white @ white.T
    products[range(PATH), range(PATH)] += ROUNDING * products[ONE, ONE]
    of_path = products[:PATH, PATH]
    inverse = np.linalg.inv(products[:PATH, :PATH])
    slopes = inverse @ of_path
    total = products[PATH, PATH]
    variance = max(total - of_path @ slopes, 1e-14 * total) / n
    value = n * (np.log(2 * np.pi * variance) + 1) + logs + np.log(products[ONE, ONE])
    return Regression(white, slopes, inverse, variance, -0.5 * value)
