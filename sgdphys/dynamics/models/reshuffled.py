"""Stochastic gradient descent (SGD) with random reshuffling, on a quadratic loss.

Batches drawn without replacement, in a new order every epoch of K updates: x' = x - rate (x -
center) - kick, where the kicks of an epoch are exchangeable and sum to zero. Their long-time
diffusion coefficient is zero.

The likelihood of the process itself is singular, because the sum of the kicks is exactly zero. So
the likelihood is the Gaussian one of the covariance averaged over the phase of the epochs
(``reshuffled_likelihood``), which is that of a process with a density and can be compared with
those of other models.

The model is fitted only where the kicks of every epoch are seen to sum to zero, or very nearly so
(``reshuffled_batches``): white ones seem to with a chance of 1e-4. The number of batches is then
known exactly, and both ends of its interval are that number. A white part of the kicks of 2% of
their standard deviation, as from gradients that change with the weights, would lower the rate by
more than a standard error at 2000 points; such series are not fitted. Rate and centre are
coefficients of a linear regression. As the sum of earlier points has a trend, the t statistic of
the rate has the law of the Dickey-Fuller test with a trend.

Series need even spacing, one point an update, without gaps.

References
----------
HaoChen and Sra (2019), "Random shuffling beats SGD after finite epochs", for the process; White
(1980), Econometrica 48, 817, for variances from the scores.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.special import stdtrit

from sgdphys.dynamics.models.detrended_root import quantiles
from sgdphys.dynamics.models.model import Estimates, Model
from sgdphys.dynamics.models.reshuffled_batches import of_batches, whittle
from sgdphys.dynamics.models.reshuffled_likelihood import (
    ONE,
    PATH,
    SUM,
    TIME,
    Regression,
    columns_of,
    regression,
    whitened,
)
from sgdphys.glossary import Quantity

_BLOCKS = 24
"""Blocks of points whose scores give the variances of the estimates."""
_GAIN = 1.0
"""Least gain of Whittle's log-likelihood over white noise for which a fit is worthwhile."""


def _rate_at(phi_hat: float, error: float, n: int, chance: float) -> float:
    """Rate at which the t statistic is a quantile of its distribution; 0 where that is beyond 0."""
    x, quantile = quantiles(chance)

    def excess(rate: float) -> float:
        phi = 1 - rate
        # of so many relaxation times that the bias is -(2 + 4 phi)/n
        c = 18 * n * (1 - phi**2) / (2 + 4 * phi) ** 2 if phi > 0 else np.inf
        return (phi_hat - phi) / error - float(np.interp(1 / np.sqrt(1 + c), x, quantile))

    if excess(0.0) >= 0:
        return 0.0
    highest = 1 - phi_hat + 10 * error
    return float(brentq(excess, 0.0, highest, xtol=1e-12)) if excess(highest) > 0 else np.inf


