"""Random walk with independent Student t increments: heavy tails of finite variance."""

import numpy as np
from scipy.special import ndtri_exp, stdtr, stdtrit

from sgdphys.compiling import compiled
from sgdphys.dynamics.models.model import Estimates, Model, path_of
from sgdphys.dynamics.status import even_spacing, takes_few_values
from sgdphys.glossary import GLOSSARY, Quantity

_NORMAL = 1e-3
"""Inverse of the degrees of freedom below which the law is taken for a normal one."""
_LARGEST = 0.495
"""Largest inverse that is searched; the variance is infinite from 1/2 on."""
_SHARES = np.linspace(0.0, 1.0, 61)
_TINY = 1e-300


@compiled
def _of_gamma(a):
    """Ln Gamma(a + 1/2) - ln Gamma(a) - ln(a)/2 and its first two derivatives, a at least 1."""
    value = first = second = 0.0
    b = a
    while b < 9.0:
        value -= np.log1p(0.5 / b)
        first -= 1.0 / (b + 0.5) - 1.0 / b
        second += 1.0 / (b + 0.5) ** 2 - 1.0 / b**2
        b += 1.0
    r = 1.0 / b
    r2 = r * r
    value += r * (-1 / 8 + r2 * (1 / 192 + r2 * (-1 / 640 + r2 * 17 / 14336)))
    first += r2 * (1 / 8 + r2 * (-3 / 192 + r2 * (5 / 640 - r2 * 119 / 14336)))
    second += r * r2 * (-2 / 8 + r2 * (12 / 192 + r2 * (-30 / 640 + r2 * 952 / 14336)))
    value += 0.5 * np.log(b / a)
    first += 0.5 * (r - 1.0 / a)
    second += 0.5 * (1.0 / a**2 - r2)
    return value, first, second


@compiled
def _sums(y, location, scale, u):
    """Sums of ln(1 + u z**2), z w, A = z**2 w and A**2, with w = 1/(1 + u z**2)."""
    logs = moved = a1 = a2 = 0.0
    product = 1.0
    rate = 1.0 / scale
    for k in range(y.shape[0]):
        z = (y[k] - location) * rate
        square = z * z
        factor = 1.0 + u * square
        # one logarithm for many points
        product *= factor
        if product > 1e100:
            logs += np.log(product)
            product = 1.0
        w = 1.0 / factor
        a = square * w
        moved += z * w
        a1 += a
        a2 += a * a
    return logs + np.log(product), moved, a1, a2


@compiled
def _derivatives(y, location, scale, u, out):
    """Fill out with the log-likelihood and its derivatives in location, ln scale and u.

    Returns log-likelihood in place 0, then the step of the location by Fisher scoring, the first
    derivatives in ln scale and u, and the second ones: both in ln scale, one in each, both in u.
    """
    n = y.shape[0]
    logs, moved, a1, a2 = _sums(y, location, scale, u)
    a = 0.5 / u
    value, first, second = _of_gamma(a)
    log_scale = np.log(scale)
    out[0] = n * (value - 0.5 * np.log(2 * np.pi) - log_scale) - 0.5 * (1 / u + 1) * logs
    out[1] = scale * moved * (1 + 3 * u) / n
    out[2] = (1 + u) * a1 - n
    out[3] = n * (-2 * a * a * first) + 0.5 * logs / u**2 - 0.5 * (1 / u + 1) * a1
    out[4] = -2 * (1 + u) * (a1 - u * a2)
    out[5] = a1 - (1 + u) * a2
    out[6] = n * (4 * a**4 * second + 8 * a**3 * first)
    out[6] += -logs / u**3 + a1 / u**2 + 0.5 * (1 / u + 1) * a2


@compiled
def _maximum(y, now, new, least, largest):
    """Newton's method in ln scale and u, Fisher scoring in the location; fill now.

    Returns
    -------
    (float, float, float)
        Location, scale and u, between ``least`` and ``largest``.
    """
    location, scale, u = 0.0, 0.8, 0.15
    _derivatives(y, location, scale, u, now)
    for _ in range(50):
        h11, h12, h22 = -now[4], -now[5], -now[6]
        is_bound = (u <= least and now[3] < 0.0) or (u >= largest and now[3] > 0.0)
        determinant = h11 * h22 - h12 * h12
        if is_bound or not determinant > 1e-3 * h11 * abs(h22):
            step1 = now[2] / h11
            step2 = 0.0 if is_bound else np.sign(now[3]) * 0.05
        else:
            step1 = (h22 * now[2] - h12 * now[3]) / determinant
            step2 = (h11 * now[3] - h12 * now[2]) / determinant
        step0 = now[1]
        size = 1.0
        new_location, new_scale, new_u = location, scale, u
        for _ in range(12):
            new_u = min(max(u + size * step2, least), largest)
            new_scale = scale * np.exp(min(max(size * step1, -1.0), 1.0))
            new_location = location + size * step0
            _derivatives(y, new_location, new_scale, new_u, new)
            if new[0] >= now[0] - 1e-9 * abs(now[0]):
                break
            size *= 0.4
        change = abs(new_u - u) + abs(np.log(new_scale / scale)) + abs(new_location - location)
        if new[0] < now[0] - 1e-9 * abs(now[0]):
            break
        location, scale, u = new_location, new_scale, new_u
        for k in range(7):
            now[k] = new[k]
        if change < 1e-8:
            break
    return location, scale, u


