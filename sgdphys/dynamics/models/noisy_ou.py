"""Ornstein-Uhlenbeck process under measurement noise: ARMA(1,1), or AR(1) plus white noise.

x_k = Z(t_k) + e_k, dZ = -kappa (Z - mu) dt + sqrt(2 D) dW, with independent normal errors e_k of
standard deviation s. At even spacing its autocorrelation is A exp(-kappa t), with A below 1. The
likelihood is that of a Kalman filter, exact at any times: gaps and uneven times are allowed.

At kappa 0 it is a noisy Wiener process, and the likelihood ratio follows the law of the
Dickey-Fuller test, not chi-squared. The interval of kappa inverts that law, as in ``fit_ou``. Where
kappa times the spacing exceeds 5 the process is white noise at this spacing, and its interval is
open above.

References
----------
Harvey (1989), "Forecasting, structural time series models and the Kalman filter"; Said and Dickey
(1985), J. Am. Stat. Assoc. 80, 369, for the unit root of ARMA(1,1); Stock (1991), J. Monetary
Econ. 28, 435.
"""

import numpy as np
from scipy.special import ndtri

from sgdphys.compiling import compiled
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck_likelihood import (
    Laws,
    displaced,
    quantile_at,
    signed_root,
)
from sgdphys.dynamics.diffusion.unit_root import quantiles
from sgdphys.dynamics.models.kalman import (
    NOISE,
    diffusion_at,
    fit_at,
    one_step,
    scaled,
    simulated,
)
from sgdphys.dynamics.models.model import Estimates, Model
from sgdphys.dynamics.models.noise_region import (
    ANGLES,
    clear,
    edge,
    extend_over_shares,
    next_step,
)
from sgdphys.dynamics.models.noise_share import (
    best_share,
    narrowed,
    next_place,
    scanned_share,
    share_of,
    top_of,
)
from sgdphys.glossary import GLOSSARY

SCREENED_AT = (1, 2, 4, 8, 16)
"""Lags of the score test."""
SCREENED_BELOW = 0.9
"""Largest score, in standard errors, below which a process is no noisy one."""
SLOWEST = 1e-4
"""Relaxation times per duration of the series at what is called a random walk."""
FASTEST = 5.0
"""Largest kappa, per spacing."""
_FEW = 0.3
"""Relaxation times per duration from which kappa is searched on a scale of its logarithm."""
_STEP = 1.2
_SHARES = 5


@compiled
def kappa_of(w, total):
    """Kappa at a coordinate w from 0, linear up to a few relaxation times, then logarithmic."""
    return max(_FEW * np.expm1(w), SLOWEST) / total


@compiled
def _best_kappa(y, times, total, top_w, top):
    """Coordinates of kappa and of the share that have the largest likelihood, and that.

    Parameters
    ----------
    total : float
        Duration.
    top_w : float
        Coordinate of the largest kappa.
    top : float
        That of the largest share.
    """
    b, u, fb = 0.0, 0.0, np.inf
    w = 0.0
    while True:
        for k in range(_SHARES):
            value = fit_at(y, times, kappa_of(w, total), k / _SHARES)[0]
            if value < fb:
                b, u, fb = w, -np.log1p(-k / _SHARES), value
        if w >= top_w:
            break
        w = min(w + _STEP, top_w)
    a, c = max(b - _STEP, 0.0), min(b + _STEP, top_w)
    b = 0.5 * (a + c)
    ub, fb = scanned_share(y, times, kappa_of(b, total), top)
    ua, fa = best_share(y, times, kappa_of(a, total), ub, top)
    uc, fc = best_share(y, times, kappa_of(c, total), ub, top)
    while fc < fb and c < top_w:
        a, ua, fa, b, ub, fb = b, ub, fb, c, uc, fc
        c = min(b + _STEP, top_w)
        uc, fc = best_share(y, times, kappa_of(c, total), ub, top)
    while fa <= fb and a > 0.0:
        b, ub, fb, c, uc, fc = a, ua, fa, b, ub, fb
        a = max(b - _STEP, 0.0)
        ua, fa = best_share(y, times, kappa_of(a, total), ub, top)
    for _ in range(40):
        # a minimum at an end of the range is approached from inside
        if fa <= fb:
            if b - a < 0.02:
                return a, ua, fa
            c, uc, fc = b, ub, fb
            b = a + 0.1 * (b - a)
            ub, fb = best_share(y, times, kappa_of(b, total), ua, top)
        elif fc < fb:
            if c - b < 0.02:
                return c, uc, fc
            a, ua, fa = b, ub, fb
            b = c - 0.1 * (c - b)
            ub, fb = best_share(y, times, kappa_of(b, total), uc, top)
        else:
            place = next_place(a, fa, b, fb, c, fc)
            u, value = best_share(y, times, kappa_of(place, total), ub, top)
            is_done = abs(value - fb) < 1e-5 or c - a < 1e-6
            if value <= fb:
                ub = u
            a, fa, b, fb, c, fc = narrowed(a, fa, b, fb, c, fc, place, value)
            if is_done:
                break
    return b, ub, fb


