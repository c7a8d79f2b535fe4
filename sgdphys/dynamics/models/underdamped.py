"""Langevin equation with inertia (underdamped, Kramers), free or in a harmonic well: ARMA(2,1)."""

from typing import Any

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.dynamics.models.autoregression import even_triples, momentum_seen, second_order
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
from sgdphys.dynamics.models.langevin_filter import clock_of, filtered, transition
from sgdphys.dynamics.models.langevin_search import (
    HESSIAN,
    LEAST_FRICTION,
    MOST_FRICTION,
    MOST_STIFFNESS,
    POINTS,
    VALUES,
    search,
)
from sgdphys.dynamics.models.model import Estimates, Model
from sgdphys.glossary import Quantity

_END = 1e-3
"""Relative distance from an end of the range that counts as its end."""
MOST_SPACINGS = 500
"""Different times between points up to which a fit takes less than about 0.1 s."""
_NOTHING = np.empty((3, 0))


COEFFICIENTS = {
    "friction": Quantity(
        "1/{t}", "friction", r"\gamma", "relaxation rate of the velocity of the free particle"
    ),
    "stiffness": Quantity(
        "1/{t}**2", "stiffness", "k", "of the well, per mass; 0 for the free particle"
    ),
    "center": CENTER,
    "drift": DRIFT,
    "diffusion": DIFFUSION,
}


@compiled
def _friction_of(momentum):
    """Friction dt at which increments of a free particle have a correlation at lag 1."""
    low, high = np.log(LEAST_FRICTION), np.log(MOST_FRICTION)
    for _ in range(40):
        middle = 0.5 * (low + high)
        f = np.exp(middle)
        # below 1e-3: 1 - 2 f/3
        moved = f + np.expm1(-f) if f > 1e-3 else 0.5 * f * f * (1.0 - f / 3.0)
        if np.expm1(-f) ** 2 > 2.0 * moved * momentum:
            low = middle
        else:
            high = middle
    return np.exp(0.5 * (low + high))


@compiled
def _underdamped_kernel(y, clock, used, nothing, work, out):
    """Fill out (series, 2, column): the free particle and the well, for scaled series and times."""
    out[:] = np.nan
    for s in range(y.shape[0]):
        momentum, rate, _, _, free, _, _ = second_order(y[s], used)
        if not np.isfinite(free):
            continue
        friction, stiffness = _friction_of(free), 0.0
        for i in range(2):
            search(y[s], clock, friction, stiffness, nothing, work, out[s, i])
            if not np.isfinite(momentum):
                break
            # then as if the correlation at lag 1 were that of a weak well
            friction = _friction_of(momentum)
            moved = max(friction + np.expm1(-friction), 0.25 * friction * friction)
            fallen = min(max(rate, 1e-9) / (1.0 + max(momentum, 0.0)), 1.0)
            stiffness = min(fallen * friction * friction / moved, 0.5 * MOST_STIFFNESS)


