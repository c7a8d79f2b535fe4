"""Times of the points of an array: what the argument ``time`` of every function means."""

import datetime
import re
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.containers import (
    array_of,
    bare_array,
    finite_array,
    index_array,
    units_of,
)
from sgdphys.dynamics.status import even_spacing
from sgdphys.dynamics.stretches import parts
from sgdphys.errors import InputError, nearest
from sgdphys.headings import clock_unit, is_clock
from sgdphys.missing import as_float, stored_as_nan, unmasked
from sgdphys.units_of_time import SECONDS, is_counted, seconds_of, singular

_EXACT = 2**53
"""Largest whole number up to which float64 holds all of them."""
_DURATIONS = (datetime.timedelta, np.timedelta64)  # pandas' is one of the former
_SPACING = re.compile(r"((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?) *([^\W\d_]\w*)")


class Clock(NamedTuple):
    """Times of the points along one dimension of an array."""

    dim: str
    times: np.ndarray
    """float64 (point,), increasing."""
    unit: str
    coordinate: str | None
    """The coordinate that the times are the values of."""


def first_axis(time: Any, names: Collection[str] = ()) -> str:
    """Name of the first axis, which is time, of an array without named dimensions.

    Parameters
    ----------
    time
        The argument ``time`` of a public function.
    names : collection of str
        That the axis has, as the index of a table may have one.

    Raises
    ------
    InputError
        For a text that is neither a word for time nor one of the names: it is meant to say more
        than what an axis is called.
    """
    name, given = _name_and_times(time)
    if name is None and isinstance(given, xr.DataArray) and given.ndim == 1:
        return str(given.dims[0])
    is_word = name is None or is_clock(name) or is_counted(name)
    if isinstance(time, str) and not is_word and name not in names:
        raise InputError(
            f"time is {time!r}, and the array has no names; give the spacing of its points, as in "
            "0.5 or '0.5 s', or one time for each, or a word for what is counted, as in 'update'"
        )
    return name or "step"


def name_in(time: Any) -> str | None:
    """The name that the argument ``time`` gives, unless it is a spacing with its unit."""
    return time if isinstance(time, str) and spacing_in(time) is None else None


def spacing_in(text: str) -> xr.DataArray | None:
    """A spacing that is written with its unit, as in "0.5 s"; None for any other text."""
    found = _SPACING.fullmatch(text.strip())
    return xr.DataArray(float(found[1]), attrs={"units": found[2]}) if found else None


def clock_of(theta: xr.DataArray, time: Any = None) -> Clock:
    """Return the times of an array's points and the dimension along which they lie.

    Parameters
    ----------
    theta : DataArray
    time
        The argument ``time`` of a public function: see ``dynamics.series.paths``.

    Raises
    ------
    InputError
        For an unknown or ambiguous dimension, and for times that do not fit the points or do not
        increase.
    """
    name, given = _name_and_times(time, known={*map(str, theta.dims), *map(str, theta.coords)})
    if name is None and isinstance(given, xr.DataArray) and given.dims[:1] != ():
        name = str(given.dims[0]) if given.dims[0] in theta.dims else None
    dim = _dimension(theta, name)
    coordinate = None
    if given is None:
        coordinate = name if name in theta.coords else dim if dim in theta.coords else None
        times, unit = _own_times(theta, dim, coordinate)
    elif np.ndim(bare := _bare(given)) == 0:
        is_settled = name is not None
        times, unit = _even_times(theta, dim, given, is_settled=is_settled)
        coordinate = dim if dim in theta.coords and not is_settled else None
    else:
        times, unit = _given_times(given, bare)
        _require_same_labels(theta, dim, given)
        if times.shape != (theta.sizes[dim],):
            raise InputError(
                f"time has shape {times.shape} but there are {theta.sizes[dim]} points along "
                f"{dim!r}; give one time for each point"
            )
        if not np.isfinite(times).all():
            raise InputError("the times are not all finite; leave out points without a time")
    k = _first_backwards(times)
    if k is not None:
        raise InputError(
            f"{coordinate or 'time'} goes from {times[k]:g} to {times[k + 1]:g} at point {k + 1}; "
            "it must increase: remove repeated or misplaced points"
        )
    stored = theta[coordinate] if coordinate is not None else given
    return Clock(dim, _without_rounding(times, stored), singular(unit), coordinate)


