"""Symmetric alpha-stable law: table of densities, and maximum-likelihood fit."""

import functools
from typing import NamedTuple

import numpy as np
from scipy.special import gamma, gammaln

from sgdphys.compiling import compiled
from sgdphys.simd.elementary import log
from sgdphys.simd.operations import load_block, magnitude, square_root, store, where
from sgdphys.simd.vectors import SAMPLES, lanes

INDICES = np.round(np.arange(0.8, 2.001, 0.02), 3)
"""Tail indices of the table; the last, 2, is Gaussian."""
_STEP = 0.04
_NODES = 420
_DISTANCES = 441
_TAIL_FROM = 30.0
_MOST = 92.0
"""Wave number from which exp(-k**index) is below 1e-16 for all indices of the table."""
_PANEL = 0.2
_SMALLEST = 1e-300
"""Of densities and tails, whose logarithms are taken."""
_FIRST = 280
"""Place among the distances at which the search starts: an index of 1.5."""
_BINNED = 40.0
"""asinh of the distance from the centre, in scales, up to which there are bins: 10^17 scales."""
_BINNED_FROM = 500
"""Increments from which they are sorted into bins."""
WIDTH = SAMPLES * lanes(np.float64)
"""Points that are computed together."""
_FAR = 1e9
"""From where asinh(z) is log(2 z) to float64."""
_GAUSSIAN = -0.5 * float(np.log(4 * np.pi))
"""Log density at 0 of index 2, whose variance is 2."""


class Table(NamedTuple):
    """Density, weight and upper tail (index, node) against u = asinh(x) in steps of ``step``.

    Density, pull and tail at one x are smooth in the index up to 2, their logarithms are not:
    between the indices of the table the former are interpolated.
    """

    step: float
    indices: np.ndarray
    distances: np.ndarray
    """sqrt(2 - index) of the rows of ``log_density`` and ``weight``, in equal steps from 0: the
    width of the likelihood depends on it only weakly, whereas in the index it shrinks towards 2."""
    log_density: np.ndarray
    weight: np.ndarray
    density: np.ndarray
    pull: np.ndarray
    """Density times weight, -f'(x)/x."""
    tail: np.ndarray


@functools.cache
def table() -> Table:
    """Return the table, which is computed once.

    Notes
    -----
    f(x) = 1/pi int cos(k x) exp(-k**alpha) dk by quadrature up to x = 30; beyond, the
    asymptotic series sum (-1)**(j+1) Gamma(alpha j + 1)/j! sin(pi alpha j/2) x**(-alpha j - 1)/pi,
    up to its smallest term. ``weight`` is -f'(x)/(x f(x)),
    the weight of a point in iteratively reweighted least squares.
    """
    x = np.sinh(_STEP * np.arange(_NODES))
    log_density = np.empty((len(INDICES), _NODES))
    near = x < _TAIL_FROM
    log_density[:-1, near] = np.log(_by_quadrature(x[near]))
    for k, alpha in enumerate(INDICES[:-1]):
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
    pull = weight * density
    distances = np.linspace(0.0, np.sqrt(INDICES[-1] - INDICES[0]), _DISTANCES)
    fine = np.empty((2, _DISTANCES, _NODES))
    for k, distance in enumerate(distances):
        for out, rows in zip(fine[:, k], (density, pull), strict=True):
            _interpolate(INDICES, rows, INDICES[-1] - distance**2, np.empty(4), out)
    return Table(
        _STEP, INDICES.copy(), distances, np.log(fine[0]), fine[1] / fine[0], density, pull, tail
    )  # fmt: skip


def _by_quadrature(x: np.ndarray) -> np.ndarray:
    """Densities (index, x) of all indices below 2."""
    # panels of Gauss and Legendre: narrower and narrower ones towards the kink at 0, then equal
    # ones of a period or so
    edges = np.concatenate([[0.0], 2.0 ** np.arange(-45, 0), np.arange(1.0, _MOST, _PANEL)])
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[:, None] / 2
    k = (edges[:-1, None] + half * (1 + nodes)).ravel()
    waves = np.exp(-(k ** INDICES[:-1, None])) * (half * weights).ravel()
    return waves @ np.cos(k[:, None] * x) / np.pi


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
def nodes_of(x, location, scale, step, out):
    """Fill out (point,) with asinh(|x - location|/scale)/step; whole blocks of points."""
    for k in range(0, x.shape[0], WIDTH):
        z = magnitude((load_block(x, k) - location) / scale)
        far = z > _FAR
        near = where(far, 1.0, z)  # whose square is finite
        store(out, k, log(where(far, 2.0 * z, near + square_root(near * near + 1.0))) / step)


@compiled
def _at(row, u):
    """Interpolate a row of the table at a node u >= 0 by cubic convolution; linear beyond."""
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