def _blocks(scores: np.ndarray) -> float:
    """Standard error of the sum of scores (point,) of sum 0, from the sums of blocks."""
    sums = np.add.reduceat(scores, np.arange(_BLOCKS) * len(scores) // _BLOCKS)
    return float(np.sqrt((sums**2).sum() * _BLOCKS / (_BLOCKS - 1)))


def _estimates(found: Regression, confidence: float) -> tuple[np.ndarray, ...]:
    """Rate, centre and deviation of kicks, with the ends of their intervals.

    Variances of rate and centre are the larger ones of those of Gaussian noise of the averaged
    covariance, and of those of the scores summed over blocks: the noise of neighbouring epochs is
    tied, and its law unknown. That of the deviation is of blocks only.
    """
    n = found.white.shape[1] - 1
    tail = (1 - confidence) / 2
    t = float(stdtrit(_BLOCKS - 1, 1 - tail))
    noise = found.white[PATH] - found.slopes @ found.white[:PATH]
    influence = found.inverse @ found.white[:PATH]

    def errors(weights: np.ndarray) -> float:
        by_blocks = _blocks((weights @ influence) * noise)
        gaussian = np.sqrt(found.variance * (weights @ found.inverse @ weights))
        return float(max(by_blocks, gaussian))

    phi_hat = 1 + found.slopes[SUM]
    error = errors(np.array([0.0, 0.0, 1.0]))
    rate, low, high = (_rate_at(phi_hat, error, n, chance) for chance in (0.5, tail, 1 - tail))
    estimate = float(-found.slopes[SUM]) or np.finfo(float).eps
    center = found.slopes[TIME] / n / estimate
    # to first order in the errors of slope and rate; open where the rate may be 0
    half_width = t * errors(np.array([0.0, 1 / n, center])) / abs(estimate)
    if low <= 0:
        half_width = np.inf
    squares = noise**2 / found.variance
    spread = np.exp(0.5 * t * _blocks(squares - squares.mean()) / n)
    kick = np.sqrt(found.variance)
    return (
        np.array([rate, center, kick]),
        np.array([low, center - half_width, kick / spread]),
        np.array([high, center + half_width, kick * spread]),
    )


_COEFFICIENTS = {
    "curvature_rate": Quantity(
        "1",
        "learning rate times curvature",
        r"\eta h",
        "fraction of the distance from the centre that one update removes",
    ),
    "center": Quantity("{x}", "centre", r"\mu", "minimum of the quadratic"),
    "kick_deviation": Quantity(
        "{x}", "standard deviation of the noise of an update", r"\eta\sqrt{C}"
    ),
    "batches": Quantity("1", "batches per epoch", "K", "updates whose noise sums to zero"),
}


class Reshuffled(Model):
    """Descent on a quadratic with the noise of batches drawn without replacement."""

    name = "reshuffled"
    sentence = "gradient descent on a quadratic with batches drawn without replacement"
    coefficients = _COEFFICIENTS
    not_tested: tuple[str, ...] = (
        "anderson_darling",
        "changing_variance",
        "volatility_clustering",
        "nonlinear_drift",
    )
    """Tests of residuals that reject the true process.

    Predictions do not know the phase of the epochs. Errors are then of several variances in turn,
    which depend on the path. They are uncorrelated all the same.
    """

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether Whittle's likelihood exceeds that of white noise on a quadratic."""
        varies = x.std(axis=1) > 1e-14 * np.abs(x.mean(axis=1))
        varies[varies] = whittle(x[varies])[1].max(axis=1) > _GAIN
        return varies

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series (series, point), one point an update."""
        values, low, high = (np.full((len(x), 4), np.nan) for _ in range(3))
        likelihood = np.full(len(x), np.nan)
        mean, deviation = x.mean(axis=1), x.std(axis=1)
        varies = np.flatnonzero(deviation > 1e-14 * np.abs(mean))
        batches, gains = whittle(x[varies])
        for s, gain in zip(varies, gains, strict=True):
            columns = columns_of((x[s] - mean[s]) / deviation[s])
            k = of_batches(columns, batches, gain)
            if not k:
                continue
            found = regression(columns, k)
            units = np.array([1.0, deviation[s], deviation[s]])
            origin = np.array([0.0, mean[s], 0.0])
            for out, estimate in zip(
                (values, low, high), _estimates(found, confidence), strict=True
            ):
                out[s, :3] = origin + units * estimate
                out[s, 3] = k
            likelihood[s] = found.log_likelihood - (x.shape[1] - 1) * np.log(deviation[s])
        return Estimates(values, low, high, likelihood, np.full(len(x), 4))

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Prediction errors under the averaged covariance; the constant is that of the past."""
        rate, center, kick, batches = values
        white, deviations = whitened(columns_of((x - center) / kick), int(batches))
        one, noise = white[ONE], white[PATH] + rate * white[SUM]
        weight = np.cumsum(one**2)
        mean = np.cumsum(one * noise) / weight
        scale = np.sqrt(1 + one[1:] ** 2 / weight[:-1])
        z = (noise[1:] - one[1:] * mean[:-1]) / scale
        deviation = scale * kick * deviations[1:]
        return np.stack([z, -0.5 * z**2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)])

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Paths with normal kicks, whose epochs begin at a random phase."""
        rate, center, kick, batches = values
        k = int(batches)
        phase = rng.integers(0, k, copies)
        epochs = (len(t) + k) // k + 1
        kicks = rng.standard_normal((copies, epochs, k))
        kicks -= kicks.mean(axis=2, keepdims=True)
        kicks *= kick * np.sqrt(k / (k - 1))
        kicks = kicks.reshape(copies, -1)
        kicks = kicks[np.arange(copies)[:, None], phase[:, None] + np.arange(len(t) - 1)]
        paths = np.empty((copies, len(t)))
        paths[:, 0] = start
        paths[:, 1:], _ = lfilter(
            [1.0],
            [1.0, rate - 1],
            -kicks,
            axis=1,
            zi=np.full((copies, 1), (1 - rate) * (start - center)),
        )
        paths[:, 1:] += center
        return paths
