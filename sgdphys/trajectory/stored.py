"""Large variables of files as arrays that open the files for every reading."""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys import memory
from sgdphys.errors import WorkError
from sgdphys.trajectory.checksums import checksum, corners
from sgdphys.trajectory.digests import places_of
from sgdphys.trajectory.locations import is_zarr
from sgdphys.trajectory.netcdf import damaged
from sgdphys.trajectory.stores import opened

_BYTES = 32 * 2**20
"""Bytes that a Dask task reads at once, without a limit on memory."""
_SHARE = 1 / 16
"""Of a limit on memory."""
_CACHE = 2**20
"""Bytes of chunks that HDF5 keeps: a reading takes each chunk once, and more is of no use."""
_WASTE = 2
"""Numbers read at once for each that is asked for, where chunks are read as a whole."""
_NOTHING = slice(0, 0), slice(0, 0)


class _Stretch(NamedTuple):
    """Selection from one chunk along one dimension."""

    chunk: int
    inside: Any
    """Places in the chunk."""
    to: Any
    """Where they go in the result."""


class Stored:
    """A variable of numbers that is read chunk by chunk, each compared with its checksum.

    Parameters
    ----------
    path : Path
    group, name : str
    variable : Variable
        As xarray opened it, for its shape, dimensions and type.
    checks : int64 (chunk,), optional
        CRC-32 of each chunk, the last dimension varying fastest; None where the file has none.

    Notes
    -----
    A reading takes whole chunks, as HDF5 does to check its own checksums. Those do not see that a
    chunk is lost or that another one has taken its place; ours do.
    """

    def __init__(
        self, path: Path, group: str, name: str, variable: xr.Variable, checks: np.ndarray | None
    ) -> None:
        self.path, self.group, self.name, self.checks = path, group, name, checks
        self.shape, self.dtype, self.ndim = variable.shape, variable.dtype, variable.ndim
        self.dims = variable.dims
        self.chunks = tuple(variable.encoding.get("chunksizes") or variable.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        keys = key if isinstance(key, tuple) else (key,)
        keys = (*keys, *[slice(None)] * (self.ndim - len(keys)))
        try:
            found = self._selected(keys, self._by_bytes)
        except (WorkError, OSError):  # the library says what is wrong, if something is
            found = self._selected(keys, self._by_library)
        single = [n for n, k in enumerate(keys) if not isinstance(k, slice) and np.ndim(k) == 0]
        return found.squeeze(tuple(single)) if single else found

    def _selected(self, keys: tuple[Any, ...], reader: Callable[[], Any]) -> np.ndarray:
        """A selection, its single places as lengths of 1, by one of the two ways of reading."""
        each = list(zip(keys, self.shape, self.chunks, strict=True))
        around = [_around(*of_axis) for of_axis in each]
        at, inside = tuple(a for a, _ in around), tuple(i for _, i in around)
        if 0 < _size(at) <= _WASTE * _size(inside):
            return self._whole_chunks(at, reader)[inside]
        return self._by_chunks([_stretches(*of_axis) for of_axis in each], reader)

    @contextmanager
    def _by_library(self) -> Iterator[Callable[[tuple[slice, ...]], np.ndarray]]:
        """A function that reads whole chunks, by the library of the file's format."""
        with opened(self.path) as file:
            variable = file[self.group].variables[self.name]
            variable.set_auto_maskandscale(False)
            variable.set_var_chunk_cache(size=_CACHE)
            yield lambda at: np.asarray(variable[at]).astype(self.dtype, copy=False)

    @contextmanager
    def _by_bytes(self) -> Iterator[Callable[[tuple[slice, ...]], np.ndarray]]:
        """The same, from where the file's companion says that they are, by many threads at once.

        The library decodes and checks one chunk at a time, in one thread.
        Raises where a chunk has no known place.
        """
        offsets = self._offsets
        if offsets is None or not len(offsets) or offsets.min() < 0:
            raise FileNotFoundError
        counts = self._counts
        with self.path.open("rb", buffering=0) as file:

            def read(at: tuple[slice, ...]) -> np.ndarray:
                found = np.empty([s.stop - s.start for s in at], self.dtype)
                for inside in corners(found.shape, self.chunks):
                    into = found[inside]
                    number = np.ravel_multi_index(self._chunk(at, inside), counts)
                    stored = np.empty((len(into), *self.chunks[1:]), self.dtype)
                    file.seek(offsets[number])
                    if file.readinto(stored.view(np.uint8).data) != stored.nbytes:
                        raise OSError("the file is shorter than it was")
                    into[...] = stored[tuple(map(slice, into.shape))]
                return found

            yield read

    @functools.cached_property
    def _offsets(self) -> np.ndarray | None:
        if self.checks is None or is_zarr(self.path):
            return None
        found = places_of(self.path, f"{self.group.strip('/')}/{self.name}")
        return found if found is not None and len(found) == len(self.checks) else None

    @property
    def _counts(self) -> list[int]:
        """Number of chunks along each dimension."""
        return [-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True)]

    def _chunk(self, at: tuple[slice, ...], inside: tuple[slice, ...]) -> list[int]:
        """Numbers along each dimension of the chunk at a place of a part of whole chunks."""
        return [(a.start + i.start) // c for a, i, c in zip(at, inside, self.chunks, strict=True)]

    def _whole_chunks(self, at: tuple[slice, ...], reader: Callable[[], Any]) -> np.ndarray:
        """A part of whole chunks, which is read at once and checked outside the lock."""
        with reader() as read:
            found: np.ndarray = read(at)
        if self.checks is not None:
            for inside in corners(found.shape, self.chunks):
                self._check(found[inside], self._chunk(at, inside))
        return found

    def _by_chunks(
        self, axes: list[tuple[list[_Stretch], int]], reader: Callable[[], Any]
    ) -> np.ndarray:
        """Any selection, of which one chunk is in memory at a time."""
        found = np.empty([length for _, length in axes], self.dtype)
        with reader() as read:
            for parts in itertools.product(*(stretches for stretches, _ in axes)):
                at = tuple(
                    slice(p.chunk * c, min((p.chunk + 1) * c, n))
                    for p, c, n in zip(parts, self.chunks, self.shape, strict=True)
                )
                values = read(at)
                self._check(values, [p.chunk for p in parts])
                to, inside = tuple(p.to for p in parts), tuple(p.inside for p in parts)
                if all(isinstance(k, slice) for k in inside):
                    found[to] = values[inside]
                else:
                    found[np.ix_(*map(_places, to))] = values[np.ix_(*map(_places, inside))]
        return found

    def _check(self, values: np.ndarray, chunk: list[int]) -> None:
        """Compare a chunk with its checksum."""
        if self.checks is None:
            return
        if checksum(values) != self.checks[np.ravel_multi_index(chunk, self._counts)]:
            raise damaged(
                self.path, f"a chunk of {self.group}/{self.name} differs from its checksum"
            )


def _around(key: Any, size: int, chunk: int) -> tuple[slice, slice]:
    """Whole chunks in a row around a key, and where it is in them; nothing if it has gaps."""
    if not isinstance(key, slice):
        return _NOTHING
    first, stop, step = key.indices(size)
    if step != 1 or stop <= first:
        return _NOTHING
    begin = first - first % chunk
    end = min(size, -(-stop // chunk) * chunk)
    return slice(begin, end), slice(first - begin, stop - begin)


def _size(at: Sequence[slice]) -> int:
    return math.prod(s.stop - s.start for s in at)


def _places(of: Any) -> np.ndarray:
    return np.arange(of.start, of.stop) if isinstance(of, slice) else of


def _stretches(key: Any, size: int, chunk: int) -> tuple[list[_Stretch], int]:
    """Selection of a key from each chunk along one dimension, and its total length."""
    if isinstance(key, slice):
        first, stop, step = key.indices(size)
        if step == 1:
            stop = max(stop, first)
            found = []
            for k in range(first // chunk, -(-stop // chunk) if stop > first else first // chunk):
                low, high = max(first, k * chunk), min(stop, (k + 1) * chunk)
                found.append(
                    _Stretch(
                        k,
                        slice(low - k * chunk, high - k * chunk),
                        slice(low - first, high - first),
                    )
                )
            return found, stop - first
        wanted = np.arange(first, stop, step)
    elif np.ndim(key) == 0:
        wanted = np.array([operator.index(key)])
    else:
        wanted = np.asarray(key)
        if wanted.dtype == bool:
            wanted = np.flatnonzero(wanted)
    wanted = np.where(wanted < 0, wanted + size, wanted)
    of_chunk = wanted // chunk
    return [
        _Stretch(int(k), wanted[of_chunk == k] - k * chunk, np.flatnonzero(of_chunk == k))
        for k in np.unique(of_chunk)
    ], len(wanted)


class _Joined:
    """Variables of several files, one after another along an axis.

    As one array, since Dask reads a part of what a task reads only where nothing, such as its
    ``concatenate``, stands between the array and the selection. No task reads of two files.
    """

    def __init__(self, parts: Sequence[Stored | np.ndarray], axis: int) -> None:
        self.parts, self.axis = parts, axis
        lengths = [part.shape[axis] for part in parts]
        self.ends = np.cumsum(lengths)
        first = parts[0]
        self.shape = (*first.shape[:axis], sum(lengths), *first.shape[axis + 1 :])
        self.dtype, self.ndim = first.dtype, first.ndim

    def __getitem__(self, key: tuple[Any, ...]) -> np.ndarray:
        at = key[self.axis]
        first = at.start if isinstance(at, slice) else np.min(at)
        number = int(np.searchsorted(self.ends, first, side="right"))
        part = self.parts[number]
        before = int(self.ends[number]) - part.shape[self.axis]
        if isinstance(at, slice):
            at = slice(at.start - before, at.stop - before, at.step)
        else:
            at = np.asarray(at) - before
        return part[(*key[: self.axis], at, *key[self.axis + 1 :])]


def lazy(stored: Stored, variable: xr.Variable) -> xr.Variable:
    """Return a variable whose numbers Dask reads when they are asked for."""
    # what xarray calls the chunks of the file, along which estimators divide an array
    encoding = {"preferred_chunks": dict(zip(variable.dims, stored.chunks, strict=True))}
    return xr.Variable(variable.dims, _dask(stored, _chunks(stored)), variable.attrs, encoding)


def lazily_joined(parts: Sequence[Stored | np.ndarray], axis: int) -> Any:
    """Parts one after another along an axis as an array of Dask, which reads what is stored."""
    each = [_chunks(part) if isinstance(part, Stored) else part.shape for part in parts]
    chunks: list[Any] = [min(lengths) for lengths in zip(*each, strict=True)]
    chunks[axis] = tuple(
        min(c[axis], part.shape[axis] - first)
        for part, c in zip(parts, each, strict=True)
        for first in range(0, part.shape[axis], c[axis])
    )
    return _dask(_Joined(parts, axis), tuple(chunks))


def _dask(array: Stored | _Joined, chunks: tuple[Any, ...]) -> Any:
    from dask import array as da

    meta = np.empty((0,) * array.ndim, array.dtype)  # otherwise Dask reads to find the type
    from_array: Any = da.from_array
    return from_array(array, chunks, name=False, asarray=False, meta=meta)


def _chunks(stored: Stored) -> tuple[int, ...]:
    """Blocks read together, limited in bytes as far as the first axis allows."""
    widths = list(stored.shape)
    last = stored.ndim - 1
    room = memory.at_once(_BYTES, _SHARE)
    # whole chunks of the file along the last axis, so that none is read twice
    whole = stored.chunks[-1]
    each = stored.dtype.itemsize * whole
    if "replica" in stored.dims[:last]:
        axis = stored.dims.index("replica")
        each *= int(np.prod(widths[:last])) // max(widths[axis], 1)
        widths[axis] = min(widths[axis], max(1, room // max(each, 1)))
        each *= widths[axis]
    else:
        each *= int(np.prod(widths[:last]))
    widths[last] = min(widths[last], whole * max(1, room // max(each, 1)))
    return tuple(max(w, 1) for w in widths)
