"""Likelihood of an Ornstein-Uhlenbeck process at one kappa, and inversion of the t statistic."""

from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled


class Laws(NamedTuple):
    """Quantiles of the t statistic against 1/sqrt(1 + c), rows lower tail, median, upper tail."""

    x: np.ndarray
    quantile: np.ndarray


@compiled
def quantile_at(laws, which, c):
    """Interpolate one quantile at c relaxation times."""
    x = 1.0 / np.sqrt(1.0 + c)
    k, above = 0, laws.x.shape[0] - 2
    while k < above:
        middle = (k + above) // 2
        if laws.x[middle + 1] < x:
            k = middle + 1
        else:
            above = middle
    share = (x - laws.x[k]) / (laws.x[k + 1] - laws.x[k])
    return laws.quantile[which, k] * (1 - share) + laws.quantile[which, k + 1] * share


@compiled
def fit_at(x, t, n, kappa):
    """Profile likelihood at one kappa, with the best centre and diffusion.

    Returns
    -------
    (float, float, float, float, float)
        -2 times the log-likelihood without constants; the weighted sum of squares; the drift at the
        first point, kappa (mu - x_0), and D over the variance of that estimate; and twice the
        effective number of relaxation times spanned, which determines the bias: sum of
        (1 - a**2) 16/(1 + 3 a)**2.

    Notes
    -----
    x_{k+1} given x_k has mean x_k a + (1 - a) mu and variance D g, with a = exp(-kappa dt),
    g = (1 - a**2)/kappa, and u = (1 - a)/kappa multiplies kappa mu; all are finite at kappa = 0.
    """
    yu = 0.0
    uu = 0.0
    yy = 0.0
    logs = 0.0
    spans = 0.0
    dt = -1.0
    a = u = g = log_g = span = 0.0
    for k in range(n - 1):
        spacing = t[k + 1] - t[k]
        if spacing != dt:
            dt = spacing
            if kappa * dt < 1e-8:
                a, u, g = 1.0 - kappa * dt, dt, 2 * dt
            else:
                a = np.exp(-kappa * dt)
                u = -np.expm1(-kappa * dt) / kappa
                g = -np.expm1(-2 * kappa * dt) / kappa
            log_g = np.log(g)
            span = 16.0 * -np.expm1(-2 * kappa * dt) / (1.0 + 3.0 * a) ** 2
        y = (x[k + 1] - x[0]) - a * (x[k] - x[0])
        yu += y * u / g
        uu += u * u / g
        yy += y * y / g
        logs += log_g
        spans += span
    initial_drift = yu / uu
    squares = max(yy - initial_drift * yu, 1e-30 * yy)  # never below rounding
    m = n - 1
    return m * np.log(squares / m) + logs, squares, initial_drift, uu, spans


@compiled
def signed_root(value, best, lowest, kappa):
    """Signed root of the likelihood ratio; positive where phi_hat exceeds exp(-kappa dt)."""
    root = np.sqrt(max(value - lowest, 0.0))
    return root if kappa > best else -root


@compiled
def best_kappa(x, t, n, kappa_max):
    """Maximum-likelihood kappa in [0, ``kappa_max``]: a scan, then golden-section search."""
    steps = 48
    low = 0.02 / (t[n - 1] - t[0])
    ratio = (kappa_max / low) ** (1.0 / steps)
    best, lowest = 0, fit_at(x, t, n, 0.0)[0]
    kappa = low
    for k in range(steps + 1):
        value = fit_at(x, t, n, kappa)[0]
        if value < lowest:
            best, lowest = k + 1, value
        kappa *= ratio
    if best == 0:
        a, b = 0.0, low
    else:
        a = low * ratio ** (best - 2) if best > 1 else 0.0
        b = min(low * ratio**best, kappa_max)
    golden = 0.6180339887498949
    c = b - golden * (b - a)
    d = a + golden * (b - a)
    fc = fit_at(x, t, n, c)[0]
    fd = fit_at(x, t, n, d)[0]
    for _ in range(48):
        if b - a <= 1e-10 * b:
            break
        if fc < fd:
            b, d, fd = d, c, fc
            c = b - golden * (b - a)
            fc = fit_at(x, t, n, c)[0]
        else:
            a, c, fc = c, d, fd
            d = a + golden * (b - a)
            fd = fit_at(x, t, n, d)[0]
    kappa = 0.5 * (a + b)
    value = fit_at(x, t, n, kappa)[0]
    if value >= lowest and best == 0:
        return 0.0, lowest
    return kappa, value


