"""Wiener process whose diffusion coefficient switches between two values (hidden Markov model)."""

import numpy as np
from scipy.special import gammainccinv, gammaincinv, log_ndtr, ndtri, ndtri_exp

from sgdphys.compiling import compiled
from sgdphys.dynamics.models.model import Estimates, Model, path_of
from sgdphys.dynamics.models.residual_tests import volatility_clustering
from sgdphys.dynamics.status import even_spacing
from sgdphys.glossary import GLOSSARY, Quantity

_SIZE = 5
"""Parameters of the search: drift, ln s, ln(s'/s) and ln of both chances to switch in a step."""
_NEAREST, _FARTHEST = 0.05, np.log(100.0)
"""Logarithm of the ratio of standard deviations."""
_LEAST_CHANCE, _LARGEST_CHANCE = 2.0, 1 / 3
"""To switch in one step; the first in units of 1 over the number of steps."""
_EXPONENT = 300.0
"""Of a likelihood ratio that is kept in range."""
_STARTS = np.array(
    [
        # variance and chance to leave: slow, then fast
        [0.4, 0.01, 1.6, 0.01],
        [0.5, 0.05, 2.0, 0.1],
        [0.6, 0.002, 2.0, 0.005],
        [0.8, 0.01, 6.0, 0.1],
        [0.3, 0.1, 1.3, 0.02],
    ]
)
"""Of increments of variance 1."""
_ITERATIONS = 60
_SHIFT = 1e-4
"""Of a parameter, for second derivatives by differences of the first ones."""
_SCREENED_ABOVE = 0.05
"""p-value of volatility clustering of series that are not fitted."""


@compiled
def _scores(y, theta, gradient, outer, work):
    """Log-likelihood, its gradient, and the sum of outer products of the scores of all steps.

    Hamilton's filter (forward algorithm) and its derivatives. ``work`` (3, 5) holds derivatives of
    the chance q of the fast state given the past, of the log ratio of the two densities, and of the
    log density of a step.
    """
    drift, log_s, ratio = theta[0], theta[1], theta[2]
    leave_slow, leave_fast = np.exp(theta[3]), np.exp(theta[4])
    kept = 1.0 - leave_slow - leave_fast
    slow = np.exp(-2.0 * log_s)
    fast = np.exp(-2.0 * (log_s + ratio))
    between = slow - fast
    for i in range(5):
        gradient[i] = 0.0
        for j in range(5):
            outer[i, j] = 0.0
        for j in range(3):
            work[j, i] = 0.0
    q = leave_slow / (leave_slow + leave_fast)
    work[0, 3], work[0, 4] = q * (1.0 - q), -q * (1.0 - q)
    total = 0.0
    product = 1.0
    n = y.shape[0]
    for k in range(n):
        d = y[k] - drift
        square = d * d
        log_ratio = 0.5 * square * between - ratio
        if log_ratio > _EXPONENT:
            total += log_ratio - _EXPONENT
            log_ratio = _EXPONENT
        r = np.exp(log_ratio)
        e = 1.0 - q + q * r
        h = 1.0 / e
        g = r * h
        total -= 0.5 * square * slow
        product *= e
        if product > 1e100 or product < 1e-100:
            total += np.log(product)
            product = 1.0
        work[1, 0] = -d * between
        work[1, 1] = -square * between
        work[1, 2] = square * fast - 1.0
        work[2, 0] = d * slow
        work[2, 1] = square * slow - 1.0
        work[2, 2] = 0.0
        work[2, 3] = 0.0
        work[2, 4] = 0.0
        u = q * g
        moved = kept * g * h
        spread = q * (1.0 - q)
        for i in range(5):
            change = work[0, i]
            by_ratio = work[1, i]
            work[2, i] += (g - h) * change + u * by_ratio
            work[0, i] = moved * (change + spread * by_ratio)
        work[0, 3] += (1.0 - u) * leave_slow
        work[0, 4] -= u * leave_fast
        for i in range(5):
            gradient[i] += work[2, i]
            for j in range(i + 1):
                outer[i, j] += work[2, i] * work[2, j]
        q = leave_slow + kept * u
    return total + np.log(product) - n * (log_s + 0.5 * np.log(2 * np.pi))


