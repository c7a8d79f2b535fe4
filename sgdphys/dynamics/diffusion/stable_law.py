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
_SPACING = 0.05
"""Largest spacing of the densities by FFT, between which a spline is drawn."""
_SMALLEST = 1e-300
"""Of densities and tails, whose logarithms are taken."""
_REFINEMENTS = 14
"""Golden sections of the distance between two indices of the table."""
_FLAT = 1e-3
"""Difference of log-likelihoods that is of no account."""
_GAUSSIAN = -0.5 * float(np.log(4 * np.pi))
"""Log density at 0 of index 2, whose variance is 2."""


class Table(NamedTuple):
    """Density, weight and upper tail (index, node) against u = asinh(x) in steps of ``step``.

    Density, pull and tail at one x are smooth in the index up to 2, their logarithms are not:
    between the indices of the table the former are interpolated.
    """

    step: float
    indices: np.ndarray
    log_density: np.ndarray
    weight: np.ndarray
    log_tail: np.ndarray
    density: np.ndarray
    pull: np.ndarray
    """Density times weight, -f'(x)/x."""
    tail: np.ndarray


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
    tail = np.maximum(0.5 * tail / tail[:, :1], _SMALLEST)
    density = np.maximum(np.exp(log_density), _SMALLEST)
    return Table(
        _STEP, INDICES.copy(), log_density, weight, np.log(tail), density, weight * density, tail
    )  # fmt: skip


def _by_fft(alpha: float, x: np.ndarray) -> np.ndarray:
    most = max(37.0 ** (1 / alpha), np.pi / _SPACING)
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
def _shares(indices, index, shares):
    """Weights of four neighbouring indices in the cubic through them; return the first one."""
    last = indices.shape[0] - 1
    k = int((index - indices[0]) / (indices[last] - indices[0]) * last)
    first = min(max(k - 1, 0), last - 3)
    for a in range(4):
        share = 1.0
        for b in range(4):
            if b != a:
                share *= (index - indices[first + b]) / (indices[first + a] - indices[first + b])
        shares[a] = share
    return first


@compiled
def _interpolate(indices, rows, index, shares, out):
    """Fill out (node,) with rows (index, node) interpolated at one index."""
    first = _shares(indices, index, shares)
    for j in range(out.shape[0]):
        total = 0.0
        for a in range(4):
            total += shares[a] * rows[first + a, j]
        out[j] = max(total, _SMALLEST)


def log_rows(index: float) -> tuple[np.ndarray, np.ndarray]:
    """Log density and log upper tail (node,) at any index of the range."""
    tables = table()
    found = np.empty((2, _NODES))
    for out, rows in zip(found, (tables.density, tables.tail), strict=True):
        _interpolate(tables.indices, rows, index, np.empty(4), out)
    log_density, log_tail = np.log(found)
    return log_density, log_tail


@compiled
def _profile(table, index, dx, place, scratch):
    """Profile likelihood at one index, by iteratively reweighted least squares.

    Parameters
    ----------
    place : float64 (2,)
        Location and scale: where the iteration starts, and then where the maximum is.
    scratch : float64 (4, node)

    Returns
    -------
    float
        Log-likelihood; -inf where the iteration leaves no scale.
    """
    n = dx.shape[0]
    is_gaussian = index >= table.indices[-1]
    log_density, weights, density, shares = scratch[0], scratch[1], scratch[2], scratch[3]
    if not is_gaussian:
        _interpolate(table.indices, table.density, index, shares, density)
        _interpolate(table.indices, table.pull, index, shares, weights)
        for j in range(density.shape[0]):
            log_density[j] = np.log(density[j])
            weights[j] /= density[j]
    # the likelihood is within about 1e-3 of its maximum
    near_scale = min(1e-4, 0.02 / np.sqrt(n))
    near = min(1e-3, 0.05 / np.sqrt(n))
    location, scale = place[0], place[1]
    for _ in range(40):
        total = 0.0
        first = 0.0
        second = 0.0
        if not scale > 0.0:  # on a value that is repeated
            return -np.inf
        for k in range(n):
            z = (dx[k] - location) / scale
            w = max(_at(weights, table.step, z), 0.0) if not is_gaussian else 0.5
            total += w
            first += w * z
            second += w * z * z
        if not total > 0.0:
            return -np.inf
        moved = first / total
        location += scale * moved
        ratio = second / n - moved * moved * total / n
        if is_gaussian:
            scale *= np.sqrt(ratio)
            break
        scale *= ratio**0.75  # over-relaxed: the fixed-point iteration, power 1/2, converges slowly
        if abs(ratio - 1.0) < near_scale and abs(moved) < near:
            break
    if not scale > 0.0:
        return -np.inf
    value = 0.0
    for k in range(n):
        z = (dx[k] - location) / scale
        value += -0.25 * z * z + _GAUSSIAN if is_gaussian else _at(log_density, table.step, z)
    place[0], place[1] = location, scale
    return value - n * np.log(scale)


@compiled
def _copy(place, out):
    out[0], out[1] = place[0], place[1]