def _name_and_times(time: Any, known: Collection[str] = ()) -> tuple[str | None, Any]:
    """The name of a dimension or coordinate, and the spacing or times, if they are given."""
    if isinstance(time, str):
        spacing = None if time in known else spacing_in(time)
        return (time, None) if spacing is None else (None, spacing)
    if isinstance(time, tuple | list) and any(isinstance(part, str) for part in time):
        names = [part for part in time if isinstance(part, str)]
        others = [part for part in time if not isinstance(part, str)]
        if len(names) != 1 or len(others) != 1 or others[0] is None:
            raise InputError(
                f"time is {time!r}; a pair is a dimension and the spacing or times of its points"
            )
        return names[0], _seconds(others[0])
    return None, _seconds(time)


def _seconds(given: Any) -> Any:
    """A duration, of the standard library, NumPy or pandas, as a number with its unit."""
    if isinstance(given, _DURATIONS) and not pd.isna(given):
        return xr.DataArray(pd.Timedelta(given).total_seconds(), attrs={"units": "second"})
    return given


def _dimension(theta: xr.DataArray, name: str | None) -> str:
    """The dimension along which time runs."""
    dims = [str(d) for d in theta.dims]
    if name is None:
        found = [d for d in dims if is_clock(d)]
        if len(found) == 1 or (not found and len(dims) == 1):
            return (found or dims)[0]
        which = "several could be time" if found else "none has a name for time"
        raise InputError(
            f"which dimension is time? {which}; give one of them as time: "
            f"{', '.join(found or dims)}"
        )
    if name in dims:
        return name
    if name not in theta.coords:
        along = [str(c) for c, coordinate in theta.coords.items() if coordinate.ndim == 1]
        known = list(dict.fromkeys([*dims, *along]))
        raise InputError(
            f"there is no dimension or coordinate {name!r}; " + nearest(name, known, among="it has")
        )
    if theta[name].ndim != 1:
        dims_of_it = ", ".join(map(str, theta[name].dims)) or "none"
        raise InputError(
            f"coordinate {name!r} has the dimensions {dims_of_it}; times need exactly one"
        )
    return str(theta[name].dims[0])


def _own_times(theta: xr.DataArray, dim: str, coordinate: str | None) -> tuple[np.ndarray, str]:
    """Times of an array's own coordinate, otherwise the numbers of its points."""
    if coordinate is None:
        return np.arange(theta.sizes[dim], dtype=float), dim
    return numbers(theta[coordinate])


def _even_times(
    theta: xr.DataArray, dim: str, given: Any, *, is_settled: bool
) -> tuple[np.ndarray, str]:
    """Times of a given spacing; an error where a coordinate contradicts it."""
    spacing = array_of(given, "time").item()
    if isinstance(given, bool | np.bool_) or not 0 < spacing < np.inf:
        said = spacing if isinstance(given, xr.DataArray) else given
        raise InputError(f"time is {said}; a spacing must be a finite number above 0")
    given_unit = given.attrs.get("units") if isinstance(given, xr.DataArray) else units_of(given)
    if dim in theta.coords:
        own, unit = numbers(theta[dim])
        found = even_spacing(own)
        if not is_settled:
            spacing, unit = _in_unit(spacing, given_unit, unit, dim)
            if not abs(found - spacing) <= 1e-6 * abs(spacing):
                own_spacing = f"{found:g}" if np.isfinite(found) else "uneven"
                raise InputError(
                    f"time is {spacing:g} and the spacing of coordinate {dim!r} is {own_spacing}; "
                    f"leave time out, or give time=({dim!r}, {spacing:g}) for evenly spaced points"
                )
            return own, unit
        if not np.isfinite(found) and len(own) > 1:
            raise InputError(
                f"coordinate {dim!r} is not evenly spaced; give its times as an array, as in "
                f"time=({dim!r}, {spacing:g} * theta[{dim!r}].values)"
            )
    times = np.arange(theta.sizes[dim], dtype=float)
    times *= float(spacing)
    return times, given_unit or "time"


