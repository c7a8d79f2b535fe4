"""One large variable of a file as an array that opens the file for every reading."""

import itertools
import operator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys.trajectory.checksums import checksum
from sgdphys.trajectory.netcdf import damaged, opened

_BYTES = 4 * 2**20
"""Bytes that a Dask task reads at once; whoever asks for a part of them reads all."""


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
        As xarray opened it, for its shape and type.
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
        self.chunks = tuple(variable.encoding.get("chunksizes") or variable.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        keys = key if isinstance(key, tuple) else (key,)
        keys = (*keys, *[slice(None)] * (self.ndim - len(keys)))
        axes = [_stretches(k, n, c) for k, n, c in zip(keys, self.shape, self.chunks, strict=True)]
        found = np.empty([length for _, length in axes], self.dtype)
        counts = [-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True)]
        with opened(self.path) as file:
            variable = file[self.group].variables[self.name]
            variable.set_auto_maskandscale(False)
            for parts in itertools.product(*(stretches for stretches, _ in axes)):
                at = tuple(
                    slice(p.chunk * c, min((p.chunk + 1) * c, n))
                    for p, c, n in zip(parts, self.chunks, self.shape, strict=True)
                )
                values = np.asarray(variable[at])
                if self.checks is not None:
                    number = np.ravel_multi_index([p.chunk for p in parts], counts)
                    if checksum(values) != self.checks[number]:
                        raise damaged(
                            self.path,
                            f"a chunk of {self.group}/{self.name} differs from its checksum",
                        )
                to, inside = tuple(p.to for p in parts), tuple(p.inside for p in parts)
                if all(isinstance(k, slice) for k in inside):
                    found[to] = values[inside]
                else:
                    found[np.ix_(*map(_places, to))] = values[np.ix_(*map(_places, inside))]
        single = [n for n, k in enumerate(keys) if not isinstance(k, slice) and np.ndim(k) == 0]
        return found.squeeze(tuple(single)) if single else found


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


def lazy(stored: Stored, variable: xr.Variable) -> xr.Variable:
    """Return a variable whose numbers Dask reads when they are asked for."""
    from dask import array

    da: Any = array
    meta = np.empty((0,) * stored.ndim, stored.dtype)  # otherwise Dask reads to find the type
    data = da.from_array(stored, _chunks(variable), name=False, asarray=False, meta=meta)
    return xr.Variable(variable.dims, data, variable.attrs)


def _chunks(variable: xr.Variable) -> tuple[int, ...]:
    """Blocks read together, limited in bytes as far as the first axis allows."""
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
