"""What the two models with inertia share: coefficients, scaling, choice of a well, intervals."""

import numpy as np
from scipy.special import ndtri, stdtrit

from sgdphys.glossary import GLOSSARY, Quantity

DRIFT = Quantity("{x}/{t}", "drift", "v", "mean velocity of the free particle; NaN in a well")
CENTER = Quantity("{x}", "centre", r"\mu", "bottom of the well; NaN for the free particle")
DIFFUSION = GLOSSARY["diffusion"]._replace(
    description="long-time diffusion coefficient of the free particle under the same noise"
)
OF_UNIT_ROOT = 10.0
"""Factor of likelihood that a well fitted to a free particle gains beyond chi-squared."""


def relative(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Series relative to their first points, and in units of their largest deviation from them."""
    y = np.ascontiguousarray(x - x[:, :1])
    scale = np.abs(y).max(axis=1)
    scale[~(scale > 0)] = np.nan  # constant: nothing to fit
    y /= scale[:, None]
    return y, scale


def in_well(of_free: np.ndarray, of_well: np.ndarray, n: int) -> np.ndarray:
    """Whether a well is claimed: its log-likelihood pays for one more coefficient, a unit root."""
    asked = 0.5 * np.log(n) + np.log(OF_UNIT_ROOT)
    return np.isfinite(of_well) & ~(of_well - of_free <= asked)


def normal(confidence: float) -> float:
    """Half-width of a two-sided interval, in standard deviations."""
    return float(ndtri(0.5 + confidence / 2))


def logarithmic(
    value: np.ndarray, variance: np.ndarray, bias: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a positive coefficient: normal logarithm, its bias subtracted.

    Parameters
    ----------
    variance, bias : array
        Of the logarithm.
    """
    half_width = normal(confidence) * np.sqrt(variance)
    return value * np.exp(-bias - half_width), value * np.exp(-bias + half_width)


def proportional(
    value: np.ndarray, variance: np.ndarray, bias: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a relaxation rate, whose estimate has a variance in proportion to the rate.

    Parameters
    ----------
    variance : array
        Of the logarithm, at the estimate.
    bias : array
        Of the estimate itself.

    Notes
    -----
    It holds all rates from which the estimate minus its bias is at most z standard deviations away,
    where the standard deviation is that of the rate in question, not of the estimate.
    """
    half = normal(confidence) * np.sqrt(variance * value) / 2
    root = np.sqrt(half**2 + np.maximum(value - bias, 0.0))
    return (root - half) ** 2, (root + half) ** 2


def student(
    value: np.ndarray,
    variance: np.ndarray,
    of_logarithm: np.ndarray,
    bias: np.ndarray,
    confidence: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a centre or a drift, Student's t.

    Parameters
    ----------
    variance : array
        As it is estimated.
    of_logarithm, bias : array
        Variance and bias of the logarithm of that estimate: degrees of freedom are 2 over the
        former (Satterthwaite 1946).
    """
    freedom = np.maximum(2 / of_logarithm, 1.0)
    half_width = stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(variance * np.exp(-bias))
    return value - half_width, value + half_width


def most_relaxation_times(found: np.ndarray, confidence: float) -> np.ndarray:
    """Largest number of relaxation times, in a series of a free particle, of a well unseen.

    Parameters
    ----------
    found : array
        Number that is estimated with a well, 0 or NaN without one.

    Notes
    -----
    c of them are estimated with a bias of +4 and a variance of 2 c. The bias is not subtracted,
    since towards a random walk it is not normal; the bound is then too large rather than too small.
    """
    half = normal(confidence) / np.sqrt(2)
    return (half + np.sqrt(half**2 + np.maximum(np.nan_to_num(found), 0.0))) ** 2
