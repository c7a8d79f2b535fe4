"""Results of a study, narrowed to the case that a claim is about."""

import copy
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.claims.estimates import finite_log
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import finite_to_the_end, is_finite

LACKS = "lacks"
"""Attribute of an analysis without data: the reason."""
LEARNED = "learned"
"""Coordinate of replicas: whether a network has learnt anything by the end of its training."""
CUTS = {"until_epoch": "epoch", "until_updates": "updates", "until_time": "flow_time"}
"""Keys of a claim's ``where`` that cut curves, and the clock along ``epoch`` of each."""


REACHED = 0.9
"""Share of a limit that the records of a run must reach."""
_NEAR = 0.1
"""How far a record may be from the epoch that a claim is about, as a share of that."""


class Results:
    """Results of a study as a statistic reads them, narrowed to the requested case.

    Parameters
    ----------
    groups : mapping of str to Dataset
        By the names of analyses, each with the attribute ``of``, its kind.
    needs : sequence of str
        Kinds that the statistic reads.
    analysis : str
        Name of an analysis preferred to the first of its kind; may be empty.
    where : mapping
        Values of swept keys, among others.
    """

    def __init__(
        self,
        groups: Mapping[str, xr.Dataset],
        needs: Sequence[str],
        analysis: str,
        where: Mapping[str, Any],
    ) -> None:
        if analysis and analysis not in groups:
            raise InputError(f"there is no analysis {analysis!r}; there are {', '.join(groups)}")
        self._where = where
        self._without_curves = False
        self._found: dict[str, xr.Dataset | None] = {}
        for kind in needs:
            alike = {n: g for n, g in groups.items() if g.attrs.get("of") == kind}
            self._found[kind] = alike.get(analysis, next(iter(alike.values()), None))

    def wanted(self, name: str) -> Any:
        """The requested value of a coordinate that the statistic selects itself, or None."""
        return self._where.get(name)

    def chooses_case(self, key: str) -> bool:
        """Whether a key of ``where`` is a swept key of the results."""
        return any(f is not None and _swept(key) in f.coords for f in self._found.values())

    def of(self, kind: str) -> xr.Dataset:
        """The analysis of a kind.

        Raises
        ------
        InputError
            When there is none, or no such case.
        NotEnoughData
            When it has no data.
        """
        if kind not in self._found:
            raise LookupError(f"a statistic that reads {kind!r} must list it in its needs")
        found = self._found[kind]
        if found is None:
            raise InputError(f"the results have no analysis of {kind!r}; add it to the study")
        if LACKS in found.attrs:
            raise NotEnoughData(str(found.attrs[LACKS]))
        for key, value in self._where.items():
            coordinate = _swept(key)
            if coordinate not in found.coords:
                continue
            values = value if isinstance(value, list) else [value]
            present = found[coordinate].to_numpy()
            same = np.isin(present, values)
            if not same.any():
                known = ", ".join(dict.fromkeys(map(str, present)))
                raise InputError(f"no case has {key} {value!r}; there are {known}")
            found = found.isel(case=np.flatnonzero(same))
        found = found.load()
        found = found.squeeze("case") if found.sizes.get("case") == 1 else found
        for key in CUTS.keys() & self._where.keys():
            found = _until(found, key, float(self._where[key]))
        if self._without_curves:
            found = found.map(lambda v: v.where(False) if "epoch" in v.dims else v)
        return found

    def without_curves(self) -> "Results":
        """The same results with NaN along epochs: what does not change reads no curve."""
        other = copy.copy(self)
        other._without_curves = True
        return other

    def each_case(self, kind: str, measured: Callable[[xr.Dataset], xr.DataArray]) -> xr.DataArray:
        """A function of the curves of an analysis, applied to every case of a sweep.

        Parameters
        ----------
        kind : str
        measured : callable
            Receives the analysis of one case, as returned by ``to_the_end``.
        """
        found = self.of(kind)
        if "case" not in found.dims and LEARNED in found.coords and not (found[LEARNED] > 0).any():
            raise NotEnoughData("no network has learnt anything: all stay at chance")
        return over_cases(found, lambda case: measured(to_the_end(case)))


def over_cases(found: xr.Dataset, measured: Callable[[xr.Dataset], xr.DataArray]) -> xr.DataArray:
    """A function of an analysis, applied to every case of a sweep, or to the only one."""
    if "case" not in found.dims:
        return measured(found)
    return xr.concat(
        [measured(found.isel(case=k)) for k in range(found.sizes["case"])], dim="case",
        coords="different", compat="equals", join="outer", combine_attrs="drop_conflicts",
    )  # fmt: skip


