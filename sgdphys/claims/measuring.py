"""What claims say, measured: the estimate of a statistic at the places that a claim names."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.claims.claim import Claim
from sgdphys.claims.estimates import (
    Estimate,
    difference,
    mean_by_replica,
    of_intervals,
    over_replicas,
)
from sgdphys.claims.results import CUTS, REACHED, Results
from sgdphys.claims.statistic import Measured, Statistic
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.intervals import Kind

_CLOCKS = ("epoch", "update", "step", "time", "lag")
"""Words in the names of coordinates of which the recorded value nearest to the wanted one is taken.
"""


def measure(claim: Claim, groups: Mapping[str, xr.Dataset], statistic: Statistic) -> Estimate:
    """Estimate the statistic of a claim.

    Raises
    ------
    InputError
        When the results lack an analysis or a coordinate that it needs.
    NotEnoughData
        When they hold too few data.
    """
    if not claim.against:
        return estimate_of(claim.statistic, statistic, claim.where, groups)
    first = _measured(claim.statistic, statistic, claim.where, groups)
    where = {**claim.where, **claim.against}
    second = _measured(claim.statistic, statistic, where, groups)
    # shares of few networks that all agree would have a difference without a width
    is_paired = statistic.kind != "share"
    if is_paired and isinstance(first, xr.DataArray) and isinstance(second, xr.DataArray):
        if first.sizes.get("replica") == second.sizes.get("replica"):
            both = _where_both(first, second)
            one, other = (mean_by_replica(v, statistic.kind) for v in both)
            if statistic.kind == "geometric":
                return over_replicas(one / other, "geometric")
            return over_replicas(one - other)
    one_estimate, other_estimate = (_estimate(v, statistic.kind) for v in (first, second))
    return difference(one_estimate, other_estimate, statistic.kind)


def _where_both(first: xr.DataArray, second: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """The entries that both have, where they are of the same layers or cases.

    Means over other layers would be compared otherwise.
    """
    same = set(first.dims) == set(second.dims) and all(
        first.sizes[d] == second.sizes[d]
        and (d == "replica" or np.array_equal(first[d], second[d]))
        for d in first.dims
    )
    if not same:
        return first, second
    other = second.transpose(*first.dims)
    known = np.isfinite(first.to_numpy()) & np.isfinite(other.to_numpy())
    one, two = (v.copy(data=np.where(known, v.to_numpy(), np.nan)) for v in (first, other))
    return one, two


def estimate_of(
    name: str, statistic: Statistic, where: Mapping[str, Any], groups: Mapping[str, xr.Dataset]
) -> Estimate:
    """Estimate of a statistic, by name, at the coordinates and swept keys of ``where``.

    Raises
    ------
    InputError
        When the results lack an analysis or a coordinate that it needs.
    NotEnoughData
        When they hold too few data.
    """
    return _estimate(_measured(name, statistic, where, groups), statistic.kind)


def estimates_at_each(
    key: str,
    values: Iterable[Any],
    name: str,
    statistic: Statistic,
    where: Mapping[str, Any],
    groups: Mapping[str, xr.Dataset],
) -> list[Estimate]:
    """Estimates as of ``estimate_of`` at each value of one more key, computed once for all.

    The statistic itself must not read the key.
    """
    found = _measured(name, statistic, where, groups)
    return [_estimate(_chosen(found, key, value), statistic.kind) for value in values]


def _estimate(found: Measured, kind: Kind) -> Estimate:
    if isinstance(found, Estimate):
        return found
    return over_replicas(found, kind) if isinstance(found, xr.DataArray) else of_intervals(found)


def _measured(
    name: str, statistic: Statistic, where: Mapping[str, Any], groups: Mapping[str, xr.Dataset]
) -> Measured:
    """A statistic at the coordinates of ``where``; other dimensions remain."""
    rest = dict(where)
    analysis = str(rest.pop("analysis", ""))
    results = Results(groups, statistic.needs, analysis, rest)
    found = statistic.of(results)
    if isinstance(found, Estimate) and any("family" in g.coords for g in groups.values()):
        # of networks one by one, among which twins would count as independent
        results = Results(_without_twins(groups), statistic.needs, analysis, rest)
        found = statistic.of(results)
    elif isinstance(found, xr.DataArray) and "replica" in found.dims:
        found = _with_families(found, groups, statistic.needs)
    cuts = [key for key in CUTS if key in rest and key not in statistic.chooses]
    if cuts and _is_same(found, statistic, results.without_curves()):
        raise NotEnoughData(
            f"{name} reads no curve, so that {cuts[0]} would cut nothing; leave it out, or choose "
            "another statistic"
        )
    for key, value in rest.items():
        if key in statistic.chooses or key in CUTS or results.chooses_case(key):
            continue
        if isinstance(found, Estimate) or not (key in found.dims or key in found.coords):
            raise InputError(f"{name} has no coordinate {key!r}, so {value!r} selects nothing")
        found = _chosen(found, key, value)
    return found


def _with_families(
    found: xr.DataArray, groups: Mapping[str, xr.Dataset], needs: Iterable[str]
) -> xr.DataArray:
    """A statistic by replica with the families of twins, if they are twins."""
    read = [g for g in groups.values() if str(g.attrs.get("of")) in needs and "family" in g.coords]
    for group in read if "family" not in found.dims else ():
        if group.sizes["replica"] == found.sizes["replica"]:
            return found.assign_coords(family=("replica", group["family"].to_numpy()))
    return found


def _without_twins(groups: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """The first network of each family alone."""
    return {
        name: group.isel(replica=np.sort(np.unique(group["family"], return_index=True)[1]))
        if "family" in group.coords
        else group
        for name, group in groups.items()
    }


def _is_same(found: Measured, statistic: Statistic, without_curves: Results) -> bool:
    """Whether a statistic has the same finite values without any curve."""
    try:
        other = statistic.of(without_curves)
    except Exception:  # whatever a statistic makes of curves of NaN, it has read them
        return False
    if isinstance(found, Estimate):
        return found == other
    values = found if isinstance(found, xr.DataArray) else found.to_array()
    return bool(values.notnull().any()) and bool(found.equals(other))  # type: ignore[arg-type]


def _chosen(found: Any, name: Hashable, value: Any) -> Any:
    """The entries of a coordinate at a value, or at each of several values.

    Of a clock, such as epochs, those that were recorded nearest to it.
    """
    coordinate = found[name]
    if coordinate.ndim != 1:
        raise InputError(
            f"{name} is not a coordinate along one dimension, so {value!r} selects nothing"
        )
    axis, known = coordinate.dims[0], coordinate.to_numpy()
    indices = []
    for v in value if isinstance(value, list) else [value]:
        if isinstance(v, str):
            same = np.flatnonzero(known.astype(str) == v)
            if not len(same):
                raise InputError(
                    f"there is no {name} {v!r}; there are {', '.join(map(str, known))}"
                )
            indices.append(int(same[0]))
        else:
            there = known.astype(np.float64)
            if np.isnan(there).all():
                raise InputError(f"no {name} is a number, so {v!r} selects nothing")
            nearest_one = int(np.nanargmin(np.abs(there - v)))
            _require_near(str(name), v, there, nearest_one)
            indices.append(nearest_one)
    return found.isel({axis: indices})


def _require_near(name: str, value: float, known: np.ndarray, nearest_one: int) -> None:
    """Refuse a value that was not recorded, of a clock one that is beyond what was."""
    distance = abs(known[nearest_one] - value)
    if any(word in name for word in _CLOCKS):
        low, high = np.nanmin(known), np.nanmax(known)
        if not low <= value <= high and distance > (1 - REACHED) * abs(value):
            raise InputError(f"there is no {name} {value:g}; they go from {low:g} to {high:g}")
    elif distance > 1e-6 * abs(value):
        raise InputError(
            f"there is no {name} {value:g}; there are {', '.join(f'{k:g}' for k in known)}"
        )
