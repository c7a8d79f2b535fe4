"""Search for the largest likelihood of a Langevin equation with inertia, by Newton's method."""

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.dynamics.models.langevin_filter import filtered

LEAST_FRICTION, MOST_FRICTION = 1e-5, 20.0
"""Range of friction dt: beyond it motion is undamped, or has no inertia that can be seen."""
LEAST_STIFFNESS, MOST_STIFFNESS = 1e-12, np.pi**2
"""Range of stiffness dt**2: a mode turns by at most half a turn between points."""
_H = 1e-3
_ROUNDING = 1e-28
_FOUND = 1e-7
"""Change of -2 log-likelihood that is expected from the last step."""
_AROUND = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]], np.float64)
"""Where the likelihood is evaluated for derivatives, in steps of ``_H``."""
POINTS = len(_AROUND)
VALUES = ("friction", "stiffness", "deviance", "shift", "variance", "information")
HESSIAN = ("aa", "ab", "bb", "a", "b")
"""Second derivatives of the deviance by the logarithms of friction and stiffness, and first
derivatives of the logarithm of the noise."""


@compiled
def _evaluate(y, clock, a, b, is_free, nothing, out):
    """Fill out (5,) at the logarithms of friction and stiffness.

    -2 log-likelihood without constants, with the best centre or drift; these; the variance of the
    noise and its logarithm; the information on centre or drift, times that variance.
    """
    yy, yc, cc, logs = filtered(y, clock, np.exp(a), 0.0 if is_free else np.exp(b), nothing)
    m = y.shape[0] - 1
    shift = yc / cc if cc > 0.0 else 0.0
    variance = max(yy - shift * yc, _ROUNDING * yy) / m
    out[3] = np.log(max(variance, 1e-300))
    out[0] = m * out[3] + logs
    out[1], out[2], out[4] = shift, variance, cc


@compiled
def search(y, clock, friction, stiffness, nothing, work, out):
    """Fill ``out`` with ``VALUES`` and ``HESSIAN`` at the largest likelihood.

    Parameters
    ----------
    y : (point,)
        Positions relative to the first one, of size about 1.
    clock : Clock
        Times, of mean spacing 1.
    friction, stiffness : float
        Where the search begins; stiffness 0 for the free particle.
    work : (POINTS, 5)
        Scratch.

    Notes
    -----
    Newton's method in the logarithms of friction and stiffness, with numerical derivatives; where
    the curvature is negative it is reversed, and a step that does not descend is shortened.
    """
    is_free = stiffness == 0.0
    lowest_a, highest_a = np.log(LEAST_FRICTION), np.log(MOST_FRICTION)
    lowest_b, highest_b = np.log(LEAST_STIFFNESS), np.log(MOST_STIFFNESS)
    a = min(max(np.log(friction), lowest_a), highest_a)
    b = 0.0 if is_free else min(max(np.log(stiffness), lowest_b), highest_b)
    for _ in range(40):
        for i in range(3 if is_free else POINTS):
            at_a, at_b = a + _H * _AROUND[i, 0], b + _H * _AROUND[i, 1]
            _evaluate(y, clock, at_a, at_b, is_free, nothing, work[i])
        f = work[:, 0]
        for k in range(3):
            out[2 + k] = work[0, k]
        out[0], out[1], out[5] = np.exp(a), 0.0 if is_free else np.exp(b), work[0, 4]
        g_a, h_aa = (f[1] - f[2]) / (2 * _H), (f[1] - 2 * f[0] + f[2]) / _H**2
        out[9] = (work[1, 3] - work[2, 3]) / (2 * _H)
        g_b, h_ab, h_bb, out[10] = 0.0, 0.0, 1.0, 0.0
        if not is_free:
            g_b, h_bb = (f[3] - f[4]) / (2 * _H), (f[3] - 2 * f[0] + f[4]) / _H**2
            h_ab = (f[5] - f[1] - f[3] + 2 * f[0] - f[2] - f[4] + f[6]) / (2 * _H**2)
            out[10] = (work[3, 3] - work[4, 3]) / (2 * _H)
        out[6], out[7], out[8] = h_aa, h_ab, h_bb
        # in the directions of the eigenvectors of the Hessian, downwards
        mean, half = 0.5 * (h_aa + h_bb), 0.5 * (h_aa - h_bb)
        root = np.sqrt(half * half + h_ab * h_ab)
        angle = 0.5 * np.arctan2(h_ab, half)
        e_a, e_b = np.cos(angle), np.sin(angle)
        first = -(e_a * g_a + e_b * g_b) / max(abs(mean + root), 1e-3)
        second = (e_b * g_a - e_a * g_b) / max(abs(mean - root), 1e-3)
        d_a = e_a * first - e_b * second
        d_b = e_b * first + e_a * second
        if -(g_a * d_a + g_b * d_b) < _FOUND:
            return
        shorter = min(1.0, 1.5 / max(abs(d_a), abs(d_b)))
        has_moved = False
        for _ in range(12):
            at_a = min(max(a + shorter * d_a, lowest_a), highest_a)
            at_b = b if is_free else min(max(b + shorter * d_b, lowest_b), highest_b)
            _evaluate(y, clock, at_a, at_b, is_free, nothing, work[1])
            has_moved = work[1, 0] < out[2]
            if has_moved:
                a, b = at_a, at_b
                break
            shorter *= 0.4
        if not has_moved:
            return
