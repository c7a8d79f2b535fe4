"""Models off the list of ``fit`` that are often the true ones, fitted to tell them from it.

``measurement_noise`` and ``second_order`` are of a path, ``student_t`` and ``jumps`` of independent
increments, ``garch`` of increments whose size depends on the last one. A rival that is far more
likely than the best model of the list rejects it.
"""

import math

import numpy as np

from sgdphys.compiling import compiled, is_compiled
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import levels_lose_digits
from sgdphys.dynamics.models.autoregression import even_triples, second_order

RIVALS = {
    "measurement_noise": 4,  # ARMA(1,1)
    "second_order": 4,  # AR(2)
    "student_t": 3,
    "jumps": 4,  # of a mixture of two normal laws
    "garch": 4,  # GARCH(1,1)
}
"""The number of their coefficients."""
OF_PATHS = ("measurement_noise", "second_order")
OF_STEPS = ("student_t", "jumps")
_LARGEST = 0.98
"""Of the coefficient of the moving average, towards which it is searched."""
_SCAN = 9
_GOLDEN = 0.6180339887498949
_FREEDOMS = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 25.0])
_ROUNDING = 1e-30
_FEWEST_BESIDE_GAPS = 50
"""Least number of points that follow two others."""


@compiled
def _likelihood_of(m, s11, s12, s13, s22, s23, s33, t1, t2, t3, tt, second):
    """Log-likelihood of m residuals of least squares, from the sums of a regression.

    Parameters
    ----------
    s11, s12, s13, s22, s23, s33 : float
        Sums of products of the columns: the last value, the constant, and the column before, which
        counts only where ``second`` is true.
    t1, t2, t3, tt : float
        Sums of their products with what is regressed on them, and of its squares.
    """
    # eliminate the constant, then the last value, then the one before it
    s11 -= s12 * s12 / s22
    s13 -= s12 * s23 / s22
    s33 -= s23 * s23 / s22
    t1 -= s12 * t2 / s22
    t3 -= s23 * t2 / s22
    squares = tt - t2 * t2 / s22
    if s11 > _ROUNDING * tt:
        s33 -= s13 * s13 / s11
        t3 -= s13 * t1 / s11
        squares -= t1 * t1 / s11
    if second and s33 > 1e-12 * tt:
        squares -= t3 * t3 / s33
    squares = max(squares, 1e-14 * tt)
    if not squares > 0.0:
        return -np.inf
    return -0.5 * m * (np.log(2 * np.pi * squares / m) + 1.0)


@compiled
def _arma(x, theta, second):
    """Log-likelihood of x, given x_0, with the moving-average coefficient theta.

    x_k = c + phi_1 x_{k-1} (+ phi_2 x_{k-2}) + e_k + theta e_{k-1}, where the noise before the
    first step is 0. Past noise is filtered out of the series and of the constant; then the
    coefficients are those of least squares.
    """
    n = x.shape[0]
    m = n - 1
    # filtered series and constant; relative to x_0
    before = last = value = 0.0
    unit = 0.0
    s11 = s12 = s13 = s22 = s23 = s33 = 0.0
    t1 = t2 = t3 = tt = 0.0
    for k in range(1, n):
        before = last
        last = value
        value = (x[k] - x[0]) - theta * last
        unit = 1.0 - theta * unit
        s11 += last * last
        s12 += last * unit
        s22 += unit * unit
        t1 += last * value
        t2 += unit * value
        tt += value * value
        if second:
            s13 += last * before
            s23 += unit * before
            s33 += before * before
            t3 += before * value
    return _likelihood_of(m, s11, s12, s13, s22, s23, s33, t1, t2, t3, tt, second)


@compiled
def _arma_by_steps(x, theta, second):
    """``_arma`` by a regression of filtered increments, on the last level and increment.

    The residuals are the same, and keep their digits where ``levels_lose_digits``: levels are about
    their mean, and increments about theirs, of which the filtered constant takes out the rest.
    """
    m = x.shape[0] - 1
    drift = (x[m] - x[0]) / m
    centre = 0.0
    for k in range(m):
        centre += x[k] - x[0]
    centre /= m
    level = step = unit = 0.0
    s11 = s12 = s13 = s22 = s23 = s33 = 0.0
    t1 = t2 = t3 = tt = 0.0
    for k in range(1, m + 1):
        before = step
        step = (x[k] - x[k - 1]) - theta * before
        unit = 1.0 - theta * unit
        a, b, d = level - centre * unit, before - drift * unit, step - drift * unit
        s11 += a * a
        s12 += a * unit
        s22 += unit * unit
        t1 += a * d
        t2 += unit * d
        tt += d * d
        if second:
            s13 += a * b
            s23 += unit * b
            s33 += b * b
            t3 += b * d
        level += step
    return _likelihood_of(m, s11, s12, s13, s22, s23, s33, t1, t2, t3, tt, second)


@compiled
def _arma_of(x, theta, second, by_steps):
    return _arma_by_steps(x, theta, second) if by_steps else _arma(x, theta, second)


