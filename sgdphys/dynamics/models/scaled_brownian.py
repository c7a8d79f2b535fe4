"""Scaled Brownian motion: a diffusion coefficient that is a power of time, as it ages."""

import numpy as np
from scipy.special import ndtri

from sgdphys.compiling import compiled
from sgdphys.dynamics.models.model import Estimates, Model, path_of
from sgdphys.dynamics.models.residual_tests import explained
from sgdphys.glossary import Quantity

_LEAST, _MOST = 0.05, 10.0
"""Exponents between which the likelihood is searched."""
_FARTHEST = 30.0
"""Farthest origin before the first point that is searched, in durations of the series."""
_NEAREST = 1e-3
"""Nearest one but the first point itself, in spacings."""
_WITHIN = 1 / 64
"""Relative change of time within which increments are pooled."""
_COARSE, _FINE = 33, 41
_SCREENED_BELOW = 4.0
"""Chi-squared, 2 degrees of freedom, of variance against time, of series that are not fitted."""


def _pools(t: np.ndarray) -> np.ndarray:
    """First points of runs of increments in which the age changes little, and the last point."""
    age = t - t[0]
    edges = [0]
    while edges[-1] < len(t) - 1:
        last = edges[-1]
        beyond = int(np.searchsorted(age, age[last] * (1 + _WITHIN), side="right")) - 1
        edges.append(max(beyond, last + 1))
    return np.array(edges)


@compiled
def _power(time, exponent):
    """Return time**exponent and its first two derivatives in the exponent."""
    if time <= 0.0:
        return 0.0, 0.0, 0.0
    log = np.log(time)
    value = np.exp(exponent * log)
    return value, value * log, value * log * log


@compiled
def _at(age, squares, counts, delay, start, out):
    """Most likely exponent and diffusion coefficient at one origin; fill out.

    Parameters
    ----------
    age : (pool + 1,)
        Ends of pools, in durations after the first point.
    squares, counts : (pool,)
        Sum of dx**2/dt of their increments, and number of these.
    delay : float
        First point minus origin, in durations.
    start : float
        Exponent to start from.
    out : (8,)
        delay; log-likelihood without constants; exponent a; ln 2 D; covariances aa, a ln D,
        ln D ln D; distance of the vertex from an exponent at the end of its range.
    """
    n = counts.sum()
    a, low, high = start, _LEAST, _MOST
    value = first = second = s0 = s1 = s2 = 0.0
    for _ in range(40):
        s0 = s1 = s2 = 0.0
        g0 = g1 = g2 = 0.0
        p0, p1, p2 = _power(age[0] + delay, a)
        for k in range(squares.shape[0]):
            q0, q1, q2 = _power(age[k + 1] + delay, a)
            rate = (age[k + 1] - age[k]) / (q0 - p0)
            change = (q1 - p1) / (q0 - p0)
            curvature = (q2 - p2) / (q0 - p0) - change * change
            weighted = squares[k] * rate
            s0 += weighted
            s1 -= weighted * change
            s2 += weighted * (change * change - curvature)
            g0 -= counts[k] * np.log(rate)
            g1 += counts[k] * change
            g2 += counts[k] * curvature
            p0, p1, p2 = q0, q1, q2
        value = n * np.log(s0 / n) + g0
        first = n * s1 / s0 + g1
        second = n * (s2 / s0 - (s1 / s0) ** 2) + g2
        if first > 0.0:
            high = a
        else:
            low = a
        new = a - first / second if second > 0.0 else -np.inf
        if (first > 0.0 and a <= _LEAST) or (first < 0.0 and a >= _MOST):
            break
        if not low <= new <= high:
            # to the end of the range, before the middle of a bracket
            if first > 0.0:
                new = _LEAST if low == _LEAST else 0.5 * (low + high)
            else:
                new = _MOST if high == _MOST else 0.5 * (low + high)
        change = abs(new - a)
        if change < 1e-9:
            break
        a = new
    h_aa = 0.5 * (g2 + n * s2 / s0)
    h_ad = -0.5 * n * s1 / s0
    h_dd = 0.5 * n
    determinant = max(h_aa * h_dd - h_ad * h_ad, 1e-12 * n)
    out[0], out[1], out[2], out[3] = delay, -0.5 * value, a, np.log(s0 / n)
    out[4], out[5], out[6] = h_dd / determinant, -h_ad / determinant, h_aa / determinant
    is_end = a <= _LEAST or a >= _MOST
    out[7] = -first / second if is_end and second > 0.0 else 0.0


