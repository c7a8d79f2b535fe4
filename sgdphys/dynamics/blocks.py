"""Large arrays in parts: blocks of series, groups of series, and stretches of time.

A lazy array is read along its chunks, each once where the part that may be loaded is as wide as a
chunk. An array is taken in the order of dimensions in which it was given: a file is read in part
only where nothing, such as a transposition, stands between it and the selection.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import xarray as xr

from sgdphys import memory
from sgdphys.missing import as_float

BLOCK_BYTES = 2 * 2**20
"""Size of the block that one thread works on: it fits in its cache."""
_LOADED_BYTES = 192 * 2**20
"""Size of the part of an array that is loaded at once, without a limit on memory."""
READ_BYTES = 32 * 2**20
"""Size of what is read at once of such a part."""
_LOADED, _READ, _BLOCK = 1 / 4, 1 / 16, 1 / 256
"""Shares of a limit on memory: of the part that is loaded, of what is read of it at once, and of
the block that a thread works on, of which a kernel makes copies."""


def block_size(most: int = BLOCK_BYTES) -> int:
    """Bytes of the block that a thread works on: so many, or fewer by a limit on memory."""
    return memory.at_once(most, min(_BLOCK * most / BLOCK_BYTES, _READ))


def parts(
    given: xr.DataArray, dim: str, kept: Sequence[str],
    within: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[tuple[slice, ...]]:  # fmt: skip
    """Slices along some dimensions of parts that may be loaded, along the chunks of a lazy array.

    Parameters
    ----------
    given : DataArray
    dim : str
        That of time.
    kept : sequence of str
        Dimensions that are divided.
    within : mapping of str to int
        A place along some dimensions, at which alone the array is read.
    """
    preferred = given.encoding.get("preferred_chunks", {})
    whole = (n for d, n in given.sizes.items() if d not in kept and d not in within)
    each = given.dtype.itemsize * math.prod(whole)
    budget = max(1, memory.at_once(_LOADED_BYTES, _LOADED) // max(each, 1))
    edges = []
    for name in reversed(kept):
        size = given.sizes[name]
        along = given.chunksizes.get(name) or (size,)
        longest = max(1, min(budget, max(along, default=1)))
        of_file = preferred.get(name, 1)
        if longest < size and of_file <= longest:  # no chunk of a file is read twice
            longest -= longest % of_file
        starts = np.cumsum([0, *along]).tolist()
        edges.append(
            [
                slice(k, min(k + longest, end))
                for start, end in itertools.pairwise(starts)
                for k in range(start, end, longest)
            ]
            if size
            else []
        )
        budget = max(1, budget // longest)
    return itertools.product(*reversed(edges))


def loaded(
    given: xr.DataArray, dim: str, order: Sequence[str], part: Sequence[slice],
    within: Mapping[str, int] = MappingProxyType({}),
) -> np.ndarray:  # fmt: skip
    """Series (series, point) of a part along dimensions in order, as they are stored.

    A lazy array is read some chunks at a time, of which no two copies are there at once.
    """
    dims = (*within, *order, dim)
    points = given.sizes[dim]
    select = dict(zip(order, part, strict=True)) | _ones(within)
    if not given.chunks:
        return np.asarray(given.variable.isel(select).transpose(*dims).data).reshape(-1, points)
    lengths = [len(range(*s.indices(given.sizes[d]))) for d, s in select.items()]
    sizes = dict(zip(select, lengths, strict=True)) | {dim: points}
    values = np.empty([sizes[d] for d in dims], given.dtype)
    for first, last in _stretches(given, dim, given.dtype.itemsize * math.prod(lengths)):
        # in one selection: Dask reads a part of a chunk only for the first one
        here = given.variable.isel({**select, dim: slice(first, last)}).transpose(*dims)
        values[..., first:last] = np.asarray(here.data)
    return values.reshape(-1, points)


def in_groups(
    given: xr.DataArray, dim: str, over: Sequence[str] = (), *, block_bytes: int = BLOCK_BYTES,
    within: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """All members of some groups of series at a time, in bounded memory.

    Parameters
    ----------
    given : DataArray
    dim : str
        That of time.
    over : sequence of str
        Dimensions along which the members of a group lie; the others distinguish groups.
    block_bytes : int
        Of what is yielded at once, if it is more than one group.
    within : mapping of str to int
        A place along some dimensions, at which alone the array is read.

    Yields
    ------
    (int64 (group,), float64 (group, member, point))
        Flat indices of groups along the other dimensions, in their order; and their values, missing
        ones NaN.
    """
    kept = [str(d) for d in given.dims if d != dim and d not in over and d not in within]
    shape = [given.sizes[d] for d in kept]
    members, points = math.prod(given.sizes[d] for d in over), given.sizes[dim]
    numbers = np.arange(math.prod(shape)).reshape(shape)
    together = max(1, block_size(block_bytes) // (8 * max(members * points, 1)))
    for part in parts(given, dim, kept, within):
        whole = (*part, *[slice(None)] * len(over))
        flat = loaded(given, dim, [*kept, *over], whole, within)
        values, number = flat.reshape(-1, members, points), numbers[part].reshape(-1)
        for k in range(0, len(values), together):
            yield number[k : k + together], as_float(values[k : k + together])
        del flat, values  # before the next part is read


def in_time(
    given: xr.DataArray, dim: str, *order: str, before: int = 0,
    within: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[tuple[slice, np.ndarray]]:  # fmt: skip
    """All series at some consecutive times after another, in bounded memory and one pass.

    Parameters
    ----------
    given : DataArray
    dim : str
        That of time.
    *order : str
        The other dimensions in the order that is wanted; those that are not named come first.
    before : int
        Points before each stretch that come with it, once they are there.
    within : mapping of str to int
        A place along some dimensions, at which alone the array is read.

    Yields
    ------
    (slice, float64 (..., *order, point))
        Which points these are, ``before`` included, and their values, missing ones NaN. They may be
        changed.
    """
    rest = (str(d) for d in given.dims if d not in (dim, *order) and d not in within)
    dims = (*within, *rest, *order, dim)
    each = math.prod(n for d, n in given.sizes.items() if d != dim and d not in within)
    together = max(1, memory.at_once(READ_BYTES, _READ) // (8 * max(each, 1)))
    kept: np.ndarray | None = None
    for first, last in _stretches(given, dim, given.dtype.itemsize * each):
        part = given.variable.isel({dim: slice(first, last), **_ones(within)}).transpose(*dims)
        read = np.asarray(part.data).reshape(part.shape[len(within) :])
        for k in range(0, last - first, together):
            values = as_float(read[..., k : k + together])
            end = first + k + values.shape[-1]
            if kept is not None:
                values = np.concatenate([kept, values], axis=-1)
            if before:
                kept = values[..., -before:].copy()
            yield slice(end - values.shape[-1], end), values
        del part, read  # before the next part is read


def _ones(within: Mapping[str, int]) -> dict[str, slice]:
    """Places as slices, with which Dask reads a part of a chunk, as it does not with numbers."""
    return {d: slice(k, k + 1) for d, k in within.items()}


def _stretches(given: xr.DataArray, dim: str, each: int) -> Iterator[tuple[int, int]]:
    """First point of stretches that are read at once, and the first one after them.

    Of whole chunks where those are small enough.

    Parameters
    ----------
    given : DataArray
    dim : str
        That of time.
    each : int
        Bytes of one point.
    """
    chunks = given.chunksizes.get(dim) or (given.sizes[dim],)
    # a chunk that may be loaded is read whole, and not again for each of its stretches
    largest = min(max(chunks) * each, memory.at_once(_LOADED_BYTES, _LOADED))
    most = max(1, max(memory.at_once(READ_BYTES, _READ), largest) // max(each, 1))
    first = length = 0
    for chunk in chunks:
        if length and length + chunk > most:
            yield first, first + length
            first, length = first + length, 0
        length += chunk
        while length > most:
            yield first, first + most
            first, length = first + most, length - most
    if length:
        yield first, first + length