def _interval_terms(c: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Covariance of the logarithms of friction and stiffness, and variances of what they form.

    Returns
    -------
    tuple of (series, 2)
        Variances of the logarithms of friction, of stiffness, of the noise over friction**2, and
        of the noise over stiffness**2.
    """
    aa, ab, bb = c["aa"], c["ab"].copy(), c["bb"].copy()
    ab[:, 0], bb[:, 0] = 0.0, np.inf  # the free particle has no stiffness
    share = ab / bb
    of_a = 2 / (aa - ab * share)
    of_b = 2 / bb + share**2 * of_a
    both = -share * of_a
    b = np.nan_to_num(c["b"])

    def of_noise(over_a: float, over_b: float) -> np.ndarray:
        da, db = c["a"] - over_a, b - over_b
        return np.asarray(da**2 * of_a + 2 * da * db * both + db**2 * of_b)

    return of_a, of_b, of_noise(2, 0), of_noise(0, 2)


class Underdamped(Model):
    """Langevin equation with inertia, underdamped or overdamped: friction, well, diffusion.

    Notes
    -----
    dx = v dt, dv = -friction v dt - stiffness (x - center) dt + friction sqrt(2 D) dW, of which the
    position x is observed, without noise. D (``diffusion``) is the long-time diffusion coefficient
    of the free particle, MSD = 2 D (t - (1 - exp(-friction t))/friction); the variance of the
    velocity is D friction. Free means stiffness 0 and v relative to a constant drift. Positions at
    equal times are an ARMA(2,1) process, whose moving average tells it from the AR(2) process of a
    ``heavy_ball``: its coefficient is 2 - sqrt(3) = 0.27 for short steps.

    Free and in a well are both fitted. The well is claimed if its BIC is lower even after a factor
    of 10 of likelihood, which a unit root gains beyond chi-squared. Free, under-, critically and
    overdamped motion are one model. Where the relaxation of the velocity is too fast to be seen
    (friction times spacing above 20), friction is infinite, an Ornstein-Uhlenbeck or Wiener
    process; where it is too slow, friction is 0: ends of the range.

    Likelihood: exact given the first point, by a Kalman filter with exact transitions at any times;
    the first velocity has the stationary law, which in the stationary state of the well is
    independent of the position. Missing points make uneven times, which are allowed; with more than
    500 different times between points, all coefficients are NaN. Intervals: normal, by the observed
    information, each minus its bias (friction 4/T if free, 2/T in a well; stiffness 4 friction/T; T
    the duration); of friction and stiffness with the standard deviation of the value in question,
    of D by its logarithm; Student's t of centre and drift. A well that spans fewer than about 25
    relaxation times is claimed only where it seems stronger than it is, and its interval is then
    too high in about one of ten series. The stiffness of the free particle has the interval from 0
    to what might be unseen.

    References
    ----------
    Uhlenbeck and Ornstein (1930), Phys. Rev. 36, 823; Pedersen et al. (2016), Phys. Rev. E 94,
    062401, for the sampled process; Harvey (1989), "Forecasting, structural time series models and
    the Kalman filter".
    """

    name = "underdamped"
    sentence = "a Langevin equation with inertia, free or in a harmonic well"
    asked = 10.0  # of fractional Brownian motion at few points
    coefficients = COEFFICIENTS
    needs_even = False

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series at any times."""
        n = x.shape[1] - 1
        dt = (t[-1] - t[0]) / n
        y, scale = relative(x)
        out = np.empty((len(x), 2, len(VALUES) + len(HESSIAN)))
        clock = clock_of(t, dt)
        if len(clock.steps) > MOST_SPACINGS:
            y[:] = np.nan
        used, _ = even_triples(t)
        _underdamped_kernel(y, clock, used, _NOTHING, np.empty((POINTS, 5)), out)
        both = dict(zip((*VALUES, *HESSIAN), np.moveaxis(out, -1, 0), strict=True))
        likelihood = -0.5 * (both["deviance"] + n * (np.log(2 * np.pi) + 1))
        likelihood -= n * np.log(scale)[:, None]
        well = in_well(likelihood[:, 0], likelihood[:, 1], n)
        rows = np.arange(len(x)), well.astype(int)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            variances = [v[rows] for v in _interval_terms(both)]
            relaxations = n * both["stiffness"][:, 1] / both["friction"][:, 1]
            c = {name: value[rows] for name, value in both.items()}
            columns = _with_intervals(c, variances, well, n, relaxations, confidence)
            values, low, high = (_in_units(v, x[:, 0], scale, dt) for v in columns)
        return Estimates(values, low, high, likelihood[rows], np.where(well, 4.0, 3.0))

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """One-step residuals and log densities of one series."""
        friction, stiffness, center, drift, diffusion = values
        if not np.isfinite(friction + stiffness) or friction <= 0:
            return np.full((2, len(x) - 1), np.nan)
        out = np.empty((3, len(x) - 1))
        shift = center - x[0] if stiffness > 0 else drift
        filtered(x - x[0], clock_of(t, 1.0), friction, stiffness, out)
        deviation = friction * np.sqrt(2 * diffusion * out[2])
        z = (out[0] - shift * out[1]) / deviation
        return np.stack([z, -0.5 * z**2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)])

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Paths from ``start``, whose first velocities have the stationary law."""
        friction, stiffness, center, drift, diffusion = values
        noise = friction * np.sqrt(2 * diffusion)
        x = np.full(copies, start - center if stiffness > 0 else 0.0)
        v = noise * np.sqrt(0.5 / friction) * rng.standard_normal(copies)
        path = np.empty((len(t), copies))
        path[0] = x
        clock = clock_of(t, 1.0)
        for k, which in enumerate(clock.which):
            g, lost, dg, q_x, q_xv, q_v = transition(friction, stiffness, clock.steps[which])
            to_x = np.sqrt(q_x)
            to_v = q_xv / to_x
            of_v = np.sqrt(max(q_v - to_v**2, 0.0))
            z = noise * rng.standard_normal((2, copies))
            x, v = (
                x - lost * x + g * v + to_x * z[0],
                dg * v - stiffness * g * x + to_v * z[0] + of_v * z[1],
            )
            path[k + 1] = x
        if stiffness > 0:
            return path.T + center
        return path.T + (start + drift * (t - t[0]))

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether momentum is seen in the AR(2) regression; of uneven times all may be."""
        if len(clock_of(t, 1.0).steps) > MOST_SPACINGS:
            return np.zeros(len(x), bool)
        return momentum_seen(x, t)

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Friction 0 or infinite, or more than half a turn per step."""
        return (values[:, 0] <= 0) | np.isinf(values[:, 0]) | np.isinf(values[:, 1])


def _with_intervals(
    c: dict[str, np.ndarray],
    variances: list[np.ndarray],
    well: np.ndarray,
    n: int,
    relaxations: np.ndarray,
    confidence: float,
) -> np.ndarray:
    """Values, low and high ends (3, coefficient, series), in units of spacing and scale."""
    friction, stiffness = c["friction"], c["stiffness"]
    of_friction, of_stiffness, of_diffusion, of_center = (
        np.where(v > 0, v, np.nan) for v in variances
    )
    # of logarithms, by order 1/n; not more than a standard deviation
    bias = np.where(well, 1.0, 3.0) / (n * friction)
    bias = np.minimum(bias, np.sqrt(2 / (n * friction)))
    bias_of_stiffness = 3 * friction / (n * stiffness)
    diffusion = c["variance"] / (2 * friction**2)
    variance = c["variance"] / c["information"]
    center = np.where(well, c["shift"], np.nan)
    drift = np.where(well, np.nan, c["shift"])
    ends = [
        proportional(friction, of_friction, np.where(well, 2.0, 4.0) / n, confidence),
        proportional(stiffness, of_stiffness, 4 * friction / n, confidence),
        student(center, variance, of_center + 2 / n, -2 * bias_of_stiffness, confidence),
        student(drift, variance, of_diffusion + 2 / n, -2 * bias, confidence),
        logarithmic(diffusion, of_diffusion + 2 / n, -2 * bias, confidence),
    ]
    out = np.array([[friction, stiffness, center, drift, diffusion],
                    *zip(*ends, strict=True)])  # fmt: skip
    unseen = most_relaxation_times(relaxations, confidence) * friction / n
    out[1, 1] = np.where(well, out[1, 1], 0.0)
    out[2, 1] = np.where(well, out[2, 1], unseen)
    # ends of the range: no inertia, or half a turn per step, or no friction that is seen
    no_inertia = friction > MOST_FRICTION * (1 - _END)
    half_turn = stiffness > MOST_STIFFNESS * (1 - _END)
    no_friction = friction < LEAST_FRICTION * (1 + _END)
    out[0, 0, no_inertia] = out[2, 0, no_inertia] = np.inf
    out[0, 1, half_turn | (no_inertia & well)] = np.inf
    out[2, 1, half_turn | no_inertia] = np.inf
    out[:2, 0, no_friction] = 0.0
    out[0, 4, no_friction] = out[2, 4, no_friction] = np.inf
    return out


def _in_units(columns: Any, first: np.ndarray, scale: np.ndarray, dt: float) -> np.ndarray:
    """Coefficients (series, coefficient), from those of scaled series and times."""
    friction, stiffness, center, drift, diffusion = columns
    return np.stack(
        [
            friction / dt,
            stiffness / dt**2,
            first + center * scale,
            drift * scale / dt,
            diffusion * scale**2 / dt,
        ],
        axis=-1,
    )
