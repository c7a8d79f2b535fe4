"""Share of measurement noise of largest likelihood, at one kappa.

``kalman`` says what the share is.
"""

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.dynamics.models.kalman import fit_at


@compiled
def next_place(a, fa, b, fb, c, fc):
    """Place of the next evaluation between a and c, b the lowest so far: parabola or golden."""
    left, right = (b - a) * (fb - fc), (b - c) * (fb - fa)
    below = left - right
    if below != 0.0:
        place = b - 0.5 * ((b - a) * left - (b - c) * right) / below
        least = 0.01 * min(b - a, c - b)
        if a + least < place < c - least:
            if abs(place - b) < least:
                # on the wider side, so that both sides shrink
                place = b + least if c - b > b - a else b - least
            return place
    return b + 0.382 * (c - b) if c - b > b - a else b - 0.382 * (b - a)


@compiled
def narrowed(a, fa, b, fb, c, fc, place, value):
    """The three places about a minimum, after one more evaluation."""
    if value <= fb:
        if place < b:
            return a, fa, place, value, b, fb
        return b, fb, place, value, c, fc
    if place < b:
        return place, value, b, fb, c, fc
    return a, fa, b, fb, place, value


@compiled
def share_of(u, top):
    """Share of noise at a coordinate u from 0, in which its errors are of similar size.

    At ``top`` it is 1: no diffusion, as what is left of it could not be seen.
    """
    return 1.0 if u >= top else -np.expm1(-u)


@compiled
def top_of(n):
    """Largest coordinate of the share of noise with n increments."""
    return np.log(8.0 * n)


@compiled
def error_of(u, n):
    """Standard error of u in a Wiener process: that of a moving average."""
    return np.sqrt((2.0 * np.exp(u) - 1.0) / n)


@compiled
def best_share(y, times, kappa, start, top):
    """Coordinate u of the share of noise, in [0, top], of largest likelihood at one kappa.

    Parameters
    ----------
    start : float
        Where the search begins.

    Returns
    -------
    (float, float)
        u, and -2 times the log-likelihood without constants.
    """
    step = error_of(start, times.dt.shape[0])
    a, c = max(start - step, 0.0), min(start + step, top)
    b = 0.5 * (a + c)
    fa = fit_at(y, times, kappa, share_of(a, top))[0]
    fb = fit_at(y, times, kappa, share_of(b, top))[0]
    fc = fit_at(y, times, kappa, share_of(c, top))[0]
    while fc < fb and c < top:
        a, fa, b, fb = b, fb, c, fc
        step *= 2.0
        c = min(b + step, top)
        fc = fit_at(y, times, kappa, share_of(c, top))[0]
    while fa <= fb and a > 0.0:
        b, fb, c, fc = a, fa, b, fb
        step *= 2.0
        a = max(b - step, 0.0)
        fa = fit_at(y, times, kappa, share_of(a, top))[0]
    for _ in range(60):
        # a minimum at an end of the range is approached from inside
        if fa <= fb:
            if b - a < 0.02 * error_of(a, times.dt.shape[0]):
                return a, fa
            c, fc = b, fb
            b = a + 0.1 * (b - a)
            fb = fit_at(y, times, kappa, share_of(b, top))[0]
        elif fc < fb:
            if c - b < 0.02 * (c - a):
                return c, fc
            a, fa = b, fb
            b = c - 0.1 * (c - b)
            fb = fit_at(y, times, kappa, share_of(b, top))[0]
        else:
            place = next_place(a, fa, b, fb, c, fc)
            value = fit_at(y, times, kappa, share_of(place, top))[0]
            is_done = abs(value - fb) < 1e-6 or c - a < 1e-7 * (1.0 + c)
            a, fa, b, fb, c, fc = narrowed(a, fa, b, fb, c, fc, place, value)
            if is_done:
                break
    return b, fb


@compiled
def scanned_share(y, times, kappa, top):
    """As ``best_share``, from the best of a few places."""
    start, lowest = 0.0, np.inf
    u = 0.0
    while u < top:
        value = fit_at(y, times, kappa, share_of(u, top))[0]
        if value < lowest:
            start, lowest = u, value
        u = 1.6 * u + 0.2
    return best_share(y, times, kappa, start, top)
