"""Fractional Brownian motion with drift."""

import numpy as np

from sgdphys.dynamics.diffusion.fractional import COLUMNS, at_end, fbm_kernel
from sgdphys.dynamics.diffusion.fractional_noise import MEMORY, prediction_errors
from sgdphys.dynamics.models.model import (
    Estimates,
    Model,
    no_estimates,
    path_of,
    standard_normal_steps,
)
from sgdphys.dynamics.stretches import parts, rows_of
from sgdphys.glossary import GLOSSARY
from sgdphys.processes.fractional import fractional_noise
from sgdphys.quantities import GENERALISED_DIFFUSION


class FractionalBrownian(Model):
    """Gaussian with MSD = 2 D t**(2 hurst) about a drift; evenly spaced points, as ``fit_fbm``."""

    name = "fbm"
    sentence = "fractional Brownian motion"
    coefficients = {
        "hurst": GLOSSARY["hurst"],
        "drift": GLOSSARY["drift"],
        "generalised_diffusion": GENERALISED_DIFFUSION._replace(
            description="of fractional Brownian motion: MSD = 2 D t**alpha, alpha = 2 hurst"
        ),
    }
    goes_on = True
    without_interval = ("generalised_diffusion",)
    not_tested = ("nonlinear_drift",)

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Exact or Whittle likelihood of the exponent; log-likelihood of one-step predictions."""
        found = no_estimates(len(x), 3, 3)
        spacing = (t[-1] - t[0]) / (len(t) - 1)
        c = dict(zip(COLUMNS, fbm_kernel(x, confidence=confidence).T, strict=True))
        hurst, variance = c["hurst"], c["variance"]
        with np.errstate(over="ignore"):
            diffusion = variance / (2 * spacing ** (2 * hurst))
        found.values[:] = np.column_stack([hurst, c["drift"] / spacing, diffusion])
        found.low[:, 0], found.high[:, 0] = c["hurst_low"], c["hurst_high"]
        is_fitted = np.isfinite(hurst) & (variance > 0)
        found.values[~is_fitted] = found.low[~is_fitted] = found.high[~is_fitted] = np.nan
        if is_fitted.any():
            rows = rows_of(x, np.flatnonzero(is_fitted))
            found.log_likelihood[is_fitted] = self._log_likelihood(found.values[is_fitted], rows, t)
        return found

    def _log_likelihood(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """By parts, each with the past that its first predictions use."""
        total = np.zeros(len(x))
        for part in parts(len(t) - 1):
            past = min(part.start, MEMORY)
            here = slice(part.start - past, part.stop)
            _, log_density = self.many_steps(values, x[:, here], t[here])
            total += log_density[:, past:].sum(axis=1)
        return total

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Errors of predictions from the past 256 increments."""
        return self.many_steps(values[None], x[None], t)[:, 0]

    def many_steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """All series at once."""
        hurst, drift, diffusion = values.T
        spacing = (t[-1] - t[0]) / (len(t) - 1)
        with np.errstate(over="ignore", under="ignore"):
            scale = (np.sqrt(2 * diffusion) * spacing**hurst)[:, None]
        noise = (np.diff(x) - drift[:, None] * spacing) / scale
        z, deviation = prediction_errors(hurst, noise)
        return standard_normal_steps(z, deviation * scale)

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Exact, by circulant embedding."""
        hurst, drift, diffusion = values
        spacing = (t[-1] - t[0]) / (len(t) - 1)
        scale = np.sqrt(2 * diffusion) * spacing**hurst
        noise = fractional_noise(rng, hurst, copies, len(t) - 1)
        return path_of(start, drift * spacing + scale * noise)

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Whether the exponent is the smallest or largest that is compared."""
        return at_end(values[:, 0])

    def variable(self, coefficient: str) -> str:
        """Its coefficients carry plain names."""
        return coefficient
