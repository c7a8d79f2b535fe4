"""Writing segments of a trajectory: complete or not at all, in a thread of their own."""

import errno
import functools
import itertools
import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.errors import WorkError
from sgdphys.trajectory import checksums
from sgdphys.trajectory.digests import digest_path, digest_text
from sgdphys.trajectory.locations import holds_zarr, is_remote, is_zarr, move, partial_path, remove
from sgdphys.trajectory.netcdf import LOCK
from sgdphys.trajectory.schema import chunk_sizes, encode_attributes
from sgdphys.trajectory.segments import is_segment
from sgdphys.trajectory.skimming import line_of
from sgdphys.trajectory.stores import created, dump, is_of_zarr
from sgdphys.trajectory.tensor_table import for_writing

_FULL = 2**20
"""Free bytes below which a disk counts as full."""


def write_tree(
    tree: xr.DataTree, path: Path, compression: str = "none", *, replace: bool = True
) -> None:
    """Write a tree so that at any moment the path holds all of it or nothing new.

    The file carries its checksums; the digest of a whole netCDF trajectory is written beside it.

    Parameters
    ----------
    tree : DataTree
        Arrays of Dask are computed and written block by block.
    path : Path
        A Zarr store where its name ends in .zarr, otherwise a netCDF file.
    compression : str
        "none" or "zlib", for theta.
    replace : bool
        Whether a file at the path is replaced; refused otherwise.

    Raises
    ------
    OSError
        When the folder cannot be written, the disk is full, or the path is taken; nothing is left
        behind.
    """
    begin_tree(tree, path, compression, replace=replace)()


def begin_tree(
    tree: xr.DataTree, path: Path, compression: str = "none", *, replace: bool = True
) -> Callable[[], None]:
    """Write a tree beside its path, as ``write_tree`` does, and return what completes it.

    The returned function makes sure that all is on the disk, puts the file at its path and its
    digest beside it. It does not use netCDF, so that it may run in another thread. At a URL, where
    nothing can be renamed, a store is complete when this function returns.
    """
    if not replace and path.exists():
        raise FileExistsError(errno.EEXIST, "it exists already, and is not written over", str(path))
    if path.is_dir() and not holds_zarr(path):
        raise FileExistsError(errno.EEXIST, "it is a folder of something else", str(path))
    stored = for_writing(tree)
    has_weights = "weights" in stored.children
    try:
        with beside(path) as partial:
            chunks, more = _write(stored, partial, compression, path)
    finally:
        if stored is not tree:
            let_go(stored)
    return functools.partial(complete, path, chunks, more, has_weights=has_weights)


