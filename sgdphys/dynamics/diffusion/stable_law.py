"""Symmetric alpha-stable law: table of densities by FFT, and maximum-likelihood fit."""

import functools
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import gamma, gammaln

from sgdphys.compiling import compiled

INDICES = np.round(np.arange(0.8, 2.001, 0.02), 3)
"""Tail indices of the table; the last, 2, is Gaussian."""
_STEP = 0.04
_NODES = 420
_SIZE = 2**18
_TAIL_FROM = 30.0
_GAUSSIAN = -0.5 * float(np.log(4 * np.pi))
"""Log density at 0 of index 2, whose variance is 2."""


class Table(NamedTuple):
    """Log density, weight and log upper tail against u = asinh(x) in steps of ``step``."""

    step: float
    indices: np.ndarray
    log_density: np.ndarray
    weight: np.ndarray
    log_tail: np.ndarray


@functools.cache
def table() -> Table:
    """Return the table, which is computed once.

    Notes
    -----
    f(x) = 1/pi int cos(k x) exp(-k**alpha) dk by FFT up to x = 30, minus the two nearest aliases of
    its tails; beyond, the asymptotic series sum (-1)**(j+1) Gamma(alpha j + 1)/j!
    sin(pi alpha j/2) x**(-alpha j - 1)/pi, up to its smallest term. ``weight`` is -f'(x)/(x f(x)),
    the weight of a point in iteratively reweighted least squares.
    """
    x = np.sinh(_STEP * np.arange(_NODES))
    log_density = np.empty((len(INDICES), _NODES))
    for k, alpha in enumerate(INDICES[:-1]):
        near = x < _TAIL_FROM
        log_density[k, near] = np.log(_by_fft(float(alpha), x[near]))
        log_density[k, ~near] = np.log(_by_series(float(alpha), x[~near]))
    log_density[-1] = -(x**2) / 4 + _GAUSSIAN
    slope = np.gradient(log_density, _STEP, axis=1) / np.sqrt(1 + x**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = -slope / x
    weight[:, 0] = gamma(3 / INDICES) / gamma(1 / INDICES)  # -f''(0)/f(0)
    weight[-1] = 0.5
    density = np.exp(log_density) * np.sqrt(1 + x**2)
    inside = np.concatenate(
        [
            np.zeros((len(INDICES), 1)),
            np.cumsum((density[:, 1:] + density[:, :-1]) * _STEP / 2, axis=1),
        ],
        axis=1,
    )
    beyond = density[:, -1] / INDICES  # of a power law in u
    tail = inside[:, -1:] + beyond[:, None] - inside
    with np.errstate(divide="ignore"):
        log_tail = np.log(np.maximum(0.5 * tail / tail[:, :1], 1e-300))
    return Table(_STEP, INDICES.copy(), log_density, weight, log_tail)


def _by_fft(alpha: float, x: np.ndarray) -> np.ndarray:
    most = 37.0 ** (1 / alpha)
    k = (np.arange(_SIZE) + 0.5) * most / _SIZE
    dx = np.pi / most
    f = np.fft.rfft(np.exp(-(k**alpha)), 2 * _SIZE)
    # midpoint rule: the half step in k is a phase
    m = np.arange(len(f))
    values = (f * np.exp(-1j * np.pi * m / (2 * _SIZE))).real * most / _SIZE / np.pi
    grid = m * dx
    tail = gamma(alpha + 1) * np.sin(np.pi * alpha / 2) / np.pi
    period = 2 * _SIZE * dx
    with np.errstate(divide="ignore"):
        # the aliases of a midpoint rule alternate in sign
        values = values + tail * ((period - grid) ** (-alpha - 1) + (period + grid) ** (-alpha - 1))
    near = grid < 2 * _TAIL_FROM
    return np.maximum(CubicSpline(grid[near], values[near])(x), 1e-300)


def _by_series(alpha: float, x: np.ndarray) -> np.ndarray:
    total = np.zeros_like(x)
    smallest = np.full_like(x, np.inf)
    is_converging = np.ones(len(x), bool)
    for j in range(1, 60):
        size = np.exp(gammaln(alpha * j + 1) - gammaln(j + 1) - (alpha * j + 1) * np.log(x))
        is_converging &= size < smallest
        smallest = np.where(is_converging, size, smallest)
        total += np.where(
            is_converging, (-1) ** (j + 1) * np.sin(np.pi * alpha * j / 2) * size, 0.0
        )
    return np.maximum(total / np.pi, 1e-300)


@compiled
def _at(row, step, z):
    """Interpolate a row of the table at |z| by cubic convolution; linear in u beyond its end."""
    z = abs(z)
    u = np.log(z + np.sqrt(z * z + 1.0)) / step
    last = row.shape[0] - 1
    if u >= last:
        return row[last] + (u - last) * (row[last] - row[last - 1])
    k = int(u)
    s = u - k
    a = row[k - 1] if k > 0 else row[1]  # even in z
    b, c = row[k], row[k + 1]
    d = row[k + 2] if k + 2 <= last else 2 * c - b
    return b + 0.5 * s * (c - a + s * (2 * a - 5 * b + 4 * c - d + s * (3 * (b - c) + d - a)))


@compiled
def _profile(weights, densities, step, dx, location, scale):
    """Profile likelihood at fixed alpha, by iteratively reweighted least squares.

    Returns
    -------
    (float, float, float)
        Log-likelihood, location, scale.
    """
    n = dx.shape[0]
    is_gaussian = weights[0] == 0.5 and weights[-1] == 0.5
    for _ in range(40):
        total = 0.0
        first = 0.0
        second = 0.0
        for k in range(n):
            z = (dx[k] - location) / scale
            w = max(_at(weights, step, z), 0.0) if not is_gaussian else 0.5
            total += w
            first += w * z
            second += w * z * z
        moved = first / total
        location += scale * moved
        ratio = second / n - moved * moved * total / n
        if is_gaussian:
            scale *= np.sqrt(ratio)
            break
        scale *= ratio**0.75  # over-relaxed: the fixed-point iteration, power 1/2, converges slowly
        if abs(ratio - 1.0) < 1e-4 and abs(moved) < 1e-3:
            break
    value = 0.0
    for k in range(n):
        z = (dx[k] - location) / scale
        value += -0.25 * z * z + _GAUSSIAN if is_gaussian else _at(densities, step, z)
    return value - n * np.log(scale), location, scale


@compiled
def _maximise(table, dx, location, scale, values, locations, scales):
    """Find the best index by pattern search; values (index,) are NaN where not evaluated."""
    last = table.indices.shape[0] - 1
    for k in range(last + 1):
        values[k] = np.nan
    best = 35  # an index of 1.5
    stride = 12
    values[best], locations[best], scales[best] = _profile(
        table.weight[best], table.log_density[best], table.step, dx, location, scale
    )
    while stride >= 1:
        moved = False
        for side in (-1, 1):
            k = min(max(best + side * stride, 0), last)
            if values[k] != values[k]:
                values[k], locations[k], scales[k] = _profile(
                    table.weight[k], table.log_density[k], table.step, dx,
                    locations[best], scales[best],
                )  # fmt: skip
            if values[k] > values[best]:
                best = k
                moved = True
        if not moved:
            stride //= 2
    return best


@compiled
def _crossing(table, dx, best, level, side, values, locations, scales):
    """Index at which the likelihood falls below a level; the end of the table if nowhere."""
    last = table.indices.shape[0] - 1
    k = best
    while 0 <= k + side <= last:
        k += side
        if values[k] != values[k]:
            values[k], locations[k], scales[k] = _profile(
                table.weight[k], table.log_density[k], table.step, dx,
                locations[k - side], scales[k - side],
            )  # fmt: skip
        if values[k] < level:
            inner = values[k - side]
            share = (inner - level) / (inner - values[k])
            return table.indices[k - side] + share * (table.indices[k] - table.indices[k - side])
    return table.indices[k]


@compiled
def fit_index(table, dx, location, scale, drop, values, locations, scales, out):
    """Fit index, location and scale to one sample.

    Parameters
    ----------
    table : Table
    dx : float64 (point,)
    location, scale : float
        Starting values.
    drop : float
        Fall of the log-likelihood at the ends of the interval.
    values, locations, scales : float64 (index,)
        Scratch.
    out : float64 (6,)
        Filled: index, its lower and upper end, location, scale, log-likelihood.
    """
    last = table.indices.shape[0] - 1
    best = _maximise(table, dx, location, scale, values, locations, scales)
    out[0] = table.indices[best]
    top = values[best]
    if 0 < best < last:
        left, right = values[best - 1], values[best + 1]
        curvature = left - 2 * top + right
        if curvature < 0.0:  # maximum of the parabola through three points
            shift = 0.5 * (left - right) / curvature
            out[0] += shift * (table.indices[best + 1] - table.indices[best])
            top -= 0.25 * (left - right) * shift
    out[1] = _crossing(table, dx, best, top - drop, -1, values, locations, scales)
    out[2] = _crossing(table, dx, best, top - drop, 1, values, locations, scales)
    out[3] = locations[best]
    out[4] = scales[best]
    out[5] = values[best]


@compiled
def evaluate(step, densities, tails, dx, location, scale, out):
    """Log density and log of the smaller tail of each point, out (point, 2)."""
    for k in range(dx.shape[0]):
        z = (dx[k] - location) / scale
        out[k, 0] = _at(densities, step, z) - np.log(scale)
        out[k, 1] = _at(tails, step, z)
