"""Conversion of recordings between netCDF and Zarr, without loss."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from sgdphys.errors import InputError, WorkError
from sgdphys.trajectory import checksums
from sgdphys.trajectory.locations import ZARR, is_one, is_remote, is_zarr, location
from sgdphys.trajectory.netcdf import LOCK, require_netcdf
from sgdphys.trajectory.opening import verified
from sgdphys.trajectory.reader import check_arrays
from sgdphys.trajectory.schema import chunk_sizes, encode_attributes
from sgdphys.trajectory.stores import created, is_of_zarr, opened, zarr_groups
from sgdphys.trajectory.writer import beside, complete

_SUFFIXES = (".nc", ".nc4", ".netcdf", ZARR)
_OURS = (checksums.DIGEST, checksums.DIGESTS)
_OF_LIBRARY = ("_Netcdf4", "_NCProperties")
"""Beginnings of attributes that the netCDF library writes for itself."""
_OF_USERS = (netCDF4.CompoundType, netCDF4.VLType, netCDF4.EnumType)
"""Types that a file defines."""


def convert(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Convert a netCDF file to a Zarr store, or a store to a file.

    Parameters
    ----------
    source : str or path
        A file or store, written by sgdphys or not; or the URL of a store.
    target : str or path
        Its name ends in .zarr, or in .nc. Nothing may be there.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    InputError
        When the source is not there, the target exists, or the other format cannot hold
        something; nothing is written then.
    WorkError
        When the source is damaged, or what was written is not what was read.

    See Also
    --------
    open_trajectory : Reads both.

    Notes
    -----
    Kept are groups, dimensions, those without a length and those that may grow too, types, all
    attributes, texts, and numbers bit by bit, the payloads of NaN included. Chunks, compression and
    byte order are chosen anew, and checksums made anew. Both are read and compared before the
    result takes its place.

    Examples
    --------
    >>> import torch, sgdphys as sp
    >>> with sp.record(torch.nn.Linear(2, 1), "mine.nc") as recording:
    ...     recording.step()
    >>> sp.convert("mine.nc", "mine.zarr").name
    'mine.zarr'
    """
    old, new = location(source), location(target)
    _require_possible(old, new)
    to_zarr = new.suffix.lower() == ZARR
    if to_zarr or is_zarr(old):
        zarr_groups(new)
    check_arrays(old)  # a chunk that is lost is read as if it had been written
    with beside(new) as partial:
        # what goes wrong with the result is not said of the source, which is open inside; an open
        # netCDF file holds the lock: one of the two is none
        with _written(new), created(partial, zarr=to_zarr) as made, verified(old) as file:
            with nullcontext() if to_zarr else LOCK:
                _copy(file, made, old, new)
                with _written(new):
                    made.sync()
                    chunks = checksums.sign(made, {})
        with opened(old) as file, opened(partial) as made:
            _require_equal(file, made, new)
            has_weights = "weights" in made.groups
    complete(new, chunks, has_weights=has_weights)
    return new


def _require_possible(old: Path, new: Path) -> None:
    """Refuse a conversion of nothing, to a place that is taken, or into the same format."""
    if not is_one(old):
        if old.is_dir():
            raise InputError(
                f"{old} is a folder; give a netCDF file or a Zarr store, such as a segment in it"
            )
        raise InputError(f"there is no file or store {old}")
    if not is_zarr(old):
        require_netcdf(old)
    if new.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{new}: the name must end in .zarr for a Zarr store, .nc for netCDF")
    if new.suffix.lower() != ZARR and (is_remote(new) or not is_zarr(old)):
        what = "at a URL only Zarr stores are written" if is_remote(new) else f"{old} is netCDF too"
        raise InputError(f"{new}: {what}; give a name that ends in .zarr")
    if new.exists() or (new.suffix.lower() == ZARR and is_remote(new) and new.is_dir()):
        raise InputError(f"{new} exists; choose another path")
    if not is_remote(new) and not new.parent.is_dir():
        raise InputError(f"there is no folder {new.parent} for {new.name}")


@contextmanager
def _written(new: Path) -> Iterator[None]:
    """Say of a failure to write that it is one."""
    try:
        yield
    except WorkError:
        raise
    except (OSError, RuntimeError) as error:  # netCDF reports failures of HDF5 as the latter
        said = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise WorkError(
            f"{new} cannot be written ({said}); free some space, or choose another place"
        ) from error


def _copy(old: Any, new: Any, source: Path, target: Path) -> None:
    """Copy an open group with all that it holds, but for checksums."""
    for name, dimension in old.dimensions.items():
        if is_of_zarr(new):
            new.createDimension(name, dimension.size, is_unlimited=dimension.isunlimited())
        else:
            new.createDimension(name, None if dimension.isunlimited() else dimension.size)
    with _refused(source, f"an attribute of {old.path}"):
        new.setncatts(_attributes(old, is_root=old.path == "/"))
    for name, variable in old.variables.items():
        with _refused(source, f"variable {name!r}"):
            made = _like(name, variable, new)
        for at, values in _blocks(variable):
            made.set_auto_maskandscale(False)
            with _refused(source, f"a value of {name!r}"), _written(target):
                made[at] = values
    for name, group in old.groups.items():
        if old.path != "/" or name != checksums.GROUP:
            with _refused(source, f"group {name!r}"):
                inner = new.createGroup(name)
            _copy(group, inner, source, target)