@compiled
def _search(age, squares, counts, nearest, drop, out):
    """Fill out (_COARSE + _FINE + 1, 8) with ``_at`` over origins: coarse, fine, and the best."""
    top = -np.inf
    best = 0
    ratio = (_FARTHEST / nearest) ** (1.0 / (_COARSE - 2))
    for k in range(_COARSE):
        delay = 0.0 if k == 0 else nearest * ratio ** (k - 1)
        start = out[k - 1, 2] if k else 1.0
        _at(age, squares, counts, delay, start, out[k])
        if out[k, 1] > top:
            best, top = k, out[k, 1]
    # what is within the limit, and one more on either side
    first, last = best, best
    for k in range(_COARSE):
        if out[k, 1] > top - drop:
            first, last = min(first, k), max(last, k)
    first, last = max(first - 1, 1), min(last + 1, _COARSE - 1)
    low = out[first, 0]
    ratio = (out[last, 0] / low) ** (1.0 / (_FINE - 1))
    best = _COARSE
    for k in range(_COARSE, _COARSE + _FINE):
        start = out[k - 1, 2] if k > _COARSE else out[first, 2]
        _at(age, squares, counts, low * ratio ** (k - _COARSE), start, out[k])
        if out[k, 1] > out[best, 1]:
            best = k
    end = _COARSE + _FINE
    delay, start, top = out[best, 0], out[best, 2], out[best, 1]
    if best > _COARSE and best < end - 1:
        # the vertex of a parabola through three neighbours
        left, right = out[best - 1, 1], out[best + 1, 1]
        bend = left - 2.0 * top + right
        if bend < 0.0:
            _at(
                age,
                squares,
                counts,
                delay * ratio ** (0.5 * (left - right) / bend),
                start,
                out[end],
            )
            if out[end, 1] > top:
                delay, start, top = out[end, 0], out[end, 2], out[end, 1]
    if out[0, 1] >= top:
        delay, start = 0.0, out[0, 2]
    _at(age, squares, counts, delay, start, out[end])


@compiled
def _fit(age, squares, counts, nearest, drop, delay, out):
    """Fill out (series, origin, 8); at one given delay if it is not below 0."""
    for s in range(squares.shape[0]):
        if delay >= 0.0:
            _at(age, squares[s], counts, delay, 1.0, out[s, 0])
        else:
            _search(age, squares[s], counts, nearest, drop, out[s])


_COEFFICIENTS = {
    "scaled_exponent": Quantity(
        "1", "MSD exponent from the origin", "a", "D(t) ~ (t - origin)**(a - 1)"
    ),
    "generalised_diffusion_a": Quantity(
        "{x}**2/{t}**a",
        "generalised diffusion coefficient",
        "D_a",
        "of scaled Brownian motion: MSD = 2 D (t - origin)**a",
    ),
    "origin": Quantity("{t}", "origin of time", "t_0", "time at which the process began"),
}


