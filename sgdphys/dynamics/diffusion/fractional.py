"""Fractional Brownian motion: exponent by exact or Whittle likelihood."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline
from scipy.special import chdtri, logit

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.dynamics.diffusion.fractional_noise import HURST, exact_profile
from sgdphys.dynamics.diffusion.whittle import N_ROUGH, cosine_profile, whittle_profile
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.dynamics.stretches import is_long, moments, rows_of
from sgdphys.quantities import GENERALISED_DIFFUSION, number_of
from sgdphys.status import END_OF_RANGE, OK

FEWEST = 50
"""Increments for an exponent."""
_NEEDS = Needs(points=FEWEST + 1, even=True, whole=True)
EXACT_UP_TO = 1024
"""Increments up to which the likelihood is exact; beyond, Whittle's approximation."""
ROUGH_BELOW = 0.4
"""Exponents below which long paths are judged by their cosine transform."""
_FINE = 1 / (1 + np.exp(-np.linspace(logit(HURST[0]), logit(HURST[-1]), 2401)))
"""Exponents at which likelihoods are interpolated, in ln(H/(1 - H))."""
_CLOSE = 0.01
"""Distance from the first estimate within which long series are judged again."""
_CLOSE_NODES = 9
_BLOCK = 16 * 2**20


def _of_long(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, confidence: float
) -> tuple[np.ndarray, ...]:
    """Exponent and its interval (series,) of paths of many increments, by Whittle likelihood."""
    n = x.shape[1] - 1
    nodes = tuple(HURST.tolist())
    profile = whittle_profile(x, mean, deviation, nodes)
    found = np.stack(_likelihood_ratio(profile, n, confidence))
    rough = found[0] < ROUGH_BELOW
    if rough.any():
        given = rows_of(x, np.flatnonzero(rough)), mean[rough], deviation[rough]
        profile = cosine_profile(*given, nodes[:N_ROUGH])
        found[:, rough] = _likelihood_ratio(profile, n, confidence)
    if is_long(n):
        for row in range(len(x)):
            given = x[row : row + 1], mean[row : row + 1], deviation[row : row + 1]
            of_path = cosine_profile if rough[row] else whittle_profile
            found[:, row] = _refined(of_path, given, found[:, row], confidence)
    return tuple(found)


def _refined(
    profile_of: Callable[..., np.ndarray],
    given: tuple[np.ndarray, ...],
    found: np.ndarray,
    confidence: float,
) -> np.ndarray:
    """Exponent and interval of one long path from exponents close to the first estimate.

    The interval of a long series is narrower than the distances at which a spline between the
    exponents of ``HURST`` is exact. An interval that leaves the new range is kept as it was.
    """
    low, high = max(found[0] - _CLOSE, HURST[0]), min(found[0] + _CLOSE, HURST[-1])
    if not low < found[1] < found[2] < high:
        return found
    nodes = 1 / (1 + np.exp(-np.linspace(logit(low), logit(high), _CLOSE_NODES)))
    profile = profile_of(*given, tuple(nodes.tolist()))
    fine = 1 / (1 + np.exp(-np.linspace(logit(nodes[0]), logit(nodes[-1]), len(_FINE))))
    close = np.stack(_ratio_interval(profile, nodes, fine, confidence))[:, 0]
    return close if nodes[0] < close[1] < close[2] < nodes[-1] else found


def _likelihood_ratio(
    profile: np.ndarray, points: int, confidence: float
) -> tuple[np.ndarray, ...]:
    """Maximum and likelihood-ratio interval (series,) of profiles (series, first exponents).

    An interval that reaches an end of the range goes on to that of the model, 0 or 1; where the
    maximum itself is at an end, it is open, -inf or inf.
    """
    fine = _FINE[:: 1 if points > EXACT_UP_TO else 4]
    fine = fine[fine <= HURST[profile.shape[1] - 1]]
    return _ratio_interval(profile, HURST[: profile.shape[1]], fine, confidence)


def _ratio_interval(
    profile: np.ndarray, exponents: np.ndarray, fine: np.ndarray, confidence: float
) -> tuple[np.ndarray, ...]:
    """``_likelihood_ratio`` of profiles at some exponents, interpolated at fine ones."""
    nodes = logit(exponents)
    at = logit(fine)
    interval = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    # (series, interval, power)
    cubics = np.ascontiguousarray(CubicSpline(nodes, profile, axis=1).c.transpose(2, 1, 0))
    found = np.empty((len(profile), 3))
    drop = 0.5 * float(chdtri(1, 1 - confidence))
    _peaks(cubics, interval, at - nodes[interval], fine, drop, np.empty_like(fine), found)
    return tuple(found.T)