@contextmanager
def _refused(source: Path, what: str) -> Iterator[None]:
    """Say of what the other format does not take that it cannot be converted."""
    try:
        yield
    except WorkError:
        raise
    except (TypeError, ValueError, RuntimeError, AttributeError, OverflowError) as error:
        said = " ".join(str(error).split())
        raise InputError(
            f"{source} cannot be converted without loss: the other format cannot hold {what} "
            f"({said})"
        ) from error


def _like(name: str, variable: Any, new: Any) -> Any:
    """Make a variable like another one in another group."""
    dtype, attributes = variable.dtype, _attributes(variable)
    if not getattr(variable, "is_named", True):
        raise TypeError("its dimensions have no names")
    if dtype is not str and isinstance(getattr(variable, "datatype", None), _OF_USERS):
        raise TypeError("it has a type that the file defines")
    if dtype is not str:
        if dtype.kind == "b" and not is_of_zarr(new):
            dtype = np.dtype(np.int8)  # as xarray has it
            attributes["dtype"] = "bool"
        if dtype.kind not in "iufb" or (dtype.kind == "f" and dtype.itemsize < 4):
            raise TypeError(f"it is of the type {dtype}")
        dtype = dtype.newbyteorder("=")
    options: dict[str, Any] = {"fill_value": attributes.pop("_FillValue", None)}
    shape = variable.shape
    if dtype is not str and shape and variable.size:
        options |= {"fletcher32": True}
        if variable.size * dtype.itemsize > checksums.LARGE or name == "theta":
            options["chunksizes"] = chunk_sizes(shape, dtype.itemsize)
        filters = variable.filters() or {}
        if filters.get("zlib"):
            options |= {"compression": "zlib", "complevel": filters["complevel"]}
    made = new.createVariable(name, dtype, variable.dimensions, **options)
    made.setncatts(attributes)
    return made


def _blocks(variable: Any) -> Iterator[tuple[Any, np.ndarray]]:
    """All that a variable holds, as it is stored, some megabytes at a time."""
    variable.set_auto_maskandscale(False)
    if variable.dtype is str:
        values = np.asarray(variable[...], object)
        if not all(isinstance(v, str) for v in values.ravel()):
            raise InputError(f"variable {variable.name!r} holds bytes, which netCDF cannot")
        yield ..., values
    elif not variable.shape:
        yield ..., np.asarray(variable[...])
    elif variable.size:
        for at in checksums.blocks(variable.shape, checksums.chunks_of(variable), variable.dtype):
            yield at, np.asarray(variable[at])


def _attributes(owner: Any, *, is_root: bool = False) -> dict[str, Any]:
    """Attributes as either format can hold them; of a root without those that hold digests."""
    found: dict[str, Any] = {}
    for name in owner.ncattrs():
        if (is_root and name in _OURS) or name.startswith(_OF_LIBRARY):
            continue
        value = owner.getncattr(name)
        is_plain = isinstance(value, str | np.ndarray | np.generic) or (
            isinstance(value, list) and all(isinstance(v, str) for v in value)
        )
        found[name] = value if is_plain else encode_attributes({name: value})[name]
    return found


def _require_equal(old: Any, new: Any, path: Path) -> None:
    """Compare two open groups in all that conversion keeps."""

    def require(same: bool, what: str) -> None:
        if not same:
            raise WorkError(
                f"{what} of {old.path} is not kept by a conversion to {path}; nothing was written"
            )

    lengths = [
        {n: (d.size, d.isunlimited() or not d.size) for n, d in g.dimensions.items()}
        for g in (old, new)  # netCDF has no other dimension of no length
    ]
    require(lengths[0] == lengths[1], "a dimension")
    own, copied = (_attributes(group, is_root=group.path == "/") for group in (old, new))
    require(_same(own, copied), "an attribute")
    require(old.variables.keys() == new.variables.keys(), "a variable")
    for name, variable in old.variables.items():
        copy = new.variables[name]
        attributes = _attributes(variable)
        if variable.dtype is not str and variable.dtype.kind == "b" and copy.dtype.kind != "b":
            attributes["dtype"] = "bool"
        require(_same(attributes, _attributes(copy)), f"an attribute of {name!r}")
        require(variable.dimensions == copy.dimensions, f"a dimension of {name!r}")
        require(variable.shape == copy.shape, f"the shape of {name!r}")
        copy.set_auto_maskandscale(False)
        for at, values in _blocks(variable):
            there = np.asarray(copy[at], object if copy.dtype is str else None)
            require(_same_values(values, there), f"a value of {name!r}")
    inside = [{n for n in g.groups if g.path != "/" or n != checksums.GROUP} for g in (old, new)]
    require(inside[0] == inside[1], "a group")
    for name in inside[0]:
        _require_equal(old.groups[name], new.groups[name], path)


def _same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two sets of attributes are equal, types and bits included."""
    return first.keys() == second.keys() and all(
        _same_attribute(value, second[name]) for name, value in first.items()
    )


def _same_attribute(a: Any, b: Any) -> bool:
    if isinstance(a, str | list) or isinstance(b, str | list):
        return type(a) is type(b) and bool(a == b)
    return _same_values(np.asarray(a), np.asarray(b))


def _same_values(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal bit by bit, whatever their byte order."""
    if a.dtype.kind in "OU" or b.dtype.kind in "OU":
        return a.shape == b.shape and bool((a.astype(object) == b.astype(object)).all())
    if a.dtype == bool and b.dtype == np.int8:
        a = a.view(np.int8)
    native = a.dtype.newbyteorder("=")
    return native == b.dtype.newbyteorder("=") and (
        a.astype(native).tobytes() == b.astype(native).tobytes()
    )
