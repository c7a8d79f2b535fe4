"""Wiener process, without and with drift."""

import numpy as np
from scipy.special import stdtrit

from sgdphys.dynamics.diffusion.wiener import chi_squared_interval
from sgdphys.dynamics.models.model import (
    Estimates,
    Model,
    no_estimates,
    path_of,
    standard_normal_steps,
)
from sgdphys.dynamics.stretches import parts
from sgdphys.glossary import GLOSSARY


class Wiener(Model):
    """dX = sqrt(2 D) dW, at any times."""

    name = "wiener"
    sentence = "a Wiener process"
    coefficients = {"diffusion": GLOSSARY["diffusion"]}
    needs_even = False

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Maximum likelihood: D = mean(dx**2/dt)/2."""
        n = len(t) - 1
        diffusion = _squares(np.zeros(1), x, t) / (2 * n)
        found = no_estimates(len(x), 1, 1)
        moves = diffusion > 0
        found.values[moves, 0] = diffusion[moves]
        found.low[:, 0], found.high[:, 0] = chi_squared_interval(found.values[:, 0], n, confidence)
        found.log_likelihood[moves] = _log_likelihood(diffusion[moves], t)
        return found

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Increments in their standard deviations."""
        return self.many_steps(values[None], x[None], t)[:, 0]

    def many_steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """All series at once."""
        return _steps(np.zeros(1), values[:, 0], x, t)

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Exact increments."""
        return _simulate(0.0, values[0], t, start, copies, rng)


class DriftedWiener(Model):
    """dX = v dt + sqrt(2 D) dW, at any times; D with n - 1 degrees of freedom."""

    name = "drifted_wiener"
    sentence = "a Wiener process with drift"
    coefficients = {"drift": GLOSSARY["drift"], "diffusion": GLOSSARY["diffusion"]}
    needs_even = False

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Maximum likelihood; exact intervals, as ``fit_wiener``."""
        n = len(t) - 1
        duration = t[-1] - t[0]
        drift = (x[:, -1] - x[:, 0]) / duration
        squares = _squares(drift, x, t) / 2
        found = no_estimates(len(x), 2, 2)
        moves = squares > 0
        diffusion = squares[moves] / (n - 1)
        half_width = stdtrit(n - 1, 0.5 + confidence / 2) * np.sqrt(2 * diffusion / duration)
        found.values[moves] = np.column_stack([drift[moves], diffusion])
        ends = chi_squared_interval(diffusion, n - 1, confidence)
        found.low[moves] = np.column_stack([drift[moves] - half_width, ends[0]])
        found.high[moves] = np.column_stack([drift[moves] + half_width, ends[1]])
        found.log_likelihood[moves] = _log_likelihood(squares[moves] / n, t)
        return found

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Increments about the drift, in their standard deviations."""
        return self.many_steps(values[None], x[None], t)[:, 0]

    def many_steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """All series at once, with the D of maximum likelihood."""
        n = len(t) - 1
        return _steps(values[:, 0], values[:, 1] * (n - 1) / n, x, t)

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Exact increments."""
        return _simulate(values[0], values[1], t, start, copies, rng)


def _squares(drift: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Sums (series,) of (dx - drift dt)**2/dt."""
    total = np.zeros(len(x))
    for part in parts(len(t) - 1):
        dt = np.diff(t[part])
        total += ((np.diff(x[:, part], axis=1) - drift[:, None] * dt) ** 2 / dt).sum(axis=1)
    return total


def _log_likelihood(diffusion: np.ndarray, t: np.ndarray) -> np.ndarray:
    """At the D of maximum likelihood."""
    n = len(t) - 1
    logs = sum(np.log(np.diff(t[part])).sum() for part in parts(n))
    return -0.5 * (n * (np.log(4 * np.pi * diffusion) + 1) + logs)


def _steps(drift: np.ndarray, diffusion: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    dt = np.diff(t)
    deviation = np.sqrt(2 * diffusion[:, None] * dt)
    return standard_normal_steps((np.diff(x) - drift[:, None] * dt) / deviation, deviation)


def _simulate(
    drift: float,
    diffusion: float,
    t: np.ndarray,
    start: float,
    copies: int,
    rng: np.random.Generator,
) -> np.ndarray:
    dt = np.diff(t)
    steps = drift * dt + np.sqrt(2 * diffusion * dt) * rng.standard_normal((copies, len(dt)))
    return path_of(start, steps)