@compiled
def _nearest(table, dx, place, values, places, scratch):
    """Best index of the table by pattern search; values (index,) are NaN where not evaluated."""
    last = table.indices.shape[0] - 1
    for k in range(last + 1):
        values[k] = np.nan
    best = 35  # an index of 1.5
    stride = 12
    _copy(place, places[best])
    values[best] = _profile(table, table.indices[best], dx, places[best], scratch)
    while stride >= 1:
        moved = False
        for side in (-1, 1):
            k = min(max(best + side * stride, 0), last)
            if values[k] != values[k]:
                _copy(places[best], places[k])
                values[k] = _profile(table, table.indices[k], dx, places[k], scratch)
            if values[k] > values[best]:
                best = k
                moved = True
        if not moved:
            stride //= 2
    return best


@compiled
def _maximise(table, dx, place, values, places, scratch):
    """Fill ``place`` with location and scale of the maximum; return its distance and its value.

    The distance of an index alpha from a Gaussian is sqrt(2 - alpha): the width of the likelihood
    depends on it only weakly, whereas in alpha itself it shrinks towards 2. It is found by
    golden sections between the neighbours of the best index of the table.
    """
    best = _nearest(table, dx, place, values, places, scratch)
    last = table.indices.shape[0] - 1
    top = table.indices[last]
    a = np.sqrt(top - table.indices[min(best + 1, last)])
    b = np.sqrt(top - table.indices[max(best - 1, 0)])
    inner, outer = places[0], places[1]  # places of the table are no longer needed
    found, value = np.sqrt(top - table.indices[best]), values[best]
    _copy(places[best], place)
    _copy(place, inner)
    _copy(place, outer)
    golden = 0.6180339887498949
    c = b - golden * (b - a)
    d = a + golden * (b - a)
    at_c = _profile(table, top - c * c, dx, inner, scratch)
    at_d = _profile(table, top - d * d, dx, outer, scratch)
    for _ in range(_REFINEMENTS):
        if at_c > value:
            found, value = c, at_c
            _copy(inner, place)
        if at_d > value:
            found, value = d, at_d
            _copy(outer, place)
        if value - min(at_c, at_d) < _FLAT:
            break
        if at_c > at_d:
            b, d, at_d = d, c, at_c
            _copy(inner, outer)
            c = b - golden * (b - a)
            at_c = _profile(table, top - c * c, dx, inner, scratch)
        else:
            a, c, at_c = c, d, at_d
            _copy(outer, inner)
            d = a + golden * (b - a)
            at_d = _profile(table, top - d * d, dx, outer, scratch)
    return found, value


@compiled
def _end(table, dx, best, value, drop, outwards, place, scratch):
    """Distance at which the likelihood is ``drop`` below its maximum, and whether there is one.

    Without one it is the end of the range.
    """
    top = table.indices[-1]
    furthest = np.sqrt(top - table.indices[0]) if outwards else 0.0
    inner, outer = best, best
    above, below = drop, drop
    step = 2.5 / np.sqrt(dx.shape[0])
    while below > 0.0:
        if outer == furthest:
            return furthest, False
        inner, above = outer, below
        outer = min(best + step, furthest) if outwards else max(best - step, furthest)
        step *= 2.0
        below = _profile(table, top - outer * outer, dx, place, scratch) - value + drop
    middle = outer
    for k in range(40):
        # secants, and a bisection after every second one: near 2 the likelihood is no parabola
        share = above / (above - below) if k % 3 != 2 else 0.5
        middle = inner + share * (outer - inner)
        excess = _profile(table, top - middle * middle, dx, place, scratch) - value + drop
        if excess > 0.0:
            inner, above = middle, excess
        else:
            outer, below = middle, excess
        if abs(excess) < 10 * _FLAT or abs(outer - inner) < 1e-6:
            break
    return middle, True


@compiled
def fit_index(table, dx, location, scale, drop, values, places, scratch, out):
    """Fit index, location and scale to one sample.

    Parameters
    ----------
    table : Table
    dx : float64 (point,)
    location, scale : float
        Starting values.
    drop : float
        Fall of the log-likelihood at the ends of the interval.
    values : float64 (index,)
        Scratch.
    places : float64 (index, 2)
        Scratch.
    scratch : float64 (4, node)
        Scratch.
    out : float64 (6,)
        Filled: index, its lower and upper end, location, scale, log-likelihood. Where the range
        of the table does not contain the lower end, it is 0, and -inf if the index is the smallest.
    """
    top = table.indices[-1]
    place = out[3:5]
    place[0], place[1] = location, scale
    best, value = _maximise(table, dx, place, values, places, scratch)
    at = places[0]
    _copy(place, at)
    low, is_inside = _end(table, dx, best, value, drop, True, at, scratch)
    _copy(place, at)
    high, _ = _end(table, dx, best, value, drop, False, at, scratch)
    out[0] = top - best * best
    out[1] = top - low * low if is_inside else (-np.inf if best == low else 0.0)
    out[2] = top - high * high
    out[5] = value


@compiled
def evaluate(step, densities, tails, dx, location, scale, out):
    """Log density and log of the smaller tail of each point, out (point, 2)."""
    for k in range(dx.shape[0]):
        z = (dx[k] - location) / scale
        out[k, 0] = _at(densities, step, z) - np.log(scale)
        out[k, 1] = _at(tails, step, z)
