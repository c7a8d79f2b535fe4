"""Maximum likelihood of a model of one's own, by numerical optimisation."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit, ndtri

from sgdphys.dynamics.models.checking import require_start, require_steps
from sgdphys.dynamics.models.model import Model

_FLAT = 0.5
"""Change of the log-likelihood over the step of a coordinate: that of about a standard error."""
_TRIALS = 60


class Coordinates:
    """Coordinates without bounds: ln, ln(b - .) or logit of a bounded coefficient."""

    def __init__(self, bounds: np.ndarray) -> None:
        self.low, self.high = bounds.T

    def of(self, values: np.ndarray) -> np.ndarray:
        """Coordinates of coefficients inside their bounds."""
        has_low, has_high = np.isfinite(self.low), np.isfinite(self.high)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (values - self.low) / (self.high - self.low)
            one_sided = np.where(has_low, np.log(values - self.low), -np.log(self.high - values))
            both = np.where(has_low & has_high, logit(share), one_sided)
        return np.where(has_low | has_high, both, values)

    def back(self, u: np.ndarray) -> np.ndarray:
        """Coefficients at coordinates."""
        has_low, has_high = np.isfinite(self.low), np.isfinite(self.high)
        with np.errstate(invalid="ignore", over="ignore"):
            between = self.low + (self.high - self.low) * expit(u)
            one_sided = np.where(has_low, self.low + np.exp(u), self.high - np.exp(-u))
            both = np.where(has_low & has_high, between, one_sided)
        return np.where(has_low | has_high, both, u)


def fit_one(
    model: Model, x: np.ndarray, t: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Fit one series (point,): coefficients, ends of their intervals, log-likelihood.

    Notes
    -----
    The sum of the log densities of ``model.steps`` is maximised from ``model.start`` by the method
    of Nelder and Mead, in coordinates without bounds. Intervals are those of Wald: normal, from the
    curvature of the log-likelihood at its maximum. NaN where the search does not converge, ends NaN
    where the curvature has no inverse.
    """
    bounds = np.array([model.bounds.get(c, (-np.inf, np.inf)) for c in model.coefficients], float)
    coordinates = Coordinates(bounds)
    start = require_start(model, model.start(x, t))
    with np.errstate(all="ignore"):
        require_steps(model, model.steps(start, x, t), len(x))
        first = coordinates.of(start)
    missing = np.full(len(first), np.nan)

    def loss(u: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            value = -float(model.steps(coordinates.back(u), x, t)[1].sum())
        return value if np.isfinite(value) else np.inf

    if not np.isfinite(first).all() or not np.isfinite(loss(first)):
        return missing, missing, missing, np.nan
    at = first
    for _ in range(2):  # begun again at what was found: a simplex can collapse
        steps = _steps(loss, at)
        simplex = np.vstack([at, at + np.diag(steps)])
        options = {"initial_simplex": simplex, "fatol": 1e-6, "xatol": 1e-6, "maxiter": 4000}
        found = minimize(loss, at, method="Nelder-Mead", options=options)
        at = found.x
    if not found.success:
        return missing, missing, missing, np.nan
    errors = _standard_errors(loss, at, _steps(loss, at))
    half = ndtri(0.5 + confidence / 2) * errors
    return (
        coordinates.back(at),
        coordinates.back(at - half),
        coordinates.back(at + half),
        -found.fun,
    )


def _steps(loss: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """Step of every coordinate over which the log-likelihood changes by about 0.5."""
    here = loss(at)
    steps = np.where(at == 0, 1e-3, 1e-3 * np.abs(at))
    for k in range(len(at)):
        for _ in range(_TRIALS):
            moved = at.copy()
            moved[k] += steps[k]
            change = abs(loss(moved) - here)
            if change > 8 * _FLAT:
                steps[k] /= 2
            elif change < _FLAT / 8:
                steps[k] *= 2
            else:
                break
    return steps


def _standard_errors(
    loss: Callable[[np.ndarray], float], at: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Square roots of the diagonal of the inverse Hessian, by central differences."""
    size = len(at)
    hessian = np.empty((size, size))
    moves = np.diag(steps)
    for i in range(size):
        for j in range(i + 1):
            a, b = moves[i], moves[j]
            corners = loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b)
            hessian[i, j] = hessian[j, i] = corners / 4
    if not np.isfinite(hessian).all():
        return np.full(size, np.nan)
    try:
        variance = np.diag(np.linalg.inv(hessian))
    except np.linalg.LinAlgError:
        return np.full(size, np.nan)
    return steps * np.sqrt(np.where(variance > 0, variance, np.nan))
