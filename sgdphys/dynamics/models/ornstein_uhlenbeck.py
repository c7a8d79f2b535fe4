"""Ornstein-Uhlenbeck process, down to white noise."""

import numpy as np

from sgdphys.dynamics.diffusion.ornstein_uhlenbeck import COLUMNS, ou_kernel, ou_values
from sgdphys.dynamics.models.model import Estimates, Model, no_estimates, standard_normal_steps
from sgdphys.dynamics.stretches import parts, rows_of
from sgdphys.glossary import GLOSSARY, Quantity
from sgdphys.status import FAST, OSCILLATING

ADF_BELOW = 0.05
"""Dickey-Fuller p-value below which an Ornstein-Uhlenbeck process can be the best model."""


class OrnsteinUhlenbeck(Model):
    """dX = -kappa (X - center) dt + sqrt(2 D) dW, at any times, as ``fit_ou``.

    White noise, which relaxes within one step, has an infinite kappa and no D; its deviation is
    that of the stationary state. Where the Dickey-Fuller test does not reject a random walk at 5%
    the model is ruled out: under a random walk its gain in likelihood is not chi-squared.
    """

    name = "ou"
    sentence = "an Ornstein-Uhlenbeck process"
    coefficients = {
        "kappa": GLOSSARY["kappa"],
        "center": GLOSSARY["center"],
        "diffusion": GLOSSARY["diffusion"],
        "deviation": Quantity(
            "{x}", "stationary standard deviation", r"\sigma_x", "sqrt(D/kappa) about the centre"
        ),
    }
    needs_even = False
    without_interval = ("center", "deviation")

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Median-unbiased coefficients, maximum of the exact likelihood."""
        found = no_estimates(len(x), 4, 3)
        columns = dict(zip(COLUMNS, ou_kernel(confidence)(x, t).T, strict=True))
        v = ou_values(columns, confidence)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = np.sqrt(v["diffusion"] / v["kappa"])
        values = np.column_stack([v["kappa"], v["center"], v["diffusion"], deviation])
        likelihood = columns["log_likelihood"]
        is_white = np.isin(columns["status"], (FAST, OSCILLATING))
        center, variance = _mean_and_variance(rows_of(x, np.flatnonzero(is_white))[:, 1:])
        fast = np.full(len(center), np.inf)
        none = np.full(len(center), np.nan)
        values[is_white] = np.column_stack([fast, center, none, np.sqrt(variance)])
        likelihood[is_white] = -0.5 * (len(t) - 1) * (np.log(2 * np.pi * variance) + 1)
        is_fitted = is_white | (np.isfinite(values[:, :3]).all(axis=1) & (v["kappa"] > 0))
        found.values[is_fitted] = values[is_fitted]
        found.log_likelihood[is_fitted] = likelihood[is_fitted]
        for k, name in ((0, "kappa"), (2, "diffusion")):
            found.low[:, k], found.high[:, k] = v[f"{name}_low"], v[f"{name}_high"]
        is_walk = ~(v["adf_p_value"] < ADF_BELOW)
        return found._replace(handicap=np.where(is_walk, np.inf, 0.0))

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Deviations from the relaxed last point, in their standard deviations."""
        return self.many_steps(values[None], x[None], t)[:, 0]

    def many_steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """All series at once."""
        phi, deviation = _transition(values, np.diff(t))
        level = x - values[:, 1:2]
        return standard_normal_steps((level[:, 1:] - phi * level[:, :-1]) / deviation, deviation)

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Exact transitions."""
        (phi,), (deviation,) = _transition(values[None], np.diff(t))
        x = np.empty((len(t), copies))
        x[0] = start - values[1]
        noise = deviation[:, None] * rng.standard_normal((len(phi), copies))
        for k in range(len(phi)):
            x[k + 1] = phi[k] * x[k] + noise[k]
        return (values[1] + x).T

    def variable(self, coefficient: str) -> str:
        """Its coefficients carry plain names."""
        return coefficient


def _mean_and_variance(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (series,) of values (series, point), by parts."""
    n = x.shape[1]
    each = [slice(p.start, p.stop - 1) for p in parts(n)]
    mean = sum((x[:, p].sum(axis=1) for p in each), np.zeros(len(x))) / n
    squares = sum((((x[:, p] - mean[:, None]) ** 2).sum(axis=1) for p in each), np.zeros(len(x)))
    return mean, squares / n


def _transition(values: np.ndarray, dt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors of decay in a step, and standard deviations of its noise: (series, step)."""
    kappa, _, diffusion, stationary = (v[:, None] for v in values.T)
    is_white = ~(kappa < np.inf)  # NaN in results
    rate = np.where(is_white, 1.0, kappa)
    phi = np.where(is_white, 0.0, np.exp(-rate * dt))
    deviation = np.sqrt(diffusion * -np.expm1(-2 * rate * dt) / rate)
    return phi, np.where(is_white, stationary, deviation)