def _until(found: xr.Dataset, key: str, limit: float) -> xr.Dataset:
    """Curves up to a limit of a clock; cases that have no record there are NaN."""
    clock = CUTS[key]
    if "epoch" not in found.dims or clock not in found.coords:
        raise InputError(f"an analysis of {found.attrs.get('of')!r} has no curves to cut by {key}")
    times = found[clock]
    last = float(_ends(found, times).min())
    if last < REACHED * limit:
        raise InputError(f"{key} is {limit:g}, and a run ends at {last:g}")
    if times.ndim == 1:
        return found.isel(epoch=np.flatnonzero(times.to_numpy() <= limit))
    return found.map(lambda v: v.where(times <= limit) if "epoch" in v.dims else v, keep_attrs=True)


def _ends(found: xr.Dataset, times: xr.DataArray) -> xr.DataArray:
    """Last time of each case; epochs without values belong to other cases."""
    if times.ndim > 1 or not ("case" in found.coords or "case" in found.dims):
        return times.max("epoch")
    own = [
        is_finite(v).any([d for d in v.dims if d not in ("epoch", "case")])
        for v in found.data_vars.values()
        if "epoch" in v.dims and v.dtype.kind == "f"
    ]
    return times.where(functools.reduce(operator.or_, own)).max("epoch") if own else times.max()


def recorded_near(known: np.ndarray, wanted: float, what: str) -> int:
    """Number of the recorded epoch nearest to the one that a claim is about.

    Raises
    ------
    NotEnoughData
        When it is farther than a tenth of it, and than one epoch: another state is no answer.
    """
    nearest = int(np.abs(known - wanted).argmin())
    if abs(known[nearest] - wanted) > max(1.0, _NEAR * abs(wanted)):
        raise NotEnoughData(
            f"{what} is {wanted:g}, and the nearest record is that of {known[nearest]:g}"
        )
    return nearest


def _swept(key: str) -> str:
    """Coordinate of a swept key; a key whose last name is ambiguous includes its table."""
    return f"swept_{key.replace('.', '_')}"


def along_control(values: xr.DataArray) -> xr.DataArray:
    """Cases in the order of the number that is swept.

    Parameters
    ----------
    values : DataArray (case, ...)

    Raises
    ------
    InputError
        Where several keys vary of which none has a value for each case: no case has neighbours.
    """
    swept = {
        str(name): coordinate.to_numpy()
        for name, coordinate in values.coords.items()
        if str(name).startswith("swept_") and coordinate.dims == ("case",)
    }
    varied = {name: v for name, v in swept.items() if len(np.unique(v.astype(str))) > 1}
    own = [
        name for name, v in varied.items()
        if v.dtype.kind in "iuf" and len(np.unique(v)) == values.sizes["case"]
    ]  # fmt: skip
    if own:
        return values.isel(case=np.argsort(varied[own[0]]))
    if len(varied) > 1:
        names = ", ".join(name.removeprefix("swept_") for name in varied)
        raise InputError(f"cases are compared along one swept key; {names} vary: choose in 'where'")
    return values


def require_one_case(data: xr.Dataset) -> xr.Dataset:
    """Refuse several cases of a sweep."""
    if "case" in data.dims:
        swept = [str(n).removeprefix("swept_") for n in data.coords if str(n).startswith("swept_")]
        raise InputError(
            f"the statistic needs one case, but there are {data.sizes['case']}; choose one in "
            f"'where' by {', '.join(swept) or 'its name'}"
        )
    return data


def to_the_end(data: xr.Dataset) -> xr.Dataset:
    """Curves over the epochs of their own case, of the members that are finite at the end.

    Members that have learnt nothing are left out too: weights that die lose information as well.

    Parameters
    ----------
    data : Dataset
        Variables (epoch, replica, ...) of one case. In a sweep, epochs without values belong to
        other cases.

    Returns
    -------
    Dataset
        The curve of a member that is not finite at the last epoch is NaN.
    """
    if "case" in data.coords:
        own = data.dropna("epoch", how="all")
        data = own if own.sizes["epoch"] else data
    keep = data[LEARNED].fillna(0) > 0 if LEARNED in data.coords else None
    curves = {n: v for n, v in data.data_vars.items() if {"epoch", "replica"} <= set(v.dims)}
    return data.assign(
        {n: finite_to_the_end(v if keep is None else v.where(keep)) for n, v in curves.items()}
    )


def log(values: xr.DataArray) -> xr.DataArray:
    """Natural logarithm, NaN where it is not finite."""
    return values.copy(data=finite_log(values.to_numpy()))


def with_ends(data: xr.Dataset, name: str, scale: Any = 1.0) -> xr.Dataset:
    """An estimate and its interval as value, low and high, all divided by a scale."""
    ends = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
    return xr.Dataset({new: data[old] / scale for new, old in ends.items()})
