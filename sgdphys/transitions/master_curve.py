"""Master curve of finite-size scaling with corrections, fitted to many data sets at once."""

from typing import NamedTuple

import numpy as np

FACTOR = np.log(2.0)
"""Logarithm of the factor within which omega is expected of 1/nu, one standard deviation."""
_ITERATIONS = 40
_RIDGE = 1e-11
_GAIN = 1e-3
"""Smallest gain in chi-squared that is followed: 3% of a standard error."""
_NO_FIT = 1e30
"""Cost of parameters at which the sums overflow; finite, so that costs can be subtracted."""
LEAST, MOST = 0.02, 5.0
"""Range of 1/nu."""


class Points(NamedTuple):
    """Points (n,) of a scan that are fitted, and what is fitted to them."""

    control: np.ndarray
    log_size: np.ndarray
    """Logarithm of the size over a reference size."""
    error: np.ndarray
    width: float
    """Half-width of the window in the scaled control parameter."""
    degree: int
    correction_degree: int
    """-1 for none."""
    exponent_order: float | None
    """Held fixed, unless None."""
    correction_scale: float
    """Expected size of the coefficients of the correction, one standard deviation."""


class Expected(NamedTuple):
    """What is expected before the data are seen, one draw for each data set.

    The fit to the data themselves has the expectations 0. Resamples have random ones, so that
    their spread includes what the data leave open.
    """

    ratio: np.ndarray
    """(b,): ln(omega nu), in units of ``FACTOR``."""
    curve: np.ndarray
    """(b, correction_degree + 1): coefficients of the correction, in units of their scale."""


class Fit(NamedTuple):
    """Best parameters of each data set (b, ...)."""

    parameters: np.ndarray
    """(b, 4): critical point, ln(1/nu), beta/nu and ln(omega nu)."""
    curve: np.ndarray
    """(b, k): Chebyshev coefficients of the master curve, then of its correction."""
    cost: np.ndarray
    """(b,): chi-squared, with the squares of the deviations from what is expected."""
    curvature: np.ndarray
    """(b, 4, 4): inverse covariance of the parameters."""


@np.errstate(all="ignore")  # trials far from the best fit overflow, and are left
def fitted(
    order: np.ndarray, start: np.ndarray, points: Points, expected: Expected | None = None
) -> Fit:
    """Fit y = L**(-beta/nu) (f(x) + L**(-omega) g(x)), x = (control - critical) L**(1/nu).

    Parameters
    ----------
    order : array (b, n)
        Data sets at the same points.
    start : array (b, 4)
        See ``Fit``.
    points : Points
    expected : Expected, optional
        Which the data may correct; 0 by default.

    Notes
    -----
    f and g are polynomials, eliminated by linear least squares (variable projection); the
    parameters follow by Levenberg and Marquardt's method. A data set that is no longer improved
    leaves the iteration.
    """
    if expected is None:
        shape = len(order), points.correction_degree + 1
        expected = Expected(np.zeros(shape[0]), np.zeros(shape))
    found = _evaluated(order, start, points, expected)
    best, gradient = found
    damping = np.full(len(order), 1e-3)
    active = np.arange(len(order))
    for _ in range(_ITERATIONS):
        a, g = best.curvature[active], gradient[active]
        diagonal = np.einsum("bii->bi", a)
        # a parameter without influence stays where it is
        added = np.where(diagonal != 0, damping[active, None] * diagonal, 1.0)
        damped = a + np.eye(4) * added[:, None, :]
        step = np.linalg.solve(damped, g[..., None])[..., 0]
        trial = best.parameters[active] + step
        trial[:, 1] = np.clip(trial[:, 1], np.log(LEAST), np.log(MOST))
        new, new_gradient = _evaluated(
            order[active], trial, points, Expected(*(v[active] for v in expected))
        )
        gain = best.cost[active] - new.cost
        better = gain > 0
        at = active[better]
        for old, fresh in zip((*best, gradient), (*new, new_gradient), strict=True):
            old[at] = fresh[better]
        damping[active] = np.where(better, damping[active] / 10, damping[active] * 10)
        is_done = better & (gain < _GAIN)
        is_done |= ~better & (damping[active] > 1e4)
        active = active[~is_done]
        if not len(active):
            break
    return best


