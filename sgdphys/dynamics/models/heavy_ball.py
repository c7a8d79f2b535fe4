"""Heavy ball: gradient descent with momentum on a quadratic, under white noise (AR(2))."""

from typing import Any

import numpy as np
from scipy.signal import lfilter

from sgdphys.compiling import compiled
from sgdphys.dynamics.diffusion.wiener import chi_squared_interval
from sgdphys.dynamics.models.autoregression import momentum_seen, second_order
from sgdphys.dynamics.models.inertia import (
    CENTER,
    DIFFUSION,
    DRIFT,
    in_well,
    logarithmic,
    most_relaxation_times,
    proportional,
    relative,
    student,
)
from sgdphys.dynamics.models.model import Estimates, Model
from sgdphys.glossary import Quantity

LARGEST = 1 - 1e-6
"""Momentum, and fraction of the curvature at which motion is unstable, up to which is searched."""
_ROUNDING = 1e-28
_COLUMNS = (
    "seen", "error", "free_momentum", "free_drift", "free_variance", "free_likelihood",
    "momentum", "curvature", "center", "variance", "likelihood",
)  # fmt: skip


COEFFICIENTS = {
    "momentum": Quantity("1", "momentum", r"\mu", "of one update"),
    "curvature_rate": Quantity(
        "1", "curvature times rate", r"\eta h", "of one update; 0 for the free walk"
    ),
    "center": CENTER,
    "drift": DRIFT,
    "kick_deviation": Quantity(
        "{x}", "deviation of the kicks", "s", "standard deviation of the noise of one update"
    ),
    "diffusion": DIFFUSION,
}


@compiled
def _likelihood(y, momentum, curvature, force):
    """Log-likelihood of y, given y_0 = 0, with the best variance of the kicks, and that."""
    m = y.shape[0] - 1
    # the first velocity has the stationary law given y_0
    r = y[1] - y[0] - force / (1.0 - momentum if curvature == 0.0 else 1.0 + momentum)
    weight = (1.0 - momentum) * (1.0 + momentum)
    squares = weight * r * r
    size = y[1] * y[1]
    v = y[1] - y[0]
    for k in range(1, m):
        after = y[k + 1] - y[k]
        r = after - momentum * v + curvature * y[k] - force
        squares += r * r
        size += after * after
        v = after
    variance = max(squares, _ROUNDING * size) / m
    return -0.5 * (m * (np.log(2 * np.pi * variance) + 1.0) - np.log(weight)), variance


@compiled
def _heavy_ball_kernel(y, used, most, out):
    """Fill out (series, column) with ``_COLUMNS``, for y relative to the first points."""
    for s in range(y.shape[0]):
        for k in range(out.shape[1]):
            out[s, k] = np.nan
        momentum, curvature, force, error, free, well, push_of_well = second_order(y[s], used)
        out[s, 0], out[s, 1] = momentum, error
        if not np.isfinite(free):
            continue
        free = min(max(free, 0.0), most)
        # the best drift with this momentum, which the first velocity too determines
        m = y.shape[1] - 1
        first = y[s, 1] - y[s, 0]
        last = y[s, m] - y[s, m - 1]
        moved = y[s, m] - y[s, 0]
        push = ((1.0 + free) * first + (moved - first) - free * (moved - last)) / (
            1.0 + free + (m - 1) * (1.0 - free)
        )
        push *= 1.0 - free
        value, variance = _likelihood(y[s], free, 0.0, push)
        out[s, 2], out[s, 3], out[s, 4], out[s, 5] = free, push / (1.0 - free), variance, value
        if momentum < 0.0:
            momentum, curvature, force = 0.0, well, push_of_well
        if not curvature > 0.0:
            continue
        momentum = min(momentum, most)
        curvature = min(curvature, most * 2.0 * (1.0 + momentum))
        value, variance = _likelihood(y[s], momentum, curvature, force)
        out[s, 6], out[s, 7], out[s, 8] = momentum, curvature, force / curvature
        out[s, 9], out[s, 10] = variance, value


