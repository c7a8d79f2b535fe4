"""Kalman filter of a Wiener or Ornstein-Uhlenbeck process that is seen with measurement noise.

dZ = -kappa (Z - mu) dt + sqrt(2 D) dW is seen at any times as x_k = Z_k + e_k, with independent
normal errors of variance s**2. The start is diffuse: given the first point, Z_0 is normal about
x_0 with variance s**2. Scale and mean are concentrated out of the likelihood, which is then a
function of kappa and of ``share``, by which the two variances are s**2 = S share and
D (1 - phi**2)/kappa = S (1 - share) (1 - share phi**2), phi = exp(-kappa). At even spacing,
x_k - phi x_{k-1} is then a moving average with coefficient -share phi and innovations of variance
S. A share of 0 is a process without noise, one of 1 noise without diffusion.

Kernels take times in units of a typical spacing, and values relative to the first point.

References
----------
Harvey (1989), "Forecasting, structural time series models and the Kalman filter"; de Jong (1991),
Ann. Statist. 19, 1073, for the regression on the innovations.
"""

from typing import NamedTuple

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.glossary import Quantity

NOISE = Quantity(
    "{x}", "noise deviation", "s", "standard deviation of the measurement error of a point"
)
_ROUNDING = 1e-30
"""Rounding, as a fraction of the sum of squares."""
_EVEN = 1e-9


class Times(NamedTuple):
    """Spacings of the points of a series."""

    dt: np.ndarray
    """(point - 1,) in units of their median."""
    until: np.ndarray
    """(point - 1,) where the run of equal spacings ends."""
    restricted: int
    """1 to integrate the drift out of the likelihood, 0 to take the best one."""


class Scaled(NamedTuple):
    """Series in units of their own: values relative to the first point, times in spacings."""

    y: np.ndarray
    """(series, point)."""
    times: Times
    unit: np.ndarray
    """(series,) size of the increments; 0 where all points are equal."""
    time_unit: float
    """Median spacing."""


def scaled(x: np.ndarray, t: np.ndarray) -> Scaled:
    """Bring series (series, point) to units of their own; spacings that are nearly equal are."""
    dt = np.diff(t)
    time_unit = float(np.median(dt))
    dt = dt / time_unit
    whole = np.maximum(np.rint(dt), 1.0)
    mean = dt.sum() / whole.sum()
    # rounding of times of at most 1e-9 of their range is no unevenness
    on_grid = np.abs(np.cumsum(dt) - mean * np.cumsum(whole)).max() <= _EVEN * dt.sum()
    dx = np.diff(x, axis=1)
    largest = np.abs(dx).max(axis=1)
    safe = np.where(largest > 0, largest, 1.0)
    unit = np.sqrt(((dx / safe[:, None]) ** 2).mean(axis=1)) * largest
    y = (x - x[:, :1]) / np.where(unit > 0, unit, 1.0)[:, None]
    if on_grid:
        dt = mean * whole
    ends = np.append(np.flatnonzero(np.diff(dt)) + 1, len(dt))
    until = ends[np.searchsorted(ends, np.arange(len(dt)), side="right")]
    return Scaled(np.ascontiguousarray(y), Times(dt, until, 0), unit, time_unit)


@compiled
def step_law(kappa, dt):
    """Memory exp(-kappa dt), response to the drift at the first point, and variance at D = 1."""
    if kappa * dt < 1e-8:
        return 1.0 - kappa * dt, dt, 2.0 * dt
    lost = -np.expm1(-kappa * dt)
    return 1.0 - lost, lost / kappa, (2.0 - lost) * lost / kappa


@compiled
def diffusion_at(kappa, share):
    """Diffusion coefficient per unit of the scale S, at a spacing of 1."""
    memory, _, growth = step_law(kappa, 1.0)
    return (1.0 - share) * (1.0 - share * memory * memory) / growth


@compiled
def _steady(y, first, last, a, gain, mean):
    """Sums of innovations and of their squares at a constant gain, and the mean after them.

    The mean forgets its past by (1 - gain) a in every step. Four parts of a long run are filtered
    side by side, as one step waits for the one before it; each of them begins early enough for its
    start to be forgotten.
    """
    keep = (1.0 - gain) * a
    forgotten = np.log(1e-19) / np.log(max(keep, 1e-19)) if keep < 1.0 else np.inf
    part = (last - first) // 4
    if forgotten > 0.5 * part:
        part = 0
    second, third, fourth = first + part, first + 2 * part, first + 3 * part
    m2 = m3 = m4 = 0.0
    if part:
        for k in range(-int(forgotten) - 1, 0):
            m2 = keep * m2 + gain * y[second + k + 1]
            m3 = keep * m3 + gain * y[third + k + 1]
            m4 = keep * m4 + gain * y[fourth + k + 1]
    total = squares = total2 = squares2 = total3 = squares3 = total4 = squares4 = 0.0
    for k in range(1, part + 1):
        e = y[first + k] - a * mean
        e2 = y[second + k] - a * m2
        e3 = y[third + k] - a * m3
        e4 = y[fourth + k] - a * m4
        mean = keep * mean + gain * y[first + k]
        m2 = keep * m2 + gain * y[second + k]
        m3 = keep * m3 + gain * y[third + k]
        m4 = keep * m4 + gain * y[fourth + k]
        total += e
        total2 += e2
        total3 += e3
        total4 += e4
        squares += e * e
        squares2 += e2 * e2
        squares3 += e3 * e3
        squares4 += e4 * e4
    if part:
        mean = m4
        total += total2 + total3 + total4
        squares += squares2 + squares3 + squares4
    for k in range(fourth + part, last):
        e = y[k + 1] - a * mean
        mean = keep * mean + gain * y[k + 1]
        total += e
        squares += e * e
    return total, squares, mean