def _evaluated(
    order: np.ndarray, parameters: np.ndarray, points: Points, expected: Expected
) -> tuple[Fit, np.ndarray]:
    """Best curves for given parameters, with the cost's curvature and downhill gradient."""
    control, size, error, width, degree, correction_degree, fixed, scale = points
    critical, log_inverse, exponent, ratio = (parameters[:, k, None] for k in range(4))
    inverse = np.exp(log_inverse)
    omega = inverse * np.exp(ratio)
    growth = np.exp(inverse * size) / width
    u = (control - critical) * growth
    amplitude = np.exp(-exponent * size) / error
    value, slope = _chebyshev(u, max(degree, correction_degree))
    columns = value[..., : degree + 1] * amplitude[..., None]
    damped = amplitude * np.exp(-omega * size)
    if correction_degree >= 0:
        own = value[..., : correction_degree + 1] * damped[..., None]
        columns = np.concatenate([columns, own], axis=-1)
    turned = columns.swapaxes(-1, -2)
    gram = turned @ columns
    gram += _RIDGE * np.eye(gram.shape[-1]) * np.einsum("bii->bi", gram)[:, None, :]
    target = order / error
    moment = (turned @ target[..., None])[..., 0]
    at = np.arange(degree + 1, gram.shape[-1])
    gram[:, at, at] += 1 / scale**2
    moment[:, at] += expected.curve / scale
    curve = np.linalg.solve(gram, moment[..., None])[..., 0]
    surprise = curve[:, at] / scale - expected.curve
    whole = (columns @ curve[..., None])[..., 0]
    residual = target - whole
    first, second = curve[:, None, : degree + 1], curve[:, None, degree + 1 :]
    rise = (slope[..., : degree + 1] * first).sum(axis=-1) * amplitude
    correction = np.zeros_like(u)
    if correction_degree >= 0:
        rise += (slope[..., : correction_degree + 1] * second).sum(axis=-1) * damped
        correction = (columns[..., degree + 1 :] * second).sum(axis=-1)
    fade = -omega * size * correction
    free = 0.0 if fixed is not None else 1.0
    jacobian = np.stack(
        [-rise * growth, rise * u * size * inverse + fade, -free * size * whole, fade], axis=-1
    )
    cross = turned @ jacobian
    flipped = jacobian.swapaxes(-1, -2)
    curvature = flipped @ jacobian - cross.swapaxes(-1, -2) @ np.linalg.solve(gram, cross)
    gradient = (flipped @ residual[..., None])[..., 0]
    deviation = parameters[:, 3] / FACTOR - expected.ratio
    curvature[:, 3, 3] += 1 / FACTOR**2
    gradient[:, 3] -= deviation / FACTOR
    if fixed is not None:
        curvature[:, 2, 2] = 1.0
        gradient[:, 2] = 0.0
    cost = (residual**2).sum(axis=-1) + deviation**2 + (surprise**2).sum(axis=-1)
    cost = np.where(np.isfinite(cost), cost, _NO_FIT)
    return Fit(parameters.copy(), curve, cost, curvature), gradient


def _chebyshev(u: np.ndarray, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev polynomials up to a degree, and their derivatives, along a last axis."""
    value = np.empty((*u.shape, degree + 1))
    slope = np.empty_like(value)
    value[..., 0], slope[..., 0] = 1.0, 0.0
    if degree:
        value[..., 1], slope[..., 1] = u, 1.0
    for k in range(2, degree + 1):
        value[..., k] = 2 * u * value[..., k - 1] - value[..., k - 2]
        slope[..., k] = 2 * value[..., k - 1] + 2 * u * slope[..., k - 1] - slope[..., k - 2]
    return value, slope


def curves(fit: Fit, points: Points, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Master curve and its correction of the first data set, at scaled controls over the width."""
    value, _ = _chebyshev(u, max(points.degree, points.correction_degree))
    split = points.degree + 1
    correction = np.zeros_like(u)
    if points.correction_degree >= 0:
        correction = value[..., : points.correction_degree + 1] @ fit.curve[0, split:]
    return value[..., :split] @ fit.curve[0, :split], correction
