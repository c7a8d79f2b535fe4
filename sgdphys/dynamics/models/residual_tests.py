"""Tests of the one-step residuals of a fitted process: goodness of fit.

Under the true process the residuals (normal scores of the probability transform) are independent
standard normal numbers. Each test looks at one way in which they may not be.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from sgdphys.dynamics.diffusion.tail_index import FEWEST, levy_columns
from sgdphys.dynamics.diffusion.unit_root import adf_p_value
from sgdphys.dynamics.diffusion.wiener_tests import anderson_darling, ljung_box, slope_statistic
from sgdphys.dynamics.models.judged import Judged
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.stretches import increments

RESIDUAL_TESTS = (
    "anderson_darling",
    "ljung_box",
    "changing_variance",
    "volatility_clustering",
    "nonlinear_drift",
    "mean_reversion",
    "sums_of_8",
)
"""Names of the tests, the last ones of walks with steps of their own law and of Levy flights."""
LAGS = 20
SUMMED = 8
CONFIDENCE = 0.99
MEMORY = 0.9
"""Weight of a lag in volatility clustering, divided by that of the lag before."""
_MEMORY_LAGS = 40


def autocorrelation(z: np.ndarray) -> np.ndarray:
    """Ljung-Box (portmanteau) test of residuals (series, point); p-values (series,).

    The variance of the statistic of a short series is above that of chi-squared, by a factor of
    about 1 + 1.8 h/n at h lags (counted on white noise). Therefore it is taken for that factor
    times a chi-squared number of the same mean.

    References
    ----------
    Ljung and Box (1978); Davies, Triggs and Newbold (1977) for the variance.
    """
    n = z.shape[1]
    lags = min(LAGS, n // 5)
    statistic, _ = ljung_box(z, lags)
    factor = 1 + 1.8 * lags / n
    return chdtrc(lags / factor, statistic / factor)


def changing_variance(z: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Test of heteroscedasticity: residuals whose size depends on time or level.

    Absolute residuals are regressed on time, level and squared level. Absolute values have a
    shorter tail than squares, so that chi-squared holds for shorter series.

    Parameters
    ----------
    z : (series, point)
        Residuals.
    level : (series, point)
        Path before each of them.

    Returns
    -------
    (series,)
        p-values, of n R**2 (chi-squared, 3 degrees of freedom).

    References
    ----------
    Glejser (1969) for absolute residuals; Koenker (1981) for n R**2.
    """
    time = np.broadcast_to(np.linspace(-1, 1, z.shape[1]), z.shape)
    return chdtrc(3, explained(np.abs(z), [], [time, *_powers(level, 2)]))


