"""Maximum-likelihood fit of the index of a symmetric alpha-stable law."""

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.dynamics.diffusion.stable_law import DISTANCES, GAUSSIAN, WIDTH, at_node, nodes_of

_FIRST = 280
"""Place among the distances at which the search starts: an index of 1.5."""
_BINNED = 40.0
"""asinh of the distance from the centre, in scales, up to which there are bins: 10^17 scales."""
_BINNED_FROM = 500
"""Increments from which they are sorted into bins."""


def scratch(points: int) -> tuple[np.ndarray, ...]:
    """Return arrays that ``fit_index`` works in, of samples of so many increments."""
    bins = 2 * int(_BINNED * np.sqrt(points)) + 1 if points >= _BINNED_FROM else 1
    kept = -(-max(bins, min(points, _BINNED_FROM)) // WIDTH) * WIDTH
    return np.empty((2, bins)), np.empty((3, kept)), np.empty((3, DISTANCES))


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
            w = 0.5 if is_gaussian else max(at_node(pull, nodes[k]), 0.0)
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
        at = -0.25 * z * z + GAUSSIAN if is_gaussian else at_node(log_density, nodes[k])
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
