"""Twins and families: what fluctuates about the mean of networks that began alike."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.dynamics.clock import pairs_at
from sgdphys.dynamics.diffusion.wiener import chi_squared_interval
from sgdphys.dynamics.series import paths
from sgdphys.errors import InputError, nearest
from sgdphys.missing import labelled_without_missing
from sgdphys.quantities import attributes, labelled, number_of


def groups_along(theta: xr.DataArray, over: str, within: str | None) -> list[np.ndarray]:
    """Places along ``over`` of each group."""
    require_dimensions(theta, over)
    if within is None:
        return [np.arange(theta.sizes[over])]
    if within not in theta.coords or theta[within].dims != (over,):
        along = [c for c in theta.coords if theta[c].dims == (over,)]
        raise InputError(
            f"there is no coordinate {within!r} along {over!r}; {nearest(within, along)}"
        )
    names = theta[within].to_numpy()
    return [np.flatnonzero(names == name) for name in np.unique(names)]


def deviation_from_mean(
    theta: xr.DataArray, *, over: str = "replica", family: str | None = None
) -> xr.DataArray:
    """Deviation of every path from the mean of its group, scaled to keep its variance.

    Parameters
    ----------
    theta : DataArray
    over : str
        Dimension of the members.
    within : str, optional
        Coordinate along ``over`` that names groups: "family", whose members are twins. All members
        are one group without it.

    Returns
    -------
    DataArray
        (theta - mean) sqrt(m/(m - 1)) for groups of m, in the order of ``theta``.

    Raises
    ------
    InputError
        For a group of one, a dimension or coordinate that is not there.

    Notes
    -----
    The mean of m members holds 1/m of their noise; the root restores the variance of independent
    ones. The members of a group then are not independent of each other (correlation -1/(m - 1)).
    """
    theta = labelled_without_missing(labelled_array(theta))
    parts = []
    for members in groups_along(theta, over, family):
        if len(members) < 2:
            raise InputError(
                f"a group along {over!r} has one member; a fluctuation needs at least two: "
                "train with train.twins of 2 or more"
            )
        group = theta.isel({over: members})
        parts.append((group - group.mean(over)) * np.sqrt(len(members) / (len(members) - 1)))
    order = np.argsort(np.concatenate(groups_along(theta, over, family)))
    joined = xr.concat(parts, dim=over).isel({over: order})
    unit = str(theta.attrs.get("units", "1"))
    return joined.assign_attrs(theta.attrs | attributes("deviation", x=unit))


def variance_components(
    theta: xr.DataArray, *, over: str = "replica", family: str = "family"
) -> xr.Dataset:
    """Variance within groups and between their means.

    Parameters
    ----------
    theta : DataArray
    over, within : str
        As in ``fluctuation``.

    Returns
    -------
    Dataset
        spread_within: mean over groups of the unbiased variance of members. spread_between:
        variance of group means less what the noise within them adds (it may be negative).
    """
    theta = labelled_without_missing(labelled_array(theta))
    groups = groups_along(theta, over, family)
    sizes = np.array([len(g) for g in groups])
    if sizes.min() < 2:
        raise InputError("a family has one member; train with train.twins of 2 or more")
    inside = [theta.isel({over: g}).var(over, ddof=1) for g in groups]
    means = xr.concat([theta.isel({over: g}).mean(over) for g in groups], dim="group")
    noise = xr.concat(inside, dim="group").mean("group")
    between = means.var("group", ddof=1) if len(groups) > 1 else means.isel(group=0) * np.nan
    data = xr.Dataset(
        {"spread_within": noise, "spread_between": between - noise * (1 / sizes).mean()}
    )
    return labelled(data, x=str(theta.attrs.get("units", "1")))


@checked
def ensemble_diffusion(
    theta: Any,
    *,
    time: Any = None,
    over: str = "replica",
    family: str | None = None,
    lag: float | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Drift and diffusion coefficient across an ensemble at fixed time; nothing need be stationary.

    Parameters
    ----------
    theta : DataArray
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    over, family : str
        The members, and the coordinate along them that groups twins.
    lag : float, optional
        In units of time; one point by default.
    confidence : float

    Returns
    -------
    Dataset
        drift, and diffusion with ``_low`` and ``_high``, over time (the earlier point) and the
        remaining dimensions; count, degrees of freedom.

    Raises
    ------
    InputError
        For groups of one, a lag beyond the series.

    Notes
    -----
    D = Var(x(t + tau) - x(t))/(2 tau) over members of a group, pooled over groups; chi-squared
    interval, exact for Gaussian increments.
    """
    series = paths(theta, time=time)
    x = labelled_without_missing(series.theta)
    first, second = pairs_at(series.times, lag)
    early, late = x.isel({series.dim: first}), x.isel({series.dim: second})
    dx = early.copy(data=late.data - early.data)
    tau = xr.DataArray(series.times[second] - series.times[first], dims=series.dim)
    groups = groups_along(x, over, family)
    freedom = sum(len(g) - 1 for g in groups)
    if freedom < 1:
        raise InputError(f"every group along {over!r} has one member; at least two are needed")
    squares = sum(
        ((dx.isel({over: g}) - dx.isel({over: g}).mean(over)) ** 2).sum(over) for g in groups
    )
    diffusion = (squares / freedom / (2 * tau)).compute()
    low, high = chi_squared_interval(diffusion.to_numpy(), freedom, confidence)
    data = xr.Dataset(
        {
            "drift": (dx.mean(over) / tau).compute(),
            "diffusion": diffusion,
            "diffusion_low": diffusion.copy(data=low),
            "diffusion_high": diffusion.copy(data=high),
            "count": freedom,
        },
        attrs={
            "confidence": confidence,
            "interval_method": "chi-squared, exact for Gaussian increments; drift: none",
            "method": f"variance of increments over {lag or 'one point'} across {over}",
        },
    )
    named = {"count": number_of("degrees of freedom")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit)
