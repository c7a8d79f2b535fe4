"""Overdamped particle in a symmetric quartic double well (Kramers escape problem).

dX = -U'(X) dt + sqrt(2 D) dW, U = barrier (((X - center)/half_width)**2 - 1)**2: wells at center +-
half_width, a barrier of that height between them. How often it is crossed depends on barrier/D.

The likelihood of finite steps is an expansion in their length (``double_well_likelihood``), not
Euler's. At barrier = diffusion = 1/4, half_width = 1 the logarithms of densities are right to 0.001
at steps of 0.1, and to 0.01 at 0.2. Series may have gaps and uneven times, as long as the expansion
holds for every step: where its last term moves an estimate by more than 0.3 standard errors, the
series is sampled too coarsely, and the model is not fitted.

Intervals are those of the profile likelihood. They are open where it has no end: a particle that
never left a well says little about the other one, and nothing tells a far one from none.

A series is a candidate only if its drift is visibly no linear function of its level
(``may_be_best``).

References
----------
Risken (1989), "The Fokker-Planck equation", chapter 5; Ait-Sahalia (2002), Econometrica 70, 223,
for the expansion; Ramsey (1969) for the test of a linear drift.
"""

import numpy as np
from scipy.special import chdtri, ndtri_exp

from sgdphys.dynamics.models.double_well_likelihood import (
    NODES,
    SUMS,
    at_border,
    drift_of,
    fit_standardised,
    integrate,
    potential_of,
)
from sgdphys.dynamics.models.model import Estimates, Model
from sgdphys.dynamics.models.residual_tests import explained
from sgdphys.glossary import Quantity

_COARSE = 0.3
"""Standard errors by which the last term of the expansion may move an estimate."""
_ASKED = 10.0
"""Factor of likelihood by which steps must be better explained than by a linear drift."""
_POINTS = 16
"""Of each of the two integrals of a density."""
_STARTS = ((0.0, 0.0, 0.0), (2.5, 0.9, 0.8), (-2.5, 0.9, 0.8))
"""Centre, and logarithms of half-width and of barrier over diffusion, in units of the deviation."""


_COEFFICIENTS = {
    "center": Quantity("{x}", "centre", r"\mu", "top of the barrier"),
    "half_width": Quantity("{x}", "half-width", "w", "distance of the wells from the centre"),
    "barrier": Quantity("{x}**2/{t}", "barrier", "B", "height of the barrier"),
    "diffusion": Quantity("{x}**2/{t}", "diffusion coefficient", "D"),
}


class DoubleWell(Model):
    """Overdamped particle in a symmetric quartic double well."""

    name = "double_well"
    sentence = "an overdamped particle in a symmetric double well"
    coefficients = _COEFFICIENTS
    needs_even = False

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether square and cube of the level explain steps, given the level (RESET test).

        Asked for are the penalty of BIC for one coefficient and a factor of 10 in likelihood,
        because a well of an Ornstein-Uhlenbeck process looks like one of two by chance.
        """
        level = x[:, :-1] - x.mean(axis=1, keepdims=True)
        size = np.abs(level).max(axis=1, keepdims=True)
        level = level / np.where(size > 0, size, 1.0)
        statistic = explained(
            np.diff(x, axis=1) / np.sqrt(np.diff(t)), [level], [level**2, level**3]
        )
        return statistic > np.log(len(t) - 1) + 2 * np.log(_ASKED)

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series (series, point) by the expanded likelihood, with profile intervals."""
        mean, deviation = x.mean(axis=1), x.std(axis=1)
        duration = (t[-1] - t[0]) / (len(t) - 1)
        is_sound = np.flatnonzero(deviation > 0)
        scaled = (x[is_sound] - mean[is_sound, None]) / deviation[is_sound, None]
        out = np.full((len(scaled), 14), np.nan)
        fit_standardised(
            np.ascontiguousarray(scaled),
            (t - t[0]) / duration,
            *_rule(NODES),
            np.array(_STARTS),
            0.5 * float(chdtri(1, 1 - confidence)),
            np.empty(SUMS),
            np.empty((12, 22)),
            np.empty(4),
            out,
        )
        out[~(out[:, 13] <= _COARSE)] = np.nan
        units = np.empty((len(scaled), 4))
        units[:, :2] = deviation[is_sound, None]
        units[:, 2:] = deviation[is_sound, None] ** 2 / duration
        values, low, high = (np.full((len(x), 4), np.nan) for _ in range(3))
        for found, columns in zip(
            (values, low, high), np.split(out[:, :12], 3, axis=1), strict=True
        ):
            with np.errstate(over="ignore"):
                found[is_sound, 1:] = np.exp(columns[:, 1:])
            found[is_sound, 0] = columns[:, 0]
            found[is_sound] *= units
            found[is_sound, 0] += mean[is_sound]
        likelihood = np.full(len(x), np.nan)
        likelihood[is_sound] = out[:, 12] - (len(t) - 1) * np.log(deviation[is_sound])
        return Estimates(values, low, high, likelihood, np.full(len(x), 4))

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Whether barrier over diffusion is next to 0.001 or 100: one quartic or harmonic well."""
        with np.errstate(invalid="ignore", divide="ignore"):
            depth = np.log(values[:, 2] / values[:, 3])
        return np.array([bool(at_border(d)) for d in depth])

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Normal scores of the integrated density of every step, and its logarithm."""
        center, width, barrier, diffusion = values
        # in half-widths, so that powers stay small
        q = np.array([0.0, 0.0, np.log(barrier / width**2), np.log(diffusion / width**2)])
        f, v = np.empty(4), np.empty(7)
        drift_of(q, f)
        potential_of(f, diffusion / width**2, v)
        out = np.empty((3, len(x) - 1))
        integrate(
            (x - center) / width,
            t,
            f,
            v,
            diffusion / width**2,
            *_rule(NODES),
            *_rule(_POINTS),
            out,
        )
        below, above, density = out
        whole = np.logaddexp(below, above)
        z = np.where(below < above, ndtri_exp(below - whole), -ndtri_exp(above - whole))
        return np.stack([z, density - np.log(width)])

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Paths by the stochastic Heun scheme, in steps of a 200th of the shortest time scale."""
        center, width, barrier, diffusion = values
        rate = 4 * barrier / width**2
        reach = max(1.0, abs(start - center) / width, np.sqrt(diffusion / barrier) ** 0.5)
        paths = np.empty((copies, len(t)))
        paths[:, 0] = start
        y = np.full(copies, (start - center) / width)
        for k, duration in enumerate(np.diff(t)):
            inner = int(np.ceil(100 * rate * reach**2 * duration))
            h = duration / inner
            for _ in range(inner):
                noise = np.sqrt(2 * diffusion * h) / width * rng.standard_normal(copies)
                slope = rate * (y - y**3)
                guess = y + h * slope + noise
                y = y + 0.5 * h * (slope + rate * (guess - guess**3)) + noise
            paths[:, k + 1] = center + width * y
        return paths


def _rule(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Legendre, between 0 and 1."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return 0.5 * (nodes + 1), 0.5 * weights
