"""Series from files, along parameters or along directions of weight space."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys import memory
from sgdphys.arguments import checked
from sgdphys.containers import labelled_array
from sgdphys.draws import Seed, stream
from sgdphys.dynamics.blocks import in_time
from sgdphys.dynamics.clock import clock_of, first_axis, name_in, spacing_in
from sgdphys.errors import InputError, nearest
from sgdphys.fitting.tables import READERS, open_table
from sgdphys.missing import labelled_without_missing
from sgdphys.trajectory.checksums import DIGEST
from sgdphys.trajectory.locations import is_remote, is_zarr
from sgdphys.trajectory.netcdf import damage_reported, small_cache
from sgdphys.trajectory.opening import decoded, verified
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.segments import recorded_at
from sgdphys.trajectory.stores import opened, zarr_groups
from sgdphys.units_of_time import seconds_of, singular

_MOST_COMPONENTS_OF = 4096
_ISO = re.compile(r"\d{4}-\d{2}(-\d{2}|$)")
"""How a date begins in which day and month cannot be exchanged."""
_IN_MEMORY, _SHARE = 768 * 2**20, 1 / 4
"""Bytes of a lazy array up to which it is read once and kept; share of a limit on memory."""


def open_variable(
    path: Path, variable: str | None, time: Any = None, group: str | None = None
) -> xr.DataArray:
    """Open one variable of a run, a trajectory, a netCDF file, a Zarr store or a table, lazily.

    Parameters
    ----------
    path : Path
        A table has a name that ends in .npy, .npz, .csv or .parquet. A Zarr store may be a group
        of arrays, or one array; the first axis of an array without names of dimensions is time.
    variable : str, optional
        The weights of a trajectory, or the only variable, by default. "posterior/mu" is mu of the
        group posterior.
    time : str or float, optional
        As in ``dynamics.series.paths``; of a table, the column that holds the times.
    group : str, optional
        Group of a netCDF file or Zarr store: the weights of a trajectory, the file itself, or the
        only group with variables, by default.

    Returns
    -------
    DataArray
        Times keep the unit of the file. Its ``encoding`` counts, as ``absent``, chunks that a Zarr
        store of others lacks, which read as its fill value.

    Raises
    ------
    InputError
        For a file of another kind, a group or variable that is not there (those that
        are get listed).
    """
    if path.suffix.lower() in READERS and not is_remote(path) and not path.is_dir():
        if group is not None:
            raise InputError(f"{path} has no groups; leave out --group")
        return open_table(path, variable, time)
    path = recorded_at(path)
    if variable is not None and group is None and "/" in variable:
        group, variable = variable.rsplit("/", 1)
    data, of_file = _group_of(path, group)
    numeric = [str(n) for n, v in data.data_vars.items() if v.ndim and v.dtype.kind in "iuf"]
    if variable is None:
        if "theta" in numeric:
            variable = "theta"
        elif len(numeric) == 1:
            variable = numeric[0]
        else:
            raise InputError(
                f"give --variable; {path} has {', '.join(numeric) or 'none of numbers'}"
            )
    if variable not in data.data_vars:
        raise InputError(
            f"{path} has no variable {variable!r}; {nearest(variable, numeric, among='it has')}"
        )
    if not is_zarr(path):
        return labelled_array(data[variable])
    found = data[variable]
    absent: dict[str, Any] = {}
    if of_file is not None:
        is_named, absent = _said_by_zarr(path, of_file, variable)
        if not is_named:
            found = labelled_array(found.data, first_axis(name_in(time)))
    found = labelled_array(found)
    found.encoding |= absent
    return found


def _said_by_zarr(path: Path, group: str, variable: str) -> tuple[bool, dict[str, Any]]:
    """Whether an array of a store has names of dimensions, and chunks that are not there."""
    with opened(path) as file:
        array = file[group].variables[variable]
        if DIGEST in file.ncattrs():  # chunks of ours are compared with their checksums
            return array.is_named, {}
        lacking, of, read_as = zarr_groups(path).absent_chunks(array)
    return array.is_named, {"absent": (lacking, of, read_as)} if lacking else {}


def absent_told(theta: xr.DataArray) -> list[str]:
    """A sentence on chunks of a Zarr store that are not there, if any are not."""
    if "absent" not in theta.encoding:
        return []
    lacking, of, read_as = theta.encoding["absent"]
    return [
        f"{lacking} of {of} chunks are not in the store and were read as {read_as}: they hold "
        "nothing else, were never written, or were lost"
    ]


def _group_of(path: Path, group: str | None) -> tuple[xr.Dataset, str | None]:
    """A group of a file, by its name, or the only one that is meant; its path unless of a run."""
    if path.is_dir() and not is_zarr(path):
        return _of_trajectory(path, group), None
    with opened(path) as file:
        if "weights" in file.groups and not file.variables:
            is_trajectory, groups = True, []
        else:
            is_trajectory, groups = False, _groups_with_variables(file)
    if is_trajectory:
        return _of_trajectory(path, group), None
    if group is None:
        if "" not in groups and len(groups) != 1:
            held = ", ".join(groups) or "no variables"
            raise InputError(f"give --group; {path} has {held} and none is 'weights'")
        group = "" if "" in groups else groups[0]
    group = group.strip("/")
    if group not in groups:
        known = [g for g in groups if g]
        raise InputError(
            f"{path} has no group {group!r} with variables; "
            + (nearest(group, known) if known else "it has none at all")
        )
    with damage_reported(path):
        data = _opened_group(path, group)
        for depth in range(len(group.split("/")) if group else 0):
            above = _opened_group(path, "/".join(group.split("/")[:depth]))
            shared = {
                n: c
                for n, c in above.coords.items()
                if n not in data.variables and all(data.sizes.get(d) == c.sizes[d] for d in c.dims)
            }
            data = data.assign_coords(shared)
    return data, group


def _opened_group(path: Path, group: str) -> xr.Dataset:
    """A group, with times as the numbers that they are in the file, whatever their unit."""
    if not is_zarr(path):
        with small_cache():
            return xr.open_dataset(path, group=group or None, decode_times=False, chunks={})
    with verified(path) as file:
        return decoded(path, file[group], file, times=False)


def _of_trajectory(path: Path, group: str | None) -> xr.Dataset:
    """A group of a trajectory, its weights by default."""
    wanted = (group or "weights").strip("/")
    tree = open_trajectory(path, (wanted,))
    if wanted not in tree.children:
        known = ", ".join(open_trajectory(path).children)
        raise InputError(f"{path} has no group {wanted!r}; it has {known}")
    return tree[wanted].to_dataset()


def _groups_with_variables(file: Any, above: str = "") -> list[str]:
    """Paths of a netCDF file's groups that hold variables other than coordinates; "" its own."""
    held = [n for n, v in file.variables.items() if v.dimensions != (n,)]
    found = [above] if held else []
    for name, group in file.groups.items():
        found += _groups_with_variables(group, f"{above}/{name}".lstrip("/"))
    return found


