"""AR(2) regression of a path by least squares: the momentum that positions show."""

import numpy as np

from sgdphys.compiling import compiled

_ROUNDING = 1e-28
_EVEN = 1e-9
"""Share of the length of a series within which spacings count as equal, beside rounding."""
_SEEN = 0.5
"""Of the logarithm of n: square of the t statistic of a momentum that may be named."""


def even_triples(t: np.ndarray) -> tuple[np.ndarray, bool]:
    """Which inner points have the commonest spacing before and after them, (point - 2,).

    Returns
    -------
    (array, bool)
        Whether they have; all of them, and False, where fewer than half of them have it.
    """
    steps = np.diff(t)
    rounding = 4 * np.finfo(float).eps * np.abs(t[[0, -1]]).max()
    common = np.abs(steps - np.median(steps)) <= _EVEN * (t[-1] - t[0]) + rounding
    used = common[1:] & common[:-1]
    if used.mean() < 0.5:
        return np.ones(len(t) - 2, bool), False
    return used, True


@compiled
def second_order(y, used):
    """Least squares of v' = momentum v - curvature (y - center) over the steps of y (point,).

    Parameters
    ----------
    used : (point - 2,)
        Whether an inner point is used, with its neighbours.

    Returns
    -------
    (float, ...)
        Momentum, curvature, force at y = 0, and the standard error of the momentum; the momentum
        without curvature; curvature and force without momentum. NaN where values depend on one
        another.
    """
    last = y.shape[0] - 1
    m = 0
    s_v = s_y = s_a = 0.0
    for k in range(1, last):
        if not used[k - 1]:
            continue
        m += 1
        s_v += y[k] - y[k - 1]
        s_y += y[k]
        s_a += y[k + 1] - y[k]
    s_v, s_y, s_a = s_v / m, s_y / m, s_a / m
    vv = vy = yy = va = ya = aa = 0.0
    for k in range(1, last):
        if not used[k - 1]:
            continue
        v = y[k] - y[k - 1] - s_v
        x = y[k] - s_y
        a = y[k + 1] - y[k] - s_a
        vv += v * v
        vy += v * x
        yy += x * x
        va += v * a
        ya += x * a
        aa += a * a
    nan = np.nan
    if not vv > 0.0 or not yy > 0.0:
        return nan, nan, nan, nan, nan, nan, nan
    free = va / vv
    well = -ya / yy
    determinant = vv * yy - vy * vy
    if not determinant > 1e-14 * vv * yy:
        return nan, nan, nan, nan, free, well, s_a + well * s_y
    momentum = (va * yy - ya * vy) / determinant
    curvature = -(ya * vv - va * vy) / determinant
    squares = max(aa - momentum * va + curvature * ya, _ROUNDING * aa)
    error = np.sqrt(squares / m * yy / determinant)
    force = s_a - momentum * s_v + curvature * s_y
    return momentum, curvature, force, error, free, well, s_a + well * s_y


@compiled
def _seen_kernel(y, used, least, out):
    """Fill out (series,): whether the square of the t statistic of the momentum is above least."""
    for s in range(y.shape[0]):
        momentum, _, _, error, _, _, _ = second_order(y[s], used)
        out[s] = momentum > 0.0 and momentum * momentum > least * error * error


def momentum_seen(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Whether the momentum of paths (series, point) is about as significant as BIC asks, or more.

    A model with inertia is named only if it is better than an Ornstein-Uhlenbeck process by
    log(n)/2 of log-likelihood. The t statistic of the momentum in the AR(2) regression gains most
    of that where the model is true; half of it is asked. Points beside gaps are left out. Times
    without a common spacing cannot be judged: the answer is True.
    """
    used, can_be_judged = even_triples(t)
    out = np.ones(len(x), bool)
    if can_be_judged:
        least = _SEEN * used.mean() * np.log(x.shape[1] - 1)
        _seen_kernel(np.ascontiguousarray(x - x[:, :1]), used, least, out)
    return out
