"""Langevin equation with inertia, seen in its positions: exact transitions and Kalman filter.

dx = v dt, dv = -friction v dt - stiffness x dt + dB, where B is a unit Wiener process. The filter
carries the mean and variance of the hidden velocity given all positions so far.
"""

from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled

_LEGENDRE = np.polynomial.legendre.leggauss(8)
_NODES, _WEIGHTS = 0.5 * (_LEGENDRE[0] + 1), 0.5 * _LEGENDRE[1]
"""Gauss-Legendre rule on the interval from 0 to 1."""
_TERMS = 18
"""Of the power series of the response; the last is below 1e-18 at the longest argument."""
_LONGEST = 0.5
"""Of friction dt and of (stiffness)**0.5 dt for the power series; longer times by doubling."""
_SETTLED = 4e-16
"""Relative change at which the variance of the velocity has reached its stationary value."""


@compiled
def transition(friction, stiffness, dt):
    """Exact transition over a time dt.

    Returns
    -------
    (float, ...)
        Response G of the position to the velocity; 1 minus that of position to position; response
        of velocity to velocity; covariance of the noise: position, both, velocity.

    Notes
    -----
    G solves G'' + friction G' + stiffness G = 0, G(0) = 0, G'(0) = 1. The matrix of the transition
    is [[1 - stiffness int G, G], [-stiffness G, G']], the covariance is that of the integrals of G
    and G'. Over a short time G is a power series. Then the time is doubled until it is dt, where
    only positive numbers are added to the covariance. Free, under-, critically and overdamped
    motion are thus one case, and no digits are lost where two cases meet.
    """
    doublings = 0
    h = dt
    while max(friction, np.sqrt(stiffness)) * h > _LONGEST:
        h *= 0.5
        doublings += 1
    moved = 0.0  # integral of G
    q_x = q_v = 0.0
    g = dg = 0.0
    for i in range(_NODES.shape[0] + 1):
        s = h * _NODES[i] if i < _NODES.shape[0] else h
        # terms of G' and of the integral of G'
        rate, term = 1.0, s
        before = 0.0
        g, dg = s, 1.0
        for k in range(1, _TERMS):
            # the k-th term of G' follows from the last ones of G' and of G
            rate = -(friction * rate + stiffness * before) * s / k
            before = term
            term = rate * s / (k + 1)
            g += term
            dg += rate
        if i < _NODES.shape[0]:
            w = h * _WEIGHTS[i]
            moved += w * g
            q_x += w * g * g
            q_v += w * dg * dg
    lost = stiffness * moved
    q_xv = 0.5 * g * g
    for _ in range(doublings):
        kept = 1.0 - lost
        force = stiffness * g
        to_x = kept * kept * q_x + 2.0 * kept * g * q_xv + g * g * q_v
        to_v = force * force * q_x - 2.0 * force * dg * q_xv + dg * dg * q_v
        q_x += to_x
        q_v += to_v
        lost = lost * (1.0 + kept) + g * force
        g, dg = g * (kept + dg), dg * dg - force * g
        q_xv = 0.5 * g * g
    return g, lost, dg, q_x, q_xv, q_v


class Clock(NamedTuple):
    """Times between points, for the filter."""

    steps: np.ndarray
    """The different ones among them."""
    which: np.ndarray
    """(point - 1,) index of that which follows each point."""
    transitions: np.ndarray
    """(step, 6) scratch."""


def clock_of(t: np.ndarray, unit: float) -> Clock:
    """Times (point,) in a unit; spacings that are equal to 1e-9 of their mean are one."""
    steps = np.diff(t)
    _, first, which = np.unique(
        np.round(steps / steps.mean(), 9), return_index=True, return_inverse=True
    )
    return Clock(steps[first] / unit, which, np.empty((len(first), 6)))


@compiled
def filtered(y, clock, friction, stiffness, out):
    """Kalman filter of positions y (point,) and of a constant or a straight line.

    Parameters
    ----------
    clock : Clock
    out : (3, point - 1) or (3, 0)
        Filled with the innovations of y, those of the constant or line, and their variances.

    Returns
    -------
    (float, float, float, float)
        Sums of squares and products of the innovations, y y, y c and c c, each over its variance,
        and the sum of the logarithms of the variances.

    Notes
    -----
    c is 1 in a well (stiffness > 0) and t - t_0 of the free particle, because a centre or a drift
    times c is subtracted from y; the innovations of the difference are the difference of the
    innovations. The velocity at the first point has the stationary law, of variance
    1/(2 friction); in the stationary state it is independent of the position.
    """
    yy = yc = cc = logs = 0.0
    m_y = m_c = 0.0
    p = 0.5 / friction
    for i in range(clock.steps.shape[0]):
        row = transition(friction, stiffness, clock.steps[i])
        for j in range(6):
            clock.transitions[i, j] = row[j]
    last = -1
    g = lost = dg = q_x = q_xv = q_v = s = gain = log_s = 0.0
    is_settled = False
    is_free = stiffness == 0.0
    keeps = out.shape[1] > 0
    for k in range(y.shape[0] - 1):
        if clock.which[k] != last:
            last = clock.which[k]
            row = clock.transitions[last]
            g, lost, dg, q_x, q_xv, q_v = row[0], row[1], row[2], row[3], row[4], row[5]
            is_settled = False
        if not is_settled:
            s = g * g * p + q_x
            gain = (dg * g * p + q_xv) / s
            log_s = np.log(s)
            after = max(dg * dg * p + q_v - gain * gain * s, 0.0)
            is_settled = abs(after - p) <= _SETTLED * p
            p = after
        kept = dg - gain * g
        force = stiffness * g
        change = y[k + 1] - y[k] + lost * y[k]
        r = change - g * m_y
        m_y = kept * m_y + (gain * change - force * y[k])
        change_c = clock.steps[last] if is_free else lost
        r_c = change_c - g * m_c
        m_c = kept * m_c + (gain * change_c - force)
        yy += r * r / s
        yc += r * r_c / s
        cc += r_c * r_c / s
        logs += log_s
        if keeps:
            out[0, k] = r
            out[1, k] = r_c
            out[2, k] = s
    return yy, yc, cc, logs
