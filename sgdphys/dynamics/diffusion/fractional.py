"""Fractional Brownian motion: exact and Whittle likelihood of fractional Gaussian noise."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr
from scipy.fft import dct
from scipy.interpolate import CubicSpline
from scipy.special import chdtri, logit

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.dynamics.series import over_sound_series, paths, result
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.dynamics.stretches import is_long, moments, rows_of
from sgdphys.quantities import GENERALISED_DIFFUSION, number_of
from sgdphys.simd.operations import fma, load_block, store
from sgdphys.simd.vectors import SAMPLES, lanes
from sgdphys.status import END_OF_RANGE, OK

FEWEST = 50
"""Increments for an exponent."""
_NEEDS = Needs(points=FEWEST + 1, even=True, whole=True)
EXACT_UP_TO = 1024
"""Increments up to which the likelihood is exact; beyond, Whittle's approximation."""
LONGEST = 2**17
"""Increments up to which the spectrum is that of the whole series; beyond, that of stretches."""
HURST = np.concatenate(
    [np.geomspace(0.01, 0.098, 12), np.arange(0.11, 0.96, 0.03), [0.965, 0.98, 0.99]]
)
"""Exponents at which likelihoods are evaluated, denser towards 0, where they change fastest."""
ROUGH_BELOW = 0.4
"""Exponents below which long paths are judged by their cosine transform."""
N_ROUGH = int(np.searchsorted(HURST, 0.66))
"""Number of exponents at which that is done."""
_FINE = 1 / (1 + np.exp(-np.linspace(logit(HURST[0]), logit(HURST[-1]), 2401)))
"""Exponents at which they are interpolated, in ln(H/(1 - H))."""
_CLOSE = 0.01
"""Distance from the first estimate within which long series are judged again."""
_CLOSE_NODES = 9
MEMORY = 256
"""Number of past points that a prediction uses."""
_NEAR = 200
"""Lags up to which autocovariances are differences of powers."""
_BLOCK = 16 * 2**20


def autocovariance(hurst: float, lags: int) -> np.ndarray:
    """Autocovariance of unit fractional Gaussian noise at lags 0 ... lags."""
    k = np.arange(lags + 1.0)
    power = 2 * hurst
    near = k[:_NEAR]
    found = np.empty(lags + 1)
    found[:_NEAR] = 0.5 * ((near + 1) ** power - 2 * near**power + np.abs(near - 1) ** power)
    # further on the difference would lose its digits: its Taylor series in 1/k
    far = k[_NEAR:]
    second = power * (power - 1)
    fourth = second * (power - 2) * (power - 3)
    sixth = fourth * (power - 4) * (power - 5)
    series = second / 2 + fourth / 24 / far**2 + sixth / 720 / far**4
    found[_NEAR:] = far ** (power - 2) * series
    return found


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


@compiled
def _predict(hurst, noise, row, errors, deviations, last):
    """Prediction errors from all past points, for as many points as ``row`` has (Durbin, Levinson).

    Parameters
    ----------
    hurst : (series,)
    noise, errors, deviations : (series, point)
        Errors in their standard deviations, and these, are filled in.
    row : (3, order)
        Scratch.
    last : (series, order)
        Filled with the weights of the last prediction, the most distant point first.
    """
    order = row.shape[1]
    covariance, weights, next_weights = row[0], row[1], row[2]
    for s in range(noise.shape[0]):
        power = 2.0 * hurst[s]
        for k in range(order):
            covariance[k] = 0.5 * ((k + 1.0) ** power - 2.0 * k**power + abs(k - 1.0) ** power)
        variance = covariance[0]
        for k in range(order):
            # weights[j] is of the point j + 1 before
            if k:
                reflection = covariance[k]
                for j in range(k - 1):
                    reflection -= weights[j] * covariance[k - 1 - j]
                reflection /= variance
                for j in range(k - 1):
                    next_weights[j] = weights[j] - reflection * weights[k - 2 - j]
                next_weights[k - 1] = reflection
                for j in range(k):
                    weights[j] = next_weights[j]
                variance *= 1.0 - reflection * reflection
            error = noise[s, k]
            for j in range(k):
                error -= weights[j] * noise[s, k - 1 - j]
            deviations[s, k] = np.sqrt(variance)
            errors[s, k] = error / deviations[s, k]
        for j in range(order - 1):
            last[s, order - 2 - j] = -weights[j] / deviations[s, order - 1]
        last[s, order - 1] = 1.0 / deviations[s, order - 1]