class ScaledBrownian(Model):
    r"""Scaled Brownian motion (ageing, decaying learning rate): D(t) is a power of time.

    Parameters
    ----------
    origin : float, optional
        Time at which the process began, in the units of its times, such as 0 for the start of
        training. By default it is fitted, with an interval.

    Notes
    -----
    dX = sqrt(2 D(t)) dW with D(t) = a D_a (t - t_0)**(a - 1): increments are independent and normal
    of variance 2 D_a ((t'' - t_0)**a - (t' - t_0)**a), and the MSD from the origin t_0 is
    2 D_a (t - t_0)**a. At a = 1 it is a Wiener process. Times may be uneven; an increment across
    missing points counts as one. There is no drift.

    A series tells the change of its variance, ln D = (a - 1) ln(t - t_0) + constant. Where it began
    long after the origin this is nearly a straight line of slope (a - 1)/(t - t_0), and a and t_0
    are told only together: their intervals are wide, and open (down to 0 and minus infinity, up
    to infinity) where no end is within the range that is searched, 0.05 to 10 for a, and 30
    durations of the series before its first point for t_0. With the true origin a has a narrow
    interval. An exponent at an end of its range is no result: D falls at least as fast as 1/t, or
    grows nearly exponentially. The interval of a may then hold it more often than asked: in 99.8%
    of series of 500 points that began 100 steps before the first, with a = 1/2.

    The likelihood is searched over origins. To find the exponent, increments are pooled as long as
    the time since the first point changes by less than 1/64; the likelihood that is returned is
    exact. The intervals are those of the profile likelihood over the origin, which at one origin is
    taken for quadratic in a and ln D_a.

    References
    ----------
    Jeon, Chechkin and Metzler (2014), Phys. Chem. Chem. Phys. 16, 15811.
    """

    name = "scaled_brownian"
    sentence = "scaled Brownian motion, whose diffusion coefficient is a power of time"
    coefficients = _COEFFICIENTS
    needs_even = False

    def __init__(self, origin: float | None = None) -> None:
        self.origin = origin

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series (series, point) at any times."""
        series = len(x)
        values, low, high = (np.full((series, 3), np.nan) for _ in range(3))
        likelihood = np.full(series, np.nan)
        is_given = self.origin is not None
        count = np.full(series, 2 if is_given else 3)
        duration = t[-1] - t[0]
        dt = np.diff(t) / duration
        dx = np.diff(x, axis=1)
        unit = np.sqrt((dx**2 / dt).mean(axis=1))
        rows = np.flatnonzero(unit > 0)
        delay = (t[0] - self.origin) / duration if self.origin is not None else -1.0
        if not len(rows) or (is_given and delay < 0):
            return Estimates(values, low, high, likelihood, count)
        edges = _pools(t)
        age = (t[edges] - t[0]) / duration
        speeds = (dx[rows] / unit[rows, None]) ** 2 / dt
        squares = np.add.reduceat(speeds, edges[:-1], axis=1)
        found = np.empty((len(rows), 1 if is_given else _COARSE + _FINE + 1, 8))
        limit = ndtri(0.5 + confidence / 2) ** 2 / 2
        counts = np.diff(edges).astype(np.float64)
        _fit(age, squares, counts, _NEAREST * dt[0], limit, delay, found)
        ends = _intervals(found, limit, duration, is_given)
        exponent, twice = found[:, -1, 2], found[:, -1, 3]
        shift = np.log(unit[rows] ** 2 / 2)
        values[rows, 0] = exponent
        values[rows, 1] = np.exp(twice + shift - exponent * np.log(duration))
        values[rows, 2] = t[0] - found[:, -1, 0] * duration
        low[rows, 0], high[rows, 0] = ends[0]
        low[rows, 1], high[rows, 1] = (np.exp(end + shift) for end in ends[1])
        low[rows, 2], high[rows, 2] = (t[0] - end * duration for end in ends[2])
        for row in rows:
            likelihood[row] = self.steps(values[row], x[row], t)[1].sum()
        return Estimates(values, low, high, likelihood, count)

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Normal scores and log densities of increments."""
        deviation = np.sqrt(_variances(values, t))
        z = np.diff(x) / deviation
        return np.stack([z, -0.5 * z**2 - 0.5 * np.log(2 * np.pi) - np.log(deviation)])

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Independent paths from ``start`` at the first time, which may be after the origin."""
        dx = np.sqrt(_variances(values, t)) * rng.standard_normal((copies, len(t) - 1))
        return path_of(start, dx)

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether the size of increments depends on time or its logarithm (Glejser's test)."""
        dt = np.diff(t)
        size = np.abs(np.diff(x, axis=1)) / np.sqrt(dt)
        age = (t[1:] - t[0])[None]
        columns = [np.broadcast_to(c, size.shape) for c in (age, np.log(age))]
        return explained(size, [], columns) > _SCREENED_BELOW

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Whether the exponent lies at an end of the range that is searched."""
        exponent = values[:, 0]
        return (exponent <= _LEAST * (1 + 1e-9)) | (exponent >= _MOST * (1 - 1e-9))


def _variances(values: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Variances of increments."""
    exponent, diffusion, origin = values
    before, after = t[:-1] - origin, t[1:] - origin
    is_after = before > 0
    age = np.where(is_after, before, 1.0)
    # a difference of powers keeps its digits far from the origin
    grown = age**exponent * np.expm1(exponent * np.log1p(np.diff(t) / age))
    return 2 * diffusion * np.where(is_after, grown, after**exponent)


