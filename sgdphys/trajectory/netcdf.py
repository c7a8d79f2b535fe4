"""Opening netCDF files one at a time, since HDF5 is not thread-safe; damage is reported."""

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
from xarray.backends import NetCDF4DataStore

from sgdphys import memory
from sgdphys.errors import InputError, WorkError

_parameters = inspect.signature(NetCDF4DataStore).parameters
# xarray's own lock, the default of its documented argument, so that a tree of ours that the user
# saves with xarray reads and writes in turn
LOCK: Any = getattr(_parameters.get("lock"), "default", None) or threading.Lock()
"""Held around every call of the netCDF library, in every thread."""
_CACHE = 1 / 16
"""Share of a limit on memory that the library may keep of an array."""
WHAT_TO_DO = ": move it away, or restore it"
"""How the sentence on a damaged file ends where nothing else makes it good."""


@contextmanager
def opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """Open a netCDF file for reading, alone from before it opens until it has closed.

    Raises
    ------
    InputError
        When it is not there or not netCDF.
    WorkError
        When it is truncated or damaged.
    """
    require_netcdf(path)
    with damage_reported(path), LOCK:
        with small_cache():
            file = netCDF4.Dataset(path)
        with file:
            yield file


@contextmanager
def small_cache() -> Iterator[None]:
    """Keep fewer chunks of files that are opened meanwhile, where memory is limited.

    The library keeps 64 MiB of every array that is read, whatever ``memory.limit`` says.
    """
    size, slots, preemption = netCDF4.get_chunk_cache()
    netCDF4.set_chunk_cache(memory.at_once(size, _CACHE), slots, preemption)
    try:
        yield
    finally:
        netCDF4.set_chunk_cache(size, slots, preemption)


def require_netcdf(path: Path) -> None:
    """Refuse a path that is no netCDF file."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with path.open("rb") as file:
        magic = file.read(8)
    if magic[1:4] != b"HDF" and magic[:3] != b"CDF":
        raise InputError(f"{path} is not a netCDF file")


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Say of a file that the libraries cannot read what to do about it."""
    try:
        yield
    except (WorkError, InputError, UnicodeEncodeError):  # the last is of the file's name
        raise
    except (OSError, RuntimeError, AttributeError, IndexError, KeyError, ValueError) as error:
        # netCDF4 raises all of these for headers that make no sense
        raise damaged(path, " ".join(str(error).split())) from error


def damaged(path: Path, what: str) -> WorkError:
    """Return the error for a truncated or damaged file."""
    return WorkError(f"{path} cannot be read ({what}); it is truncated or damaged{WHAT_TO_DO}")