def _in_units(columns: Any, first: np.ndarray, scale: np.ndarray, dt: float) -> np.ndarray:
    """Coefficients (series, coefficient), from those of scaled series; variance to deviation."""
    mu, rate, center, drift, variance, diffusion = (np.asarray(c) for c in columns)
    return np.stack(
        [
            mu,
            rate,
            first + center * scale,
            drift * scale / dt,
            np.sqrt(variance) * scale,
            diffusion * scale**2 / dt,
        ],
        axis=-1,
    )


class HeavyBall(Model):
    """Heavy ball of Polyak: stochastic gradient descent with momentum, AR(2), free or in a well.

    Notes
    -----
    v' = momentum v - curvature_rate (x - center) - kick, x' = x + v', with independent normal kicks
    of standard deviation ``kick_deviation``: descent with learning rate eta and momentum mu on a
    quadratic of curvature h under white gradient noise, curvature_rate = eta h. Positions are the
    AR(2) process x_{k+1} = (1 + mu - eta h) x_k - mu x_{k-1} + eta h center - kick, with
    0 <= mu < 1 and 0 <= eta h < 2 (1 + mu). Other AR(2) processes are no heavy balls: a negative
    momentum is fitted as 0, which is the end of the range. One update is one point of the series,
    whatever its time.

    Free (curvature_rate 0, with a drift) and in a well (with a centre) are both fitted. The well is
    claimed if its BIC is lower even after a factor of 10 of likelihood, which a unit root gains
    beyond chi-squared. ``diffusion`` is that of the free walk at long times,
    kick_deviation**2/(2 (1 - mu)**2) per update. In the limit of small steps it is the Langevin
    equation with inertia (``underdamped``): mu = 1 - friction dt, eta h = stiffness dt**2,
    kick_deviation**2 = 2 friction**2 D dt**3.

    Where every k-th update is recorded (k > 1) positions are an ARMA(2,1) process with the
    autoregressive roots to the power k, and no heavy ball. Counted at mu = 0.9 and 4000 points: at
    k = 2 ``underdamped`` is nearer, but its residuals are correlated; from k = 3 on ``underdamped``
    is not told from it, with friction -ln(mu) per update (9% more at k = 3, 2% at k = 5) and the D
    of the free walk. A momentum below about 0.3 is told from ``underdamped`` in long series only.

    Likelihood: exact given the first point; the velocity there has the stationary law given that
    point: mean -(eta h/(1 + mu)) (x_0 - center) for the next step (the drift, if free), variance
    kick_deviation**2/(1 - mu**2). Coefficients are least squares over the other steps, which differ
    from the maximum by order 1/n of their errors. Intervals: normal, each minus its bias of order
    1/n; of 1 - mu and of the curvature with the standard deviation of the value in question, of D
    by its logarithm; chi-squared of the kicks; Student's t of centre and drift. The curvature of
    the free walk has the interval from 0 to what might be unseen. A well that spans fewer than
    about 25 relaxation times is claimed only where it seems stronger than it is, and its interval
    is then too high in about one of ten series. Needs even spacing without gaps.

    References
    ----------
    Polyak (1964), USSR Comput. Math. Math. Phys. 4, 1; Mandt, Hoffman and Blei (2017), J. Mach.
    Learn. Res. 18, 134; Shaman and Stine (1988), J. Am. Stat. Assoc. 83, 842, for the bias.
    """

    name = "heavy_ball"
    sentence = "gradient descent with momentum (a heavy ball), free or in a harmonic well"
    asked = 10.0  # of fractional Brownian motion at few points
    coefficients = COEFFICIENTS

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit evenly spaced series."""
        n = x.shape[1] - 1
        dt = (t[-1] - t[0]) / n
        y, scale = relative(x)
        out = np.empty((len(x), len(_COLUMNS)))
        _heavy_ball_kernel(y, np.ones(n - 1, bool), LARGEST, out)
        c = dict(zip(_COLUMNS, out.T, strict=True))
        well = in_well(c["free_likelihood"], c["likelihood"], n)
        mu, variance, likelihood = (
            np.where(well, c[name], c[f"free_{name}"])
            for name in ("momentum", "variance", "likelihood")
        )
        rate = np.where(well, c["curvature"], 0.0) + 0.0 * mu
        center = np.where(well, c["center"], np.nan)
        drift = np.where(well, np.nan, c["free_drift"])
        lost = 1 - mu
        diffusion = variance / (2 * lost**2)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            # biases and variances of order 1/n, of momentum and rate, then of their logarithms
            bias = np.where(well, 2 - 4 * mu, -1 - 3 * mu) / n
            of_lost = (1 + mu) / (lost * n)
            least, most = proportional(lost, of_lost, -bias, confidence)
            momentum_ends = np.maximum(1 - most, 0.0), np.maximum(1 - least, 0.0)
            bias_of_lost = np.minimum(-bias / lost - of_lost / 2, np.sqrt(of_lost))
            of_rate = 2 * lost / (n * rate)
            bias_of_rate = (4 * lost - rate) / (n * rate) - of_rate / 2
            in_a_well = proportional(rate, of_rate, (4 * lost - rate) / n, confidence)
            unseen = most_relaxation_times(n * c["curvature"] / (1 - c["momentum"]), confidence)
            rate_ends = np.where(well, in_a_well, [0 * mu, unseen * lost / n])
            center_ends = student(
                center, variance / (n * rate**2), 2 / n + 4 * of_rate, -2 * bias_of_rate, confidence
            )
            drift_ends = student(
                drift, variance / (n * lost**2), 2 / n + 4 * of_lost, -2 * bias_of_lost, confidence
            )
            freedom = n - np.where(well, 3, 2)
            kicks = chi_squared_interval(variance * n / freedom, freedom, confidence)
            diffusion_ends = logarithmic(
                diffusion, 2 / n + 4 * of_lost, -2 * bias_of_lost, confidence
            )

        ends = momentum_ends, rate_ends, center_ends, drift_ends, kicks, diffusion_ends
        values, low, high = (
            _in_units(columns, x[:, 0], scale, dt)
            for columns in (
                (mu, rate, center, drift, variance, diffusion),
                [end[0] for end in ends],
                [end[1] for end in ends],
            )
        )
        return Estimates(
            values, low, high, likelihood - n * np.log(scale), np.where(well, 4.0, 3.0)
        )

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """One-step residuals and log densities of one series."""
        mu, rate, center, drift, deviation, _ = values
        deviations = np.full(len(x) - 1, deviation)
        deviations[0] /= np.sqrt((1 - mu) * (1 + mu))
        v = np.diff(x)
        r = v.copy()
        r[1:] -= mu * v[:-1]
        if rate > 0:
            r[0] += rate / (1 + mu) * (x[0] - center)
            r[1:] += rate * (x[1:-1] - center)
        else:
            r -= drift * (t[-1] - t[0]) / (len(t) - 1) * np.append(1.0, np.full(len(r) - 1, 1 - mu))
        z = r / deviations
        return np.stack([z, -0.5 * z**2 - np.log(deviations) - 0.5 * np.log(2 * np.pi)])

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Paths from ``start``, whose first velocity has the stationary law given that point."""
        mu, rate, center, drift, deviation, _ = values
        e = deviation * rng.standard_normal((copies, len(t) - 1))
        e[:, 0] /= np.sqrt((1 - mu) * (1 + mu))
        path = np.zeros((copies, len(t)))
        if rate > 0:
            path[:, 0] = start - center
            path[:, 1] = e[:, 0] + (1 - rate / (1 + mu)) * path[:, 0]
            # x_0 and x_1 as kicks from rest
            e = np.concatenate([path[:, :1], path[:, 1:2] - (1 + mu - rate) * path[:, :1],
                                e[:, 1:]], axis=1)  # fmt: skip
            return center + lfilter([1.0], [1.0, rate - 1 - mu, mu], e, axis=1)
        np.cumsum(lfilter([1.0], [1.0, -mu], e, axis=1), axis=1, out=path[:, 1:])
        return start + path + drift * (t - t[0])

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether the momentum differs from 0 by about as much as BIC asks."""
        return momentum_seen(x, t)

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Momentum 0 or 1, or the curvature at which motion is unstable."""
        mu, rate = values[:, 0], values[:, 1]
        return (mu <= 0) | (mu >= LARGEST) | (rate >= 2 * (1 + mu) * LARGEST)
