"""Variance and diffusion across an ensemble, also within families that share an initialisation."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.dynamics.blocks import in_groups
from sgdphys.dynamics.clock import pairs_at
from sgdphys.dynamics.diffusion.wiener import chi_squared_interval
from sgdphys.dynamics.series import paths, require_free_names, require_one_dimension
from sgdphys.errors import InputError, nearest
from sgdphys.intervals import finite_mean
from sgdphys.missing import labelled_without_missing
from sgdphys.quantities import attributes, labelled, number_of


def groups_along(theta: xr.DataArray, over: str, within: str | None) -> list[np.ndarray]:
    """Indices along ``over`` of each group."""
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


def _name_of(theta: xr.DataArray, family: str | None, members: np.ndarray) -> str:
    return "of all" if family is None else f"{family} {theta[family].to_numpy()[members[0]]}"


@np.errstate(all="ignore")  # odd series have no value, and harm no other
def deviation_from_mean(
    theta: xr.DataArray, *, over: str = "replica", family: str | None = None
) -> xr.DataArray:
    """Deviations from the group mean, rescaled to the variance of independent members.

    Parameters
    ----------
    theta : DataArray
    over : str
        Ensemble dimension.
    family : str, optional
        Coordinate along ``over`` that names groups, such as "family", whose members are twins:
        replicas that share their initialisation. All members are one group without it.

    Returns
    -------
    DataArray
        (theta - mean) sqrt(m/(m - 1)) for groups of m, with the dimensions, order and unit of
        theta; a DataArray and no Dataset, since transformed paths are again paths.

    Raises
    ------
    InputError
        For a group of one, or an unknown dimension or coordinate.

    See Also
    --------
    variance_components : Variance within and between groups.
    ensemble_diffusion : Diffusion coefficient across an ensemble.

    Notes
    -----
    The mean of m members contains 1/m of the noise of each; the factor restores the variance of
    independent members; m counts those that are finite. Members of a group are then correlated by
    -1/(m - 1).

    Examples
    --------
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> x = xr.DataArray([[1.0, 3.0], [5.0, 5.0]], dims=("step", "replica"))
    >>> sp.dynamics.deviation_from_mean(x).values.round(2)
    array([[-1.41,  1.41],
           [ 0.  ,  0.  ]])
    """
    theta = labelled_without_missing(labelled_array(theta))
    parts = []
    for members in groups_along(theta, over, family):
        if len(members) < 2:
            raise InputError(
                f"the group {_name_of(theta, family, members)} along {over!r} has one member; a "
                "deviation from the mean needs at least two (of a study: train.twins)"
            )
        group = theta.isel({over: members})
        group = group.where(np.isfinite(group))
        finite = group.notnull().sum(over)
        finite = finite.where(finite > 1)  # one alone has no deviation
        parts.append((group - group.mean(over)) * np.sqrt(finite / (finite - 1)))
    order = np.argsort(np.concatenate(groups_along(theta, over, family)))
    joined = xr.concat(parts, dim=over).isel({over: order})
    unit = str(theta.attrs.get("units", "1"))
    return joined.assign_attrs(theta.attrs | attributes("deviation", x=unit))


@np.errstate(all="ignore")  # odd series have no value, and harm no other
def variance_components(
    theta: xr.DataArray, *, over: str = "replica", family: str = "family"
) -> xr.Dataset:
    """Variance components (one-way random effects, ANOVA): within groups and between their means.

    Parameters
    ----------
    theta : DataArray
    over : str
        Ensemble dimension.
    family : str
        Coordinate along ``over`` that names groups: see ``deviation_from_mean``.

    Returns
    -------
    Dataset
        spread_within: mean over groups of the unbiased variance of their members. spread_between:
        variance of group means minus what the variance within groups contributes to it (it may be
        negative). Both in the unit of theta squared, over the remaining dimensions.

    Raises
    ------
    InputError
        For a group of one, or an unknown dimension or coordinate.

    See Also
    --------
    deviation_from_mean : Paths about the mean of their group.

    Notes
    -----
    With G groups of m finite members, Var(group means) = spread_between + spread_within <1/m>.

    Examples
    --------
    200 families with means of variance 4, each of two members with noise of variance 1:

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> rng = np.random.default_rng(0)
    >>> family = np.repeat(np.arange(200), 2)
    >>> values = 2 * rng.standard_normal(200)[family] + rng.standard_normal(400)
    >>> x = xr.DataArray(values, dims="replica", coords={"family": ("replica", family)})
    >>> found = sp.dynamics.variance_components(x)
    >>> round(found["spread_within"].item()), round(found["spread_between"].item())
    (1, 4)
    """
    theta = labelled_without_missing(labelled_array(theta))
    theta = theta.where(np.isfinite(theta))
    indices = groups_along(theta, over, family)
    for members in indices:
        if len(members) < 2:
            raise InputError(
                f"the group {_name_of(theta, family, members)} along {over!r} has one member; a "
                "variance within groups needs at least two (of a study: train.twins)"
            )
    groups = [theta.isel({over: members}) for members in indices]
    inside = xr.concat([g.var(over, ddof=1) for g in groups], dim="group")
    means = xr.concat([g.mean(over) for g in groups], dim="group")
    sizes = xr.concat([g.notnull().sum(over) for g in groups], dim="group")
    noise = inside.mean("group")
    between = means.var("group", ddof=1) if len(groups) > 1 else means.isel(group=0) * np.nan
    share = (1 / sizes.where(sizes > 0)).mean("group")
    data = xr.Dataset({"spread_within": noise, "spread_between": between - noise * share})
    return labelled(data, x=str(theta.attrs.get("units", "1")))


@checked
@np.errstate(all="ignore")  # odd series have no value, and harm no other
def ensemble_diffusion(
    theta: Any,
    *,
    time: Any = None,
    over: str = "replica",
    family: str | None = None,
    lag: float | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Drift and diffusion coefficient across an ensemble at fixed time, without stationarity.

    Parameters
    ----------
    theta : DataArray
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    over : str
        Ensemble dimension.
    family : str, optional
        Coordinate along ``over`` that names groups: see ``deviation_from_mean``.
    lag : float, optional
        In units of time; one point by default.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        drift (unit of theta per unit of time), and diffusion (unit of theta squared per unit of
        time) with ``_low`` and ``_high``, over time (the earlier point) and the remaining
        dimensions; count, the degrees of freedom of the members that are finite there.

    Raises
    ------
    InputError
        If every group has one member, or for a lag beyond the series.

    See Also
    --------
    diffusion_coefficient : Diffusion coefficient along single series.
    ensemble_indicators : Variance and memory across an ensemble at fixed time.

    Notes
    -----
    D(t) = Var[x(t + tau) - x(t)]/(2 tau), the variance over members of a group, pooled over groups.
    The chi-squared interval is exact for Gaussian increments.

    Examples
    --------
    >>> import sgdphys as sp
    >>> x = sp.processes.wiener(drift=1.0, diffusion=0.5, steps=5, replicas=20_000, rng=0)["theta"]
    >>> found = sp.dynamics.ensemble_diffusion(x, time="time")
    >>> found["diffusion"].values.ravel().round(2)
    array([0.5 , 0.51, 0.5 , 0.5 , 0.5 ])
    >>> round(found["drift"].mean().item(), 1)
    1.0
    """
    series = paths(theta, time=time)
    require_one_dimension(series, over)
    names = ("drift", "diffusion", "diffusion_low", "diffusion_high", "count")
    require_free_names(series.given, names)
    first, second = pairs_at(series.times, lag)
    tau = series.times[second] - series.times[first]
    groups = groups_along(series.given, over, family)
    if max(map(len, groups)) < 2:
        raise InputError(f"every group along {over!r} has one member; at least two are needed")
    early = series.theta.isel({series.dim: first})
    order = [d for d in early.dims if d != over]
    shape = [early.sizes[d] for d in order]
    drift, diffusion, low, high = np.empty((4, int(np.prod(shape[:-1])), shape[-1]))
    dof = np.empty(drift.shape, np.int64)
    for number, x in in_groups(series.given, series.dim, [over]):
        dx = x[..., second] - x[..., first]
        drift[number] = finite_mean(dx.swapaxes(0, 1)) / tau
        squares, dof[number] = _about_means(dx, groups)
        at = np.where(dof[number] > 0, squares / dof[number], np.nan) / (2 * tau)
        diffusion[number] = at
        low[number], high[number] = chi_squared_interval(at, dof[number], confidence)
    columns = (drift, diffusion, low, high, dof)
    data = xr.Dataset(
        {n: (order, c.reshape(shape)) for n, c in zip(names, columns, strict=True)},
        coords={n: c for n, c in early.coords.items() if over not in c.dims},
        attrs={
            "confidence": confidence,
            "interval_method": "chi-squared, exact for Gaussian increments; drift: none",
            "method": f"variance of increments over {lag or 'one point'} across {over}",
        },
    )
    named = {"count": number_of("degrees of freedom")}
    return labelled(data, named, x=series.value_unit, t=series.time_unit)


def _about_means(dx: np.ndarray, groups: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sums of squares of (..., member, point) about the means of groups, and degrees of freedom."""
    squares = np.zeros((dx.shape[0], dx.shape[2]))
    dof = np.zeros(squares.shape, np.int64)
    for group in groups:
        part = dx[:, group]
        is_there = np.isfinite(part)
        deviation = part - finite_mean(part.swapaxes(0, 1))[:, None]
        squares += np.where(is_there, deviation**2, 0.0).sum(axis=1)
        dof += np.maximum(is_there.sum(axis=1) - 1, 0)
    return squares, dof
