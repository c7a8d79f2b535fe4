"""Symmetric alpha-stable law: table of its densities and tails."""

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
DISTANCES = 441
_TAIL_FROM = 30.0
_MOST = 92.0
"""Wave number from which exp(-k**index) is below 1e-16 for all indices of the table."""
_PANEL = 0.2
_SMALLEST = 1e-300
"""Of densities and tails, whose logarithms are taken."""
WIDTH = SAMPLES * lanes(np.float64)
"""Points that are computed together."""
_FAR = 1e9
"""From where asinh(z) is log(2 z) to float64."""
GAUSSIAN = -0.5 * float(np.log(4 * np.pi))
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
    log_density[-1] = -(x**2) / 4 + GAUSSIAN
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
    distances = np.linspace(0.0, np.sqrt(INDICES[-1] - INDICES[0]), DISTANCES)
    fine = np.empty((2, DISTANCES, _NODES))
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
def at_node(row, u):
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


@compiled
def evaluate(step, densities, tails, dx, location, scale, out):
    """Log density and log of the smaller tail of each point, out (point, 2)."""
    log_scale = np.log(scale)
    for k in range(dx.shape[0]):
        z = abs((dx[k] - location) / scale)
        u = np.log(z + np.sqrt(z * z + 1.0)) / step
        out[k, 0] = at_node(densities, u) - log_scale
        out[k, 1] = at_node(tails, u)