@compiled
def _solve(outer, gradient, damping, is_free, step, lower):
    """Solve (J + damping diag J) step = gradient in the free parameters, by Cholesky."""
    for i in range(5):
        for j in range(i + 1):
            value = outer[i, j]
            if i == j:
                value = value * (1.0 + damping) + 1e-12
            if not (is_free[i] and is_free[j]):
                value = 1.0 if i == j else 0.0
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            if i == j:
                lower[i, i] = np.sqrt(max(value, 1e-12))
            else:
                lower[i, j] = value / lower[j, j]
    for i in range(5):
        value = gradient[i] if is_free[i] else 0.0
        for k in range(i):
            value -= lower[i, k] * step[k]
        step[i] = value / lower[i, i]
    for i in range(4, -1, -1):
        value = step[i]
        for k in range(i + 1, 5):
            value -= lower[k, i] * step[k]
        step[i] = value / lower[i, i]


@compiled
def _climb(y, theta, bounds, space):
    """Berndt-Hall-Hall-Hausman iterations within bounds (2, 5); returns the log-likelihood.

    Rows of ``space`` (30, 5): gradient, J, work, new theta, its gradient, its J, step, Cholesky
    factor, and which parameters are free.
    """
    gradient, outer, work = space[0], space[1:6], space[6:9]
    new, new_gradient, new_outer = space[9], space[10], space[11:16]
    step, lower, is_free = space[16], space[17:22], space[22]
    value = _scores(y, theta, gradient, outer, work)
    damping = 1e-3
    for _ in range(_ITERATIONS):
        for i in range(5):
            is_low = theta[i] <= bounds[0, i] and gradient[i] <= 0.0
            is_high = theta[i] >= bounds[1, i] and gradient[i] >= 0.0
            is_free[i] = 0.0 if is_low or is_high else 1.0
        _solve(outer, gradient, damping, is_free, step, lower)
        expected = 0.0
        for i in range(5):
            moved = theta[i] + min(max(step[i], -1.5), 1.5)
            new[i] = min(max(moved, bounds[0, i]), bounds[1, i])
            expected += gradient[i] * (new[i] - theta[i])
        if expected < 1e-5:
            break
        found = _scores(y, new, new_gradient, new_outer, work)
        if found > value:
            value = found
            for i in range(5):
                theta[i] = new[i]
                gradient[i] = new_gradient[i]
                for j in range(5):
                    outer[i, j] = new_outer[i, j]
            damping = max(0.2 * damping, 1e-6)
        else:
            damping = max(10.0 * damping, 1e-2)
            if damping > 1e8:
                break
    return value


@compiled
def _fit(y, starts, bounds, space, theta, likelihood, hessian):
    """Fill theta (series, 5), likelihood (series,) and hessian (series, 5, 5), of the negative."""
    for s in range(y.shape[0]):
        row = y[s]
        trial, best = space[23], theta[s]
        top = -np.inf
        for k in range(starts.shape[0]):
            trial[0] = 0.0
            trial[1] = 0.5 * np.log(starts[k, 0])
            trial[2] = 0.5 * np.log(starts[k, 2] / starts[k, 0])
            trial[3] = np.log(starts[k, 1])
            trial[4] = np.log(starts[k, 3])
            for i in range(5):
                trial[i] = min(max(trial[i], bounds[0, i]), bounds[1, i])
            value = _scores(row, trial, space[0], space[1:6], space[6:9])
            if value > top:
                top = value
                for i in range(5):
                    best[i] = trial[i]
        likelihood[s] = _climb(row, best, bounds, space)
        # differences of gradients
        _scores(row, best, space[10], space[1:6], space[6:9])
        for j in range(5):
            for i in range(5):
                trial[i] = best[i] + (_SHIFT if i == j else 0.0)
            _scores(row, trial, space[0], space[1:6], space[6:9])
            for i in range(5):
                hessian[s, j, i] = (space[10, i] - space[0, i]) / _SHIFT


@compiled
def _chances(y, theta, out):
    """Fill out with the chance of the fast state in every step given all steps before it."""
    leave_slow, leave_fast = np.exp(theta[3]), np.exp(theta[4])
    between = np.exp(-2.0 * theta[1]) - np.exp(-2.0 * (theta[1] + theta[2]))
    q = leave_slow / (leave_slow + leave_fast)
    for k in range(y.shape[0]):
        out[k] = q
        d = y[k] - theta[0]
        r = np.exp(min(0.5 * d * d * between - theta[2], _EXPONENT))
        u = q * r / (1.0 - q + q * r)
        q = leave_slow + (1.0 - leave_slow - leave_fast) * u