def _in_unit(spacing: float, given: str | None, own: str, dim: str) -> tuple[float, str]:
    """A spacing in the unit of a coordinate, and that unit; another kind of unit is refused.

    A coordinate without a unit, whose name stands for it, has the one that is given.
    """
    if given is None or singular(given) == singular(own):
        return spacing, own
    seconds, of_own = seconds_of(given), seconds_of(own)
    if seconds is not None and of_own is not None:
        return spacing * seconds / of_own, own
    if singular(own) == singular(dim) or own == "time":
        return spacing, given
    raise InputError(
        f"time is {spacing:g} {given} and coordinate {dim!r} is in {own}; leave time out, or give "
        f"time=({dim!r}, spacing) for other times than those of the coordinate"
    )


def _first_backwards(times: np.ndarray) -> int | None:
    """Number of the first point after which times do not increase."""
    for part in parts(len(times) - 1):
        wrong = np.flatnonzero(~(np.diff(times[part]) > 0))
        if len(wrong):
            return part.start + int(wrong[0])
    return None


def _bare(given: Any) -> Any:
    if isinstance(given, xr.DataArray | pd.Series | pd.Index):
        return given
    return unmasked(bare_array(given, "time"))


def _given_times(given: Any, values: Any) -> tuple[np.ndarray, str]:
    """Times given by an argument in any container, as float64, and their unit."""
    if isinstance(given, xr.DataArray) and given.ndim == 1:
        return numbers(given)
    if isinstance(given, pd.Series | pd.Index):
        return numbers(index_array(pd.Index(given), "time"))
    if np.ndim(values) != 1 or not len(values):
        raise InputError(f"time has shape {np.shape(values)}; give one time for each point")
    unit = units_of(given) or "time"
    return numbers(xr.DataArray(values, dims="time", name="time", attrs={"units": unit}))


def _require_same_labels(theta: xr.DataArray, dim: str, given: Any) -> None:
    """Refuse times whose own labels along the dimension are not those of the data."""
    if not (isinstance(given, xr.DataArray) and dim in given.indexes and dim in theta.indexes):
        return
    if not given.indexes[dim].equals(theta.indexes[dim]):
        raise InputError(
            f"the coordinate {dim!r} of time is not that of the data; align them first, or give "
            "the times as a plain array in the order of the data"
        )


def _without_rounding(times: np.ndarray, stored: Any) -> np.ndarray:
    """Exactly even times where the given ones are even to the precision in which they are stored.

    A clock in float32, or one that starts far from 0, is even up to rounding only.
    """
    dtype = getattr(stored, "dtype", np.dtype(np.float64))
    if len(times) < 3 or not isinstance(dtype, np.dtype) or dtype.kind != "f":
        return times
    rounding = 2 * float(np.finfo(dtype).eps) * max(abs(times[0]), abs(times[-1]))
    spacing = (times[-1] - times[0]) / (len(times) - 1)
    if not 1e-9 * spacing < rounding < 0.1 * spacing:
        return times  # it does not matter, or hides the spacing
    even = np.arange(len(times), dtype=float)
    even *= spacing
    even += times[0]
    farthest = max(np.abs(times[p] - even[p]).max() for p in parts(len(times) - 1))
    return even if farthest <= rounding else times