def within(
    theta: xr.DataArray, time: Any, since: float | str | None, until: float | str | None
) -> tuple[xr.DataArray, Any, str]:
    """The points of a range of times, both ends included.

    With the argument ``time`` for them, since they do not begin at 0, and a sentence on the range
    that is empty where it is all.

    Raises
    ------
    InputError
        When the range holds fewer than two points; for a text that is no time.
    """
    if since is None and until is None:
        return theta, time, ""
    dim, times, unit, coordinate = clock_of(theta, time)
    dates = None if coordinate is None else theta[coordinate].to_numpy()
    given = {"since": since, "until": until}
    since, until = (_end(v, unit, dates, f"--{name} {v}") for name, v in given.items())
    near = 1e-3 * np.diff(times).min(initial=np.inf)  # times have rounding errors
    first = 0 if since is None else int(np.searchsorted(times, since - near, side="left"))
    end = len(times) if until is None else int(np.searchsorted(times, until + near, side="right"))
    if end - first < 2:
        said = " ".join(f"--{name} {v}" for name, v in given.items() if v is not None)
        raise InputError(
            f"{said} leaves {max(end - first, 0)} of {len(times)} points, which are at times "
            f"{times[0]:g} to {times[-1]:g} ({unit}); give a range that holds at least two"
        )
    if coordinate is None:  # numbers of points, or a spacing
        theta, time = theta.assign_coords({dim: (dim, times, {"units": unit})}), dim
    said = f"fitted: {end - first} of {len(times)} points, at times {times[first]:g} to "
    return theta.isel({dim: slice(first, end)}), time, f"{said}{times[end - 1]:g} ({unit})"


def _end(given: Any, unit: str, dates: np.ndarray | None, said: str) -> float | None:
    """An end of a range of times as a number in their unit."""
    if given is None or isinstance(given, int | float):
        return given
    text, of_times = str(given).strip(), seconds_of(unit)
    if dates is not None and dates.dtype.kind == "M" and _ISO.match(text):
        try:
            date = pd.Timestamp(text)
            date = date if date.tz is None else date.tz_convert(None)
            seconds = (date.to_datetime64() - dates[0]) / np.timedelta64(1, "s")
            return float(seconds) / (of_times or 1.0)
        except ValueError as error:
            raise InputError(f"{said} is no date: {error}") from error
    spacing = spacing_in(text)
    if spacing is not None and singular(spacing.attrs["units"]) == singular(unit):
        return float(spacing)
    own = None if spacing is None else seconds_of(spacing.attrs["units"])
    if spacing is not None and own is not None and of_times is not None:
        return float(spacing) * own / of_times
    example = "" if dates is None or dates.dtype.kind != "M" else ", or a date such as 2024-02-01"
    raise InputError(
        f"{said} cannot be read; give a number in the unit of the times, {unit}{example}"
    )