def scratch(points: int) -> tuple[np.ndarray, ...]:
    """Return arrays that ``fit_index`` works in, of samples of so many increments."""
    bins = 2 * int(_BINNED * np.sqrt(points)) + 1 if points >= _BINNED_FROM else 1
    kept = -(-max(bins, min(points, _BINNED_FROM)) // WIDTH) * WIDTH
    return np.empty((2, bins)), np.empty((3, kept)), np.empty((3, _DISTANCES))


@compiled
def _binned(dx, location, scale, bins, values, weights):
    """Sort many increments into bins: fill values and weights from the start; return how many.

    A bin stands for so many increments at their mean. Bins are equally wide in the asinh of the
    distance from the centre in scales, in which the logarithm of a density is smooth up to the far
    tail: 1/sqrt(n), so that the log-likelihood changes by less than 0.1.
    """
    n = dx.shape[0]
    if n < _BINNED_FROM:
        for k in range(n):
            values[k] = dx[k]
            weights[k] = 1.0
        return n
    _empty(bins)
    for k in range(n):
        _put(dx[k], location, scale, bins)
    return _means_of(bins, location, values, weights)


@compiled
def _empty(bins):
    """Set sums and counts to 0."""
    for k in range(bins.shape[1]):
        bins[0, k] = 0.0
        bins[1, k] = 0.0


@compiled
def _put(value, location, scale, bins):
    """Add one increment to the sum and the count of its bin."""
    half = (bins.shape[1] - 1) // 2
    z = abs(value - location) / scale
    place = int(min(np.log(z + np.sqrt(z * z + 1.0)) * half / _BINNED + 0.5, half))
    at = half + place if value > location else half - place
    bins[0, at] += value - location
    bins[1, at] += 1.0


@compiled
def _means_of(bins, location, values, weights):
    """Fill means and counts of the bins that are not empty from the start; return how many."""
    m = 0
    for k in range(bins.shape[1]):
        if bins[1, k] > 0.0:
            values[m] = location + bins[0, k] / bins[1, k]
            weights[m] = bins[1, k]
            m += 1
    return m


@compiled
def _profile(table, row, by_table, points, place):
    """Profile likelihood at one distance, by iteratively reweighted least squares.

    Parameters
    ----------
    row : int
        Number of the distance.
    by_table : bool
        Whether the Gaussian law, at distance 0, is interpolated like the others.
    points : (3, point)
        Increments, their weights, and scratch.
    place : float64 (2,)
        Location and scale: where the iteration starts, and then where the maximum is.

    Returns
    -------
    float
        Log-likelihood; -inf where the iteration leaves no scale.
    """
    x, weights, nodes = points[0], points[1], points[2]
    m = x.shape[0]
    n = 0.0
    for k in range(m):
        n += weights[k]
    is_gaussian = row == 0 and not by_table
    pull, log_density = table.weight[row], table.log_density[row]
    # the likelihood is within about 1e-3 of its maximum
    near_scale = 0.01 / np.sqrt(n)
    near = 0.05 / np.sqrt(n)
    location, scale = place[0], place[1]
    rate = 0.75  # over-relaxed: the fixed-point iteration, rate 1/2, converges slowly
    before = 0.0
    for _ in range(40):
        total = 0.0
        first = 0.0
        second = 0.0
        if not scale > 0.0:  # on a value that is repeated
            return -np.inf
        if not is_gaussian:
            nodes_of(x, location, scale, table.step, nodes)
        for k in range(m):
            z = (x[k] - location) / scale
            w = 0.5 if is_gaussian else max(_at(pull, nodes[k]), 0.0)
            w *= weights[k]
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
        # the secant method for ln scale
        excess = np.log(ratio)
        if before - excess != 0.0 and before != 0.0:
            rate = min(max(rate * before / (before - excess), 0.5), 4.0)
        before = excess
        scale *= np.exp(rate * excess)
        if abs(ratio - 1.0) < near_scale and abs(moved) < near:
            break
    if not scale > 0.0:
        return -np.inf
    if not is_gaussian:
        nodes_of(x, location, scale, table.step, nodes)
    value = 0.0
    for k in range(m):
        z = (x[k] - location) / scale
        at = -0.25 * z * z + _GAUSSIAN if is_gaussian else _at(log_density, nodes[k])
        value += weights[k] * at
    place[0], place[1] = location, scale
    return value - n * np.log(scale)


@compiled
def _value(table, k, near, by_table, points, values, places):
    """Profile likelihood at distance k, computed once, from the place at a distance near it."""
    if values[k] != values[k]:
        places[k, 0], places[k, 1] = places[near, 0], places[near, 1]
        values[k] = _profile(table, k, by_table, points, places[k])
    return values[k]


@compiled
def _nearest(table, fine, by_table, points, values, places):
    """Number of the best distance, by pattern search down to steps of ``fine``."""
    last = table.distances.shape[0] - 1
    best = _FIRST
    values[best] = _profile(table, best, by_table, points, places[best])
    stride = 64
    while stride >= fine:
        moved = False
        for side in (-1, 1):
            k = min(max(best + side * stride, 0), last)
            if _value(table, k, best, by_table, points, values, places) > values[best]:
                best = k
                moved = True
        if not moved:
            stride //= 2
    return best


@compiled
def _end(table, best, fine, drop, side, by_table, points, values, places):
    """Place among the distances where the likelihood is ``drop`` below its maximum; -1 if none."""
    last = table.distances.shape[0] - 1
    furthest = last if side > 0 else 0
    inner = best
    stride = fine
    while True:
        if inner == furthest:
            return -1.0
        outer = min(inner + stride, furthest) if side > 0 else max(inner - stride, furthest)
        if _value(table, outer, inner, by_table, points, values, places) < values[best] - drop:
            break
        inner = outer
        stride *= 2
    while abs(outer - inner) > fine:
        middle = (inner + outer) // 2
        if _value(table, middle, inner, by_table, points, values, places) < values[best] - drop:
            outer = middle
        else:
            inner = middle
    # a parabola through the two and one as far within
    gap = outer - inner
    within = min(max(inner - gap, 0), last)
    a, b = values[inner] - values[best] + drop, values[outer] - values[best] + drop
    c = _value(table, within, inner, by_table, points, values, places) - values[best] + drop
    bend = 0.5 * (b + c) - a if within == inner - gap else 0.0
    slope = b - a - bend
    low, high = 0.0, 1.0
    for _ in range(40):
        share = 0.5 * (low + high)
        if a + share * (slope + share * bend) > 0.0:
            low = share
        else:
            high = share
    return inner + gap * 0.5 * (low + high)


@compiled
def fit_index(table, dx, location, scale, drop, bins, points, distances, out):
    """Fit index, location and scale to one sample.

    Parameters
    ----------
    table : Table
    dx : float64 (point,)
    location, scale : float
        Starting values.
    drop : float
        Fall of the log-likelihood at the ends of the interval.
    bins, points, distances
        Of ``scratch``.
    out : float64 (6,)
        Filled: index, its lower and upper end, location, scale, log-likelihood. Where the range
        of the table does not contain the lower end, it is 0, and -inf if the index is the smallest.
    """
    m = _binned(dx, location, scale, bins, points[0], points[1])
    n = dx.shape[0]
    fit_weighted(table, m, n, location, scale, drop, False, points, distances, out)


@compiled
def fit_index_of_path(table, x, location, scale, drop, bins, points, distances, out):
    """As ``fit_index``, of the increments of a path (point,), which are not stored.

    An interpolated density is wrong by some 2 10**-7, which is a log-likelihood of 20 at 10**8
    increments. The error is the same close to the Gaussian law, which is therefore interpolated
    too, and its own error is taken away in the end.
    """
    _empty(bins)
    for k in range(x.shape[0] - 1):
        _put(x[k + 1] - x[k], location, scale, bins)
    m = _means_of(bins, location, points[0], points[1])
    n = x.shape[0] - 1
    fit_weighted(table, m, n, location, scale, drop, True, points, distances, out)


@compiled
def fit_weighted(table, m, n, location, scale, drop, by_table, points, distances, out):
    """Fit m values with weights, the first of ``points``, which stand for n increments."""
    whole = (m + WIDTH - 1) // WIDTH * WIDTH
    for k in range(m, whole):
        points[0, k] = location
        points[1, k] = 0.0
    points = points[:, :whole]
    last = table.distances.shape[0] - 1
    values, places = distances[0], distances[1:].T
    for k in range(last + 1):
        values[k] = np.nan
    places[_FIRST, 0], places[_FIRST, 1] = location, scale
    # the interval is some 800/sqrt(n) distances wide
    fine = max(1, int(40.0 / np.sqrt(n)))
    best = _nearest(table, fine, by_table, points, values, places)
    top, step = table.indices[-1], table.distances[1]
    at = float(best)
    value = values[best]
    side = min(fine, best, last - best)
    if side:  # the parabola through it and its neighbours
        left = _value(table, best - side, best, by_table, points, values, places)
        right = _value(table, best + side, best, by_table, points, values, places)
        bend = min(left - 2 * value + right, -1e-300)
        shift = min(max(0.5 * (left - right) / bend, -0.5), 0.5)
        at += side * shift
        value += 0.25 * (right - left) * shift
    low = _end(table, best, fine, drop, 1, by_table, points, values, places)
    high = _end(table, best, fine, drop, -1, by_table, points, values, places)
    out[0] = top - (at * step) ** 2
    out[1] = top - (low * step) ** 2 if low >= 0.0 else (-np.inf if best == last else 0.0)
    out[2] = top - (high * step) ** 2 if high >= 0.0 else top
    out[3], out[4] = places[best, 0], places[best, 1]
    out[5] = value
    if by_table:
        interpolated = _value(table, 0, best, True, points, values, places)
        correction = _profile(table, 0, False, points, places[0]) - interpolated
        if abs(correction) < 1e-6 * n:  # otherwise tails are beyond those of the Gaussian table
            out[5] += correction


@compiled
def evaluate(step, densities, tails, dx, location, scale, out):
    """Log density and log of the smaller tail of each point, out (point, 2)."""
    log_scale = np.log(scale)
    for k in range(dx.shape[0]):
        z = abs((dx[k] - location) / scale)
        u = np.log(z + np.sqrt(z * z + 1.0)) / step
        out[k, 0] = _at(densities, u) - log_scale
        out[k, 1] = _at(tails, u)
