"""Fractional Brownian motion: exact and Whittle likelihood of fractional Gaussian noise."""

import functools
from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline
from scipy.special import chdtri

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.quantities import GENERALISED_DIFFUSION, number_of

FEWEST = 50
"""Increments for an exponent."""
_NEEDS = Needs(points=FEWEST + 1, even=True, whole=True)
EXACT_UP_TO = 1024
"""Increments up to which the likelihood is exact; beyond, Whittle's approximation."""
HURST = np.concatenate([[0.01, 0.025], np.arange(0.05, 0.96, 0.03), [0.975, 0.99]])
_FINE = np.linspace(HURST[0], HURST[-1], 1961)
_TERMS = 30
_MEMORY = 256
"""Number of past points that a prediction uses."""
_COLUMNS_PER_GROUP = 16
_BLOCK = 16 * 2**20


def autocovariance(hurst: float, lags: int) -> np.ndarray:
    """Autocovariance of unit fractional Gaussian noise at lags 0 ... lags."""
    k = np.arange(lags + 1.0)
    power = 2 * hurst
    return 0.5 * ((k + 1) ** power - 2 * k**power + np.abs(k - 1) ** power)


def spectrum(hurst: float, frequency: np.ndarray) -> np.ndarray:
    """Shape of the spectrum of fractional Gaussian noise at angular frequencies in (0, pi].

    (1 - cos w) sum_j |w + 2 pi j|**(-2 H - 1); the tail of the sum is replaced by its integral.
    """
    power = -2 * hurst - 1
    j = 2 * np.pi * np.arange(1, _TERMS + 1)[:, None]
    total = frequency**power + ((j + frequency) ** power + (j - frequency) ** power).sum(axis=0)
    edge = 2 * np.pi * (_TERMS + 0.5)
    total += ((edge + frequency) ** (power + 1) + (edge - frequency) ** (power + 1)) / (
        4 * np.pi * hurst
    )
    return (1 - np.cos(frequency)) * total


@compiled
def _whiten(covariance, rows):
    """Fill the whitening matrix, rows (point, point), by the Durbin-Levinson recursion.

    Row k gives the one-step prediction error of point k divided by its standard deviation. Returns
    the sum of the logarithms of the variances of the errors.
    """
    variance = covariance[0]
    logs = np.log(variance)
    rows[0, 0] = 1.0
    for k in range(1, rows.shape[0]):
        # row k holds -phi_{k,k} ... -phi_{k,1}, 1: the newest point last
        reflection = covariance[k]
        for j in range(1, k):
            reflection += rows[k - 1, k - 1 - j] * covariance[k - j]
        reflection /= variance
        rows[k, 0] = -reflection
        for j in range(1, k):
            rows[k, j] = rows[k - 1, j - 1] - reflection * rows[k - 1, k - 1 - j]
        rows[k, k] = 1.0
        variance *= 1.0 - reflection * reflection
        logs += np.log(variance)
    variance = covariance[0]
    for k in range(rows.shape[0]):
        reflection = -rows[k, 0] if k else 0.0
        variance *= 1.0 - reflection * reflection
        for j in range(k + 1):
            rows[k, j] /= np.sqrt(variance)
    return logs


@functools.lru_cache(maxsize=128)
def whitening(hurst: float, points: int) -> tuple[np.ndarray, float]:
    """Whitening matrix (point, point) of unit fractional Gaussian noise, and -2 ln its det."""
    rows = np.zeros((points, points))
    return rows, float(_whiten(autocovariance(hurst, points), rows))


