"""Ornstein-Uhlenbeck process by exact likelihood on any time grid, with valid intervals.

The estimate of phi = exp(-kappa dt) is biased and skewed where a series spans few relaxation
times. Therefore estimates are median-unbiased, and intervals invert the distribution of the t
statistic, which is tabulated from a unit root to white noise.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.compiling import compiled
from sgdphys.dynamics.diffusion.ornstein_uhlenbeck_likelihood import (
    Laws,
    best_kappa,
    fit_at,
    phi_at,
    signed_root,
    uneven_kappa,
)
from sgdphys.dynamics.diffusion.unit_root import adf_p_value, quantiles
from sgdphys.dynamics.diffusion.wiener import chi_squared_interval
from sgdphys.dynamics.series import Paths, complete_or_present, over_sound_series, paths, result
from sgdphys.dynamics.status import FLOAT64, Needs, is_still
from sgdphys.quantities import number_of
from sgdphys.status import FAST, OK, OSCILLATING, WEAK

NEEDS = Needs(points=6)
"""Three coefficients and an interval."""
WEAK_BELOW = 5.0
"""Relaxation times that a series must span to identify kappa well."""
_FEWEST_OF_TEST = 20
"""Increments from which the law of the Dickey-Fuller test for long series holds (6% at 5%)."""
_EVEN = 1e-9
_FASTEST = 40.0
"""Where exp(-kappa dt) is 0 to float64."""
_ROUNDING = 1e-30
"""Rounding, as a fraction of the sum of squares: residual sums of squares are never below it."""


@compiled
def _even_sums(x, n):
    """Centred sums of the regression of x_{k+1} on x_k, and their means, relative to x_0."""
    m = n - 1
    sa = sb = saa = sab = sbb = 0.0
    for k in range(m):
        a = x[k] - x[0]
        b = x[k + 1] - x[0]
        sa += a
        sb += b
        saa += a * a
        sab += a * b
        sbb += b * b
    return sa / m, sb / m, saa - sa * sa / m, sab - sa * sb / m, sbb - sb * sb / m


@compiled
def levels_lose_digits(x, n):
    """Whether a regression of levels on levels may put the log-likelihood wrong by 0.5.

    Of a random walk the sums of squares of levels grow as n**2, with drift as n**3, and those of
    increments as n: the residuals of a long series are lost in the rounding of the former. Compared
    with long double sums of walks of 10**6 to 2 10**7 points, the estimate of the error is 2 to 20
    times too large.
    """
    m = n - 1
    drift = (x[m] - x[0]) / m
    levels = steps = 0.0
    for k in range(m):
        levels += (x[k] - x[0]) ** 2
        steps += (x[k + 1] - x[k] - drift) ** 2
    return FLOAT64 * m * np.sqrt(m) * levels > steps


@compiled
def _step_sums(x, n):
    """Centred sums of the regression of x_{k+1} - x_k on x_k, and their means, relative to x_0."""
    m = n - 1
    mean_a = 0.0
    for k in range(m):
        mean_a += x[k] - x[0]
    mean_a /= m
    mean_d = (x[m] - x[0]) / m
    saa = sad = sdd = 0.0
    for k in range(m):
        a = x[k] - x[0] - mean_a
        d = x[k + 1] - x[k] - mean_d
        saa += a * a
        sad += a * d
        sdd += d * d
    return mean_a, mean_d, saa, sad, sdd


@compiled
def _growth(kappa, dt):
    """Variance of one step at unit D: (1 - exp(-2 kappa dt))/kappa."""
    if kappa * dt < 1e-8:
        return 2 * dt
    return -np.expm1(-2 * kappa * dt) / kappa


COLUMNS = (
    "kappa", "kappa_low", "kappa_high", "phi", "center", "count", "squares", "log_likelihood",
    "adf_statistic", "duration", "dt", "status", "growth", "growth_low", "growth_high",
)  # fmt: skip


@compiled
def _ou_kernel(x, t, xs, ts, even, laws, out):
    """Fill out (series, 15) with the columns of ``COLUMNS``.

    Parameters
    ----------
    even : float
        Largest relative deviation from even spacing that counts as even.
    laws : Laws
        Rows: the quantile whose inversion is the lower end of phi, the median, the upper end.
    """
    for s in range(x.shape[0]):
        for k in range(out.shape[1]):
            out[s, k] = np.nan
        y, u, n = complete_or_present(x[s], t, xs, ts)
        m = n - 1
        out[s, 5] = m
        status = OK
        mean_dt = (u[m] - u[0]) / m
        is_even = True
        shortest = mean_dt
        for k in range(m):
            is_even &= abs(u[k + 1] - u[0] - mean_dt * (k + 1)) <= even * mean_dt * m
            shortest = min(shortest, u[k + 1] - u[k])
        out[s, 9] = u[m] - u[0]
        out[s, 10] = mean_dt if is_even else np.nan
        if is_even:
            if levels_lose_digits(y, n):
                mean_a, mean_d, saa, sad, sdd = _step_sums(y, n)
                mean_b, sab, sbb = mean_a + mean_d, saa + sad, saa + 2.0 * sad + sdd
                slope = sad / saa
                phi_hat = 1.0 + slope
                squares = max(sdd - slope * sad, _ROUNDING * (saa + sbb))
            else:
                mean_a, mean_b, saa, sab, sbb = _even_sums(y, n)
                sad = sdd = np.nan
                phi_hat = sab / saa
                squares = max(sbb - phi_hat * sab, _ROUNDING * (saa + sbb))
            sums = (mean_a, mean_b, saa, sab, sbb, sad, sdd)
            error = np.sqrt(squares / (m - 2) / saa)
            out[s, 3] = phi_hat
            out[s, 8] = (phi_hat - 1.0) / error
            out[s, 6] = squares
            out[s, 7] = -0.5 * m * (np.log(2 * np.pi * squares / m) + 1.0)
            if 1.0 - phi_hat > 1e-12:
                out[s, 4] = y[0] + (mean_b - phi_hat * mean_a) / (1.0 - phi_hat)
            upper = phi_at(laws, 2, sums, m, phi_hat, error)
            middle = phi_at(laws, 1, sums, m, phi_hat, error)
            lower = phi_at(laws, 0, sums, m, phi_hat, error)
            # the size, since a logarithm of 1 is never a negative zero then
            out[s, 1] = abs(np.log(upper)) / mean_dt
            out[s, 2] = abs(np.log(lower)) / mean_dt if lower > 1e-15 else np.inf
            if phi_hat <= 0.0 or middle < 1e-15:
                is_certain = phi_hat - 1.96 * error * (m - 2) / m < 0 and phi_hat + 1.96 * error < 0
                status = OSCILLATING if is_certain else FAST
                if is_certain:
                    out[s, 1] = np.nan
                    out[s, 2] = np.nan
                    out[s, 4] = np.nan
            else:
                out[s, 0] = abs(np.log(middle)) / mean_dt
            for k in range(3):
                out[s, 12 + k] = np.log(_growth(out[s, k], mean_dt))
        else:
            kappa_max = _FASTEST / shortest
            best, lowest = best_kappa(y, u, n, kappa_max)
            value, squares, initial_drift, _, _ = fit_at(y, u, n, best)
            out[s, 6] = squares
            out[s, 7] = -0.5 * (value + m * (np.log(2 * np.pi) + 1.0))
            out[s, 8] = signed_root(fit_at(y, u, n, 0.0)[0], best, lowest, 0.0)
            if best > 0.0:
                out[s, 4] = y[0] + initial_drift / best
            out[s, 0] = uneven_kappa(laws, 1, y, u, n, best, lowest, kappa_max)
            out[s, 1] = uneven_kappa(laws, 2, y, u, n, best, lowest, kappa_max)
            out[s, 2] = uneven_kappa(laws, 0, y, u, n, best, lowest, kappa_max)
            if best > 0.98 * kappa_max or out[s, 0] == np.inf:
                status = FAST
                out[s, 0] = np.nan
            else:
                # squares are per unit D, at the kappa that is reported
                out[s, 6] = fit_at(y, u, n, out[s, 0])[1]
            for k in range(3):
                logs = 0.0
                for i in range(m):
                    logs += np.log(_growth(out[s, k], u[i + 1] - u[i]))
                out[s, 12 + k] = logs / m
        out[s, 11] = status


def ou_kernel(confidence: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the fit of sound series (series, point) at times (point,): ``COLUMNS``."""
    tail = (1 - confidence) / 2
    # the t statistic falls with phi: the lower end of phi belongs to the upper quantile
    rows = [quantiles(p) for p in (1 - tail, 0.5, tail)]
    laws = Laws(rows[0][0], np.stack([q for _, q in rows]))

    def kernel(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        out = np.empty((len(x), len(COLUMNS)))
        _ou_kernel(x, t, np.empty_like(t), np.empty_like(t), _EVEN, laws, out)
        return out

    return kernel


def ou_columns(series: Any, confidence: float) -> dict[str, np.ndarray]:
    """Return the columns of the kernel for all series, as arrays over ``series.over``."""
    return _with_status(*over_sound_series(series, ou_kernel(confidence), len(COLUMNS), NEEDS))


def _with_status(columns: np.ndarray, status: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of the kernel (..., column) by name; where a series was left out, its status."""
    found = dict(zip(COLUMNS, np.moveaxis(columns, -1, 0), strict=True))
    return found | {"status": np.where(status == OK, found["status"], status)}


@checked
def fit_ou(
    theta: Any,
    *,
    time: Any = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Ornstein-Uhlenbeck (mean-reverting, AR(1)) process: relaxation rate, diffusion, centre.

    Parameters
    ----------
    theta : DataArray or array
        Series along time, in units x; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        Over the other dimensions of ``theta``: kappa (1/t), relaxation_time (t), diffusion
        (x**2/t) and sigma (x/t**0.5), each with ``_low`` and ``_high``; phi, the AR(1) coefficient
        by least squares, of evenly spaced series; center (x), without an interval; adf_statistic
        and adf_p_value, the Dickey-Fuller test of kappa = 0; log_likelihood given the first point;
        count (increments); status.

    Raises
    ------
    InputError
        For an unknown dimension, or times that do not increase.

    See Also
    --------
    relaxation_time : Relaxation times by other estimators.
    fit_langevin : Several coordinates jointly (multivariate Ornstein-Uhlenbeck process).
    fit : Which process describes the series?

    Notes
    -----
    dX = -kappa (X - center) dt + sqrt(2 D) dW, so that X(t + dt) given X(t) is normal with the
    AR(1) coefficient phi = exp(-kappa dt). The least-squares phi is biased and skewed where a
    series spans few relaxation times. Therefore kappa is median-unbiased, and its interval
    contains the values at which the t statistic of phi (evenly spaced points), or the signed root
    of the likelihood ratio (otherwise), lies within its own distribution. That distribution
    depends on the number of relaxation times spanned, and is tabulated; a start far from the centre
    adds to that number. The interval of D combines those of kappa and of the residual variance
    (Zou and Donner 2008). A series that spans fewer than 5 relaxation times is "weakly identified".
    Where phi is negative kappa is NaN, with the status "oscillating at this sampling" if that is
    certain. Missing points make a series unevenly spaced, which is allowed. A kappa of 0 is a
    random walk, whose relaxation time is infinite.

    95% intervals of kappa and D cover 92% to 98% from 20 increments on, for kappa dt from 0.001 to
    2, from a start at the centre, in the stationary state or up to 100 standard deviations away,
    with gaps of 30% and with clustered times (counted with other simulators). Fewer than 20
    increments have no adf_p_value, whose law is that of long series.

    References
    ----------
    Stock (1991), J. Monetary Econ. 28, 435; Hansen (1999), Rev. Econ. Stat. 81, 594; Tang and Chen
    (2009), J. Econometrics 149, 65, for the bias; Dickey and Fuller (1979) for the test.

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.ornstein_uhlenbeck(kappa=1.0, diffusion=0.5, dt=0.1, steps=2000, rng=0)
    >>> found = sp.dynamics.fit_ou(data["theta"], time="time")
    >>> [round(found[name].item(), 2) for name in ("kappa", "kappa_low", "kappa_high")]
    [0.98, 0.77, 1.19]
    >>> round(found["diffusion"].item(), 1), round(found["relaxation_time"].item(), 1)
    (0.5, 1.0)
    """
    series = paths(theta, time=time)
    fitted = over_sound_series(series, ou_kernel(confidence), len(COLUMNS), NEEDS)
    return ou_result(series, *fitted, confidence)


def ou_result(
    series: Paths, columns: np.ndarray, status: np.ndarray, confidence: float
) -> xr.Dataset:
    """Coefficients of the columns of the kernel (..., column), as ``fit_ou`` returns them."""
    c = _with_status(columns, status)
    values = ou_values(c, confidence)
    return result(
        series,
        {
            **values,
            "log_likelihood": c["log_likelihood"],
            "count": c["count"],
            "status": c["status"],
        },
        named={"count": number_of("increments")},
        method="exact likelihood given the first point, median-unbiased",
        reference="Stock (1991); Hansen (1999); Tang and Chen (2009)",
        confidence=confidence,
        interval_method="inversion of the tabulated t statistic; center: none",
    )


def ou_values(c: dict[str, np.ndarray], confidence: float) -> dict[str, np.ndarray]:
    """Coefficients of the columns of the kernel; a status that is "weakly identified" is set."""
    kappa, low, high, status = c["kappa"], c["kappa_low"], c["kappa_high"], c["status"]
    with np.errstate(invalid="ignore", divide="ignore"):
        c["status"] = np.where((status == OK) & (kappa * c["duration"] < WEAK_BELOW), WEAK, status)
        diffusion = _diffusion(c)
        d_low, d_high = _diffusion_interval(c, diffusion, confidence)
        still = is_still(status)
        diffusion, d_low, d_high = (np.where(still, 0, d) for d in (diffusion, d_low, d_high))
        values = {
            "kappa": kappa,
            "kappa_low": low,
            "kappa_high": high,
            "relaxation_time": 1 / kappa,
            "relaxation_time_low": 1 / high,
            "relaxation_time_high": 1 / low,
            "diffusion": diffusion,
            "diffusion_low": d_low,
            "diffusion_high": d_high,
            "sigma": np.sqrt(2 * diffusion),
            "sigma_low": np.sqrt(2 * d_low),
            "sigma_high": np.sqrt(2 * d_high),
            "phi": c["phi"],
            "center": c["center"],
            "adf_statistic": np.where(
                np.isnan(c["dt"]), -np.abs(c["adf_statistic"]), c["adf_statistic"]
            ),
        }
    values["adf_p_value"] = np.where(
        c["count"] >= _FEWEST_OF_TEST, adf_p_value(values["adf_statistic"]), np.nan
    )
    return values


def _diffusion(c: dict[str, np.ndarray]) -> np.ndarray:
    """D from the residual variance: per step where spacing is even, otherwise per unit D."""
    variance = c["squares"] / (c["count"] - 2)
    return np.where(
        np.isnan(c["dt"]), np.where(np.isnan(c["kappa"]), np.nan, variance),
        variance / np.exp(c["growth"]),
    )  # fmt: skip


def _diffusion_interval(
    c: dict[str, np.ndarray], diffusion: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Combine intervals of the residual variance and kappa, as logarithms (Zou and Donner)."""
    low, high = chi_squared_interval(np.ones_like(diffusion), c["count"] - 2, confidence)
    # D grows with kappa at given residuals
    below = np.hypot(np.log(low), c["growth"] - c["growth_low"])
    above = np.hypot(np.log(high), c["growth_high"] - c["growth"])
    return diffusion * np.exp(-below), diffusion * np.exp(above)