@compiled
def _spanned(dt, kappa):
    """Effective number of relaxation times spanned, which determines the bias of kappa."""
    spacing = -1.0
    one = total = 0.0
    for k in range(dt.shape[0]):
        if dt[k] != spacing:
            spacing = dt[k]
            a = np.exp(-kappa * spacing)
            one = -8.0 * np.expm1(-2.0 * kappa * spacing) / (1.0 + 3.0 * a) ** 2
        total += one
    return total


@compiled
def _error(c):
    """Rough standard error of the coordinate of kappa from c relaxation times."""
    return min(np.sqrt(2.0 / c), 1.5)


@compiled
def _excess(laws, which, y, times, total, top, best, u, lowest, w):
    """Signed root of the likelihood ratio minus the quantile of its law, and the share's place."""
    kappa = kappa_of(w, total)
    u, value = best_share(y, times, kappa, u, top)
    share = share_of(u, top)
    _, squares, drift, information = fit_at(y, times, kappa, share)
    c = _spanned(times.dt, kappa)
    pull = kappa * diffusion_at(kappa, share)
    if pull > 1e-9 * kappa:
        distance = drift * drift / (pull * squares / times.dt.shape[0])
        span = -np.expm1(-2.0 * kappa * total)
        c += displaced(0, distance, 1.0 / (pull * information)) * span  # both rows are ends
    return signed_root(value, best, lowest, w) - quantile_at(laws, which, c), u


@compiled
def _end_of_kappa(laws, which, y, times, total, top_w, top, best, u, lowest):
    """Kappa at which the signed root equals the given quantile; 0 or infinite beyond the range."""
    a = best
    fa, u = _excess(laws, which, y, times, total, top, best, u, lowest, a)
    side = 1.0 if fa < 0.0 else -1.0
    step = 2.0 * _error(total * kappa_of(best, total))
    while True:
        if side > 0.0 and a >= top_w:
            return np.inf
        if side < 0.0 and a <= 0.0:
            return 0.0
        b = min(max(a + side * step, 0.0), top_w)
        fb, u = _excess(laws, which, y, times, total, top, best, u, lowest, b)
        if fb * side >= 0.0:
            break
        a, fa = b, fb
        step *= 1.5
    w = b
    for _ in range(40):  # regula falsi, Illinois variant
        if abs(fb - fa) < 1e-3 or abs(b - a) < 1e-5:
            break
        w = (a * fb - b * fa) / (fb - fa)
        value, u = _excess(laws, which, y, times, total, top, best, u, lowest, w)
        if abs(value) < 1e-3:
            break
        if value * fb < 0.0:
            a, fa = b, fb
        else:
            fa *= 0.5
        b, fb = w, value
    return kappa_of(w, total)


@compiled
def _extend_over_kappas(y, times, total, top_w, top, best, u, limit, found):
    """Extend the ends to the region of confidence, in slices of constant kappa."""
    kappa = kappa_of(best, total)
    lowest = fit_at(y, times, kappa, share_of(u, top))[0]
    most = np.sqrt(max(limit - lowest, 0.0))
    extend_over_shares(y, times, kappa, u, top, limit, found)
    for side in (-1.0, 1.0):
        step = _error(total * kappa)
        last, at, lost = best, u, 0.0
        while True:
            w = min(max(last + side * step, 0.0), top_w)
            if w == last:
                break
            at, value = best_share(y, times, kappa_of(w, total), at, top)
            losing = np.sqrt(max(value - lowest, 0.0))
            if value > limit:
                last = edge(last, lost, w, losing, most)
                break
            step = next_step(abs(w - last), losing - lost)
            last, lost = w, losing
        at = u
        if last == best:
            continue
        for k in range(1, ANGLES + 1):
            w = best + (last - best) * np.sin(0.5 * np.pi * k / ANGLES) if k < ANGLES else last
            at, _ = best_share(y, times, kappa_of(w, total), at, top)
            extend_over_shares(y, times, kappa_of(w, total), at, top, limit, found)


