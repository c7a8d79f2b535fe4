"""Ageing and ergodicity breaking of mean squared displacements."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import finite_array, require_dimensions
from sgdphys.draws import Seed, bootstrap_draws
from sgdphys.dynamics.clock import points_at
from sgdphys.dynamics.diffusion.msd import lags_in_steps, msd
from sgdphys.dynamics.intervals import METHOD, finite_mean, percentile_interval, resampled_means
from sgdphys.dynamics.series import paths
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled


def brownian_relative_variance(lag: Any, points: int) -> np.ndarray:
    """Relative variance of a time-averaged MSD of one-dimensional Brownian motion.

    Parameters
    ----------
    lag : int array
        n, in steps.
    points : int
        L; K = L - n is the number of pairs.

    Notes
    -----
    (4 n**2 K + 2 K + n - n**3)/(3 n K**2) for n <= K, otherwise
    2 + (K**3 - 4 n K**2 - K + 4 n)/(3 n**2 K).

    References
    ----------
    Qian, Sheetz and Elson (1991), Biophys. J. 60, 910.
    """
    n = np.asarray(lag, float)
    k = points - n
    short = (4 * n**2 * k + 2 * k + n - n**3) / (3 * n * k**2)
    long = 2 + (k**3 - 4 * n * k**2 - k + 4 * n) / (3 * n**2 * k)
    return np.where(n <= k, short, long)


def ergodicity_breaking(
    theta: Any, *, time: Any = None, over: str = "replica", lags: Any = "log"
) -> xr.Dataset:
    """Relative variance of time-averaged MSDs over an ensemble, beside that of Brownian motion.

    Parameters
    ----------
    theta : DataArray
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    over : str
        The ensemble.
    lags
        As in ``msd``.

    Returns
    -------
    Dataset
        ergodicity_breaking with ``_low`` and ``_high``, and brownian_ergodicity_breaking, by lag.

    References
    ----------
    He, Burov, Metzler and Barkai (2008), Phys. Rev. Lett. 101, 058101.
    """
    series = paths(theta, time=time)
    require_dimensions(series.theta, over)
    points = len(series.times)
    single = msd(series, lags=lags)
    values = single["msd"].transpose(over, ...)
    m = values.sizes[over]
    moments = np.stack([values.to_numpy(), values.to_numpy() ** 2], axis=-1)
    samples = resampled_means(moments, bootstrap_draws(m, 0))
    estimate = m / (m - 1) * (moments.mean(axis=0)[..., 1] / moments.mean(axis=0)[..., 0] ** 2 - 1)
    spread = m / (m - 1) * (samples[..., 1] / samples[..., 0] ** 2 - 1)
    low, high = percentile_interval(spread, m)
    template = values.isel({over: 0}, drop=True)
    names = {"": estimate, "_low": low, "_high": high}
    spacing = (
        float(single["lag"][0]) / lags_in_steps(lags, points, 1.0)[0]
        if isinstance(lags, str)
        else series.spacing
    )
    exact = brownian_relative_variance(np.rint(single["lag"] / spacing), points)
    return labelled(
        xr.Dataset(
            {f"ergodicity_breaking{end}": template.copy(data=v) for end, v in names.items()}
            | {"brownian_ergodicity_breaking": ("lag", exact)},
            attrs={"confidence": 0.95, "interval_method": METHOD},
        ),
        x=series.value_unit,
        t=series.time_unit,
    )


@checked
def two_time_msd(
    theta: xr.DataArray,
    *,
    time: Any = None,
    over: str = "replica",
    waiting_times: Any,
    lags: Any,
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """Ensemble mean squared displacement from a waiting time on, which tells ageing.

    Parameters
    ----------
    theta : DataArray
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    over : str
        The ensemble that is averaged over.
    waiting_times, lags : array
        t_w and tau in units of time; pairs of points that are not there give NaN.
    confidence : float
    rng : int, SeedSequence or Generator
        Seed of the bootstrap.

    Returns
    -------
    Dataset
        msd (..., waiting_time, lag) and its interval over the ensemble; ageing (..., lag), the slope of
        ln MSD against ln t_w over positive waiting times, with its interval.

    Notes
    -----
    Stationary increments (Wiener, 2 D tau; stationary Ornstein-Uhlenbeck, 2 (D/kappa)(1 -
    e^{-kappa tau})) do not depend on t_w: ageing 0. Scaled Brownian motion, 2 D ((t_w + tau)**a -
    t_w**a), has ageing a - 1 at lags short against t_w.

    References
    ----------
    Metzler, Jeon, Cherstvy and Barkai (2014), Phys. Chem. Chem. Phys. 16, 24128.
    """
    series = paths(theta, time=time)
    require_dimensions(series.theta, over)
    x = numbers_of(series.theta.transpose(over, ..., series.dim))
    waits = np.atleast_1d(finite_array(waiting_times, "waiting_times"))
    delays = np.atleast_1d(finite_array(lags, "lags"))
    t = series.times - series.times[0]
    start, found_start = points_at(t, waits)
    end, found_end = points_at(t, waits[:, None] + delays)
    squares = (x[..., end] - x[..., start][..., None]) ** 2
    squares[..., ~(found_end & found_start[:, None])] = np.nan
    members = len(squares)
    samples = resampled_means(squares, bootstrap_draws(members, rng))
    low, high = percentile_interval(samples, members, confidence)
    mean = finite_mean(squares)
    template = series.theta.isel({series.dim: 0, over: 0}, drop=True)
    kept = tuple(map(str, template.dims))
    by_both, by_lag = (*kept, "waiting_time", "lag"), (*kept, "lag")
    slope, slope_low, slope_high = _ageing(mean, samples, waits, members, confidence)
    data = xr.Dataset(
        {
            "msd": (by_both, mean),
            "msd_low": (by_both, low),
            "msd_high": (by_both, high),
            "ageing": (by_lag, slope),
            "ageing_low": (by_lag, slope_low),
            "ageing_high": (by_lag, slope_high),
        },
        coords={**template.coords, "waiting_time": waits, "lag": delays},
        attrs={"confidence": confidence, "interval_method": METHOD},
    )
    return labelled(data, x=series.value_unit, t=series.time_unit)


def _ageing(
    mean: np.ndarray, samples: np.ndarray, waits: np.ndarray, members: int, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope of ln MSD (..., waiting time, lag) against ln waiting time, and its interval."""
    is_positive = waits > 0
    if is_positive.sum() < 2:
        empty = np.full((*mean.shape[:-2], mean.shape[-1]), np.nan)
        return empty, empty, empty
    log_wait = np.log(waits[is_positive]) - np.log(waits[is_positive]).mean()
    weights = log_wait / (log_wait**2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, spread = (
            np.einsum("...wl,w->...l", np.log(m[..., is_positive, :]), weights)
            for m in (mean, samples)
        )
    return slope, *percentile_interval(spread, members, confidence)