@compiled
def _path_rivals(x, out):
    """Fill out (series, 2) with the log-likelihoods of ARMA(1,1) and AR(2) paths."""
    for s in range(x.shape[0]):
        row = x[s]
        by_steps = levels_lose_digits(row, row.shape[0])
        out[s, 1] = _arma_of(row, 0.0, True, by_steps)
        width = 2 * _LARGEST / (_SCAN - 1)
        best = -_LARGEST
        top = -np.inf
        for k in range(_SCAN):
            theta = -_LARGEST + k * width
            value = _arma_of(row, theta, False, by_steps)
            if value > top:
                best, top = theta, value
        a, b = max(best - width, -_LARGEST), min(best + width, _LARGEST)
        c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
        fc, fd = _arma_of(row, c, False, by_steps), _arma_of(row, d, False, by_steps)
        for _ in range(12):
            if fc > fd:
                b, d, fd = d, c, fc
                c = b - _GOLDEN * (b - a)
                fc = _arma_of(row, c, False, by_steps)
            else:
                a, c, fc = c, d, fd
                d = a + _GOLDEN * (b - a)
                fd = _arma_of(row, d, False, by_steps)
        out[s, 0] = max(top, fc, fd)


def are_compiled() -> bool:
    """Whether what every comparison of models needs was compiled on this machine."""
    return is_compiled(_path_rivals)


def path_rivals(x: np.ndarray) -> np.ndarray:
    """BIC (series, 2), given the first point, of two Gaussian processes.

    Parameters
    ----------
    x : (series, point)
        Evenly spaced, without gaps.

    Notes
    -----
    ``measurement_noise``: an Ornstein-Uhlenbeck or Wiener process under white noise, which is an
    ARMA(1,1) process. ``second_order``: an AR(2) process, which has inertia or a second relaxation
    time.

    References
    ----------
    Box and Jenkins (1976), "Time series analysis", for the conditional likelihood.
    """
    out = np.empty((len(x), 2))
    _path_rivals(np.ascontiguousarray(x), out)
    return _bic(OF_PATHS, out, x.shape[1] - 1)