@compiled
def _peaks(cubics, interval, offset, fine, drop, curve, out):
    """Fill out (series, 3): where cubic splines are highest, and where they have fallen by a drop.

    Parameters
    ----------
    cubics : (series, interval, 4)
        Coefficients of the splines, highest power first.
    interval, offset : (place,)
        Which cubic each place is on, and how far from where that begins.
    fine : (place,)
        Exponents of the places.
    curve : (place,)
        Scratch.
    """
    last = fine.shape[0] - 1
    for s in range(cubics.shape[0]):
        best = 0
        for j in range(last + 1):
            c, d = cubics[s, interval[j]], offset[j]
            curve[j] = ((c[0] * d + c[1]) * d + c[2]) * d + c[3]
            if curve[j] > curve[best]:
                best = j
        # of the parabola through three points
        k = min(max(best, 1), last - 1)
        left, right = curve[k - 1], curve[k + 1]
        place = float(best)
        if best == k:
            bend = min(left - 2 * curve[k] + right, -1e-300)
            place += min(max(0.5 * (left - right) / bend, -0.5), 0.5)
        below = min(int(place), last - 1)
        out[s, 0] = fine[below] + (place - below) * (fine[below + 1] - fine[below])
        level = curve[best] - drop
        first, final = 0, last
        while curve[first] < level:
            first += 1
        while curve[final] < level:
            final -= 1
        out[s, 1] = 0.0 if first == 0 else _crossing(curve, fine, level, first - 1)
        out[s, 2] = 1.0 if final == last else _crossing(curve, fine, level, final)
        if best == 0:
            out[s, 1] = -np.inf
        if best == last:
            out[s, 2] = np.inf


@compiled
def _crossing(curve, fine, level, k):
    """Where a curve crosses a level between place k and the next."""
    share = (curve[k] - level) / (curve[k] - curve[k + 1])
    return fine[k] + share * (fine[k + 1] - fine[k])


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
    points = x.shape[1] - 1
    # centred first: next to a large drift the digits of the noise would be lost
    mean, variance = moments(x)
    deviation = np.sqrt(variance)
    if points <= EXACT_UP_TO:
        scaled = (np.diff(x, axis=1) - mean[:, None]) / deviation[:, None]
        hurst, low, high = _likelihood_ratio(exact_profile(scaled), points, confidence)
    else:
        hurst, low, high = _of_long(x, mean, deviation, confidence)
    # subtracting the mean lowers the variance: E var = sigma**2 (1 - n**(2 H - 2))
    variance = variance / (1 - points ** (2 * hurst - 2))
    count = np.full(len(x), points)
    return np.column_stack([hurst, low, high, mean, variance, count])


def at_end(hurst: np.ndarray) -> np.ndarray:
    """Whether exponents are the smallest or largest that is compared."""
    with np.errstate(invalid="ignore"):
        return (hurst <= HURST[0] + 1e-9) | (hurst >= HURST[-1] - 1e-9)


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
    fit : Which process describes the series?

    Notes
    -----
    MSD = 2 D t**(2 H), so that the unit of D depends on the exponent. The increments are fractional
    Gaussian noise. Their restricted likelihood, integrated over the mean and maximised over the
    variance, is exact up to 1024 increments. Beyond, it is Whittle's approximation with the
    expected periodogram, and for exponents below 0.4 that of the cosine transform of the path; from
    131,073 increments on it is the sum of those of stretches of equal length with one variance. The
    interval is that of the likelihood ratio. Exponents from 0.01 to 0.99 are compared. An interval
    that reaches one of these goes on to 0 or 1, the ends of the model; an estimate there, such as
    that of white noise (0.01), has the status "at the end of the range" and an open interval, -inf
    or inf. 95% intervals cover 92% to 98% for exponents from 0.03 to 0.98 and 60 to 4000 increments
    (counted with another simulator). Points must be evenly spaced without gaps and at least 51:
    otherwise the status is "needs even spacing" or "too short".

    References
    ----------
    Beran (1994), "Statistics for long-memory processes"; Brockwell and Davis (1991), section 5.2;
    Sykulski et al. (2019), Biometrika 106, 251, for the expected periodogram.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.fractional_brownian(hurst=0.3, steps=2000, rng=0)["theta"]
    >>> found = sp.dynamics.fit_fbm(theta)
    >>> [round(found[name].item(), 2) for name in ("hurst", "hurst_low", "hurst_high")]
    [0.29, 0.27, 0.32]
    """
    series = paths(theta, time=time)
    spacing = series.spacing

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        return fbm_kernel(x, confidence=confidence)

    found, status = over_sound_series(series, kernel, len(COLUMNS), _NEEDS, block_bytes=_BLOCK)
    hurst, low, high, drift, variance, count = np.moveaxis(found, -1, 0)
    status = np.where((status == OK) & at_end(hurst), END_OF_RANGE, status)
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