@compiled
def _fit(y, times, fastest, rise, laws, found, out):
    """Fill out (series, 13): kappa, centre, D, s**2, -2 log-likelihood, kappa's ends, the others'.

    Parameters
    ----------
    fastest : float
        Largest kappa.
    rise : float
        Of -2 log-likelihood at the ends of intervals.
    laws : Laws
        Rows: the quantiles whose inversion are the upper and the lower end of kappa.
    found : (6,)
        Working space.
    """
    n = times.dt.shape[0]
    top = top_of(n)
    total = 0.0
    for k in range(n):
        total += times.dt[k]
    top_w = np.log1p(fastest * total / _FEW)
    for s in range(y.shape[0]):
        w, u, lowest = _best_kappa(y[s], times, total, top_w, top)
        kappa, share = kappa_of(w, total), share_of(u, top)
        value, squares, drift, _ = fit_at(y[s], times, kappa, share)
        clear(found)
        _extend_over_kappas(y[s], times, total, top_w, top, w, u, value + rise, found)
        out[s, 0] = kappa
        out[s, 1] = drift / kappa
        out[s, 2] = squares / n * diffusion_at(kappa, share)
        out[s, 3] = squares / n * share
        out[s, 4] = value
        for k in range(2):
            out[s, 6 - k] = _end_of_kappa(laws, k, y[s], times, total, top_w, top, w, u, lowest)
        out[s, 7], out[s, 8] = found[4], found[5]
        for k in range(4):
            out[s, 9 + k] = found[k]
        if out[s, 5] == 0.0:
            # a random walk has no centre
            out[s, 7], out[s, 8] = -np.inf, np.inf


class NoisyOU(Model):
    """An Ornstein-Uhlenbeck process that is seen with measurement noise."""

    name = "noisy_ou"
    sentence = "an Ornstein-Uhlenbeck process under measurement noise"
    coefficients = {
        "kappa": GLOSSARY["kappa"],
        "center": GLOSSARY["center"],
        "diffusion": GLOSSARY["diffusion"],
        "noise_deviation": NOISE,
    }
    needs_even = False
    asked = 100.0  # ten times that of noisy_wiener, for the root

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Exact maximum likelihood, and intervals.

        The interval of kappa inverts the law of the likelihood ratio; those of the others are
        profile-likelihood intervals. A centre has an infinite interval where kappa may be 0.
        """
        series = scaled(x, t)
        n = len(series.times.dt)
        tail = (1 - confidence) / 2
        rows = [quantiles(p) for p in (1 - tail, tail)]
        laws = Laws(rows[0][0], np.stack([q for _, q in rows]))
        fastest = float(FASTEST / np.quantile(series.times.dt, 0.1))
        found = np.full((len(x), 13), np.nan)
        moving = series.unit > 0
        some = np.empty((int(moving.sum()), 13))
        rise = float(ndtri(0.5 + confidence / 2) ** 2)
        _fit(series.y[moving], series.times, fastest, rise, laws, np.empty(6), some)
        found[moving] = some
        unit, time_unit = series.unit[:, None], series.time_unit
        kappa, center = found[:, [0, 5, 6]], found[:, [1, 7, 8]]
        diffusion, variance = found[:, [2, 9, 10]], found[:, [3, 11, 12]]
        values, low, high = np.stack(
            [
                kappa / time_unit,
                x[:, :1] + center * unit,
                diffusion * unit**2 / time_unit,
                np.sqrt(variance) * unit,
            ]
        ).transpose(2, 1, 0)
        with np.errstate(divide="ignore"):
            logs = n * (np.log(2 * np.pi) + 1 + 2 * np.log(series.unit))
        return Estimates(
            values, low, high, -0.5 * (found[:, 4] + logs), np.full(len(x), len(values.T))
        )

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Innovations of the Kalman filter over their standard deviations, and log densities."""
        kappa, center, diffusion, deviation = values
        return one_step(x, t, kappa, kappa * (center - x[0]), diffusion, deviation)

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Paths whose first point is ``start``, error and all."""
        kappa, center, diffusion, deviation = values
        drift = kappa * (center - start)
        return simulated(t, start, copies, rng, kappa, drift, diffusion, deviation)

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether autocorrelations at twice a lag exceed the squares of those at that lag.

        Without noise, and under white noise, they are equal, rho(2 m) = rho(m)**2. One of several
        lags must exceed it by 0.9 standard errors (about those of Bartlett 1946). Series with gaps
        or uneven times are not screened.
        """
        series = scaled(x, t)
        n = len(series.times.dt)
        out = np.ones(len(x), bool)
        if np.ptp(series.times.dt) > 0:
            return out
        d = series.y - series.y.mean(axis=1, keepdims=True)
        variance = np.einsum("sp,sp->s", d, d)
        variance = np.where(variance > 0, variance, 1.0)
        out[:] = False
        correlated, last = np.ones(len(x)), 0
        for lag in SCREENED_AT:
            if 4 * lag < n:
                one, two = (
                    np.einsum("sp,sp->s", d[:, m:], d[:, :-m]) / variance for m in (lag, 2 * lag)
                )
                correlated += 2 * (lag - last) * one**2
                last = lag
                error = np.sqrt(correlated / n) * (1 - one**2)
                out |= two - one**2 > SCREENED_BELOW * error
        return out