def volatility_clustering(z: np.ndarray) -> np.ndarray:
    """Test of volatility clustering (ARCH, GARCH, switching noise) of residuals (series, point).

    Autocorrelations of absolute residuals at lags 1 to 40 are summed with weights 0.9**lag, which
    is a score test of GARCH with about that memory. Only large sums reject. The variance of short
    series, and the tail of the sum, a gamma law of n/20 degrees of freedom, were counted on white
    noise.

    Returns
    -------
    (series,)
        p-values.

    References
    ----------
    Engle (1982), Lee and King (1993), J. Business Econ. Stat. 11, 17, for the one-sided test.
    """
    n = z.shape[1]
    size = np.abs(z)
    size = size - size.mean(axis=1, keepdims=True)
    squares = (size**2).sum(axis=1)
    squares = np.where(squares > 0, squares, np.inf)  # of equal sizes
    total = np.zeros(len(z))
    variance = 0.0
    for lag in range(1, min(_MEMORY_LAGS, n // 5) + 1):
        weight = MEMORY**lag
        rho = np.einsum("sp,sp->s", size[:, lag:], size[:, :-lag]) / squares
        total += weight * (rho + (n - lag) / (n * (n - 1)))
        variance += weight**2 * (n - lag) / (n * (n + 2))
    score = total / np.sqrt(variance * n / (n + 32))
    freedom = n / 20
    return chdtrc(freedom, np.maximum(freedom + np.sqrt(2 * freedom) * score, 0.0))


def nonlinear_drift(z: np.ndarray, level: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Test of a drift that is no linear function of the level (RESET test), as in a double well.

    Residuals are regressed on the square and the cube of the level, given a constant and the level.
    n R**2 is chi-squared with 2 degrees of freedom in a series that spans many of its relaxation
    times, and larger towards a random walk (as in the Dickey-Fuller test): c relaxation times
    divide it by 1 + 0.3/(1 + c/10), counted on simulated series.

    Parameters
    ----------
    z : (series, point)
        Residuals.
    level : (series, point)
        Path before each of them.

    durations : (series,)
        Relaxation times that the series span; 0 for random walks.

    Returns
    -------
    (series,)
        p-values.

    References
    ----------
    Ramsey (1969).
    """
    linear, square, cube = _powers(level, 3)
    statistic = explained(z, [linear], [square, cube])
    return chdtrc(2, statistic / (1 + 0.3 / (1 + durations / 10)))


def mean_reversion(z: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Test of steps that lead back to a mean, of walks whose steps are independent.

    Residuals are regressed on the level. The t statistic of a random walk has the Dickey-Fuller
    law where the residual is the step itself; of its normal score, the more the larger its tails,
    a law between that and the normal one, so that the test is conservative.

    Parameters
    ----------
    z : (series, point)
        Residuals.
    level : (series, point)
        Path before each of them.

    Returns
    -------
    (series,)
        p-values; small ones for slopes below 0.

    References
    ----------
    Dickey and Fuller (1979); Lucas (1995), J. Econometrics 66, 153, for transformed residuals.
    """
    return adf_p_value(slope_statistic(z, level - level[:, :1]))


def unstable_sums(dx: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Test of a stable law: increments and their sums of 8 have one tail index.

    Sums of variables of finite variance (Student's t, jumps) have a larger index.

    Parameters
    ----------
    dx : (series, point)
        Increments.
    index : (series,)
        Their tail index.

    Returns
    -------
    (series,)
        p-values; NaN with fewer than 50 sums.

    References
    ----------
    Hausman (1978): the variance of the difference is the difference of the variances, because the
    estimate from all increments is efficient.
    """
    sums = dx.shape[1] // SUMMED
    if sums < FEWEST:
        return np.full(len(dx), np.nan)
    summed = dx[:, : sums * SUMMED].reshape(len(dx), sums, SUMMED).sum(axis=2)
    of_sums = levy_columns(summed, CONFIDENCE)
    change = of_sums[:, 0] - index
    low, high = of_sums[:, 1], of_sums[:, 2]
    # where the index of the sums is 2, its interval has no upper side
    half_width = np.where(change > 0, of_sums[:, 0] - low, high - of_sums[:, 0])
    error = np.maximum(half_width, 1e-3) / ndtri(0.5 + CONFIDENCE / 2)
    return 2 * ndtr(-np.abs(change) / error)


def _powers(level: np.ndarray, highest: int) -> list[np.ndarray]:
    """Powers of the level about the middle of its range, which it fills from -1 to 1."""
    low, high = (f(level, axis=1, keepdims=True) for f in (np.min, np.max))
    half = 0.5 * (high - low)
    scaled = (level - 0.5 * (high + low)) / np.where(half > 0, half, 1.0)
    return [scaled**k for k in range(1, highest + 1)]


def explained(y: np.ndarray, given: list[np.ndarray], tested: list[np.ndarray]) -> np.ndarray:
    """N R**2 of a regression of y (series, point) on the columns tested, given others and a mean.

    Columns that depend on earlier ones explain nothing.
    """
    n = y.shape[1]
    y = y - y.mean(axis=1, keepdims=True)
    basis: list[np.ndarray] = []
    total = np.zeros(len(y))
    for k, column in enumerate([*given, *tested]):
        c = column - column.mean(axis=1, keepdims=True)
        size = np.einsum("sp,sp->s", c, c)
        for q in basis:
            c = c - np.einsum("sp,sp->s", q, c)[:, None] * q
        left = np.einsum("sp,sp->s", c, c)
        independent = left > 1e-12 * size
        c = c * np.where(independent, 1 / np.sqrt(np.where(independent, left, 1.0)), 0.0)[:, None]
        basis.append(c)
        slope = np.einsum("sp,sp->s", c, y)
        if k < len(given):
            y = y - slope[:, None] * c
        else:
            total += slope**2
    squares = np.einsum("sp,sp->s", y, y)
    return n * total / np.where(squares > 0, squares, 1.0)


def p_values_of(
    model: Model, values: np.ndarray, seen: Judged, x: np.ndarray, t: np.ndarray
) -> dict[str, np.ndarray]:
    """p-values (series,) of the tests of the residuals of one model."""
    z, level = seen.z, seen.level
    coefficients = list(model.coefficients)
    kappa = values[:, coefficients.index("kappa")] if "kappa" in coefficients else np.zeros(len(x))
    made: dict[str, Callable[[], np.ndarray]] = {
        "anderson_darling": lambda: anderson_darling(z)[1],
        "ljung_box": lambda: autocorrelation(z),
        "changing_variance": lambda: changing_variance(z, level),
        "volatility_clustering": lambda: volatility_clustering(z),
        "nonlinear_drift": lambda: nonlinear_drift(z, level, kappa * (t[-1] - t[0])),
    }
    if model.has_own_steps:
        made["mean_reversion"] = lambda: mean_reversion(z, level)
    if model.name == "levy":
        index = values[:, coefficients.index("tail_index")]
        made["sums_of_8"] = lambda: unstable_sums(increments(x), index)
    return {name: test() for name, test in made.items() if name not in model.not_tested}


def holm(p_values: np.ndarray) -> np.ndarray:
    """Smallest p-value of the tests (..., test) that were made, corrected for their number.

    NaN where none was.
    """
    made = np.isfinite(p_values)
    smallest = np.where(made, p_values, 1.0).min(axis=-1)
    number = made.sum(axis=-1)
    return np.where(number > 0, np.minimum(number * smallest, 1.0), np.nan)
