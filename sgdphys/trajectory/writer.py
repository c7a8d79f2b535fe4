"""Writing segments of a trajectory: whole or not at all, in a thread of its own."""

import os
import queue
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from sgdphys.trajectory.schema import chunk_sizes, encode_attributes, for_writing

_SUFFIX = ".partial"


def write_tree(tree: xr.DataTree, path: Path, compression: str = "none") -> None:
    """Write a tree to netCDF so that at any moment the path holds all of it or nothing new.

    Parameters
    ----------
    tree : DataTree
    path : Path
        Replaced if it exists.
    compression : str
        "none" or "zlib", for theta.

    Raises
    ------
    OSError
        When the folder cannot be written or the disk is full; nothing is left behind.
    """
    tree = tree.map_over_datasets(for_writing)
    for node in tree.subtree:
        node.attrs = encode_attributes(node.attrs)
    encoding: dict[str, dict[str, Any]] = {}
    if "weights" in tree.children and "theta" in tree["weights"].data_vars:
        theta = tree["weights"]["theta"]
        chunks = chunk_sizes((theta.sizes["step"], *theta.shape[1:]), theta.dtype.itemsize)
        encoding["/weights"] = {"theta": {"chunksizes": chunks}}
        if compression != "none":
            encoding["/weights"]["theta"] |= {"compression": compression, "complevel": 1}
    partial = path.with_name(path.name + _SUFFIX)
    try:
        tree.to_netcdf(partial, engine="netcdf4", format="NETCDF4", encoding=encoding)
        _sync(partial)
        os.replace(partial, path)
        _sync(path.parent)
    except RuntimeError as error:  # how netCDF says that HDF5 could not write
        partial.unlink(missing_ok=True)
        free = shutil.disk_usage(path.parent).free
        raise OSError(f"{error}, with {free / 1e6:.0f} MB free") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(text: str, path: Path) -> None:
    """Write a text so that at any moment the path holds all of it or what it held before."""
    partial = path.with_name(path.name + _SUFFIX)
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(folder: Path) -> None:
    """Remove what a killed writer left."""
    for path in folder.glob(f"*{_SUFFIX}"):
        path.unlink()


class SegmentWriter:
    """Writes segments in a thread while the next ones are computed; at most two wait.

    A context manager: leaving it waits for the segments handed over and raises what went wrong.
    """

    def __init__(self, folder: Path, compression: str = "none") -> None:
        self.folder = folder
        self.compression = compression
        self._queue: queue.Queue[tuple[str, Callable[[], xr.DataTree]] | None] = queue.Queue(
            maxsize=1
        )
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="segment writer", daemon=True)

    def __enter__(self) -> "SegmentWriter":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if exception[0] is None:
            self._raise()

    def write(self, name: str, build: Callable[[], xr.DataTree]) -> None:
        """Hand over what makes a segment; raises what went wrong with an earlier one."""
        self._raise()
        self._queue.put((name, build))

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    write_tree(item[1](), self.folder / item[0], self.compression)
                except BaseException as error:
                    self._error = error
