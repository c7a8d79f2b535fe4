"""Opening one file or store of a trajectory lazily, its structure and digests verified."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import NetCDF4DataStore

from sgdphys.trajectory import checksums
from sgdphys.trajectory.digests import require_structure
from sgdphys.trajectory.schema import decode_attributes
from sgdphys.trajectory.segments import is_segment
from sgdphys.trajectory.stored import Stored, lazy
from sgdphys.trajectory.stores import is_of_zarr, opened
from sgdphys.trajectory.tensor_table import GROUP as TENSORS

RESUME = "resume"
"""Group of a segment that holds the state after it; not part of the trajectory."""


@contextmanager
def verified(
    path: Path, only: Collection[str] | None = None, *, is_same: bool | None = None
) -> Iterator[Any]:
    """Open a file whose structure and digests are what they were when it was written.

    Parameters
    ----------
    path : Path
    only : collection of str, optional
        The groups to verify; all by default.
    is_same : bool, optional
        What ``require_structure`` said of it; asked here by default.
    """
    if is_same is None:
        is_same = require_structure(path, is_segment=is_segment(path))
    with opened(path) as file:
        if is_of_zarr(file):
            file.load(None if only is None else {*only, checksums.GROUP}, below=True)
        if not is_same:  # bytes that are what they were say what they said
            checksums.verify(path, file, only)
        yield file


def detached(
    path: Path,
    only: Collection[str] | None,
    *,
    without: Collection[str] = (),
    with_state: bool = False,
) -> xr.DataTree:
    """Open a segment, load what is small, and leave the rest to be read when it is asked for.

    No file stays open: a run may have more segments than a process may have files, and HDF5 bears
    no file that is closed by one thread, when a cache is full or its last user gone, while another
    one reads.
    """
    with verified(path, None if only is None else {*only, TENSORS}) as file:
        wanted = [
            name
            for name in file.groups
            if name != checksums.GROUP
            and (with_state or name != RESUME)
            and (only is None or name in only or name == TENSORS)
            and name not in without
        ]
        # every group has the coordinates of the file itself; a lock within the lock would wait
        of_all = decoded(path, file, file)
        of_all.attrs = own_attributes(file)
        groups = {"/": _lazily(path, "/", of_all.drop_vars(of_all.data_vars), file)}
        for name in wanted:
            data = decoded(path, file[name], file)
            groups[name] = _lazily(path, name, data, file)
    return xr.DataTree.from_dict(groups)


def decoded(path: Path, group: Any, file: Any, *, times: bool = True) -> xr.Dataset:
    """An open group; times in a unit that xarray does not know stay numbers."""
    if is_of_zarr(group):
        raw: Any = _raw(path, group, file)
    else:
        store: Any = NetCDF4DataStore
        raw = store(group, lock=False)
    open_it = xr.decode_cf if is_of_zarr(group) else xr.open_dataset
    if not times:
        return open_it(raw, decode_times=False)
    try:
        return open_it(raw)
    except ValueError:
        return open_it(raw, decode_times=False)


def _raw(path: Path, group: Any, file: Any) -> xr.Dataset:
    """A group of a Zarr store as it is stored; large arrays are read when they are asked for."""
    found = {}
    for name, variable in group.variables.items():
        attributes = {n: variable.getncattr(n) for n in variable.ncattrs()}
        encoding = {"chunksizes": tuple(variable.chunking())}
        data = variable[...] if variable.is_small else np.broadcast_to(
            np.empty((), variable.dtype), variable.shape)  # fmt: skip
        found[name] = xr.Variable(variable.dimensions, data, attributes, encoding)
        if variable.dtype is str:
            found[name] = xr.Variable(variable.dimensions, data.astype(str), attributes, encoding)
        elif not variable.is_small:
            where = group.path.strip("/") or "/"
            checks = checks_of(where, name, file)
            lazily = lazy(Stored(path, where, name, found[name], checks), found[name])
            lazily.encoding = encoding
            found[name] = lazily
    own = {n: group.getncattr(n) for n in group.ncattrs()}
    return xr.Dataset(found, attrs=own)


def own_attributes(file: Any) -> dict[str, Any]:
    """Attributes of a file, as stored, without its digests, which hold for the file alone."""
    kept = [n for n in file.ncattrs() if n not in (checksums.DIGEST, checksums.DIGESTS)]
    return {name: file.getncattr(name) for name in kept}


def _lazily(path: Path, group: str, data: xr.Dataset, file: Any) -> xr.Dataset:
    """Load coordinates and small variables of an open group; the others on access."""
    read = {}
    for name, variable in data.variables.items():
        large = variable.nbytes > checksums.LARGE or name == "theta"
        if name in data.coords or not large or not is_plain(variable):
            verify_chunks_of(path, group, str(name), file)
            read[name] = variable.load().copy(deep=False)
        else:
            checks = checks_of(group, str(name), file)
            read[name] = lazy(Stored(path, group, str(name), variable, checks), variable)
    return xr.Dataset(
        {n: v for n, v in read.items() if n not in data.coords},
        {n: v for n, v in read.items() if n in data.coords},
        decode_attributes(data.attrs),
    )


def checks_of(group: str, name: str, file: Any) -> np.ndarray | None:
    """Checksums of a variable's chunks, or None where the file has none."""
    home = file.groups.get(checksums.GROUP)
    if home is not None and group != "/":
        home = home.groups.get(group)
    if home is None or name not in home.variables:
        return None
    return np.asarray(home.variables[name][...])


def verify_chunks_of(path: Path, group: str, name: str, file: Any) -> None:
    """Compare a large variable that is read at once, such as a coordinate, with its checksums."""
    checks = checks_of(group, name, file)
    if checks is None:
        return
    of_group = file if group == "/" else file[group]
    checksums.verify_chunks(path, of_group.variables[name], checks)


def is_plain(variable: xr.Variable) -> bool:
    """Whether a variable's numbers are in the file as they are."""
    if {"scale_factor", "add_offset"} & set(variable.encoding):
        return False
    if variable.dtype.kind == "f":
        return bool(np.isnan(variable.encoding.get("_FillValue", np.nan)))
    return variable.dtype.kind in "iub" and "_FillValue" not in variable.encoding
