"""The two formats of a recording, netCDF files and Zarr stores, and how each is opened."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import netCDF4
import xarray as xr
from xarray.backends import NetCDF4DataStore

from sgdphys.errors import InputError
from sgdphys.trajectory import netcdf
from sgdphys.trajectory.locations import EXTRA, holds_zarr, is_remote, is_zarr
from sgdphys.trajectory.netcdf import LOCK, damage_reported


def zarr_groups(path: Path) -> ModuleType:
    """The module that reads and writes Zarr.

    Raises
    ------
    InputError
        Where Zarr is not installed.
    """
    try:
        return import_module("sgdphys.trajectory.zarr_groups")
    except ImportError as error:
        raise InputError(f"{path}: Zarr stores cannot be read or written here; {EXTRA}") from error


def is_of_zarr(group: Any) -> bool:
    """Whether an open group is of a Zarr store."""
    return hasattr(group, "store")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file or store for reading: a netCDF4.Dataset, or what has its names.

    Raises
    ------
    InputError
        When it is not there, or neither netCDF nor Zarr.
    WorkError
        When it is truncated or damaged.
    """
    if is_zarr(path):
        groups = zarr_groups(path)
        require_zarr(path)
        with damage_reported(path):
            yield groups.open_store(path)
        return
    if is_remote(path):
        raise InputError(f"{path}: at a URL only Zarr stores are read, which end in .zarr; copy it")
    with netcdf.opened(path) as file:
        yield file


def require_zarr(path: Path) -> None:
    """Refuse a path that is no Zarr store."""
    if not is_remote(path) and not path.is_dir():
        raise InputError(f"there is no Zarr store {path}")
    if not holds_zarr(path):
        raise InputError(
            f"{path} is not a Zarr store, or was not written to its end: it has no metadata"
        )


@contextmanager
def created(path: Path, *, zarr: bool) -> Iterator[Any]:
    """Open a file or store for writing; what goes wrong leaves no store that seems complete."""
    if zarr:
        root = zarr_groups(path).create(path)
        yield root
        root.finish()
        return
    with LOCK:
        file = netCDF4.Dataset(path, "w", format="NETCDF4")
    try:
        yield file
    finally:
        with LOCK:
            file.close()


def dump(data: xr.Dataset, group: Any, encoding: Mapping[str, Any]) -> None:
    """Write a Dataset to a group."""
    if is_of_zarr(group):
        group.dump(data, encoding)
        return
    store: Any = NetCDF4DataStore
    with LOCK:
        data.dump_to_store(store(group, lock=False), encoding=encoding)