_COEFFICIENTS = {
    "drift": GLOSSARY["drift"],
    "diffusion_slow": Quantity(
        "{x}**2/{t}", "diffusion coefficient of the slow state", "D_1", "smaller of two"
    ),
    "diffusion_fast": Quantity(
        "{x}**2/{t}", "diffusion coefficient of the fast state", "D_2", "larger of two"
    ),
    "dwell_slow": Quantity("{t}", "mean dwell time of the slow state", r"\tau_1"),
    "dwell_fast": Quantity("{t}", "mean dwell time of the fast state", r"\tau_2"),
}


class Switching(Model):
    r"""Wiener process whose diffusion coefficient switches between two values (hidden Markov).

    Notes
    -----
    dX = v dt + sqrt(2 D(t)) dW, where D(t) is ``diffusion_slow`` or ``diffusion_fast``, larger. A
    hidden two-state Markov chain (telegraph process) decides in every step of length dt whether the
    other state begins, with the chances dt/``dwell_slow`` and dt/``dwell_fast``, so that dwell
    times are geometric and these are their means. The first state has the stationary chances of the
    chain. Points must be even and without gaps.

    The likelihood is that of Hamilton's filter, maximised from the best of five starts. It would be
    infinite where one state holds one value; D_fast is at most 10**4 D_slow. A mean dwell time
    below 3 steps cannot be told from jumps, which are independent of each other: it is reported as
    0. One above half of the duration of the series is reported as infinite: the chain was not seen
    to return, as after a single change. These, the largest ratio, and two coefficients within 10%
    of each other are ends of the range that is searched, and no results.

    Intervals are of the observed information: of the drift, of ln D, and of mean dwell times from
    chi-squared, as if they were means of as many exponential times as have that information. They
    are NaN at the ends of the range.

    References
    ----------
    Hamilton (1989), Econometrica 57, 357; Berndt, Hall, Hall and Hausman (1974), Ann. Econ. Soc.
    Meas. 3, 653, for the search.
    """

    name = "switching"
    has_own_steps = True
    sentence = "a Wiener process whose diffusion coefficient switches between two values"
    coefficients = _COEFFICIENTS

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series (series, point) at evenly spaced times."""
        dx = np.diff(x, axis=1)
        series, n = dx.shape
        spacing = even_spacing(t)
        values, low, high = (np.full((series, 5), np.nan) for _ in range(3))
        likelihood = np.full(series, np.nan)
        count = np.full(series, 5)
        middle, unit = dx.mean(axis=1), dx.std(axis=1)
        rows = np.flatnonzero(unit > 1e-9 * np.abs(dx).max(axis=1))
        if np.isnan(spacing) or not len(rows):
            return Estimates(values, low, high, likelihood, count)
        middle, unit = middle[rows], unit[rows]
        y = (dx[rows] - middle[:, None]) / unit[:, None]
        chances = np.log(_LEAST_CHANCE / n), np.log(_LARGEST_CHANCE)
        bounds = np.array(
            [[-10.0, -30.0, _NEAREST, chances[0], chances[0]],
             [10.0, 5.0, _FARTHEST, chances[1], chances[1]]]
        )  # fmt: skip
        theta, found = np.empty((len(rows), 5)), np.empty(len(rows))
        hessian = np.empty((len(rows), 5, 5))
        _fit(y, _STARTS, bounds, np.empty((24, 5)), theta, found, hessian)
        likelihood[rows] = found - n * np.log(unit)
        of_diffusion = unit**2 / (2 * spacing)
        values[rows, 0] = (middle + unit * theta[:, 0]) / spacing
        values[rows, 1] = np.exp(2 * theta[:, 1]) * of_diffusion
        values[rows, 2] = np.exp(2 * (theta[:, 1] + theta[:, 2])) * of_diffusion
        is_long = theta[:, 3:] <= chances[0] + 1e-9
        is_short = theta[:, 3:] >= chances[1] - 1e-9
        dwell = np.exp(-theta[:, 3:]) * spacing
        values[rows, 3:] = np.where(is_long, np.inf, np.where(is_short, 0.0, dwell))
        error = _errors(hessian, theta, bounds)
        score = ndtri(0.5 + confidence / 2)
        half_width = score * error[:, 0] * unit / spacing
        low[rows, 0], high[rows, 0] = values[rows, 0] - half_width, values[rows, 0] + half_width
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            factor = np.exp(score * error[:, 1:3])
            low[rows, 1:3], high[rows, 1:3] = values[rows, 1:3] / factor, values[rows, 1:3] * factor
            seen = 1 / error[:, 3:] ** 2
            tail = 0.5 - confidence / 2
            low[rows, 3:] = values[rows, 3:] * seen / gammainccinv(seen, tail)
            high[rows, 3:] = values[rows, 3:] * seen / gammaincinv(seen, tail)
        return Estimates(values, low, high, likelihood, count)

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Normal scores and log densities of increments, each a mixture of two normal laws."""
        spacing = (t[-1] - t[0]) / (len(t) - 1)
        n = len(t) - 1
        drift, slow, fast = values[:3]
        s_slow, s_fast = np.sqrt(2 * slow * spacing), np.sqrt(2 * fast * spacing)
        leave = _chance_to_leave(values[3:], spacing, n)
        theta = np.array([drift * spacing, np.log(s_slow), np.log(s_fast / s_slow), *np.log(leave)])
        dx = np.diff(x)
        q = np.empty(n)
        _chances(dx, theta, q)
        d = dx - drift * spacing
        of_slow, of_fast = np.log1p(-q), np.log(q)
        size = np.abs(d)
        tail = np.logaddexp(of_slow + log_ndtr(-size / s_slow), of_fast + log_ndtr(-size / s_fast))
        z = -np.sign(d) * ndtri_exp(np.minimum(tail, np.log(0.5)))
        density = np.logaddexp(
            of_slow - 0.5 * (d / s_slow) ** 2 - np.log(s_slow),
            of_fast - 0.5 * (d / s_fast) ** 2 - np.log(s_fast),
        )
        return np.stack([z, density - 0.5 * np.log(2 * np.pi)])

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Independent paths from ``start``, the first state from the stationary chances."""
        n = len(t) - 1
        spacing = (t[-1] - t[0]) / n
        drift, slow, fast = values[:3]
        leave = _chance_to_leave(values[3:], spacing, n)
        is_fast = np.empty((copies, n), bool)
        now = rng.random(copies) < leave[0] / leave.sum()
        draws = rng.random((n, copies))
        for k in range(n):
            is_fast[:, k] = now
            now ^= draws[k] < np.where(now, leave[1], leave[0])
        deviation = np.sqrt(2 * np.where(is_fast, fast, slow) * spacing)
        dx = drift * spacing + deviation * rng.standard_normal((copies, n))
        return path_of(start, dx)

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether sizes of increments are correlated, one-sided test of volatility clustering."""
        dx = np.diff(x, axis=1)
        p_value = volatility_clustering(dx - dx.mean(axis=1, keepdims=True))
        return np.asarray(p_value < _SCREENED_ABOVE)

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Whether a dwell time or the ratio of the coefficients is at an end of the range."""
        dwell = values[:, 3:]
        ratio = 0.5 * np.log(values[:, 2] / values[:, 1])
        is_end = (ratio <= _NEAREST + 1e-9) | (ratio >= _FARTHEST - 1e-9)
        return is_end | ((dwell <= 0) | np.isinf(dwell)).any(axis=1)


def _chance_to_leave(dwell: np.ndarray, spacing: float, n: int) -> np.ndarray:
    """Chances to leave either state in a step; of ends of the range, those of the search."""
    leave = np.full(2, _LARGEST_CHANCE)
    is_result = dwell > 0
    leave[is_result] = np.minimum(spacing / dwell[is_result], 1.0)
    return np.where(np.isinf(dwell), _LEAST_CHANCE / n, leave)


def _errors(hessian: np.ndarray, theta: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Standard errors of the drift, of ln D and of ln dwell times; NaN at an end of the range."""
    is_end = (theta <= bounds[0] + 1e-9) | (theta >= bounds[1] - 1e-9)
    both = is_end[:, :, None] | is_end[:, None, :]
    # parameters at an end are fixed there
    information = np.where(both, np.eye(5), 0.5 * (hessian + hessian.transpose(0, 2, 1)))
    lowest = np.linalg.eigvalsh(information)[:, 0]
    is_sound = np.isfinite(lowest) & (lowest > 0)
    information[~is_sound] = np.eye(5)
    covariance = np.linalg.inv(information)
    to_columns = np.diag([1.0, 2.0, 2.0, 1.0, 1.0])
    to_columns[2, 1] = 2.0
    of_columns = to_columns @ covariance @ to_columns.T
    error = np.sqrt(np.diagonal(of_columns, axis1=1, axis2=2).copy())
    lost = is_end.copy()
    lost[:, 1] |= is_end[:, 2]
    error[lost | ~is_sound[:, None]] = np.nan
    return error
