"""Region of confidence of processes with measurement noise: the ends of D, noise and mean."""

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.dynamics.models.kalman import diffusion_at, fit_at
from sgdphys.dynamics.models.noise_share import error_of, share_of

ANGLES = 5
"""Places on each side of the best one at which a region of confidence is cut."""


@compiled
def _log_ratio(budget, side):
    """Log of the scale, relative to the best, at which -2 log-likelihood/n has risen by budget."""
    h = side * np.sqrt(2.0 * budget)
    for _ in range(6):
        slope = -np.expm1(-h)
        if abs(slope) < 1e-12:
            break
        h -= (h + np.expm1(-h) - budget) / slope
    return h


@compiled
def extend(found, n, kappa, share, fitted, limit):
    """Extend the ends of D, s**2 and the mean to what fits at one kappa and share.

    Parameters
    ----------
    found : (6,)
        Lowest and highest D, s**2 and, at kappa > 0, centre; at kappa = 0, drift.
    n : int
        Degrees of freedom: increments, less 1 for an integrated drift.
    fitted : tuple
        From ``fit_at``.
    limit : float
        Largest -2 log-likelihood in the region of confidence.
    """
    value, squares, drift, information = fitted
    budget = max(limit - value, 0.0) / n
    scale = squares / n
    low, high = scale * np.exp(_log_ratio(budget, -1.0)), scale * np.exp(_log_ratio(budget, 1.0))
    diffusion = diffusion_at(kappa, share)
    found[0] = min(found[0], diffusion * low)
    found[1] = max(found[1], diffusion * high)
    found[2] = min(found[2], share * low)
    found[3] = max(found[3], share * high)
    width = np.sqrt(squares / information * np.expm1(budget))
    a, b = drift - width, drift + width
    if kappa > 0.0:
        a /= kappa
        b /= kappa
    found[4] = min(found[4], a)
    found[5] = max(found[5], b)


@compiled
def next_step(step, lost):
    """Step after one that lost so much of the root of the likelihood ratio."""
    return step * min(max(1.0 / max(lost, 1e-3), 0.7), 4.0)


@compiled
def edge(inside, lost, outside, losing, most):
    """Where the root of the likelihood ratio is ``most``, between two places."""
    if losing <= lost:
        return inside
    return inside + (outside - inside) * min(max((most - lost) / (losing - lost), 0.0), 1.0)


@compiled
def clear(found):
    """Make ends that any interval extends."""
    for k in range(0, 6, 2):
        found[k] = np.inf
        found[k + 1] = -np.inf


@compiled
def end_of_shares(y, times, kappa, best, lowest, limit, top, side):
    """Coordinate of the share at which the region of confidence ends, on one side of the best."""
    step = error_of(best, times.dt.shape[0])
    u, lost = best, 0.0
    most = np.sqrt(max(limit - lowest, 0.0))
    while True:
        outside = min(max(u + side * step, 0.0), top)
        if outside == u:
            return u
        value = fit_at(y, times, kappa, share_of(outside, top))[0]
        losing = np.sqrt(max(value - lowest, 0.0))
        if value > limit:
            return edge(u, lost, outside, losing, most)
        step = next_step(abs(outside - u), losing - lost)
        u, lost = outside, losing


@compiled
def extend_over_shares(y, times, kappa, best, top, limit, found):
    """Extend the ends to the slice of the region of confidence at one kappa.

    Parameters
    ----------
    best : float
        Coordinate of the best share there.

    Notes
    -----
    The slice is taken at sines of equal angles of its half-widths, since the region is nearly an
    ellipse: an end is missed by less than 1% of the half-width.
    """
    n = times.dt.shape[0] - times.restricted
    fitted = fit_at(y, times, kappa, share_of(best, top))
    extend(found, n, kappa, share_of(best, top), fitted, limit)
    lowest = fitted[0]
    for side in (-1.0, 1.0):
        last = end_of_shares(y, times, kappa, best, lowest, limit, top, side)
        if last == best:
            continue
        for k in range(1, ANGLES + 1):
            u = best + (last - best) * np.sin(0.5 * np.pi * k / ANGLES) if k < ANGLES else last
            fitted = fit_at(y, times, kappa, share_of(u, top))
            extend(found, n, kappa, share_of(u, top), fitted, limit)