def _intervals(
    found: np.ndarray, limit: float, duration: float, is_given: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ends of the intervals of a, ln D_a (less a constant) and the delay in durations.

    At each origin whose profile likelihood is within the limit, the exponents and coefficients that
    are within it form an ellipse; the intervals hold those of all origins.
    """
    delay, value, a, twice, aa, ad, dd, beyond = np.moveaxis(found, -1, 0)
    left = limit - (value.max(axis=1, keepdims=True) - value)
    is_in = left >= 0
    slack = np.maximum(left, 0.0)
    vertex = a + beyond
    reach = np.sqrt(beyond**2 + 2 * slack * aa)
    long = np.log(duration)
    log_d = twice - a * long
    half = np.sqrt(2 * slack * np.maximum(dd - 2 * long * ad + long**2 * aa, 0.0))

    def least(ends: np.ndarray) -> np.ndarray:
        return np.where(is_in, ends, np.inf).min(axis=1)

    a_low, a_high = least(vertex - reach), -least(-(vertex + reach))
    d_low, d_high = least(log_d - half), -least(-(log_d + half))
    if is_given:
        near = far = delay[:, 0]
        goes_down = goes_up = np.zeros(len(found), bool)
    else:
        near, far = _ends_of_delay(delay, left)
        is_far = np.isinf(far)
        last = _COARSE - 1
        goes_down = is_far & (vertex - reach < 1)[:, last]
        goes_up = is_far & (vertex + reach > 1)[:, last]
    goes_down |= a_low <= _LEAST
    goes_up |= a_high >= _MOST
    a_low, a_high = np.where(goes_down, 0.0, a_low), np.where(goes_up, np.inf, a_high)
    d_low = np.where(goes_up, -np.inf, d_low)
    d_high = np.where(goes_up | goes_down, np.inf, d_high)
    return [(a_low, a_high), (d_low, d_high), (far, near)]


def _ends_of_delay(delay: np.ndarray, slack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the delays within the limit, between points of the search; infinite at its end."""
    near, far = np.empty(len(delay)), np.empty(len(delay))
    for s in range(len(delay)):
        order = np.argsort(delay[s], kind="stable")
        at, left = np.maximum(delay[s, order], 1e-300), slack[s, order]
        inside = np.flatnonzero(left >= 0)
        first, last = inside[0], inside[-1]
        is_last = last == len(at) - 1
        near[s] = _crossing(at, left, first - 1, first) if first else 0.0
        far[s] = np.inf if is_last else _crossing(at, left, last + 1, last)
    return near, far


def _crossing(at: np.ndarray, left: np.ndarray, outside: int, inside: int) -> float:
    """Where the slack passes 0, on the logarithmic scale."""
    share = left[inside] / (left[inside] - left[outside])
    return float(at[inside] * (at[outside] / at[inside]) ** share)
