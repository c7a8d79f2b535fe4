"""Anomalous diffusion exponent from the mean squared displacement, with a valid interval."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline
from scipy.special import binom, ndtri

from sgdphys.arguments import checked
from sgdphys.dynamics.clock import whole_lags
from sgdphys.dynamics.diffusion.msd import complete_msd, doubling, gappy_msd
from sgdphys.dynamics.series import (
    over_sound_series,
    paths,
    require_free_names,
    require_one_dimension,
    result,
    summed,
)
from sgdphys.dynamics.status import Needs, is_still
from sgdphys.errors import InputError
from sgdphys.intervals import (
    METHOD,
    finite_mean,
    jackknife_interval,
    means_without_each,
)
from sgdphys.processes import fractional_brownian
from sgdphys.quantities import GENERALISED_DIFFUSION, labelled, number_of
from sgdphys.status import END_OF_RANGE, FEW_VALUES, OK, flagged

FEWEST = 50
"""Least number of increments for an exponent."""
_ALPHAS = np.concatenate([[0.02], np.arange(0.1, 1.85, 0.1), [1.85, 1.9, 1.95, 1.98]])


_FAR = 16
"""Distance of two displacements, in means of their lengths, from which a series is summed."""
_TERMS = 5
_MOST_VALUES = 2**24
"""Values of simulated paths that are held at once."""


def displacement_covariance(alpha: float, lags: np.ndarray, points: int) -> np.ndarray:
    """Relative covariance (lag, lag) of time-averaged MSDs of fractional Brownian motion.

    Cov = 2/(K_n K_m) times the sum, over pairs of starting points, of the squared covariance of the
    two Gaussian displacements (Isserlis' theorem).
    """
    # in half spacings: the middles of two displacements lie at half-integer distances
    power = (np.arange(2 * points + 1) / 2) ** alpha
    found = np.empty((len(lags), len(lags)))
    for a, n in enumerate(lags):
        for b, m in enumerate(lags[: a + 1]):
            distance = np.arange((n + m) % 2, 2 * points - n - m, 2)
            pairs = np.minimum((2 * points - n - m - distance) / 2, points - max(n, m))
            g = _covariance_of_two(power, distance, n + m, abs(n - m), alpha)
            terms = pairs * g**2
            total = 2 * terms.sum() - (terms[0] if distance[0] == 0 else 0.0)  # both signs
            total *= 2 / ((points - n) * (points - m))
            found[a, b] = found[b, a] = total / (float(n) ** alpha * float(m) ** alpha)
    return found


def _covariance_of_two(
    power: np.ndarray, distance: np.ndarray, sum_of_lags: int, difference: int, alpha: float
) -> np.ndarray:
    """Covariance of two displacements against the distance of their middles, in half spacings.

    It is half of F(c + p) + F(c - p) - F(c + q) - F(c - q), with F(c) = |c|**alpha, p half the sum
    of the two lags and q half their difference. Far apart these four cancel to rounding, and their
    series is summed: F(c) sum_j binom(alpha, 2 j) (p**(2 j) - q**(2 j)) c**(-2 j).
    """
    split = int(np.searchsorted(distance, _FAR * sum_of_lags))
    near, far = distance[:split], distance[split:]
    found = np.empty(len(distance))
    found[:split] = 0.5 * (
        power[near + sum_of_lags]
        + power[np.abs(near - sum_of_lags)]
        - power[near + difference]
        - power[np.abs(near - difference)]
    )
    if len(far):
        inverse = (sum_of_lags / far) ** 2
        ratio = (difference / sum_of_lags) ** 2
        total = np.zeros(len(far))
        for j in range(_TERMS, 0, -1):
            total = (total + binom(alpha, 2 * j) * (1 - ratio**j)) * inverse
        found[split:] = power[far] * total
    return found


@functools.lru_cache(maxsize=8)
def _covariances(lags: tuple[int, ...], points: int) -> np.ndarray:
    """Covariances at all exponents of the grid, (alpha, lag, lag)."""
    return np.stack([displacement_covariance(a, np.array(lags), points) for a in _ALPHAS])


def _scores(
    logs: np.ndarray, log_lag: np.ndarray, covariance: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """(Slope of ln MSD (series, lag) - alpha) / its standard error, and the intercept."""
    x = np.stack([np.ones_like(log_lag), log_lag], axis=1)
    y = logs + 0.5 * np.diagonal(covariance)  # <ln u> of a noisy mean
    weighted = np.linalg.solve(covariance, x)
    inverse = np.linalg.inv(x.T @ weighted)
    # einsum: the last bits of a matrix product depend on the number of series
    coefficients = np.einsum("sl,lc->sc", y, weighted @ inverse)
    return (coefficients[:, 1] - alpha) / np.sqrt(inverse[1, 1]), coefficients[:, 0]


@functools.lru_cache(maxsize=256)
def _law(lags: tuple[int, ...], points: int, index: int, confidence: float) -> tuple[float, ...]:
    """Lower, middle and upper quantile of the score at one exponent of the grid.

    Normal up to an exponent of 1; beyond, squares of such persistent increments are skewed, and
    the quantiles are those of simulated paths (800 of 2001 or more points, 4000 of 400 or fewer).
    """
    tail = (1 - confidence) / 2
    chances = [tail, 0.5, 1 - tail]
    alpha = float(_ALPHAS[index])
    if alpha <= 1.0:
        return tuple(ndtri(chances))
    n_paths = max(1_600_000 // max(points, 400), 800)
    steps = np.array(lags)
    at_once = max(min(n_paths, _MOST_VALUES // points), 1)
    parts = []
    for first in range(0, n_paths, at_once):
        walks = fractional_brownian(
            hurst=alpha / 2,
            steps=points - 1,
            parameters=min(at_once, n_paths - first),
            rng=[index, points, first] if first else [index, points],
        )
        parts.append(complete_msd(np.ascontiguousarray(walks["theta"].to_numpy()[:, 0].T), steps))
    found = np.concatenate(parts)
    covariance = _covariances(lags, points)[index]
    return tuple(np.quantile(_scores(np.log(found), np.log(steps), covariance, alpha)[0], chances))


def _laws(
    lags: tuple[int, ...], points: int, confidence: float, near: tuple[float, float]
) -> np.ndarray:
    """Quantiles (3, alpha) of the score, simulated only near the exponents between two ends."""
    low, high = np.searchsorted(_ALPHAS, near)
    needed = np.clip(np.arange(len(_ALPHAS)), max(low - 1, 0), min(high, len(_ALPHAS) - 1))
    return np.array([_law(lags, points, int(k), confidence) for k in needed]).T


def _first(holds: np.ndarray) -> np.ndarray:
    """First index along the last axis where ``holds`` is true; the last index if nowhere."""
    return np.where(holds.any(axis=1), holds.argmax(axis=1), holds.shape[1] - 1)


def _generalised_fit(
    logs: np.ndarray,
    log_lag: np.ndarray,
    tables: np.ndarray,
    laws: Callable[[tuple[float, float]], np.ndarray],
) -> np.ndarray:
    """Exponent, its interval and intercept of ln MSD (series, lag) on ln lag; (series, 4).

    At each exponent of the grid the slope is fitted with the covariance of that exponent; the
    interval contains the exponents at which the score lies within its own distribution. An interval
    that reaches an end of the grid goes on to that of the model, 0 or 2; where the exponent itself
    is at an end, it is open, -inf or inf.
    """
    found = [_scores(logs, log_lag, c, a) for c, a in zip(tables, _ALPHAS, strict=True)]
    scores, intercepts = (np.stack(f, axis=1) for f in zip(*found, strict=True))
    fine = np.linspace(_ALPHAS[0], _ALPHAS[-1], 3921)
    curve = CubicSpline(_ALPHAS, scores, axis=1)(fine)
    # quantiles are needed within four standard errors of the estimates
    near = np.flatnonzero((np.abs(curve) < 4).any(axis=0))
    ends = (fine[near[0]], fine[near[-1]]) if len(near) else (fine[0], fine[-1])
    lower, middle_law, upper = (np.interp(fine, _ALPHAS, law) for law in laws(ends))
    # scores fall with the exponent; where noise makes one rise again, take the widest interval
    low = fine[_first(curve <= upper)]
    middle = fine[_first(curve <= middle_law)]
    high = fine[curve.shape[1] - 1 - _first((curve >= lower)[:, ::-1])]
    low = np.where(curve[:, 0] <= upper[0], np.where(middle == fine[0], -np.inf, 0.0), low)
    high = np.where(curve[:, -1] >= lower[-1], np.where(middle == fine[-1], np.inf, 2.0), high)
    intercept = [np.interp(a, _ALPHAS, row) for a, row in zip(middle, intercepts, strict=True)]
    return np.column_stack([middle, low, high, intercept])


@checked
def msd_exponent(
    theta: Any,
    *,
    time: Any = None,
    lags: Any = None,
    of: str = "path",
    over: str | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Anomalous diffusion exponent alpha: log-log slope of the mean squared displacement.

    Parameters
    ----------
    theta : DataArray or array
        Evenly spaced series in units x; an array without names has time first. Subtract a drift
        first, for example by ``deviation_from_mean``: drift alone gives alpha = 2.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    lags : array, optional
        Lags in units t; by default 1, 2, 4, ... points up to a tenth of the series.
    of : str
        What the series are: "path", or "increments", which are summed first.
    over : str, optional
        Dimension of independent paths: one exponent of their mean MSD, with an interval.
        By default every series has its own exponent.
    confidence : float
        Level of the interval, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: alpha with ``_low`` and ``_high``; diffusion
        (x**2/t**alpha), not with ``over``; count; status, with ``over`` that of most members where
        none of them counts.

    Raises
    ------
    InputError
        For lags beyond the length of the series, or fewer than two; for lags, or an ensemble, of
        unevenly spaced points.

    See Also
    --------
    msd : The mean squared displacement itself.
    fit_fbm : Hurst exponent by likelihood, more precise for alpha above 1.6.
    hurst : Hurst exponent H = alpha/2, also by DFA.

    Notes
    -----
    MSD = 2 D t**alpha: alpha < 1 is subdiffusion, alpha > 1 superdiffusion. Values of an MSD at
    different lags are dependent, so ordinary least squares has no valid standard error. Here ln MSD
    is fitted by generalised least squares with the covariance of fractional Brownian motion of the
    same exponent and length; the bias of the logarithm is subtracted. Estimate and interval are the
    exponents at which the score is at its median and within its own distribution, which is normal
    up to alpha = 1 and simulated above, where it is skewed. They are exact where increments are
    stationary and Gaussian. Exponents from 0.02 to 1.98 are compared. An interval that reaches one
    of these goes on to 0 or 2; an estimate there has the status "at the end of the range" and an
    open interval, -inf or inf. Above an exponent of about 1.6 long series have narrower intervals
    from ``fit_fbm`` (by a factor of 1.5 at 1.8 and 10^4 points). Series with gaps use the pairs of
    points that they have, and need ``over``. A series whose displacement vanishes at one of the
    lags, such as a cycle, has the status "too few distinct values".

    References
    ----------
    Qian, Sheetz and Elson (1991); Sikora et al. (2017), Phys. Rev. E 96, 032132.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.fractional_brownian(hurst=0.3, steps=2000, rng=0)["theta"]
    >>> found = sp.dynamics.msd_exponent(theta)
    >>> [round(found[name].item(), 2) for name in ("alpha", "alpha_low", "alpha_high")]
    [0.58, 0.54, 0.63]
    """
    if of not in ("path", "increments"):
        raise InputError(f"of is {of!r}; it can be 'path' or 'increments'")
    series = paths(theta, time=time)
    if of == "increments":
        series = summed(series)
    size = series.theta.sizes[series.dim]
    spacing = series.spacing
    if not np.isfinite(spacing):
        if size > 1 and (lags is not None or over is not None):
            raise InputError(
                f"the points along {series.dim!r} are not evenly spaced, so that lags cannot be "
                "counted in points: interpolate, or choose a stretch that is even; msd takes any "
                "times on a common grid"
            )
        spacing = 1.0  # every series has the status "needs even spacing"
    steps = doubling(size // 10) if lags is None else np.unique(whole_lags(lags, spacing))
    if len(steps) < 2 or steps.min() < 1 or steps.max() >= size:
        raise InputError(
            f"lags are {steps * spacing}; give at least two, between {spacing:g} and "
            f"{(size - 1) * spacing:g}"
        )
    key = tuple(int(s) for s in steps)
    tables = _covariances(key, size) if over is None else None

    def laws(near: tuple[float, float]) -> np.ndarray:
        return _laws(key, size, confidence, near)

    log_lag = np.log(steps * spacing)
    n_lags = len(steps)
    needs = Needs(points=FEWEST + 1, even=True, whole=over is None)

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        out = np.full((len(x), n_lags + 6), np.nan)
        finite = np.isfinite(x)
        complete = finite.all(axis=1)
        if complete.any():
            out[complete, :n_lags] = complete_msd(x[complete], steps)
        if not complete.all():
            msds, pairs = np.empty((2, int((~complete).sum()), n_lags))
            gappy_msd(x[~complete], steps, msds, pairs)
            out[~complete, :n_lags] = msds
        out[:, -2] = finite.sum(axis=1) - 1
        # a series that returns to the same values can have displacements of 0
        moved = (out[:, :n_lags] > 0).all(axis=1)
        out[:, -1] = np.where(moved, OK, FEW_VALUES)
        if tables is not None and moved.any():
            logs = np.log(out[moved, :n_lags])
            fitted = _generalised_fit(logs, log_lag, tables, laws)
            at_end = np.isin(fitted[:, 0], _ALPHAS[[0, -1]])
            out[moved, n_lags : n_lags + 4] = fitted
            out[moved, -1] = np.where(at_end, END_OF_RANGE, OK)
        return out

    found, status = over_sound_series(series, kernel, n_lags + 6, needs)
    status = np.where(status == OK, found[..., -1], status)
    attributes: dict[str, Any] = {
        "confidence": confidence,
        "of": of,
        "reference": "Qian et al. (1991)",
    }
    if over is not None:
        return _ensemble_exponent(series, found, status, log_lag, over, attributes)
    slope, low, high, intercept, count = np.moveaxis(found[..., n_lags:-1], -1, 0)
    return result(
        series,
        {
            "alpha": slope,
            "alpha_low": low,
            "alpha_high": high,
            "diffusion": np.where(is_still(status), 0, np.exp(intercept) / 2),
            "count": count,
            "status": status,
        },
        named={"count": number_of("increments"), "diffusion": GENERALISED_DIFFUSION},
        method="generalised least squares of ln MSD",
        interval_method="inversion of the score test, simulated above 1; diffusion: none",
        **attributes,
    )


@np.errstate(all="ignore")  # odd series have no value, and harm no other
def _ensemble_exponent(
    series: Any,
    found: np.ndarray,
    status: np.ndarray,
    log_lag: np.ndarray,
    over: str,
    attributes: dict[str, Any],
) -> xr.Dataset:
    """Exponent of the MSD averaged over a dimension, with an interval over it."""
    require_one_dimension(series, over)
    axis = series.over.index(over)
    members = np.moveaxis(found[..., : len(log_lag)], axis, 0)
    weights = log_lag - log_lag.mean()
    weights /= (weights**2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.log(finite_mean(members)) @ weights
        without_each = np.log(means_without_each(members)) @ weights
    count = np.isfinite(members[..., 0]).sum(axis=0)
    ends = jackknife_interval(slope, without_each, count, attributes["confidence"])
    low, high = (np.clip(end, 0.0, 2.0) for end in ends)  # of an MSD that is bounded or ballistic
    template = series.theta.isel({series.dim: 0, over: 0}, drop=True)
    values = {"alpha": slope, "alpha_low": low, "alpha_high": high}
    require_free_names(template, [*values, "count", "status"])
    data = xr.Dataset({name: (template.dims, v) for name, v in values.items()})
    data["count"] = (template.dims, count)
    most = np.apply_along_axis(
        lambda of_members: np.bincount(of_members).argmax(), axis, status.astype(np.int64)
    )
    data["status"] = flagged(xr.DataArray(np.where(count > 0, OK, most), dims=template.dims))
    data = data.assign_coords(template.coords)
    named = {"count": number_of(f"members along {over}")}
    return labelled(data, named).assign_attrs(
        method=f"least squares of ln MSD averaged over {over}",
        interval_method=METHOD,
        **attributes,
    )
