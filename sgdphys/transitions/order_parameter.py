"""Order parameter of an ensemble: mean, susceptibility and Binder cumulant."""

import functools

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array
from sgdphys.intervals import (
    METHOD,
    finite_mean,
    jackknife_interval,
    means_without_each,
    require_members,
)
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled

_SIMULATED = 4000
"""Gaussian ensembles whose cumulants are simulated."""


@checked
@np.errstate(all="ignore")  # odd series have no value, and harm no other
def order_parameter(
    m: xr.DataArray, *, over: str = "replica", confidence: float = 0.95
) -> xr.Dataset:
    """Order parameter of an ensemble: mean, susceptibility and Binder cumulant.

    Parameters
    ----------
    m : DataArray (over, ...)
        One signed number per member, such as a magnetisation, at each point of any further
        dimensions; values that are not finite are left out.
    over : str
        Ensemble dimension.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        order, susceptibility and binder with ``_low`` and ``_high``, over the other dimensions; in
        the unit of m, its square, and dimensionless.

    Raises
    ------
    InputError
        For fewer than 5 members, or an unknown dimension.

    See Also
    --------
    sgdphys.dynamics.critical_point : Critical point from relaxation times.
    sgdphys.dynamics.replica_overlap : Overlap of replicas, an order parameter without a sign.

    Notes
    -----
    order = <|m|>, susceptibility = (<m**2> - <|m|>**2) n/(n - 1), binder = 1 - <m**4>/(3
    <m**2>**2): 0 for a Gaussian about 0 (disordered), 2/3 where |m| is the same for all members
    (ordered). The susceptibility is unbiased; with n members the cumulant has a bias of about 2/n,
    and for few Gaussian members it is far from 0: the interval holds 0 wherever Gaussian members
    would give such a cumulant.

    References
    ----------
    Binder (1981), Z. Phys. B 43, 119.

    Examples
    --------
    An ordered ensemble, m = +-1, and a disordered one, Gaussian m:

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal(2000)
    >>> m = xr.DataArray([np.sign(noise), noise], dims=("phase", "replica"))
    >>> abs(sp.transitions.order_parameter(m)["binder"].values.round(2))
    array([0.67, 0.02])
    """
    m = labelled_array(m, over)
    require_members(m, over)
    values = numbers_of(m.transpose(over, ...))
    moments = np.stack([np.abs(values), values**2, values**4], axis=-1)
    finite = np.isfinite(values)
    members = np.asarray(finite.sum(axis=0))
    found = _measures(finite_mean(moments), members)
    without_each = _measures(means_without_each(moments), members - finite)
    template = m.isel({over: 0}, drop=True).astype(np.float64)
    data: dict[str, xr.DataArray] = {}
    for name, value in found.items():
        ends = jackknife_interval(value, without_each[name], members, confidence, kind="positive")
        columns = {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
        if name == "kurtosis_ratio":
            low, high = _with_gaussian(1 - value, 1 - ends[1], 1 - ends[0], members, confidence)
            columns = {"binder": 1 - value, "binder_low": low, "binder_high": high}
        data |= {key: template.copy(data=column) for key, column in columns.items()}
    return labelled(xr.Dataset(data), x=str(m.attrs.get("units", "1"))).assign_attrs(
        method=f"moments across {over}",
        reference="Binder (1981)",
        confidence=confidence,
        interval_method=METHOD,
    )


def _measures(moments: np.ndarray, members: np.ndarray) -> dict[str, np.ndarray]:
    """Measures from the moments <|m|>, <m**2>, <m**4> (..., 3) of so many members."""
    size, second, fourth = np.moveaxis(moments, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "order": size,
            "susceptibility": members / (members - 1) * (second - size**2),
            "kurtosis_ratio": fourth / (3 * second**2),
        }


def _with_gaussian(
    binder: np.ndarray, low: np.ndarray, high: np.ndarray, members: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval that holds 0 as well where Gaussian members would give such a cumulant."""
    ranges = {n: _gaussian_range(int(n), confidence) for n in np.unique(members[members > 0])}
    missing = (np.nan, np.nan)
    least, most = (
        np.array([ranges.get(n, missing)[end] for n in np.ravel(members)]).reshape(members.shape)
        for end in (0, 1)
    )
    is_gaussian = (binder >= least) & (binder <= most)
    return (
        np.where(is_gaussian, np.minimum(low, 0.0), low),
        np.where(is_gaussian, np.maximum(high, 0.0), high),
    )


@functools.cache
def _gaussian_range(members: int, confidence: float) -> tuple[float, float]:
    """Central range of the cumulant of Gaussian members, simulated."""
    rng = np.random.default_rng(members)
    squares = [rng.standard_normal((members, 500)) ** 2 for _ in range(_SIMULATED // 500)]
    found = np.concatenate([1 - (s**2).mean(axis=0) / (3 * s.mean(axis=0) ** 2) for s in squares])
    tail = (1 - confidence) / 2
    least, most = np.quantile(found, [tail, 1 - tail])
    return float(least), float(most)
