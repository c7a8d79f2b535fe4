"""Wiener process (Brownian motion) with drift under measurement noise: local level model.

x_k = Z(t_k) + e_k, dZ = v dt + sqrt(2 D) dW, with independent normal errors e_k of standard
deviation s, such as localisation errors or the scatter of a stochastic estimate. At even spacing,
increments are a moving average with covariances 2 D dt + 2 s**2 and, at lag 1, -s**2. The
likelihood is that of a Kalman filter, exact at any times: gaps and uneven times are allowed.

References
----------
Harvey (1989), "Forecasting, structural time series models and the Kalman filter"; Berglund (2010),
Phys. Rev. E 82, 011917, for localisation errors.
"""

import numpy as np
from scipy.special import ndtri

from sgdphys.compiling import compiled
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
    clear,
    extend_over_shares,
)
from sgdphys.dynamics.models.noise_share import (
    scanned_share,
    share_of,
    top_of,
)
from sgdphys.glossary import GLOSSARY

SCREENED_BELOW = 0.4
"""Share of log n that twice the gain in likelihood reaches, as the score test estimates it."""


@compiled
def _fit(y, times, restricted, rise, found, out):
    """Fill out (series, 10): drift, D, s**2, -2 log-likelihood without constants; their ends.

    Parameters
    ----------
    restricted : Times
        The same times, for the restricted likelihood.
    rise : float
        Of -2 log-likelihood at the ends of intervals.
    found : (6,)
        Working space.
    """
    top = top_of(times.dt.shape[0])
    for s in range(y.shape[0]):
        best, _ = scanned_share(y[s], times, 0.0, top)
        share = share_of(best, top)
        value, squares, drift, _ = fit_at(y[s], times, 0.0, share)
        scale = squares / times.dt.shape[0]
        clear(found)
        best, lowest = scanned_share(y[s], restricted, 0.0, top)
        extend_over_shares(y[s], restricted, 0.0, best, top, lowest + rise, found)
        out[s, 0] = drift
        out[s, 1] = scale * diffusion_at(0.0, share)
        out[s, 2] = scale * share
        out[s, 3] = value
        # of drift, then of D and s**2; an interval holds its estimate, which is not restricted
        out[s, 4], out[s, 5] = min(found[4], drift), max(found[5], drift)
        for k in range(2):
            out[s, 6 + 2 * k] = min(found[2 * k], out[s, 1 + k])
            out[s, 7 + 2 * k] = max(found[2 * k + 1], out[s, 1 + k])


class NoisyWiener(Model):
    """A Wiener process with drift that is seen with measurement noise."""

    name = "noisy_wiener"
    sentence = "a Wiener process under measurement noise"
    coefficients = {
        "drift": GLOSSARY["drift"],
        "diffusion": GLOSSARY["diffusion"],
        "noise_deviation": NOISE,
    }
    needs_even = False
    asked = 10.0  # of fractional Brownian motion at few points

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Exact maximum likelihood; intervals by the profile of the restricted likelihood.

        The restricted likelihood integrates over the drift, whose estimate otherwise takes part of
        a diffusion that is weak under its noise (Harville 1977, J. Am. Stat. Assoc. 72, 320).
        A diffusion coefficient of 0, or no noise, is a possible estimate, and the end of an
        interval.
        """
        series = scaled(x, t)
        n = len(series.times.dt)
        found = np.full((len(x), 10), np.nan)
        moving = series.unit > 0
        some = np.empty((int(moving.sum()), 10))
        rise = float(ndtri(0.5 + confidence / 2) ** 2)
        _fit(
            series.y[moving],
            series.times,
            series.times._replace(restricted=1),
            rise,
            np.empty(6),
            some,
        )
        found[moving] = some
        unit, time_unit = series.unit[:, None], series.time_unit
        drift, diffusion, variance = found[:, [0, 4, 5]], found[:, [1, 6, 7]], found[:, [2, 8, 9]]
        values, low, high = np.stack(
            [
                drift * unit / time_unit,
                diffusion * unit**2 / time_unit,
                np.sqrt(variance) * unit,
            ]
        ).transpose(2, 1, 0)
        with np.errstate(divide="ignore"):
            logs = n * (np.log(2 * np.pi) + 1 + 2 * np.log(series.unit))
        return Estimates(
            values, low, high, -0.5 * (found[:, 3] + logs), np.full(len(x), len(values.T))
        )

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Innovations of the Kalman filter over their standard deviations, and log densities."""
        drift, diffusion, deviation = values
        return one_step(x, t, 0.0, drift, diffusion, deviation)

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Paths whose first point is ``start``, error and all."""
        drift, diffusion, deviation = values
        return simulated(t, start, copies, rng, 0.0, drift, diffusion, deviation)

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Score test of noise: increments that are anticorrelated at lag 1.

        The score is the derivative of the log-likelihood of a Wiener process by s**2 at 0.
        """
        series = scaled(x, t)
        dt = series.times.dt
        n = len(dt)
        dx = np.diff(series.y, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            drift = series.y[:, -1:] / dt.sum()
            z = (dx - drift * dt) / np.sqrt(dt)
            z = z / np.sqrt((z**2).mean(axis=1, keepdims=True))
            each = 1 / dt
            both = 1 / np.sqrt(dt[1:] * dt[:-1])
            score = (z**2) @ (each - each.mean()) - (z[:, 1:] * z[:, :-1]) @ both
            score /= np.sqrt(2 * ((each - each.mean()) ** 2).sum() + (both**2).sum())
        return (score > 0) & (score**2 > SCREENED_BELOW * np.log(n))