def without_buffers(theta: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Leave out running statistics, which are no weights, and return a sentence about it."""
    if "kind" not in theta.coords or theta["kind"].dims != ("parameter",):
        return theta, ""
    is_buffer = theta["kind"].to_numpy() == "buffer"
    if not is_buffer.any() or is_buffer.all():
        return theta, ""
    left_out = f"{int(is_buffer.sum())} entries of running statistics (buffers) were left out"
    return theta.isel(parameter=np.flatnonzero(~is_buffer)), left_out


def read_once(theta: xr.DataArray, dim: str) -> xr.DataArray:
    """Return a lazy array in memory, unless it is large, with the points of a series together.

    It is read by its chunks along ``dim``, of which two are never there at once; a block of series
    of a recording would otherwise be gathered from all its files, and each file read for each.
    """
    if theta.chunks is None or theta.nbytes > memory.at_once(_IN_MEMORY, _SHARE):
        return theta
    theta = theta.transpose(..., dim)
    values = np.empty(theta.shape, theta.dtype)
    first = 0
    for length in theta.chunksizes[dim]:
        here = slice(first, first + length)
        values[..., here] = theta[..., here].to_numpy()
        first += length
    return theta.copy(data=values)


@checked
def project(theta: xr.DataArray, along: str, dim: str, rng: Seed = 0) -> xr.DataArray:
    """Return a trajectory along chosen directions of weight space.

    Parameters
    ----------
    theta : DataArray (dim, ..., parameter)
    along : str
        "pca:k": the k principal components of all paths about their own means. "layer-norm": the
        norm of each layer, missing where one of its weights is. "random:k": k random unit vectors.
    dim : str
    rng : int, SeedSequence or Generator
        Seed of random directions.

    Raises
    ------
    InputError
        For unknown directions, no dimension ``parameter``, more components than parameters.
    """
    name, _, number = along.partition(":")
    if name not in ("pca", "layer-norm", "random"):
        raise InputError(f"--along {along}: {nearest(name, ('pca:10', 'layer-norm', 'random:50'))}")
    if "parameter" not in theta.dims:
        raise InputError(f"--along {along} needs a dimension 'parameter'; there are {theta.dims}")
    theta = labelled_without_missing(theta)
    if name == "layer-norm":
        if "layer" not in theta.coords:
            raise InputError("--along layer-norm needs a coordinate 'layer' along 'parameter'")
        squares = (theta.astype(np.float64) ** 2).groupby("layer").sum(skipna=False)
        return (squares**0.5).assign_attrs(theta.attrs)
    size = theta.sizes["parameter"]
    if not number.isdigit() or not 1 <= int(number) <= size:
        raise InputError(f"--along {along}: give a number between 1 and {size}, as in {name}:10")
    k = int(number)
    if name == "random":
        vectors = stream(rng).standard_normal((size, k))
        vectors /= np.linalg.norm(vectors, axis=0)
    else:
        vectors = _principal(theta, dim, k)
    directions = xr.DataArray(vectors, dims=("parameter", "component"))
    found = xr.dot(theta.astype(np.float64), directions, dim="parameter")
    keep = {c: theta[c] for c in theta.coords if "parameter" not in theta[c].dims}
    return found.assign_coords(keep).assign_attrs(theta.attrs)


def _principal(theta: xr.DataArray, dim: str, k: int) -> np.ndarray:
    """Principal directions (parameter, k) of all paths about their own means."""
    size = theta.sizes["parameter"]
    if size > _MOST_COMPONENTS_OF:
        raise InputError(
            f"--along pca: {size} parameters are more than {_MOST_COMPONENTS_OF}; use random:{k}"
        )
    gram = np.zeros((size, size))
    others = [d for d in theta.dims if d not in (dim, "parameter")]
    for index in np.ndindex(*(theta.sizes[d] for d in others)):
        gram += _covariance(theta, dim, dict(zip(others, index, strict=True)))
    return np.linalg.eigh(gram)[1][:, ::-1][:, :k]


def _covariance(theta: xr.DataArray, dim: str, within: dict[Any, int]) -> np.ndarray:
    """Sums (parameter, parameter) of products about the mean in time; times with gaps left out."""
    size = theta.sizes["parameter"]
    gram, total, count, first = np.zeros((size, size)), np.zeros(size), 0, np.zeros(0)
    for _, x in in_time(theta, dim, "parameter", within=within):
        x = x[:, np.isfinite(x).all(axis=0)]
        if not x.size:
            continue
        if not len(first):
            first = x[:, 0].copy()
        x -= first[:, None]  # relative to a point, which takes out most of the mean
        gram += x @ x.T
        total += x.sum(axis=1)
        count += x.shape[1]
    return gram - np.outer(total, total / max(count, 1))
