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
VALUES = ("friction", "stiffness", "deviance", "shift", "variance", "information")
HESSIAN = ("aa", "ab", "bb", "a", "b")
"""Second derivatives of the deviance by the logarithms of friction and stiffness, and first
derivatives of the logarithm of the noise."""


@compiled
def deviance(y, t, friction, stiffness, nothing):
    """-2 log-likelihood without constants, with the best centre or drift, and these.

    Returns
    -------
    (float, float, float, float)
        Deviance; centre or drift; variance of the noise; information on the former, times that.
    """
    yy, yc, cc, logs = filtered(y, t, friction, stiffness, nothing)
    m = y.shape[0] - 1
    shift = yc / cc if cc > 0.0 else 0.0
    variance = max(yy - shift * yc, _ROUNDING * yy) / m
    return m * np.log(max(variance, 1e-300)) + logs, shift, variance, cc


@compiled
def _at(y, t, a, b, is_free, nothing):
    """Deviance and logarithm of the noise at logarithms of friction and stiffness."""
    value, _, variance, _ = deviance(y, t, np.exp(a), 0.0 if is_free else np.exp(b), nothing)
    return value, np.log(max(variance, 1e-300))


@compiled
def _slopes(y, t, a, b, is_free, middle, noise, nothing):
    """First and second derivatives of the deviance, first ones of the logarithm of the noise."""
    up, noise_up = _at(y, t, a + _H, b, is_free, nothing)
    down, noise_down = _at(y, t, a - _H, b, is_free, nothing)
    g_a = (up - down) / (2 * _H)
    h_aa = (up - 2 * middle + down) / _H**2
    n_a = (noise_up - noise_down) / (2 * _H)
    if is_free:
        return g_a, 0.0, h_aa, 0.0, 1.0, n_a, 0.0
    right, noise_right = _at(y, t, a, b + _H, is_free, nothing)
    left, noise_left = _at(y, t, a, b - _H, is_free, nothing)
    both, _ = _at(y, t, a + _H, b + _H, is_free, nothing)
    none, _ = _at(y, t, a - _H, b - _H, is_free, nothing)
    g_b = (right - left) / (2 * _H)
    h_bb = (right - 2 * middle + left) / _H**2
    n_b = (noise_right - noise_left) / (2 * _H)
    h_ab = (both - up - right + 2 * middle - down - left + none) / (2 * _H**2)
    return g_a, g_b, h_aa, h_ab, h_bb, n_a, n_b


@compiled
def search(y, t, friction, stiffness, nothing, out):
    """Fill ``out`` with ``VALUES`` and ``HESSIAN`` at the largest likelihood.

    Parameters
    ----------
    y : (point,)
        Positions relative to the first one, of size about 1.
    t : (point,)
        Times, of mean spacing 1.
    friction, stiffness : float
        Where the search begins; stiffness 0 for the free particle.

    Notes
    -----
    Newton's method in the logarithms of friction and stiffness, with numerical derivatives; where
    the curvature is negative it is reversed, and a step that does not descend is halved.
    """
    is_free = stiffness == 0.0
    lowest_a, highest_a = np.log(LEAST_FRICTION), np.log(MOST_FRICTION)
    lowest_b, highest_b = np.log(LEAST_STIFFNESS), np.log(MOST_STIFFNESS)
    a = min(max(np.log(friction), lowest_a), highest_a)
    b = 0.0 if is_free else min(max(np.log(stiffness), lowest_b), highest_b)
    value, noise = _at(y, t, a, b, is_free, nothing)
    h_aa = h_ab = h_bb = n_a = n_b = np.nan
    for _ in range(40):
        g_a, g_b, h_aa, h_ab, h_bb, n_a, n_b = _slopes(y, t, a, b, is_free, value, noise, nothing)
        # eigenvalues of the Hessian, made positive
        mean, half = 0.5 * (h_aa + h_bb), 0.5 * (h_aa - h_bb)
        root = np.sqrt(half * half + h_ab * h_ab)
        angle = 0.5 * np.arctan2(h_ab, half)
        e_a, e_b = np.cos(angle), np.sin(angle)
        first = -(e_a * g_a + e_b * g_b) / max(abs(mean + root), 1e-3)
        second = (e_b * g_a - e_a * g_b) / max(abs(mean - root), 1e-3)
        d_a = e_a * first - e_b * second
        d_b = e_b * first + e_a * second
        expected = -(g_a * d_a + g_b * d_b)
        longest = max(abs(d_a), abs(d_b))
        if longest > 1.5:
            d_a *= 1.5 / longest
            d_b *= 1.5 / longest
        has_moved = False
        for _ in range(12):
            a_new = min(max(a + d_a, lowest_a), highest_a)
            b_new = b if is_free else min(max(b + d_b, lowest_b), highest_b)
            new, new_noise = _at(y, t, a_new, b_new, is_free, nothing)
            if new < value:
                has_moved = True
                a, b, value, noise = a_new, b_new, new, new_noise
                break
            d_a *= 0.4
            d_b *= 0.4
        if not has_moved or expected < _FOUND:
            break
    stiffness = 0.0 if is_free else np.exp(b)
    value, shift, variance, information = deviance(y, t, np.exp(a), stiffness, nothing)
    out[0], out[1], out[2] = np.exp(a), stiffness, value
    out[3], out[4], out[5] = shift, variance, information
    out[6], out[7], out[8], out[9], out[10] = h_aa, h_ab, h_bb, n_a, n_b
