"""Opening trajectories: a file, or the segments of a run as one, lazily and without torch."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from xarray.backends import NetCDF4DataStore
from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK

from sgdphys.errors import InputError, WorkError
from sgdphys.trajectory.schema import decode_attributes, faults, with_tensors

SEGMENTS = "trajectory"
"""Folder of a run that holds its segments."""
_SMALL = 2**18
_BYTES = 32 * 2**20
"""What a task reads at once of a large variable."""
RESUME = "resume"
"""Group of a segment that holds the state after it; not part of the trajectory."""


def segment_paths(folder: Path) -> list[Path]:
    """Return the finished segments of a run in the order of their epochs."""
    inside = folder / SEGMENTS
    found = (inside if inside.is_dir() else folder).glob("*.nc")
    return sorted(found, key=lambda path: (_first_number(path), path.name))


def parts_of(path: Path) -> Path:
    """Folder of the segments of a recording that is going on, or was cut off."""
    return path.with_name(path.name + ".parts")


def _first_number(path: Path) -> int:
    digits = path.stem.split("-")[0]
    return int(digits) if digits.isdigit() else -1


def require_netcdf(path: Path) -> None:
    """Refuse a path that is no netCDF file."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with path.open("rb") as file:
        magic = file.read(8)
    if magic[1:4] != b"HDF" and magic[:3] != b"CDF":
        raise InputError(f"{path} is not a netCDF file")


def open_segment(path: Path) -> xr.DataTree:
    """Open one netCDF file as a tree of groups.

    Raises
    ------
    InputError
        When it is not there or not netCDF.
    WorkError
        When it is cut short.
    """
    require_netcdf(path)
    with _damage_told(path):
        return xr.open_datatree(path, engine="netcdf4")


def attributes_of(path: Path) -> dict[str, Any]:
    """Attributes of a netCDF file as they are stored; refuses what ``open_segment`` does."""
    require_netcdf(path)
    with NETCDF4_PYTHON_LOCK, _damage_told(path), netCDF4.Dataset(path) as file:
        return {name: file.getncattr(name) for name in file.ncattrs()}


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Say of a file that the libraries cannot read what to do about it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise WorkError(
            f"{path} cannot be read ({error}); it is cut short or damaged: "
            "move it away, or restore it"
        ) from error


def open_trajectory(path: str | Path, groups: Collection[str] | None = None) -> xr.DataTree:
    """Open a trajectory lazily.

    Parameters
    ----------
    path : str or Path
        A netCDF file, or the folder of a run, whose finished segments are joined. Where a recording
        to a file is going on, or was cut off, its segments are read.
    groups : collection of str, optional
        Those to open, where they are there; all by default. Fewer open faster: a run may have
        hundreds of segments.

    Returns
    -------
    DataTree
        Groups weights, gradients, training, split: see ``trajectory.schema.GROUPS``.

    Raises
    ------
    InputError
        When there is nothing to open.
    WorkError
        When a segment is damaged, or two segments tell different values at one step.
    """
    path = Path(path)
    if path.is_file():
        tree = _detached(path, groups)
        return _decoded(tree.attrs, {name: tree[name].to_dataset() for name in tree.children})
    if not path.exists() and parts_of(path).is_dir():
        path = parts_of(path)
    paths = segment_paths(path)
    if not paths:
        what = "no finished segment yet" if path.is_dir() else "no such file or folder"
        raise InputError(f"{path}: {what}; a run's folder or a netCDF file was expected")
    trees = [_detached(p, groups) for p in paths]
    names = dict.fromkeys(str(n) for tree in trees for n in tree.children)
    joined = {}
    for name in names:
        having = [k for k, tree in enumerate(trees) if name in tree.children]
        joined[name] = _joined(name, [trees[k] for k in having], [paths[k] for k in having])
    return _decoded(trees[0].attrs, joined)


def _detached(path: Path, only: Collection[str] | None) -> xr.DataTree:
    """Open a segment, load what is small, and leave the rest to be read when it is asked for.

    No file stays open: a run may have more segments than a process may have files, and HDF5 bears
    no file that is closed by one thread, when a cache is full or its last user gone, while another
    one reads.
    """
    require_netcdf(path)
    store: Any = NetCDF4DataStore
    with NETCDF4_PYTHON_LOCK, _damage_told(path), netCDF4.Dataset(path) as file:
        wanted = [n for n in file.groups if n != RESUME and (only is None or n in only)]
        # every group has the coordinates of the file itself; a lock within the lock would wait
        of_all = xr.open_dataset(store(file, lock=False))
        groups = {"/": _lazily(path, "/", of_all.drop_vars(of_all.data_vars))}
        for name in wanted:
            data = xr.open_dataset(store(file[name], lock=False))
            groups[name] = _lazily(path, name, data)
    return xr.DataTree.from_dict(groups)


