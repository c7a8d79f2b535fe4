"""How every estimator reads trajectories: times, missing points, and bounded memory."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys import parallel
from sgdphys.compiling import compiled
from sgdphys.containers import by_times, has_names, labelled_array
from sgdphys.dynamics.blocks import BLOCK_BYTES, block_size, loaded, parts
from sgdphys.dynamics.clock import Clock, clock_of, first_axis, name_in
from sgdphys.dynamics.status import Needs, even_spacing, precision_of, status_of
from sgdphys.errors import InputError, nearest
from sgdphys.glossary import Quantity
from sgdphys.missing import as_float, labelled_without_missing
from sgdphys.quantities import labelled
from sgdphys.status import OK, flagged

_told: ContextVar[Callable[[int, int], None] | None] = ContextVar("told", default=None)


@contextmanager
def told(progress: Callable[[int, int], None] | None) -> Iterator[None]:
    """Tell a function of every pass over series inside the block: how many are done, of how many.

    Estimators that pass over the series several times begin again at 0.
    """
    token = _told.set(progress)
    try:
        yield
    finally:
        _told.reset(token)


Applied = Callable[[Callable[..., np.ndarray], list[tuple[np.ndarray, ...]]], Iterator[np.ndarray]]
"""Applies a kernel to blocks (values, times, further arguments), and yields results in order."""
_applied: ContextVar[Applied | None] = ContextVar("applied", default=None)


@contextmanager
def elsewhere(applied: Applied) -> Iterator[None]:
    """Have kernels applied to blocks of series by another function, for a pass inside the block.

    The blocks are those of a pass in threads, so that results are the same.
    """
    token = _applied.set(applied)
    try:
        yield
    finally:
        _applied.reset(token)


def applied_to(
    kernel: Callable[..., np.ndarray], values: np.ndarray, *further: np.ndarray
) -> np.ndarray:
    """Results (series, width) of a kernel for one block of values as they are stored."""
    return kernel(as_float(values), *further)


class Paths(NamedTuple):
    """Series of one array and the times of their points."""

    given: xr.DataArray
    """With its dimensions in the order in which they were given, as ``blocks`` reads it."""
    dim: str
    times: np.ndarray
    """float64 (point,), increasing."""
    time_unit: str
    value_unit: str

    @property
    def theta(self) -> xr.DataArray:
        """The array with the time-like dimension last."""
        return self.given.transpose(..., self.dim)

    @property
    def over(self) -> tuple[str, ...]:
        """All dimensions but time."""
        return tuple(str(d) for d in self.given.dims if d != self.dim)

    @property
    def spacing(self) -> float:
        """Spacing of evenly spaced points, otherwise NaN."""
        return even_spacing(self.times)


def paths(
    theta: Any, *, time: Any = None, coordinates: str | None = None, relabel: bool = True
) -> Paths:
    """Return the series of an array along a time-like dimension.

    Parameters
    ----------
    theta : DataArray, Dataset, Series, DataFrame, array or Paths
        Any container that ``containers.labelled_array`` reads. An array without names has time
        first; the index of a Series or DataFrame gives its times, or where it only counts rows the
        only column that is named as times are. Paths are returned unchanged, whatever else is
        given, so that estimators can call each other.
    time : str, float, array or pair, optional
        One of

        * the name of a dimension: its coordinate, if it has one, gives the times;
        * the name of a coordinate along one dimension, such as ``"time"``, the sum of learning
          rates; of a DataFrame, that of a column;
        * the spacing of the points, or an array of their times, along the one dimension named
          step, time, epoch, iteration, draw or frame, the first axis of an array without names, or
          the dimension of a DataArray of times; a ``Timedelta`` is a spacing in seconds, and a text
          such as "0.5 ms" one with its unit;
        * a pair, (dimension, spacing or array of times).

        By default the coordinate of that dimension, otherwise the numbers of the points.
    coordinates : str, optional
        Name of the second axis of an array without names.
    relabel : bool
        Whether times that are given replace the coordinate of their dimension, so that results
        along time carry the clock that was used. Otherwise points keep their own labels, by which
        another array is matched.

    Raises
    ------
    InputError
        When the time dimension is ambiguous or unknown, when times do not fit the points or do not
        increase, for values that are not numbers.
    """
    if isinstance(theta, Paths):
        return theta
    if not has_names(theta):
        theta = by_times(theta, name_in(time))
        is_table = isinstance(theta, pd.Series | pd.DataFrame)
        first = first_axis(time, names=theta.index.names if is_table else ())
        theta = labelled_array(theta, first, *([] if coordinates is None else [coordinates]))
    theta = labelled_array(theta)
    clock = clock_of(theta, time)
    if clock.coordinate is not None:
        theta = _with_unit(theta, clock.coordinate, clock.unit)
    elif relabel and time is not None and not (isinstance(time, str) and time == clock.dim):
        theta = _relabelled(theta, clock)
    unit = str(theta.attrs.get("units", "1"))
    return Paths(theta, clock.dim, clock.times, clock.unit, unit)


def _with_unit(theta: xr.DataArray, name: str, unit: str) -> xr.DataArray:
    """The array with the unit of time on its coordinate, which results inherit."""
    clock = theta[name]
    if clock.dtype.kind in "mM" or "units" in clock.attrs:
        return theta
    named = {"long_name": name, **clock.attrs, "units": unit}
    return theta.assign_coords({name: (clock.dims, clock.data, named)})


def _relabelled(theta: xr.DataArray, clock: Clock) -> xr.DataArray:
    """The array with the times that were given as the coordinate of their dimension."""
    attrs = {"long_name": "time", "units": clock.unit}
    own = theta.indexes.get(clock.dim)
    levels = own.names if isinstance(own, pd.MultiIndex) else ()
    plain = theta.drop_vars([n for n in (clock.dim, *levels) if n in theta.coords])
    return plain.assign_coords({clock.dim: (clock.dim, clock.times, attrs)})


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
        Takes values (series, point), a float64 copy with missing ones NaN, and times (point,);
        returns (series, width).
    width : int
    block_bytes : int
        Larger for a kernel with work that all series of a block share.
    numbered : bool
        Whether the kernel takes a third argument: the flat index of each series over the dimensions
        ``series.over``, int64 (series,). It seeds the random numbers of that series.

    Returns
    -------
    (..., width)
        Over the dimensions ``series.over``.
    """
    shape = tuple(series.given.sizes[d] for d in series.over)
    points = series.given.sizes[series.dim]
    out = np.full((*shape, width), np.nan)
    series_per_block = max(1, block_size(block_bytes) // (8 * max(points, 1)))

    total = math.prod(shape)
    numbers = np.arange(total if numbered else 0)
    progress, done, lock = _told.get(), 0, Lock()
    if progress is not None:
        progress(0, total)

    def work(task: tuple[np.ndarray, ...]) -> None:
        values, target, *indices = task
        target[...] = applied_to(kernel, values, series.times, *indices)
        count(len(target))

    def count(more: int) -> None:
        nonlocal done
        if progress is not None:
            with lock:
                done += more
                progress(done, total)

    for block in parts(series.given, series.dim, series.over):
        flat = loaded(series.given, series.dim, series.over, block)
        target = np.empty((len(flat), width))
        some = [slice(k, k + series_per_block) for k in range(0, len(flat), series_per_block)]
        columns: list[np.ndarray] = [flat, target]
        if numbered:
            columns.append(numbers.reshape(shape)[block].reshape(-1))
        tasks = [tuple(column[part] for column in columns) for part in some]
        if (applied := _applied.get()) is None:
            parallel.map(work, tasks)
        else:
            sent = [(values, series.times, *indices) for values, _, *indices in tasks]
            for found, (_, part, *_) in zip(applied(kernel, sent), tasks, strict=True):
                part[...] = found
                count(len(part))
            del sent
        out[block] = target.reshape(*out[block].shape)
        del flat, columns, tasks  # before the next block is read
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
    """Apply a kernel to the series with a valid status; the others are left out.

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
        Results of the kernel, NaN for series that were left out; and the status of every series,
        which depends on the estimator only through its needs.
    """
    fit = (kernel, width, needs)
    (found,) = in_one_pass(series, [fit], block_bytes=block_bytes, numbered=numbered)
    return found


def in_one_pass(
    series: Paths,
    fits: Sequence[tuple[Callable[..., np.ndarray], int, Needs]],
    *,
    block_bytes: int = BLOCK_BYTES,
    numbered: bool = False,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What ``over_sound_series`` returns for each of several kernels, widths and needs.

    A file is read once for all of them.
    """
    precision = precision_of(series.given.dtype)

    def of_valid(x: np.ndarray, t: np.ndarray, *indices: np.ndarray) -> np.ndarray:
        columns = []
        for kernel, width, needs in fits:
            out = np.full((len(x), width + 1), np.nan)
            out[:, -1] = status = status_of(x, t, needs, precision)
            readable = np.isin(status, (OK, *needs.takes))
            if readable.any():
                rest = [p[readable] for p in indices]
                out[readable, :-1] = kernel(x if readable.all() else x[readable], t, *rest)
            columns.append(out)
        return np.concatenate(columns, axis=1)

    ends = np.cumsum([width + 1 for _, width, _ in fits])
    found = over_series(series, of_valid, int(ends[-1]), block_bytes=block_bytes, numbered=numbered)
    parts = np.split(found, ends[:-1], axis=-1)
    return [(part[..., :-1], part[..., -1].astype(np.int64)) for part in parts]


def summed(series: Paths) -> Paths:
    """Return paths from 0 with the series as increments; a missing increment ends its path."""
    steps = labelled_without_missing(series.theta).astype(np.float64)
    steps = steps.drop_vars([name for name, c in steps.coords.items() if series.dim in c.dims])
    start = xr.zeros_like(steps.isel({series.dim: slice(0, 1)}))
    with np.errstate(invalid="ignore", over="ignore"):  # of infinities of both signs
        sums = xr.concat([start, steps.cumsum(series.dim, skipna=False)], dim=series.dim)
    spacing = series.spacing if np.isfinite(series.spacing) else 1.0
    times = np.concatenate([series.times[:1] - spacing, series.times])
    return series._replace(given=sums.transpose(*series.given.dims), times=times)


@compiled
def present(x, t, xs, ts):
    """Copy the points of a series that are not missing; return their number.

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


@compiled
def complete_or_present(x, t, xs, ts):
    """The points of a series that are not missing, their times, and their number.

    A series without missing points is returned itself, without a copy; ``xs`` and ``ts`` are
    otherwise filled as by ``present``.
    """
    for k in range(x.shape[0]):
        if x[k] != x[k]:
            return xs, ts, present(x, t, xs, ts)
    return x, t, x.shape[0]


def ensemble_dimensions(series: Paths, over: Any) -> list[str]:
    """Dimensions that ``over=`` names, one or several.

    Raises
    ------
    InputError
        For what is no name, no dimension, or the dimension of time.
    """
    names = [over] if isinstance(over, str) else over
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise InputError(f"over is {over!r}; give the name of a dimension of independent paths")
    for name in names:
        if name not in series.over:
            what = "time itself" if name == series.dim else "no dimension of these series"
            raise InputError(f"over is {name!r}, which is {what}; {nearest(name, series.over)}")
    return list(names)


def require_one_dimension(series: Paths, over: Any) -> None:
    """Refuse an ensemble dimension that is none, or several."""
    if len(ensemble_dimensions(series, over)) != 1:
        raise InputError(f"over is {over!r}; give one dimension of independent paths")


def require_free_names(
    theta: xr.DataArray, variables: Iterable[str], dims: Iterable[str] = ()
) -> None:
    """Refuse an array with a dimension or coordinate named as something that its result adds.

    Parameters
    ----------
    theta : DataArray
        Whose dimensions and coordinates the result keeps.
    variables, dims : iterable of str
        Variables, and dimensions with their coordinates, that the result adds. The latter may
        replace a coordinate that is a single value.
    """
    along = {str(n) for n, c in theta.coords.items() if c.ndim} | {str(d) for d in theta.dims}
    taken = [n for n in variables if n in theta.coords or n in along]
    taken += [n for n in dims if n in along]
    if taken:
        name = taken[0]
        kind = "dimension" if name in theta.dims else "coordinate"
        raise InputError(
            f"the series have a {kind} {name!r}, and so has the result under the same name; rename "
            f"it first, as in theta.rename({{{name!r}: 'given_{name}'}})"
        )


def result(
    series: Paths,
    values: Mapping[str, Any],
    *,
    coords: Mapping[str, Any] | None = None,
    named: Mapping[str, Quantity] | None = None,
    **attributes: Any,
) -> xr.Dataset:
    """Label estimates with the other dimensions of the input, units and methods.

    The count of a series that was left out, NaN, becomes 0.

    Parameters
    ----------
    series : Paths
    values : mapping
        Name to array over ``series.over``, or to (further dimensions, array).
    coords : mapping, optional
        Coordinates of the further dimensions.
    named : mapping, optional
        Quantities that differ from the glossary: see ``quantities.labelled``.
    **attributes
        method, reference, confidence, interval_method ...
    """
    template = series.theta.isel({series.dim: 0}, drop=True)
    kept = {n: c for n, c in template.coords.items() if series.dim not in c.dims}
    data = {}
    for name, value in values.items():
        more, array = value if isinstance(value, tuple) else ((), value)
        data[name] = ((*series.over, *more), array)
    coords = coords or {}
    own = [d for dims, _ in data.values() for d in dims[len(series.over) :]]
    require_free_names(template, [*data, *(d for d in own if d not in coords)], [*own, *coords])
    require_free_names(series.theta, [name for name in data if name in coords])
    found = xr.Dataset(data, coords={**kept, **coords})
    if "count" in found:
        found["count"] = found["count"].fillna(0).astype(np.int64)
    if "status" in found:
        found["status"] = flagged(found["status"])
    found = labelled(found, named, x=series.value_unit, t=series.time_unit)
    return found.assign_attrs(attributes)