@compiled
def _fit(y, least, largest, found, derivatives, work):
    """Fill found (series, 3) and derivatives (series, 7) of standardised increments."""
    for s in range(y.shape[0]):
        found[s, 0], found[s, 1], found[s, 2] = _maximum(y[s], derivatives[s], work, least, largest)


_COEFFICIENTS = {
    "drift": GLOSSARY["drift"],
    "diffusion": GLOSSARY["diffusion"],
    "degrees_of_freedom": Quantity(
        "1",
        "degrees of freedom",
        r"\nu",
        "of the Student t law of one increment; infinitely many are a normal law",
    ),
}


class Student(Model):
    r"""Random walk with Student t increments (heavy tails of finite variance).

    Notes
    -----
    Increments over the spacing dt are independent, dx = v dt + s T with T a Student t number of nu
    degrees of freedom, more than 2, so that D = s**2 nu/(nu - 2)/(2 dt) is the diffusion
    coefficient, MSD = 2 D t. At infinite nu it is a Wiener process. Sums of such increments are not
    t distributed: the law belongs to the spacing of the points, which must be even and without
    gaps. At least 1000 degrees of freedom are reported as infinitely many.

    Coefficients maximise the likelihood. Intervals are those of the profile likelihood, which is
    taken for quadratic in ln s and 1/nu: ``degrees_of_freedom`` has an open one where a normal law
    is not excluded, and ``diffusion`` where an infinite variance is not. 1/nu = 0.495 is the end of
    the range that is searched; increments of at most 10 distinct values are not fitted.

    References
    ----------
    Lange, Little and Taylor (1989), J. Am. Stat. Assoc. 84, 881.
    """

    name = "student"
    has_own_steps = True
    sentence = "a random walk with Student t increments"
    asked = 100.0  # of Levy flights, which look like it at few points
    coefficients = _COEFFICIENTS

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series (series, point) at evenly spaced times."""
        dx = np.diff(x, axis=1)
        series, n = dx.shape
        spacing = even_spacing(t)
        values, low, high = (np.full((series, 3), np.nan) for _ in range(3))
        likelihood = np.full(series, np.nan)
        count = np.full(series, 3)
        rows = np.flatnonzero(~takes_few_values(dx))
        if np.isnan(spacing) or not len(rows):
            return Estimates(values, low, high, likelihood, count)
        quarter, middle, three = np.quantile(dx[rows], [0.25, 0.5, 0.75], axis=1)
        unit = (three - quarter) / 1.35
        is_spread = unit > 0
        rows, middle, unit = rows[is_spread], middle[is_spread], unit[is_spread]
        y = np.ascontiguousarray((dx[rows] - middle[:, None]) / unit[:, None])
        found, derivatives = np.empty((len(rows), 3)), np.empty((len(rows), 7))
        _fit(y, _NORMAL, _LARGEST, found, derivatives, np.empty(7))
        location, scale, u = found.T
        is_normal = u <= _NORMAL
        # the maximum among normal laws
        location = np.where(is_normal, y.mean(axis=1), location)
        scale = np.where(is_normal, y.std(axis=1), scale)
        of_normal = -n * (np.log(scale) + 0.5 * np.log(2 * np.pi) + 0.5)
        likelihood[rows] = np.where(is_normal, of_normal, derivatives[:, 0]) - n * np.log(unit)
        u = np.where(is_normal, 0.0, u)
        of_drift = unit / spacing
        of_diffusion = unit**2 / (2 * spacing)
        values[rows, 0] = middle / spacing + location * of_drift
        values[rows, 1] = scale**2 / (1 - 2 * u) * of_diffusion
        with np.errstate(divide="ignore"):
            values[rows, 2] = 1 / u
        score = stdtrit(n - 3, 0.5 + confidence / 2)
        half_width = score * scale * of_drift * np.sqrt((1 + 3 * u) / (1 + u) / n)
        low[rows, 0] = values[rows, 0] - half_width
        high[rows, 0] = values[rows, 0] + half_width
        ends = _intervals(scale, u, derivatives, score)
        for column, (bottom, top) in enumerate(ends, 1):
            factor = of_diffusion if column == 1 else 1.0
            low[rows, column] = bottom * factor
            high[rows, column] = top * factor
        return Estimates(values, low, high, likelihood, count)

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Normal scores and log densities of increments."""
        drift, diffusion, freedom = values
        spacing = (t[-1] - t[0]) / (len(t) - 1)
        is_normal = np.isinf(freedom)
        share = 1.0 if is_normal else 1 - 2 / freedom
        scale = np.sqrt(2 * diffusion * spacing * share)
        z = (np.diff(x) - drift * spacing) / scale
        if is_normal:
            return np.stack([z, -0.5 * z**2 - 0.5 * np.log(2 * np.pi) - np.log(scale)])
        unit = _of_gamma(0.5 * freedom)[0] - 0.5 * np.log(2 * np.pi)
        density = unit - 0.5 * (freedom + 1) * np.log1p(z**2 / freedom)
        size = np.abs(z)
        tail = stdtr(freedom, -size)
        with np.errstate(divide="ignore"):
            # where the tail is below the smallest number: Mills' ratio of a t law
            far = density + np.log((freedom + z**2) / (freedom * size))
            logs = np.where(tail > _TINY, np.log(np.maximum(tail, _TINY)), far)
        return np.stack([-np.sign(z) * ndtri_exp(np.minimum(logs, np.log(0.5))),
                         density - np.log(scale)])  # fmt: skip

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Independent walks from ``start``."""
        drift, diffusion, freedom = values
        shape = (copies, len(t) - 1)
        spacing = (t[-1] - t[0]) / (len(t) - 1)
        if np.isinf(freedom):
            unit = rng.standard_normal(shape)
        else:
            unit = rng.standard_t(freedom, shape) * np.sqrt(1 - 2 / freedom)
        dx = drift * spacing + np.sqrt(2 * diffusion * spacing) * unit
        return path_of(start, dx)

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether the kurtosis of increments is above that of a normal law by a standard error.

        Of 20 000 walks of 50 to 10^4 increments, with 2.2 to 60 degrees of freedom, whose
        likelihood exceeded that of a Wiener process by what is asked, none was missed.
        """
        dx = np.diff(x, axis=1)
        square = (dx - dx.mean(axis=1, keepdims=True)) ** 2
        variance = square.mean(axis=1, keepdims=True)
        unit = square / np.where(variance > 0, variance, np.inf)
        kurtosis = np.einsum("sp,sp->s", unit, unit) / dx.shape[1] - 3
        passed: np.ndarray = kurtosis > np.sqrt(24 / dx.shape[1])
        return passed

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Whether the variance may be infinite: the fewest degrees of freedom that are searched."""
        return values[:, 2] <= 1 / _LARGEST + 1e-9


def _intervals(
    scale: np.ndarray, u: np.ndarray, derivatives: np.ndarray, score: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ends of the intervals of s**2/(1 - 2 u) and of 1/u, from a quadratic log-likelihood.

    Among the pairs of ln s and u whose likelihood is within the limit, these are the extremes.
    Where the maximum is at the smallest or largest u, the vertex lies beyond.
    """
    h11, h12, h22 = -derivatives[:, 4:7].T
    information = h22 - h12**2 / h11
    information = np.where(information > 0, information, np.nan)
    is_border = (u == 0) | (u >= _LARGEST)
    vertex = u + np.where(is_border, derivatives[:, 3] / information, 0.0)
    reach = np.sqrt((u - vertex) ** 2 + score**2 / information)
    least, most = np.maximum(vertex - reach, 0.0), vertex + reach
    with np.errstate(divide="ignore", invalid="ignore"):
        few = np.where(most < 0.5, 1 / most, 2.0)
        many = 1 / least
    at = least + _SHARES[:, None] * (np.minimum(most, 0.4999) - least)
    slack = (reach**2 - (at - vertex) ** 2) * information / 2
    half = np.sqrt(np.maximum(2 * slack, 0.0) / h11)
    middle = np.log(scale) - h12 / h11 * (at - u)
    variance = 2 * middle - np.log1p(-2 * at)
    bottom = np.exp((variance - 2 * half).min(axis=0))
    top = np.exp((variance + 2 * half).max(axis=0))
    return [(bottom, np.where(most < 0.5, top, np.inf)), (few, many)]
