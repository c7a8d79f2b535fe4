"""Ageing and ergodicity breaking of mean squared displacements."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import finite_array
from sgdphys.dynamics.clock import points_at, require_within
from sgdphys.dynamics.diffusion.msd import lags_in_steps, msd
from sgdphys.dynamics.series import paths, require_free_names, require_one_dimension
from sgdphys.errors import InputError
from sgdphys.intervals import (
    METHOD,
    finite_mean,
    jackknife_interval,
    means_without_each,
)
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled, number_of

_FEWEST = 5
"""Members that the interval of a relative variance needs."""


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


@np.errstate(all="ignore")  # odd series have no value, and harm no other
def ergodicity_breaking(
    theta: Any, *, time: Any = None, over: str = "replica", lags: Any = "log"
) -> xr.Dataset:
    """Ergodicity-breaking parameter (EB) of time-averaged MSDs, compared with Brownian motion.

    Parameters
    ----------
    theta : DataArray
        Paths in units x.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    over : str
        Dimension of the ensemble.
    lags : "log", "all" or array
        As in ``msd``.

    Returns
    -------
    Dataset
        ergodicity_breaking (..., lag) with ``_low`` and ``_high`` (95%; NaN for fewer than 5
        members, whose relative variance says too little), and
        brownian_ergodicity_breaking (lag), exact for Brownian paths of the same length.

    Raises
    ------
    InputError
        For an unknown dimension, lags beyond the data, or as ``msd`` does.

    See Also
    --------
    msd : The time averages that are compared.
    two_time_msd : Does the displacement depend on the waiting time?

    Notes
    -----
    EB = <MSD**2>/<MSD>**2 - 1, the relative variance over the ensemble of the time-averaged MSDs of
    single paths. It tends to 0 with the length of the path where time and ensemble averages agree,
    as for Brownian motion, about 4 lag/(3 T) at short lags.

    References
    ----------
    He, Burov, Metzler and Barkai (2008), Phys. Rev. Lett. 101, 058101; Qian, Sheetz and Elson
    (1991) for Brownian motion.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.wiener(steps=1000, replicas=100, rng=0)["theta"]
    >>> found = sp.dynamics.ergodicity_breaking(theta, lags=[10])
    >>> [round(found[f"ergodicity_breaking{end}"].item(), 3) for end in ("_low", "_high")]
    [0.009, 0.015]
    >>> round(found["brownian_ergodicity_breaking"].item(), 3)
    0.013
    """
    series = paths(theta, time=time)
    require_one_dimension(series, over)
    points = len(series.times)
    if not isinstance(lags, str):
        require_within(
            np.atleast_1d(finite_array(lags, "lags")), float(np.ptp(series.times)), "lags"
        )
    single = msd(series, lags=lags)
    values = single["msd"].transpose(over, ...)
    moments = np.stack([values.to_numpy(), values.to_numpy() ** 2], axis=-1)
    finite = np.isfinite(moments[..., 0])
    n = finite.sum(axis=0)
    estimate = _relative_variance(finite_mean(moments), n)
    without_each = _relative_variance(means_without_each(moments), n - finite)
    low, high = (
        np.where(n >= _FEWEST, end, np.nan)
        for end in jackknife_interval(estimate, without_each, n, kind="positive")
    )
    template = values.isel({over: 0}, drop=True)
    names = {"": estimate, "_low": low, "_high": high}
    spacing = (
        float(single["lag"][0]) / lags_in_steps(lags, points, 1.0)[0]
        if isinstance(lags, str)
        else series.spacing
    )
    exact = brownian_relative_variance(np.rint(single["lag"] / spacing), points)
    if not np.isfinite(series.spacing):  # a formula of complete paths
        exact = np.full_like(exact, np.nan)
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
@np.errstate(all="ignore")  # odd series have no value, and harm no other
def two_time_msd(
    theta: xr.DataArray,
    *,
    time: Any = None,
    over: str = "replica",
    waiting_times: Any,
    lags: Any,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Two-time (ageing) mean squared displacement of an ensemble, by waiting time and lag.

    Parameters
    ----------
    theta : DataArray
        Paths in units x.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    over : str
        Dimension of the ensemble that is averaged over.
    waiting_times : array
        t_w, in units t since the first point.
    lags : array
        tau, in units t. Combinations of t_w and tau without recorded points give NaN, with a count
        of 0.
    confidence : float
        Level of the intervals, between 0 and 1.

    Returns
    -------
    Dataset
        msd (..., waiting_time, lag), in x**2; ageing (..., lag), the slope of ln MSD against
        ln t_w over positive waiting times; both with ``_low`` and ``_high``. count (...,
        waiting_time, lag), the number of members with both points.

    Raises
    ------
    InputError
        For an unknown dimension, lags that are not above 0, and waiting times or lags beyond the
        data.

    See Also
    --------
    msd : Average over time, for stationary increments.
    ergodicity_breaking : Do time averages differ between paths?

    Notes
    -----
    MSD(t_w, tau) = <(x(t_w + tau) - x(t_w))**2> over the ensemble. It does not depend on t_w where
    increments are stationary (2 D tau for a Wiener process, 2 (D/kappa)(1 - e^{-kappa tau}) for a
    stationary Ornstein-Uhlenbeck process): ageing 0. Scaled Brownian motion, 2 D ((t_w + tau)**a -
    t_w**a), has ageing a - 1 at lags much shorter than t_w.

    References
    ----------
    Metzler, Jeon, Cherstvy and Barkai (2014), Phys. Chem. Chem. Phys. 16, 24128.

    Examples
    --------
    >>> import sgdphys as sp
    >>> theta = sp.processes.scaled_brownian(alpha=0.5, steps=100, replicas=500, rng=0)["theta"]
    >>> found = sp.dynamics.two_time_msd(theta, waiting_times=[10, 20, 40, 80], lags=[1])
    >>> [round(found[name].item(), 1) for name in ("ageing", "ageing_low", "ageing_high")]
    [-0.5, -0.6, -0.4]
    """
    series = paths(theta, time=time)
    require_one_dimension(series, over)
    waits = np.atleast_1d(finite_array(waiting_times, "waiting_times"))
    delays = np.atleast_1d(finite_array(lags, "lags"))
    t = series.times - series.times[0]
    if not (delays > 0).all():
        raise InputError(f"lags must be above 0; one is {delays.min():g}")
    require_within(waits, float(t[-1]), "waiting_times")
    require_within(delays, float(t[-1] - waits.min()), "lags")
    start, found_start = points_at(t, waits)
    end, found_end = points_at(t, waits[:, None] + delays)
    needed = np.unique(np.concatenate([start, end.ravel()]))
    some = series.given.isel({series.dim: needed})  # a file is read at these points alone
    x = numbers_of(some.transpose(over, ..., series.dim))
    start, end = np.searchsorted(needed, start), np.searchsorted(needed, end)
    squares = (x[..., end] - x[..., start][..., None]) ** 2
    squares[..., ~(found_end & found_start[:, None])] = np.nan
    members = np.isfinite(squares).sum(axis=0)
    mean, without_each = finite_mean(squares), means_without_each(squares)
    low, high = jackknife_interval(mean, without_each, members, confidence, kind="positive")
    template = series.theta.isel({series.dim: 0, over: 0}, drop=True)
    require_free_names(template, ["msd", "ageing", "count"], ["waiting_time", "lag"])
    kept = tuple(map(str, template.dims))
    by_both, by_lag = (*kept, "waiting_time", "lag"), (*kept, "lag")
    slope, slope_low, slope_high = _ageing(mean, without_each, waits, members, confidence)
    data = xr.Dataset(
        {
            "msd": (by_both, mean),
            "msd_low": (by_both, low),
            "msd_high": (by_both, high),
            "ageing": (by_lag, slope),
            "ageing_low": (by_lag, slope_low),
            "ageing_high": (by_lag, slope_high),
            "count": (by_both, np.isfinite(squares).sum(axis=0)),
        },
        coords={**template.coords, "waiting_time": waits, "lag": delays},
        attrs={"confidence": confidence, "interval_method": METHOD},
    )
    named = {"count": number_of(f"members along {over}")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit)


def _ageing(
    mean: np.ndarray,
    without_each: np.ndarray,
    waits: np.ndarray,
    members: np.ndarray,
    confidence: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope of ln MSD (..., waiting time, lag) against ln waiting time, and its interval."""
    is_positive = waits > 0
    if is_positive.sum() < 2:
        empty = np.full((*mean.shape[:-2], mean.shape[-1]), np.nan)
        return empty, empty, empty
    log_wait = np.log(waits[is_positive]) - np.log(waits[is_positive]).mean()
    weights = log_wait / (log_wait**2).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, slopes = (
            np.einsum("...wl,w->...l", np.log(m[..., is_positive, :]), weights)
            for m in (mean, without_each)
        )
    fewest = members[..., is_positive, :].min(axis=-2)
    return slope, *jackknife_interval(slope, slopes, fewest, confidence)


def _relative_variance(moments: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Relative variance from means of x and x**2 (..., 2), without its bias for few members."""
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = moments[..., 1] / moments[..., 0] ** 2 - 1
        return np.asarray(members / (members - 1) * plain)