def let_go(tree: xr.DataTree) -> None:
    """Take a tree apart that nobody needs any more.

    Its nodes refer to each other, so that its arrays would stay until garbage is collected: a
    recording had fourteen segments in memory.
    """
    for node in list(tree.subtree):
        node.orphan()


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Where a file or store is written before it takes its place; nothing stays if that fails."""
    partial = path if is_remote(path) else partial_path(path)
    if partial.exists():
        remove(partial)
    try:
        yield partial
    except WorkError:
        remove(partial)
        raise
    except (RuntimeError, PermissionError) as error:  # netCDF reports failures of HDF5 this way
        remove(partial)
        raise _explained(error, path) from error
    except BaseException:
        remove(partial)
        raise


def complete(
    path: Path, chunks: list[checksums.Chunk], more: str = "", *, has_weights: bool
) -> None:
    """Put what was written beside a path there, once all of it is on the disk.

    Parameters
    ----------
    path : Path
    chunks : list of Chunk
        Those of the large arrays.
    more : str
        What the file beside a netCDF file says after its digest.
    has_weights : bool
        Whether the digest of a netCDF file is to stand beside it.
    """
    if is_remote(path):
        return
    if partial_path(path).is_dir():
        put_in_place(path)
        return
    of_file = digest_path(path)
    with _whole(path) as partial:
        with parallel.beside(functools.partial(_sync, partial)) as synced:
            text = digest_text(partial, path.name, chunks) + more
        synced()
        of_file.unlink(missing_ok=True)  # a kill from here on leaves no digest, and no wrong one
    if has_weights:
        write_text(text, of_file)


def put_in_place(path: Path) -> None:
    """Put a Zarr store that was written beside its path there, once all of it is on the disk."""
    partial = partial_path(path)
    try:
        for folder, _, names in os.walk(partial):
            for name in (*names, "."):
                _sync(Path(folder, name))
        if path.exists():
            old = path.with_name(path.name + ".old.partial")
            os.replace(path, old)
            move(partial, path)
            remove(old)
        else:
            move(partial, path)
        _sync(path.parent)
    except BaseException:
        remove(partial)
        raise


def _write(
    tree: xr.DataTree, partial: Path, compression: str, path: Path
) -> tuple[list[checksums.Chunk], str]:
    """Write a tree; its large chunks, and what more its companion file says of a segment."""
    known: dict[tuple[str, str], Any] = {}
    zarr = is_zarr(path)
    with created(partial, zarr=zarr) as file:
        for node in tree.subtree:
            data = node.to_dataset(inherit=False)
            data.attrs = encode_attributes(data.attrs)
            with LOCK:
                group = file if node.path == "/" else file.createGroup(node.path)
            known |= _write_group(data, group, compression)
        with LOCK:
            file.sync()
            chunks = checksums.sign(file, known)
            is_told = is_segment(path) and not zarr
            return chunks, line_of(path, file) if is_told else ""


def _write_group(data: xr.Dataset, group: Any, compression: str) -> checksums.Checks:
    """Write one group; large arrays, and what Dask has yet to compute, go block by block.

    Returns the checksums of those.
    """
    large = [n for n, v in data.data_vars.items() if v.chunks is not None or _is_large(v)]
    eager = data.drop_vars(large).load()
    encoding = {
        str(n): _storage(v, str(n), compression)
        for n, v in eager.data_vars.items()
        if v.ndim and v.size and v.dtype.kind in "fiub"
    }
    dump(eager, group, encoding)
    return {
        (group.path, str(name)): _write_blocks(data[name].variable, str(name), group, compression)
        for name in large
    }


def _is_large(variable: xr.DataArray) -> bool:
    return variable.nbytes > checksums.LARGE and variable.dtype.kind in "fiub"


def _storage(variable: Any, name: str, compression: str) -> dict[str, Any]:
    """How an array of numbers is stored: its chunks, checksums and compression."""
    stored: dict[str, Any] = {"fletcher32": True}
    if variable.nbytes > checksums.LARGE or name == "theta":
        stored["chunksizes"] = chunk_sizes(variable.shape, variable.dtype.itemsize)
    if name == "theta" and compression != "none":
        stored |= {"compression": compression, "complevel": 1}
    return stored


def _write_blocks(
    variable: xr.Variable, name: str, group: Any, compression: str
) -> tuple[list[checksums.Chunk], np.ndarray]:
    is_bool = variable.dtype == bool
    dtype = np.dtype(np.int8) if is_bool else variable.dtype.newbyteorder("=")
    with LOCK:
        for dimension, size in variable.sizes.items():
            if dimension not in group.dimensions:
                group.createDimension(dimension, size)
        stored = group.createVariable(
            name, dtype, variable.dims, fill_value=np.nan if dtype.kind == "f" else None,
            **_storage(variable, name, compression),
        )  # fmt: skip
        stored.setncatts(encode_attributes(variable.attrs) | ({"dtype": "bool"} if is_bool else {}))
        stored.set_auto_maskandscale(False)
        stored.set_var_chunk_cache(size=2**20)  # whole chunks are written, each once
        chunks = checksums.chunks_of(stored)
        path = None if is_of_zarr(group) else Path(group.filepath())

    found: list[tuple[tuple[slice, ...], list[checksums.Chunk]]] = []

    def write(block: tuple[slice, ...], values: np.ndarray) -> None:
        def checked() -> list[checksums.Chunk]:
            inside = checksums.chunks_in(values, chunks)
            if found and path is not None:  # the blocks before, while this one is written
                _sync(path)
            return inside

        values = values.astype(dtype, copy=False)
        with parallel.beside(checked) as inside, LOCK:
            stored[block] = values
        found.append((block, inside()))

    if variable.chunks is None:
        for block in checksums.blocks(variable.shape, chunks, dtype):
            write(block, np.asarray(variable[block].to_numpy()))
    else:
        _write_lazy(variable, chunks, dtype, write)
    return checksums.chunk_checksums(variable.shape, chunks, found)


def _write_lazy(
    variable: xr.Variable,
    chunks: tuple[int, ...],
    dtype: np.dtype[Any],
    write: Callable[[tuple[slice, ...], np.ndarray], None],
) -> None:
    """Write an array of Dask in parts, of which the next one is read while one is written.

    A part is two blocks, and a chunk that it shares with another one is read for both.
    """
    parts = [*checksums.blocks(variable.shape, chunks, dtype, times=2)]

    def read(part: tuple[slice, ...]) -> np.ndarray:
        lazy = variable.data[part]
        return np.asarray(lazy.compute(scheduler="threads", num_workers=parallel.threads()))

    with ThreadPoolExecutor(1) as ahead:
        coming = [ahead.submit(read, part) for part in parts[:1]]
        for part, following in itertools.zip_longest(parts, parts[1:]):
            values = coming.pop().result()
            if following is not None:
                coming.append(ahead.submit(read, following))
            for block in checksums.blocks(values.shape, chunks, dtype):
                write(_within(part, block), values[block])
            del values


def _within(part: tuple[slice, ...], block: tuple[slice, ...]) -> tuple[slice, ...]:
    """Where a block of a part of an array lies in the array."""
    return tuple(
        slice(p.start + b.start, p.start + b.stop) for p, b in zip(part, block, strict=True)
    )


def write_text(text: str, path: Path) -> None:
    """Write a text so that at any moment the path holds all of it or what it held before."""
    with _whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of another one once all is written."""
    partial = partial_path(path)
    try:
        yield partial
        os.replace(partial, path)
        _sync(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _explained(error: Exception, path: Path) -> OSError:
    """Meaning of an error of the netCDF library: a full disk, if the disk is full."""
    if is_remote(path):
        return error if isinstance(error, OSError) else OSError(errno.EIO, str(error), str(path))
    free = shutil.disk_usage(path.parent).free
    if free < _FULL:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    if isinstance(error, OSError):
        return error
    return OSError(errno.EIO, f"{error}, with {free / 1e6:.0f} MB free", str(path))


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk; Windows opens no folder, and files to write."""
    is_posix = hasattr(os, "O_DIRECTORY")
    if not is_posix and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if is_posix else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_partial(folder: Path) -> None:
    """Remove what a killed writer left."""
    for path in folder.glob("*.partial"):
        remove(path)


class SegmentWriter:
    """Writes segments in a thread while the next ones are computed; at most two wait.

    A segment is completed, which takes as long as writing it, while the next one is written. A
    context manager: leaving it waits for the segments handed over and raises what went wrong.
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
        """Hand over what makes a segment; raises what went wrong with an earlier one.

        The tree that it makes is taken apart once it is written.
        """
        self._raise()
        self._queue.put((name, build))

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        with ThreadPoolExecutor(1) as completing:
            previous: Future[None] | None = None
            while (item := self._queue.get()) is not None:
                if self._error is None:
                    try:
                        previous = self._write(item[0], item[1](), completing, previous)
                    except BaseException as error:
                        self._error = error
            try:
                if previous is not None:
                    previous.result()
            except BaseException as error:
                self._error = self._error or error

    def _write(
        self,
        name: str,
        tree: xr.DataTree,
        completing: ThreadPoolExecutor,
        previous: Future[None] | None,
    ) -> Future[None]:
        """Write a segment, whose completion begins once the previous one is complete.

        A failure leaves no later segment.
        """
        path = self.folder / name
        try:
            finish = begin_tree(tree, path, self.compression, replace=False)
        finally:
            let_go(tree)
        try:
            if previous is not None:
                previous.result()
        except BaseException:
            remove(partial_path(path))
            raise
        return completing.submit(finish)