def _lazily(path: Path, group: str, data: xr.Dataset) -> xr.Dataset:
    """Load coordinates and small variables of an open group; the others when they are asked for."""
    from dask import array

    da: Any = array
    read = {}
    for name, variable in data.variables.items():
        is_large = variable.nbytes > _SMALL or name == "theta"
        if name in data.coords or not is_large or not _is_plain(variable):
            read[name] = variable.load().copy(deep=False)
            continue
        stored = _Stored(path, group, str(name), variable)
        meta = np.empty((0,) * variable.ndim, variable.dtype)  # else Dask reads to find out
        lazy = da.from_array(stored, _chunks(variable), name=False, asarray=False, meta=meta)
        read[name] = xr.Variable(variable.dims, lazy, variable.attrs)
    return xr.Dataset(
        {n: v for n, v in read.items() if n not in data.coords},
        {n: v for n, v in read.items() if n in data.coords},
        data.attrs,
    )


def _is_plain(variable: xr.Variable) -> bool:
    """Whether a variable's numbers are in the file as they are."""
    packed = {"scale_factor", "add_offset"} & set(variable.encoding)
    fill = variable.encoding.get("_FillValue", np.nan)
    return variable.dtype.kind == "f" and not packed and bool(np.isnan(fill))


def _chunks(variable: xr.Variable) -> tuple[int, ...]:
    """What is read together: no more than so many bytes, as far as the first axis allows."""
    widths = list(variable.shape)
    last = variable.ndim - 1
    # whole chunks of the file along the last axis, so that none is read twice
    stored = (variable.encoding.get("chunksizes") or variable.shape)[-1]
    each = variable.dtype.itemsize * stored
    if "replica" in variable.dims[:last]:
        axis = variable.dims.index("replica")
        each *= int(np.prod(widths[:last])) // max(widths[axis], 1)
        widths[axis] = min(widths[axis], max(1, _BYTES // max(each, 1)))
        each *= widths[axis]
    else:
        each *= int(np.prod(widths[:last]))
    widths[last] = min(widths[last], stored * max(1, _BYTES // max(each, 1)))
    return tuple(max(w, 1) for w in widths)


class _Stored:
    """One variable of a file as an array that opens it for every reading."""

    def __init__(self, path: Path, group: str, name: str, variable: xr.Variable) -> None:
        self.path, self.group, self.name = str(path), group, name
        self.shape, self.dtype, self.ndim = variable.shape, variable.dtype, variable.ndim

    def __getitem__(self, place: Any) -> np.ndarray:
        # HDF5 bears one thread at a time
        with NETCDF4_PYTHON_LOCK, netCDF4.Dataset(self.path) as file:
            variable = file[self.group].variables[self.name]
            variable.set_auto_maskandscale(False)
            return np.asarray(variable[place])


def _decoded(attributes: Any, groups: dict[Any, xr.Dataset]) -> xr.DataTree:
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = decode_attributes(attributes)
    for name, node in tree.children.items():
        node.attrs = decode_attributes(node.attrs)
        if "tensors" in node.attrs:
            tree[str(name)] = xr.DataTree(with_tensors(node.to_dataset()))
    return tree


def _joined(group: str, trees: list[xr.DataTree], paths: list[Path]) -> xr.Dataset:
    """One group of all segments; a step told twice must be told alike."""
    parts = [tree[group].to_dataset() for tree in trees]
    axis = next((a for a in ("step", "epoch") if a in parts[0].dims), None)
    if axis is None:
        return parts[0]
    kept = [parts[0]]
    for part, path, before in zip(parts[1:], paths[1:], paths[:-1], strict=True):
        last = kept[-1]
        shared = np.intersect1d(last.indexes[axis], part.indexes[axis])
        if len(shared):
            _require_equal(axis, shared, last, part, before, path)
            part = part.sel({axis: ~part.indexes[axis].isin(shared)})
        kept.append(part)
    along = {name for part in parts for name, v in part.variables.items() if axis in v.dims}
    whole = xr.concat(
        [part[[n for n in part.data_vars if n in along]] for part in kept if part.sizes[axis]]
        or [parts[0]],
        dim=axis,
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
    )
    # what has no axis grows with the run (where replicas diverged): the last segment knows most
    rest = {name: parts[-1][name] for name in parts[-1].data_vars if name not in along}
    return whole.assign(rest)


def _require_equal(
    axis: str, shared: np.ndarray, first: xr.Dataset, second: xr.Dataset, *paths: Path
) -> None:
    for name in first.data_vars:
        if axis not in first[name].dims or name not in second:
            continue
        a, b = (d[name].sel({axis: shared}).to_numpy() for d in (first, second))
        differs = np.flatnonzero(
            ~((a == b) | ((a != a) & (b != b))).reshape(len(shared), -1).all(1)
        )
        if len(differs):
            raise WorkError(
                f"{paths[0]} and {paths[1]} give different {name} at {axis} "
                f"{shared[differs[0]]}; remove the wrong one"
            )


def check(path: str | Path) -> list[str]:
    """Return every fault of a trajectory in words; an empty list is a sound file.

    Parameters
    ----------
    path : str or Path
        A netCDF file or the folder of a run.
    """
    return faults(open_trajectory(path))