def second_order_beside_gaps(x: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """BIC (series,) of an AR(2) process for the points that follow two others at one spacing.

    Parameters
    ----------
    x : (series, point)
    t : (point,)
        Times on a grid of which points are missing.

    Returns
    -------
    (array, array)
        Which inner points have the commonest spacing before and after them, (point - 2,); BIC,
        given two points each; infinite where fewer than half of the points have it.
    """
    used, can_be_judged = even_triples(t)
    m = int(used.sum())
    if not can_be_judged or m < _FEWEST_BESIDE_GAPS:
        return used, np.full(len(x), np.inf)
    likelihood = np.empty(len(x))
    for row, y in enumerate(x - x.mean(axis=1, keepdims=True)):
        momentum, curvature, force = second_order(y, used)[:3]
        step = np.diff(y)
        rest = (step[1:] - momentum * step[:-1] + curvature * y[1:-1] - force)[used]
        variance = max(np.mean(rest**2), 1e-14 * np.mean(step[1:][used] ** 2))
        likelihood[row] = -0.5 * m * (np.log(2 * np.pi * variance) + 1.0)
    bic = RIVALS["second_order"] * np.log(m) - 2 * likelihood
    return used, np.where(np.isfinite(bic), bic, np.inf)


@compiled
def _student(x, freedom, location, scale):
    """Log-likelihood of a Student t law with the best location and scale, and these."""
    n = x.shape[0]
    for _ in range(100):
        total = first = second = 0.0
        for k in range(n):
            z = (x[k] - location) / scale
            w = 1.0 / (freedom + z * z)
            total += w
            first += w * z
            second += w * z * z
        moved = first / total
        # divided by the sum of weights, not by n: the same fixed point, reached sooner
        ratio = np.sqrt(max((second - moved * first) / total, _ROUNDING))
        location += scale * moved
        scale *= ratio
        if abs(ratio - 1.0) < 1e-4 and abs(moved) < 1e-3:
            break
    value = 0.0
    for k in range(n):
        z = (x[k] - location) / scale
        value += np.log1p(z * z / freedom)
    unit = (
        math.lgamma(0.5 * (freedom + 1.0))
        - math.lgamma(0.5 * freedom)
        - 0.5 * np.log(freedom * np.pi)
        - np.log(scale)
    )
    return n * unit - 0.5 * (freedom + 1.0) * value, location, scale


@compiled
def _mixture(x, location, narrow):
    """Log-likelihood of two normal laws about one centre, by 60 steps of the EM algorithm."""
    n = x.shape[0]
    least = 0.1 * narrow  # equal values would make an infinite likelihood
    wide = 4.0 * narrow
    share = 0.05
    for _ in range(60):
        of_wide = wide_squares = squares = moved = 0.0
        factor = (1.0 - share) / share * wide / narrow
        slope = 0.5 / (wide * wide) - 0.5 / (narrow * narrow)
        for k in range(n):
            d = x[k] - location
            of_this = 1.0 / (1.0 + factor * np.exp(min(slope * d * d, 700.0)))
            of_wide += of_this
            squares += d * d
            wide_squares += of_this * d * d
            moved += d / (narrow * narrow) + 2.0 * slope * of_this * d
        weights = (n - of_wide) / (narrow * narrow) + of_wide / (wide * wide)
        location += moved / weights
        share = min(max(of_wide / n, 1e-4), 1.0 - 1e-4)
        narrow = np.sqrt(max((squares - wide_squares) / max(n - of_wide, 1e-9), least * least))
        wide = np.sqrt(max(wide_squares / max(of_wide, 1e-9), least * least))
    value = 0.0
    for k in range(n):
        d = x[k] - location
        a = d / narrow
        b = d / wide
        of_narrow = (1.0 - share) / narrow * np.exp(-0.5 * a * a)
        value += np.log(max(of_narrow + share / wide * np.exp(-0.5 * b * b), 1e-300))
    return value - 0.5 * n * np.log(2 * np.pi)


@compiled
def _step_rivals(dx, location, scale, freedoms, out):
    """Fill out (series, 2) with the log-likelihoods of a Student t law and of a mixture."""
    last = freedoms.shape[0] - 1
    for s in range(dx.shape[0]):
        best = 4
        top, c, d = _student(dx[s], freedoms[best], location[s], scale[s])
        for side in (-1, 1):
            k = best + side
            while 0 <= k <= last:
                value, c, d = _student(dx[s], freedoms[k], c, d)
                if value <= top:
                    break
                top = value
                best = k
                k += side
        out[s, 0] = top
        out[s, 1] = _mixture(dx[s], location[s], scale[s])


def step_rivals(dx: np.ndarray) -> np.ndarray:
    """BIC (series, 2) of two laws of independent increments of finite variance.

    Parameters
    ----------
    dx : (series, point)
        Increments of equal times, whose middle half is not all equal.

    Notes
    -----
    ``student_t``: a Student t law, with the degrees of freedom on a grid from 1 to 25.
    ``jumps``: normal increments, some of them with a normal jump, which is a mixture of two normal
    laws about one centre.

    References
    ----------
    Kent, Tyler and Vardi (1994) for the t law; Dempster, Laird and Rubin (1977) for the mixture.
    """
    out = np.empty((len(dx), 2))
    quarter, middle, three = np.quantile(dx, [0.25, 0.5, 0.75], axis=1)
    _step_rivals(np.ascontiguousarray(dx), middle, 0.74 * (three - quarter), _FREEDOMS, out)
    return _bic(OF_STEPS, out, dx.shape[1])


@compiled
def _garch_at(dx, mean, variance, persistence, share):
    """Log-likelihood of GARCH(1,1) with the variance of the sample in the stationary state."""
    at_last = persistence * share
    kept = persistence - at_last
    constant = variance * (1.0 - persistence)
    now = variance
    value = 0.0
    for k in range(dx.shape[0]):
        square = (dx[k] - mean) ** 2
        value -= 0.5 * (np.log(now) + square / now)
        now = constant + at_last * square + kept * now
    return value - 0.5 * dx.shape[0] * np.log(2 * np.pi)


@compiled
def _garch(dx, out):
    """Fill out (series,) with the log-likelihood of GARCH(1,1), by pattern search in two logits."""
    for s in range(dx.shape[0]):
        n = dx.shape[1]
        mean = 0.0
        for k in range(n):
            mean += dx[s, k] / n
        variance = 0.0
        for k in range(n):
            variance += (dx[s, k] - mean) ** 2 / n
        top = -np.inf
        at_u = at_v = 0.0
        for i in range(5):  # persistence from 0.62 to 0.9975
            for j in range(3):  # share from 0.05 to 0.5
                u, v = 0.5 + 1.375 * i, -3.0 + 1.5 * j
                p, q = 1.0 / (1.0 + np.exp(-u)), 1.0 / (1.0 + np.exp(-v))
                value = _garch_at(dx[s], mean, variance, p, q)
                if value > top:
                    top, at_u, at_v = value, u, v
        width = 0.7
        for _ in range(8):
            moved = True
            while moved:
                moved = False
                for k in range(4):
                    u = at_u + (width if k == 0 else (-width if k == 1 else 0.0))
                    v = at_v + (width if k == 2 else (-width if k == 3 else 0.0))
                    p, q = 1.0 / (1.0 + np.exp(-u)), 1.0 / (1.0 + np.exp(-v))
                    value = _garch_at(dx[s], mean, variance, p, q)
                    if value > top + 1e-6 and abs(u) < 12.0 and abs(v) < 12.0:
                        top, at_u, at_v = value, u, v
                        moved = True
            width *= 0.5
        out[s] = top


def garch_rival(dx: np.ndarray) -> np.ndarray:
    """BIC (series,) of increments (series, point) with GARCH(1,1) noise.

    References
    ----------
    Bollerslev (1986), J. Econometrics 31, 307.
    """
    out = np.empty(len(dx))
    _garch(np.ascontiguousarray(dx), out)
    return RIVALS["garch"] * np.log(dx.shape[1]) - 2 * out


def _bic(rivals: tuple[str, ...], likelihood: np.ndarray, n: int) -> np.ndarray:
    return np.array([RIVALS[name] for name in rivals]) * np.log(n) - 2 * likelihood