def numbers(coordinate: xr.DataArray) -> tuple[np.ndarray, str]:
    """A coordinate as float64 and its unit; dates in the unit of their file."""
    values = coordinate.to_numpy()
    if values.dtype.kind in "mM":
        unit = str(coordinate.encoding.get("units", "second")).split(" since")[0]
        seconds = (values - values[0]) / np.timedelta64(1, "s")
        if singular(unit) not in SECONDS:
            unit = "second"
        return seconds / SECONDS[singular(unit)], unit
    if values.dtype.kind not in "iuf":
        raise InputError(
            f"coordinate {coordinate.name!r} is of type {values.dtype}; numbers were expected"
        )
    unit = str(coordinate.attrs.get("units", clock_unit(coordinate.name or "time"))).split(
        " since"
    )[0]
    if "source" in coordinate.encoding:  # of a file
        values = stored_as_nan(values)
    if values.dtype.kind in "iu" and values.size and int(abs(values).max()) > _EXACT:
        values = values - values[0]  # as of dates: float64 has not all digits of nanoseconds
    return as_float(values), unit


def whole_lags(lags: Any, spacing: float, name: str = "lags") -> np.ndarray:
    """Lags in units of time as numbers of points.

    Parameters
    ----------
    lags : float or array
    spacing : float
    name : str
        Name of the argument.

    Raises
    ------
    InputError
        For a lag that is not a whole multiple of the spacing.
    """
    _require_no_duration(lags, name)
    given = np.atleast_1d(finite_array(lags, name)) / spacing
    if given.ndim > 1 or not given.size:
        raise InputError(f"{name} has the shape {given.shape}; give one number or a list of them")
    points = np.rint(given).astype(np.int64)
    wrong = np.flatnonzero(np.abs(given - points) > 1e-6 * np.maximum(np.abs(given), 1))
    if len(wrong):
        raise InputError(
            f"{name}: {given[wrong[0]] * spacing:g} is not a whole multiple of the spacing of the "
            f"points, {spacing:g}"
        )
    return points


def require_within(given: np.ndarray, longest: float, name: str) -> None:
    """Refuse lags, or times since the first point, that are beyond the data."""
    beyond = given[given > longest * (1 + 1e-9)]
    if beyond.size:
        raise InputError(
            f"{name}: {beyond.min():g} is beyond the data, where the longest is {longest:g}; leave "
            "it out"
        )


def pairs_at(times: np.ndarray, lag: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of points and of those one lag later; of neighbours if no lag is given.

    Raises
    ------
    InputError
        When no two points have that distance.
    """
    if lag is None:
        points = np.arange(len(times))
        return points[:-1], points[1:]
    wanted = number_given(lag, "lag")
    late, is_found = points_at(times, times + wanted)
    early = np.flatnonzero(is_found) if wanted > 0 else np.empty(0, np.int64)
    if not len(early):
        raise InputError(
            f"lag is {wanted:g}; no two points lie so far apart: give a lag from "
            f"{np.diff(times).min():g}, between neighbours, to {np.ptp(times):g}, between the ends"
        )
    return early, late[early]


def points_at(times: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of points at given times, and whether there is one within 1e-3 of the spacing."""
    tolerance = 1e-3 * np.diff(times).min(initial=np.inf)
    k = np.clip(np.searchsorted(times, wanted - tolerance), 0, len(times) - 1)
    return k, np.abs(times[k] - wanted) <= tolerance


def points_within(duration: Any, spacing: float, name: str = "window") -> int:
    """Number of points, rounded, in a duration in units of time."""
    return int(np.rint(number_given(duration, name) / spacing))


def number_given(value: Any, name: str) -> float:
    """One finite number, of any container."""
    _require_no_duration(value, name)
    found = finite_array(value, name)
    if found.ndim:
        raise InputError(f"{name} has the shape {found.shape}; it is one number")
    return float(found)


def _require_no_duration(value: Any, name: str) -> None:
    """Refuse a duration, or an array of them: the unit of the times is only known to the clock."""
    parts = value if isinstance(value, list | tuple) else [value]
    dtype = getattr(value, "dtype", None)
    if any(isinstance(p, _DURATIONS) for p in parts) or getattr(dtype, "kind", "") == "m":
        raise InputError(
            f"{name} is a duration; give it as a number in the unit of the times, which is the "
            f"second for dates, as in {name}=pandas.Timedelta('2h').total_seconds()"
        )