def prediction_errors(hurst: float, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-step prediction errors of unit fractional Gaussian noise from its past points.

    Parameters
    ----------
    hurst : float
    noise : (point,)

    Returns
    -------
    ((point,), (point,))
        Errors divided by their standard deviations under the model, and those deviations.
    """
    order = min(_MEMORY, len(noise))
    rows, _ = whitening(hurst, order)
    errors = np.empty_like(noise)
    errors[:order] = rows @ noise[:order]
    errors[order:] = np.correlate(noise[1:], rows[-1], "valid") if len(noise) > order else 0.0
    deviation = np.full(len(noise), 1 / rows[-1, -1])
    deviation[:order] = 1 / np.diagonal(rows)
    return errors, deviation


def _exact_profile(dx: np.ndarray) -> np.ndarray:
    """Profile log-likelihood (series, hurst), maximised over mean and variance."""
    points = dx.shape[1]
    # full groups of columns: the last bits of a matrix product depend on how a remainder is done
    padding = np.zeros((-(len(dx) + 1) % _COLUMNS_PER_GROUP, points))
    noise = np.concatenate([dx, padding, np.ones((1, points))]).T.copy()
    found = np.empty((len(dx), len(HURST)))
    for k, hurst in enumerate(HURST):
        rows = np.zeros((points, points))
        logs = _whiten(autocovariance(hurst, points), rows)
        errors = rows @ noise
        unit, e = errors[:, -1], errors[:, : len(dx)]
        mean = np.einsum("p,ps->s", unit, e)
        squares = np.einsum("ps,ps->s", e, e) - mean**2 / (unit @ unit)
        found[:, k] = -0.5 * (points * np.log(squares / points) + logs)
    return found


@functools.lru_cache(maxsize=4)
def _whittle_tables(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Inverse spectra (frequency, hurst) and sums of their logarithms (hurst,)."""
    frequency = 2 * np.pi * np.arange(1, (points - 1) // 2 + 1) / points
    spectra = np.stack([spectrum(h, frequency) for h in HURST], axis=1)
    return 1 / spectra, np.log(spectra).sum(axis=0)


def _whittle_profile(dx: np.ndarray) -> np.ndarray:
    """Whittle's profile log-likelihood (series, hurst), maximised over the variance."""
    points = dx.shape[1]
    inverse, logs = _whittle_tables(points)
    power = np.abs(np.fft.rfft(dx - dx.mean(axis=1, keepdims=True), axis=1)) ** 2 / points
    frequencies = len(inverse)
    # einsum: the last bits of a matrix product depend on the number of series
    weighted = np.einsum("sf,fh->sh", power[:, 1 : frequencies + 1], inverse)
    return -(frequencies * np.log(weighted / frequencies) + logs)


COLUMNS = ("hurst", "hurst_low", "hurst_high", "drift", "variance", "count")


def fbm_kernel(x: np.ndarray, *, confidence: float) -> np.ndarray:
    """Fit series that are evenly spaced, without gaps, not constant, of at least 50 increments.

    Parameters
    ----------
    x : (series, point)
    confidence : float

    Returns
    -------
    (series, 6)
        ``COLUMNS``; drift and variance are those of one increment.
    """
    dx = np.diff(x, axis=1)
    points = dx.shape[1]
    # centred first: next to a large drift the digits of the noise would be lost
    scaled = (dx - dx.mean(axis=1, keepdims=True)) / dx.std(axis=1, keepdims=True)
    profile = _exact_profile(scaled) if points <= EXACT_UP_TO else _whittle_profile(scaled)
    curve = CubicSpline(HURST, profile, axis=1)(_FINE)
    best = curve.argmax(axis=1)
    drop = 2 * (curve.max(axis=1, keepdims=True) - curve)
    inside = drop <= chdtri(1, 1 - confidence)
    hurst = _FINE[best]
    low = _FINE[inside.argmax(axis=1)]
    high = _FINE[inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)]
    # subtracting the mean lowers the variance: E var = sigma**2 (1 - n**(2 H - 2))
    variance = dx.var(axis=1) / (1 - points ** (2 * hurst - 2))
    count = np.full(len(dx), points)
    return np.column_stack([hurst, low, high, dx.mean(axis=1), variance, count])


@checked
def fit_fbm(
    theta: Any,
    *,
    time: Any = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Fractional Brownian motion: Hurst exponent by exact or Whittle likelihood.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced paths in units x, not increments; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: hurst and alpha = 2 hurst, with ``_low`` and
        ``_high``; drift (x/t) and diffusion (x**2/t**alpha), without intervals; count (increments);
        status.

    Raises
    ------
    InputError
        For an unknown dimension, or times that do not increase.

    See Also
    --------
    hurst : The same exponent, also by detrended fluctuation analysis.
    msd_exponent : Exponent from the mean squared displacement, with gaps or an ensemble.
    fit : Which of five processes describes the series?

    Notes
    -----
    MSD = 2 D t**(2 H), so that the unit of D depends on the exponent. The increments are fractional
    Gaussian noise. Their likelihood, profiled over mean and variance, is exact up to 1024
    increments and Whittle's approximation beyond; the interval is that of the likelihood ratio.
    Points must be evenly spaced without gaps and at least 51: otherwise the status is "needs even
    spacing" or "too short".

    References
    ----------
    Beran (1994), "Statistics for long-memory processes"; Brockwell and Davis (1991), section 5.2.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.fractional_brownian(hurst=0.3, steps=2000, rng=0)["theta"]
    >>> found = sp.dynamics.fit_fbm(theta)
    >>> [round(found[name].item(), 2) for name in ("hurst", "hurst_low", "hurst_high")]
    [0.29, 0.27, 0.31]
    """
    series = paths(theta, time=time)
    spacing = series.spacing

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        return fbm_kernel(x, confidence=confidence)

    found, status = over_sound_series(series, kernel, len(COLUMNS), _NEEDS, block_bytes=_BLOCK)
    hurst, low, high, drift, variance, count = np.moveaxis(found, -1, 0)
    return result(
        series,
        {
            "hurst": hurst,
            "hurst_low": low,
            "hurst_high": high,
            "alpha": 2 * hurst,
            "alpha_low": 2 * low,
            "alpha_high": 2 * high,
            "drift": drift / spacing,
            "diffusion": np.where(is_still(status), 0, variance / (2 * spacing ** (2 * hurst))),
            "count": count,
            "status": status,
        },
        named={"count": number_of("increments"), "diffusion": GENERALISED_DIFFUSION},
        method="likelihood of fractional Gaussian noise, exact up to 1024 increments, then Whittle",
        reference="Beran (1994); Brockwell and Davis (1991)",
        confidence=confidence,
        interval_method="likelihood ratio for hurst; drift and diffusion: none",
    )