@compiled
def fit_at(y, times, kappa, share):
    """Profile likelihood at one kappa and share, with the best mean and scale.

    Returns
    -------
    (float, float, float, float)
        -2 times the log-likelihood without constants; the sum of squares, S times the number of
        increments; the drift at the first point, kappa (mu - x_0); and S over the variance of that
        estimate.

    Notes
    -----
    Gain and response converge while the spacing stays the same, and are then kept. The drift
    at the first point is the regression coefficient of the innovations on those of its response.
    """
    dt = times.dt
    n = dt.shape[0]
    diffusion = diffusion_at(kappa, share)
    mean = response = 0.0
    variance = share
    yy = yr = rr = logs = 0.0
    product = 1.0
    spacing = a = u = g = -1.0
    gain = f = 0.0
    k = 0
    while k < n:
        if dt[k] != spacing:
            spacing = dt[k]
            a, u, g = step_law(kappa, spacing)
            is_steady = False
        if not is_steady:
            predicted = a * a * variance + diffusion * g
            f = predicted + share
            last = gain
            gain = predicted / f
            variance = share * gain
            e = y[k + 1] - a * mean
            r = a * response + u
            mean = (1.0 - gain) * a * mean + gain * y[k + 1]
            is_steady = abs(gain - last) <= 1e-15 * gain
            last = response
            response = (1.0 - gain) * r
            is_steady &= abs(response - last) <= 1e-15 * response
            yy += e * e / f
            yr += e * r / f
            rr += r * r / f
            product *= f
            if not 1e-200 < product < 1e200:
                logs += np.log(product)
                product = 1.0
            k += 1
        else:
            first = k
            k = times.until[k]
            r = a * response + u
            sum_e, ee, mean = _steady(y, first, k, a, gain, mean)
            yy += ee / f
            yr += r * sum_e / f
            rr += (k - first) * r * r / f
            logs += (k - first) * np.log(f)
    logs += np.log(product)
    drift = yr / rr
    squares = max(yy - drift * yr, _ROUNDING * yy)
    left = n - times.restricted
    value = left * np.log(max(squares, 1e-300) / left) + logs + times.restricted * np.log(rr)
    return value, squares, drift, rr


@compiled
def innovations(y, dt, kappa, drift, diffusion, noise, out):
    """Fill out (2, increment): one-step prediction errors, and their variances.

    Parameters
    ----------
    drift : float
        At the first point.
    diffusion, noise : float
        D, and the variance of the measurement error.
    """
    mean = 0.0
    variance = noise
    for k in range(dt.shape[0]):
        a, u, g = step_law(kappa, dt[k])
        predicted = a * a * variance + diffusion * g
        mean = a * mean + drift * u
        f = predicted + noise
        gain = predicted / f
        out[0, k] = y[k + 1] - mean
        out[1, k] = f
        mean += gain * out[0, k]
        variance = noise * gain


def one_step(
    x: np.ndarray,
    t: np.ndarray,
    kappa: float,
    drift: float,
    diffusion: float,
    deviation: float,
) -> np.ndarray:
    """Innovations over their standard deviations, and log densities, of one series: (2, point - 1).

    Parameters
    ----------
    drift : float
        At the first point.
    """
    series = scaled(x[None], t)
    unit, time_unit = float(series.unit[0]) or 1.0, series.time_unit
    out = np.empty((2, len(series.times.dt)))
    innovations(
        series.y[0], series.times.dt, kappa * time_unit, drift * time_unit / unit,
        diffusion * time_unit / unit**2, (deviation / unit) ** 2, out,
    )  # fmt: skip
    z = out[0] / np.sqrt(out[1])
    return np.stack([z, -0.5 * (z**2 + np.log(2 * np.pi * out[1])) - np.log(unit)])


def simulated(
    t: np.ndarray,
    start: float,
    copies: int,
    rng: np.random.Generator,
    kappa: float,
    drift: float,
    diffusion: float,
    deviation: float,
) -> np.ndarray:
    """Paths (copies, point) that begin at ``start``, error and all.

    Parameters
    ----------
    drift : float
        At ``start``.
    """
    x = np.empty((copies, len(t)))
    x[:, 0] = 0.0
    hidden = deviation * rng.standard_normal(copies)
    for k, dt in enumerate(np.diff(t), 1):
        a, u, g = step_law.py_func(kappa, dt)
        hidden = a * hidden + drift * u + np.sqrt(diffusion * g) * rng.standard_normal(copies)
        x[:, k] = hidden + deviation * rng.standard_normal(copies)
    return start + x
