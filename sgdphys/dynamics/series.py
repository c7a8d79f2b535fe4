"""The one door through which dynamics reads trajectories: times, gaps, and bounded memory."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys import parallel
from sgdphys.compiling import compiled
from sgdphys.containers import array_of, bare_array, index_array, labelled_array, units_of
from sgdphys.dynamics.status import Needs, even_spacing, precision_of, status_of
from sgdphys.errors import InputError, nearest
from sgdphys.glossary import Quantity
from sgdphys.missing import as_float, labelled_without_missing, stored_as_nan, unmasked
from sgdphys.quantities import labelled
from sgdphys.status import OK, flagged

BLOCK_BYTES = 2 * 2**20
"""Float64 values that one thread looks at together: they stay in its cache."""
LOADED_BYTES = 192 * 2**20
"""What is read of a lazy array at once."""
_SECONDS = {
    "nanosecond": 1e-9, "microsecond": 1e-6, "millisecond": 1e-3, "second": 1.0, "minute": 60.0,
    "hour": 3600.0, "day": 86400.0,
}  # fmt: skip
_PLURALS = {
    f"{name}s": name
    for name in (
        *_SECONDS, "week", "month", "year", "step", "epoch", "frame", "update", "iteration",
        "sample", "draw",
    )
}  # fmt: skip


class Paths(NamedTuple):
    """Series of one array and the times of their points."""

    theta: xr.DataArray
    """The time-like dimension last."""
    dim: str
    times: np.ndarray
    """float64 (point,), increasing."""
    time_unit: str
    value_unit: str

    @property
    def over(self) -> tuple[str, ...]:
        """All other dimensions."""
        return tuple(str(d) for d in self.theta.dims[:-1])

    @property
    def spacing(self) -> float:
        """Time between points; NaN where it is not the same throughout."""
        return even_spacing(self.times)


def paths(
    theta: Any,
    *,
    dim: str = "step",
    dt: float | None = None,
    times: Any = None,
    per: str | None = None,
    across: str | None = None,
) -> Paths:
    """Return the series of an array along a time-like dimension.

    Parameters
    ----------
    theta : DataArray, Series, DataFrame, array or Paths
        Any container that ``containers.labelled_array`` reads. A bare array has time first, spacing
        1; the index of a Series or DataFrame is its times. Paths come back as they are, whatever
        else is given: so one estimator hands on to another what it has read.
    dim : str
        The time-like dimension.
    dt : float, optional
        Spacing of the points; an error beside a numeric coordinate that says otherwise.
    times : array (point,), optional
        Times of the points, instead of the coordinate.
    per : str, optional
        Coordinate along ``dim`` to measure time by: ``per="time"`` for the sum of learning rates;
        ``dim``'s own by default.
    across : str, optional
        Name of a bare array's second axis.

    Raises
    ------
    InputError
        For a dimension that is not there, times that do not increase, values that are not numbers.
    """
    if isinstance(theta, Paths):
        return theta
    theta = labelled_array(theta, *((dim,) if across is None else (dim, across)))
    if dim not in theta.dims:
        dims = ", ".join(map(str, theta.dims))
        raise InputError(
            f"there is no dimension {dim!r}; {nearest(dim, theta.dims)} (it has {dims})"
        )
    theta = theta.transpose(..., dim)
    if dt is not None:
        _require_spacing(dt)
    clock, unit = _clock(theta, dim, dt, times, per)
    if times is None and (per or dim) in theta.coords:
        theta = _with_unit(theta, per or dim, _singular(unit))
    back = np.flatnonzero(~(np.diff(clock) > 0))
    if len(back):
        k = int(back[0])
        raise InputError(
            f"{per or dim} goes from {clock[k]:g} to {clock[k + 1]:g} at point {k + 1}; "
            "it must increase: remove repeated or misplaced points"
        )
    return Paths(theta, dim, clock, _singular(unit), str(theta.attrs.get("units", "1")))


def _require_spacing(dt: Any) -> None:
    given = array_of(dt, "dt")
    if given.ndim:
        raise InputError(
            f"dt has shape {given.shape}; it is one number, the spacing of all points: give the "
            "times of uneven ones as times="
        )
    if isinstance(dt, bool | np.bool_) or not 0 < given.item() < np.inf:
        raise InputError(f"dt is {dt}; it must be a finite number above 0")


def _clock(
    theta: xr.DataArray, dim: str, dt: float | None, times: Any, per: str | None
) -> tuple[np.ndarray, str]:
    """Times of the points and their unit."""
    points = theta.sizes[dim]
    if times is not None:
        clock, unit = _given_times(times)
        if clock.shape != (points,):
            raise InputError(f"times has shape {clock.shape}; there are {points} points")
        if not np.isfinite(clock).all():
            raise InputError("times are not all finite")
        return clock, unit
    name = per or dim
    if name not in theta.coords:
        if per is not None and per != dim:
            along = [c for c in theta.coords if theta[c].dims == (dim,)]
            raise InputError(f"there is no coordinate {per!r}; {nearest(per, along)}")
        if dt is None:
            return np.arange(points) * 1.0, dim
        spacing, unit = float(array_of(dt, "dt").item()), units_of(dt) or "time"
        return np.arange(points) * spacing, unit
    coordinate = theta[name]
    if coordinate.dims != (dim,):
        raise InputError(f"coordinate {name!r} does not run along {dim!r}")
    clock, unit = _numbers(coordinate)
    if dt is not None:
        spacing = even_spacing(clock)
        if not abs(spacing - dt) <= 1e-6 * abs(dt):
            said = f"{spacing:g}" if np.isfinite(spacing) else "uneven"
            raise InputError(
                f"dt is {dt:g} and the spacing of coordinate {name!r} is {said}; leave out dt, "
                "or drop the coordinate"
            )
    return clock, unit


def _with_unit(theta: xr.DataArray, name: str, unit: str) -> xr.DataArray:
    """The same with the unit of its clock on the coordinate, which results take over."""
    clock = theta[name]
    if clock.dtype.kind in "mM" or "units" in clock.attrs:
        return theta
    named = {"long_name": name, **clock.attrs, "units": unit}
    return theta.assign_coords({name: (clock.dims, clock.data, named)})


def _given_times(times: Any) -> tuple[np.ndarray, str]:
    """Times that an argument gives, from any container, as float64, and their unit."""
    if isinstance(times, xr.DataArray) and times.ndim == 1:
        return _numbers(times)
    if isinstance(times, pd.Series | pd.Index):
        return _numbers(index_array(pd.Index(times), "times"))
    values = unmasked(bare_array(times, "times"))
    if values.ndim != 1 or not len(values):
        raise InputError(f"times has shape {values.shape}; one time for each point was expected")
    unit = units_of(times) or "time"
    return _numbers(xr.DataArray(values, dims="time", name="times", attrs={"units": unit}))


def _numbers(coordinate: xr.DataArray) -> tuple[np.ndarray, str]:
    """A coordinate as float64 and its unit; dates in the unit that their file had."""
    values = coordinate.to_numpy()
    if values.dtype.kind in "mM":
        unit = str(coordinate.encoding.get("units", "second")).split(" since")[0]
        seconds = (values - values[0]) / np.timedelta64(1, "s")
        if _singular(unit) not in _SECONDS:
            unit = "second"
        return seconds / _SECONDS[_singular(unit)], unit
    if values.dtype.kind not in "iuf":
        raise InputError(f"coordinate {coordinate.name!r} is {values.dtype}; numbers were expected")
    unit = str(coordinate.attrs.get("units", coordinate.name)).split(" since")[0]
    if "source" in coordinate.encoding:  # of a file
        values = stored_as_nan(values)
    return as_float(values), unit


def _singular(unit: str) -> str:
    """A word for time in the singular; any other unit or name as it is."""
    return _PLURALS.get(unit, unit)


def over_series(
    series: Paths,
    kernel: Callable[..., np.ndarray],
    width: int,
    *,
    block_bytes: int = BLOCK_BYTES,
    numbered: bool = False,
) -> np.ndarray:
    """Apply a kernel to all series, block by block in threads.

    Parameters
    ----------
    series : Paths
    kernel : callable
        Of values (series, point), float64, missing ones NaN, its own to change, and times (point,);
        returns (series, width).
    width : int
    block_bytes : int
        More where a kernel has work that all series of a block share.
    numbered : bool
        Whether the kernel takes a third argument: the place of each of its series in the array,
        int64 (series,), flat over the dimensions ``series.over``. It seeds what is drawn for them.

    Returns
    -------
    (..., width)
        Over the dimensions ``series.over``.
    """
    shape = series.theta.shape[:-1]
    points = series.theta.shape[-1]
    out = np.full((*shape, width), np.nan)
    together = max(1, block_bytes // (8 * max(points, 1)))

    numbers = np.arange(math.prod(shape) if numbered else 0)

    def work(task: tuple[np.ndarray, ...]) -> None:
        values, target, *places = task
        target[...] = kernel(as_float(values), series.times, *places)

    for place in _places(series.theta):
        loaded = np.asarray(series.theta[place].data)
        flat = loaded.reshape(-1, points)
        target = np.empty((len(flat), width))
        parts = [slice(k, k + together) for k in range(0, len(flat), together)]
        columns: list[np.ndarray] = [flat, target]
        if numbered:
            columns.append(numbers.reshape(shape)[place].reshape(-1))
        parallel.map(work, [tuple(column[part] for column in columns) for part in parts])
        out[place] = target.reshape(*loaded.shape[:-1], width)
    return out


def over_sound_series(
    series: Paths,
    kernel: Callable[..., np.ndarray],
    width: int,
    needs: Needs,
    *,
    block_bytes: int = BLOCK_BYTES,
    numbered: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Apply a kernel to the series that it can read; the others are left out.

    Parameters
    ----------
    series : Paths
    kernel : callable
        As ``over_series`` takes; it sees series with the status OK, or one that ``needs.takes``.
    width : int
    needs : Needs
        What the estimator needs of a series.
    block_bytes, numbered
        As ``over_series`` takes.

    Returns
    -------
    ((..., width), int (...))
        What the kernel returned, NaN for series that were left out; and the status of every series,
        which does not depend on the estimator beyond its needs.
    """
    precision = precision_of(series.theta.dtype)

    def of_sound(x: np.ndarray, t: np.ndarray, *places: np.ndarray) -> np.ndarray:
        out = np.full((len(x), width + 1), np.nan)
        out[:, -1] = status = status_of(x, t, needs, precision)
        readable = np.isin(status, (OK, *needs.takes))
        if readable.any():
            here = [p[readable] for p in places]
            out[readable, :-1] = kernel(x if readable.all() else x[readable], t, *here)
        return out

    found = over_series(series, of_sound, width + 1, block_bytes=block_bytes, numbered=numbered)
    return found[..., :-1], found[..., -1].astype(np.int64)


