"""Early-warning indicators across the members of an ensemble, at fixed time."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.dynamics.blocks import in_groups
from sgdphys.dynamics.clock import pairs_at
from sgdphys.dynamics.series import paths, require_free_names
from sgdphys.intervals import require_members
from sgdphys.quantities import labelled, number_of


@np.errstate(all="ignore")  # odd series have no value, and harm no other
def ensemble_indicators(
    theta: xr.DataArray, *, time: Any = None, over: str = "replica", lag: float | None = None
) -> xr.Dataset:
    """Early-warning indicators across an ensemble at fixed time: variance, memory, skewness.

    Parameters
    ----------
    theta : DataArray
        Members that are not finite at a time are left out at that time.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    over : str
        Ensemble dimension.
    lag : float, optional
        Lag of the autocorrelation in units of time; one point by default.

    Returns
    -------
    Dataset
        variance, autocorrelation (correlation across members between each time and ``lag`` later;
        NaN where no point lies a lag later), skewness, and count, the number of members, over time
        and the remaining dimensions.

    Raises
    ------
    InputError
        For fewer than 5 members, or a lag beyond the series.

    See Also
    --------
    rolling_indicators : The same along single series, in moving windows.
    early_warning : Tests of the trends of these indicators.

    Notes
    -----
    Needs neither windows nor detrending nor stationarity: the trend that all members share is the
    ensemble mean.

    References
    ----------
    Scheffer et al. (2009), Nature 461, 53.

    Examples
    --------
    Stationary Ornstein-Uhlenbeck processes have the variance D/kappa and the correlation
    exp(-kappa lag):

    >>> import sgdphys as sp
    >>> x = sp.processes.ornstein_uhlenbeck(
    ...     kappa=1.0, diffusion=0.5, dt=0.1, steps=100, replicas=1000, rng=0
    ... )["theta"]
    >>> found = sp.dynamics.ensemble_indicators(x, time="time", lag=1.0).mean()
    >>> round(found["variance"].item(), 1), round(found["autocorrelation"].item(), 2)
    (0.5, 0.37)
    """
    series = paths(theta, time=time)
    x = series.theta
    require_members(x, over)
    order: list[Hashable] = [d for d in x.dims if d != over]
    pairs = pairs_at(series.times, lag)
    names = ("variance", "autocorrelation", "skewness", "count")
    require_free_names(x, names)
    shape = [x.sizes[d] for d in order]
    columns = np.empty((4, int(np.prod(shape[:-1])), shape[-1]))
    for number, members in in_groups(series.given, series.dim, [over]):
        columns[:, number] = across_members(members.swapaxes(0, 1), *pairs)
    data = xr.Dataset(
        {name: (order, c.reshape(shape)) for name, c in zip(names, columns, strict=True)},
        coords={n: c for n, c in x.coords.items() if over not in c.dims},
        attrs={
            "method": f"moments across {over} at fixed {series.dim}",
            "reference": "Scheffer et al. (2009)",
            "interval_method": "none; see early_warning",
        },
    )
    data["count"] = data["count"].astype(np.int64)
    named = {"count": number_of(f"members along {over}")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit)


def across_members(x: np.ndarray, early: np.ndarray, late: np.ndarray) -> tuple[np.ndarray, ...]:
    """Variance, correlation with later points, skewness and count of (member, ..., point)."""
    finite = np.isfinite(x)
    count = finite.sum(axis=0)
    # about one member first: the mean of equal numbers is rounded, and they would differ from it
    x = x - np.take_along_axis(x, finite.argmax(axis=0)[None], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.where(finite, x - np.where(finite, x, 0.0).sum(axis=0) / count, 0.0)
        second = (deviation**2).sum(axis=0) / count
        skewness = (deviation**3).sum(axis=0) / count / second**1.5
        both = finite[..., late] & finite[..., early]
        pairs = both.sum(axis=0)
        a, b = (np.where(both, x[..., s], 0.0) for s in (early, late))
        a, b = (np.where(both, v - v.sum(axis=0) / pairs, 0.0) for v in (a, b))
        memory = np.full(second.shape, np.nan)
        memory[..., early] = (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        variance = second * count / (count - 1)
    return variance, memory, skewness, count