def prediction_errors(hurst: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One-step prediction errors of unit fractional Gaussian noise from its past points.

    Parameters
    ----------
    hurst : (series,)
    noise : (series, point)

    Returns
    -------
    ((series, point), (series, point))
        Errors divided by their standard deviations under the model, and those deviations.
    """
    series, points = noise.shape
    order = min(MEMORY, points)
    errors, deviations = np.empty_like(noise), np.empty_like(noise)
    last = np.empty((series, order))
    _predict(hurst, noise, np.empty((3, order)), errors, deviations, last)
    if points > order:
        for s in range(series):
            errors[s, order:] = np.correlate(noise[s, 1:], last[s], "valid")
        deviations[:, order:] = 1 / last[:, -1:]
    return errors, deviations


@compiled
def _whitened_sums(rows, unit, noise, sums):
    """Sums over whitened series: of their products with a whitened constant, and of squares.

    Parameters
    ----------
    rows : (point, point)
        Whitening matrix, whose entries above the diagonal are not read.
    unit : (point,)
        The whitened constant 1.
    noise : (group, point * width)
        ``width`` series side by side.
    sums : (group, 2 * width)
        Zeros, which are filled.
    """
    width = sums.shape[1] // 2
    points = rows.shape[0]
    for g in range(noise.shape[0]):
        x, out = noise[g], sums[g]
        along, squares = load_block(out, 0), load_block(out, width)
        for k in range(0, points - 1, 2):  # two rows, for which every number is loaded once
            here = load_block(x, 0)
            first, second = here * rows[k, 0], here * rows[k + 1, 0]
            for j in range(1, k + 1):
                here = load_block(x, j * width)
                first = fma(here, rows[k, j], first)
                second = fma(here, rows[k + 1, j], second)
            second = fma(load_block(x, (k + 1) * width), rows[k + 1, k + 1], second)
            along = fma(second, unit[k + 1], fma(first, unit[k], along))
            squares = fma(second, second, fma(first, first, squares))
        if points % 2:
            k = points - 1
            first = load_block(x, 0) * rows[k, 0]
            for j in range(1, points):
                first = fma(load_block(x, j * width), rows[k, j], first)
            along = fma(first, unit[k], along)
            squares = fma(first, first, squares)
        store(out, 0, along)
        store(out, width, squares)


def exact_profile(dx: np.ndarray) -> np.ndarray:
    """Restricted log-likelihood (series, hurst): integrated over the mean, maximal in the variance.

    With the mean at its maximum instead, exponents near 1 are biased downwards in short series,
    whose mean is then nearly as uncertain as a single point.
    """
    series, points = dx.shape
    width = SAMPLES * lanes(np.float64)
    groups = -(-series // width)
    # complete groups, so that the last bits of a result do not depend on the number of series
    padded = np.zeros((groups * width, points))
    padded[:series] = dx
    noise = padded.reshape(groups, width, points).transpose(0, 2, 1).reshape(groups, -1)
    found = np.empty((series, len(HURST)))
    rows = np.zeros((points, points))
    for k, hurst in enumerate(HURST):
        logs = _whiten(autocovariance(hurst, points), rows)
        unit = rows.sum(axis=1)
        information = (unit**2).sum()
        sums = np.zeros((groups, 2 * width))
        _whitened_sums(rows, unit, noise, sums)
        along, squares = sums.reshape(groups, 2, width).transpose(1, 0, 2).reshape(2, -1)
        squares = (squares - along**2 / information)[:series]
        found[:, k] = -0.5 * ((points - 1) * np.log(squares) + logs + np.log(information))
    return found


@functools.lru_cache(maxsize=4)
def _whittle_tables(
    points: int, exponents: tuple[float, ...] = tuple(HURST.tolist())
) -> tuple[np.ndarray, np.ndarray]:
    """Inverse expected periodograms (frequency, hurst) and sums of their logarithms (hurst,).

    The expectation at this number of points stands for the spectrum (debiased Whittle likelihood,
    Sykulski et al. 2019): where the spectrum falls to 0, as at small exponents, most of a
    periodogram at low frequencies has leaked from high ones.
    """
    frequencies = (points - 1) // 2
    share = 1 - np.arange(points) / points
    spectra = np.empty((frequencies, len(exponents)))
    for k, hurst in enumerate(exponents):
        covariance = share * autocovariance(hurst, points - 1)
        expected = 2 * np.fft.rfft(covariance).real - covariance[0]
        spectra[:, k] = expected[1 : frequencies + 1]
    return 1 / spectra, np.log(spectra).sum(axis=0)


def equal_stretches(points: int) -> tuple[int, int]:
    """Number and length of the stretches of a series of so many increments.

    The length is a multiple of 64, for fast transforms: of each stretch fewer are left out.
    """
    many = -(-points // LONGEST)
    return (many, points) if many == 1 else (many, points // many // 64 * 64)


def _noise_of(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, many: int, points: int
) -> Iterator[np.ndarray]:
    """Increments of each stretch of paths, about their mean, in their standard deviations."""
    for first in range(0, many * points, points):
        dx = np.diff(x[:, first : first + points + 1], axis=1)
        yield (dx - mean[:, None]) / deviation[:, None]


def _whittle_profile(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, exponents: tuple[float, ...]
) -> np.ndarray:
    """Whittle's profile log-likelihood (series, hurst), maximised over the variance.

    That of long series is the sum of those of stretches of equal length, about their own means.
    """
    many, points = equal_stretches(x.shape[1] - 1)
    inverse, logs = _whittle_tables(points, exponents)
    power = np.zeros((len(x), points // 2 + 1))
    for part in _noise_of(x, mean, deviation, many, points):
        power += np.abs(np.fft.rfft(part - part.mean(axis=1, keepdims=True), axis=1)) ** 2 / points
    frequencies = len(inverse)
    # einsum: the last bits of a matrix product depend on the number of series
    weighted = np.einsum("sf,fh->sh", power[:, 1 : frequencies + 1], inverse)
    total = many * frequencies
    return -(total * np.log(weighted / total) + many * logs)


@functools.lru_cache(maxsize=4)
def _cosine_tables(
    points: int, exponents: tuple[float, ...] = tuple(HURST[:N_ROUGH].tolist())
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inverse variances (frequency, hurst) of the cosine transform of paths, without the constant.

    With c_j(t) = sqrt(2/n) cos(pi j (t + 1/2)/n) the variances are
    -1/2 sum |t - s|**(2 H) c_j(t) c_j(s). Then weights (frequency, hurst) with which a straight
    line has a sum of squares of 1, and what is subtracted from the log-likelihood (hurst,).
    """
    lag = np.arange(points)
    j = np.arange(1, points)
    found = np.empty((points - 1, len(exponents)))
    for k, hurst in enumerate(exponents):
        power = lag ** (2 * hurst)
        along = np.fft.rfft((1 - lag / points) * power, 2 * points)[1:points].real
        across = -np.fft.rfft(power, 2 * points)[1:points].imag
        found[:, k] = across / (points * np.sin(np.pi * j / points)) - along
    line = dct(np.arange(float(points)), norm="ortho")[1:, None]
    line /= np.sqrt((line**2).sum())
    information = (line**2 / found).sum(axis=0)
    logs = np.log(found).sum(axis=0) + np.log(information)
    return 1 / found, line / found / np.sqrt(information), logs


def _cosine_profile(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, exponents: tuple[float, ...]
) -> np.ndarray:
    """Restricted log-likelihood (series, rough hurst) of paths by their cosine transform.

    Its coefficients are independent at H = 1/2 and, in the limit, at H = 0, and nearly so between,
    where the frequencies of increments all contain the one difference of the last and first point.
    That of long series is the sum of those of stretches, about lines of their own.
    """
    many, points = equal_stretches(x.shape[1] - 1)
    inverse, line, logs = _cosine_tables(points + 1, exponents)
    squares = np.zeros((len(x), len(exponents)))
    for part in _noise_of(x, mean, deviation, many, points):
        path = np.pad(np.cumsum(part, axis=1), ((0, 0), (1, 0)))
        y = dct(path, norm="ortho", axis=1)[:, 1:]
        # einsum: the last bits of a matrix product depend on the number of series
        squares += np.einsum("sf,fh->sh", y**2, inverse) - np.einsum("sf,fh->sh", y, line) ** 2
    return -0.5 * many * ((points - 1) * np.log(squares) + logs)


def _of_long(
    x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, confidence: float
) -> tuple[np.ndarray, ...]:
    """Exponent and its interval (series,) of paths of many increments, by Whittle likelihood."""
    n = x.shape[1] - 1
    nodes = tuple(HURST.tolist())
    profile = _whittle_profile(x, mean, deviation, nodes)
    found = np.stack(_likelihood_ratio(profile, n, confidence))
    rough = found[0] < ROUGH_BELOW
    if rough.any():
        given = rows_of(x, np.flatnonzero(rough)), mean[rough], deviation[rough]
        profile = _cosine_profile(*given, nodes[:N_ROUGH])
        found[:, rough] = _likelihood_ratio(profile, n, confidence)
    if is_long(n):
        for row in range(len(x)):
            given = x[row : row + 1], mean[row : row + 1], deviation[row : row + 1]
            of_path = _cosine_profile if rough[row] else _whittle_profile
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
    fit : Which of five processes describes the series?

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