def summed(series: Paths) -> Paths:
    """Return the paths from 0 whose increments the series hold; a missing one ends its path."""
    steps = labelled_without_missing(series.theta).astype(np.float64)
    steps = steps.drop_vars([name for name, c in steps.coords.items() if series.dim in c.dims])
    start = xr.zeros_like(steps.isel({series.dim: slice(0, 1)}))
    sums = xr.concat([start, steps.cumsum(series.dim, skipna=False)], dim=series.dim)
    spacing = series.spacing if np.isfinite(series.spacing) else 1.0
    times = np.concatenate([series.times[:1] - spacing, series.times])
    return series._replace(theta=sums.transpose(*series.theta.dims), times=times)


def _places(theta: xr.DataArray) -> Iterator[tuple[slice, ...]]:
    """Blocks of the other dimensions that fit in memory, along the chunks of a lazy array."""
    sizes = theta.shape[:-1]
    chunks: Sequence[Sequence[int]] = (
        [c for c in theta.chunks[:-1]] if theta.chunks else [(n,) for n in sizes]
    )
    room = max(1, LOADED_BYTES // (theta.dtype.itemsize * max(theta.shape[-1], 1)))
    edges = []
    for size, along in zip(reversed(sizes), reversed(chunks), strict=True):
        longest = max(1, min(room, max(along, default=1)))
        starts = np.cumsum([0, *along])
        edges.append(
            [
                slice(k, min(k + longest, int(end)))
                for start, end in itertools.pairwise(starts)
                for k in range(int(start), int(end), longest)
            ]
            if size
            else []
        )
        room = max(1, room // longest)
    return itertools.product(*reversed(edges))


@compiled
def present(x, t, xs, ts):
    """Copy the points of a series that are not missing; how many.

    Parameters
    ----------
    x, t : (point,)
    xs, ts : (point,)
        Filled from the start.
    """
    n = 0
    for k in range(x.shape[0]):
        if x[k] == x[k]:
            xs[n] = x[k]
            ts[n] = t[k]
            n += 1
    return n


def result(
    series: Paths,
    values: Mapping[str, Any],
    *,
    coords: Mapping[str, Any] | None = None,
    named: Mapping[str, Quantity] | None = None,
    **attributes: Any,
) -> xr.Dataset:
    """Label estimates with the input's other dimensions, units and what they were made by.

    The count of a series that was left out, and so has NaN, is 0.

    Parameters
    ----------
    series : Paths
    values : mapping
        Name to array over ``series.over``, or to (further dimensions, array).
    coords : mapping, optional
        Coordinates of the further dimensions.
    named : mapping, optional
        What is meant by some of the names: see ``quantities.labelled``.
    **attributes
        method, reference, confidence, interval_method ...
    """
    template = series.theta.isel({series.dim: 0}, drop=True)
    kept = {n: c for n, c in template.coords.items() if series.dim not in c.dims}
    data = {}
    for name, value in values.items():
        more, array = value if isinstance(value, tuple) else ((), value)
        data[name] = ((*series.over, *more), array)
    found = xr.Dataset(data, coords={**kept, **(coords or {})})
    if "count" in found:
        found["count"] = found["count"].fillna(0).astype(np.int64)
    if "status" in found:
        found["status"] = flagged(found["status"])
    found = labelled(found, named, x=series.value_unit, t=series.time_unit)
    return found.assign_attrs(attributes)