@compiled
def displaced(which, distance, error):
    """Relaxation times that a first point far from the centre adds to those spanned.

    At most: they are multiplied by 1 - exp(-2 kappa T).

    Parameters
    ----------
    which : int
        Row of the quantile, 1 for the median.
    distance : float
        Squared distance of the first point from the centre, in stationary variances.
    error : float
        Variance of that distance as it is estimated, in stationary variances.

    Notes
    -----
    The decay from a displaced start adds to the sum of squares in the denominator of phi_hat, and
    the bias in standard errors falls as its root. Distance and variances are those that fit the
    kappa in question. Nothing is added within 2 standard deviations, and as many errors, so that
    medians for stationary series are unchanged; the ends of intervals, for which too much is safer
    than too little, begin at the root of 2.
    """
    within = 4.0 if which == 1 else 2.0
    return 0.5 * max(distance - within - within * error, 0.0)


@compiled
def phi_at(laws, which, sums, m, phi_hat, error):
    """Phi in [0, 1] at which the t statistic equals the given quantile of its distribution.

    Parameters
    ----------
    sums : tuple
        Means and centred sums of the regression, of levels on levels and, where that would lose
        digits, of increments on levels (otherwise NaN): see ``_even_sums`` and ``_step_sums``.
    """
    mean_a, mean_b, saa, sab, sbb, sad, sdd = sums
    low, high = 0.0, 1.0
    for _ in range(60):
        phi = 0.5 * (low + high)
        if phi in (low, high):
            break
        lost = max(1.0 - phi, 1e-14)
        if sdd == sdd:
            squares = sdd + 2.0 * lost * sad + lost * lost * saa
        else:
            squares = sbb - 2.0 * phi * sab + phi * phi * saa
        variance = max(squares, 1e-30 * (saa + sbb)) / m
        # of the intercept and its error, in stationary variances
        scale = (1.0 + phi) / lost
        c = 8.0 * m * lost * (1.0 + phi) / (1.0 + 3.0 * phi) ** 2
        added = displaced(which, scale * (mean_b - phi * mean_a) ** 2 / variance, scale / m)
        if added > 0.0:
            c += added * (1.0 - phi ** (2.0 * m))
        if (phi_hat - phi) / error > quantile_at(laws, which, c):
            low = phi  # phi_hat is too large for this phi
        else:
            high = phi
    return 0.5 * (low + high)


@compiled
def _excess(laws, which, x, t, n, best, lowest, kappa):
    """Signed root minus the quantile of its distribution; rises with kappa."""
    value, squares, drift, information, spans = fit_at(x, t, n, kappa)
    slow = max(kappa, 1e-14 / (t[n - 1] - t[0]))
    c = 0.5 * spans
    added = displaced(which, drift * drift / (slow * squares / (n - 1)), 1.0 / (slow * information))
    c -= added * np.expm1(-2.0 * slow * (t[n - 1] - t[0]))
    return signed_root(value, best, lowest, kappa) - quantile_at(laws, which, c)


@compiled
def uneven_kappa(laws, which, x, t, n, best, lowest, kappa_max):
    """Kappa in [0, ``kappa_max``] at which the signed root equals the given quantile."""
    low, high = 0.0, max(best, 1.0 / (t[n - 1] - t[0]))
    f_low = _excess(laws, which, x, t, n, best, lowest, low)
    if f_low >= 0.0:
        return 0.0
    f_high = _excess(laws, which, x, t, n, best, lowest, high)
    while f_high < 0.0:
        if high >= kappa_max:
            return np.inf
        low, f_low = high, f_high
        high = min(1.5 * high, kappa_max)
        f_high = _excess(laws, which, x, t, n, best, lowest, high)
    for _ in range(60):  # regula falsi, Illinois variant
        kappa = (low * f_high - high * f_low) / (f_high - f_low)
        value = _excess(laws, which, x, t, n, best, lowest, kappa)
        if abs(value) < 1e-7 or high - low < 1e-9 * high:
            break
        if value < 0.0:
            low, f_low, f_high = kappa, value, 0.5 * f_high
        else:
            high, f_high, f_low = kappa, value, 0.5 * f_low
    return kappa
