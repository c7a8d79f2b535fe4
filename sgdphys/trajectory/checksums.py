"""Checksums inside a file: of each chunk of its large arrays, and of everything else.

Large arrays have a CRC-32 of each chunk in the group ``checksums``, checked whenever we read them.
Everything else (attributes, dimensions, types, coordinates, small arrays, and the chunks'
checksums) has a SHA-256 of each group in the file's attributes, checked whenever we open it. In
addition every array has HDF5's Fletcher-32 checksum of each chunk, which any reader of netCDF
checks. What stands beside the file is in ``digests``.
"""

import hashlib
import itertools
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import netCDF4
import numpy as np

from sgdphys import memory
from sgdphys.trajectory.netcdf import damaged

GROUP = "checksums"
"""Group of the chunks' checksums; not part of a trajectory."""
DIGESTS, DIGEST = "group_digests", "digest"
"""Attributes: the digests of the groups, and that of the file's own attributes and variables."""
_BYTES, _SHARE = 64 * 2**20, 1 / 16
"""Bytes read or written at once of an array that may be larger than memory; share of a limit."""
_HEAD = 16
"""Values by which a chunk is looked for."""
LARGE = 2**18
"""Bytes from which an array is checked by chunks as it is read, and not when a file is opened."""


def is_large(variable: Any) -> bool:
    """Whether a variable is checked by chunks."""
    dtype = variable.dtype
    if dtype is str or dtype.kind not in "fiu" or not variable.shape:
        return False
    return int(np.prod(variable.shape)) * dtype.itemsize > LARGE


def chunks_of(variable: Any) -> tuple[int, ...]:
    """Lengths of a variable's chunks along its dimensions."""
    stored = variable.chunking()
    return tuple(variable.shape) if stored == "contiguous" or not stored else tuple(stored)


def corners(shape: tuple[int, ...], chunks: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Where each chunk of an array lies, the last dimension varying fastest."""
    stretches = [
        [slice(first, min(first + c, n)) for first in range(0, n, c)]
        for n, c in zip(shape, chunks, strict=True)
    ]
    return itertools.product(*stretches)


def blocks(
    shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any], times: int = 1
) -> Iterator[tuple[slice, ...]]:
    """Slices of complete chunks that are read or written together.

    At most ``times`` times 64 MiB, less under a memory limit, and at least one chunk.
    """
    sizes = list(chunks)
    for axis in reversed(range(len(shape))):
        room = times * memory.at_once(_BYTES, _SHARE) // (int(np.prod(sizes)) * dtype.itemsize)
        sizes[axis] *= max(1, min(room, -(-shape[axis] // chunks[axis])))
    return corners(shape, tuple(sizes))


def checksum(values: np.ndarray) -> int:
    """CRC-32 of an array's bytes."""
    return zlib.crc32(np.ascontiguousarray(values).data)


class Chunk(NamedTuple):
    """A chunk of a large array, by which it can be found in a file."""

    head: bytes
    size: int
    """Bytes in the file, without the padding at its end."""
    in_file: int
    """CRC-32 of these bytes."""
    check: int
    """CRC-32 of the numbers, without any padding."""
    variable: str = ""
    number: int = 0
    """Place among the chunks of the variable, the last dimension varying fastest."""


Checks = Mapping[tuple[str, str], tuple[list[Chunk], np.ndarray]]
"""Chunks of variables, and the checksums in order, by the variable's group and name."""


def sign(file: netCDF4.Dataset, known: Checks) -> list[Chunk]:
    """Put the checksums of all that an open file holds into it.

    Parameters
    ----------
    file : netCDF4.Dataset
        Open for writing, every variable written and synced.
    known : mapping
        The chunks of variables whose checksums were computed when they were written; others are
        read again.

    Returns
    -------
    list of Chunk
        The chunks of its large arrays.
    """
    chunks: list[Chunk] = []
    for group in [file, *(group for _, group in _groups(file))]:
        for name, variable in group.variables.items():
            if is_large(variable):
                there = known.get((group.path, name)) or _read_again(variable)
                own = f"{group.path.strip('/')}/{name}"
                chunks += [chunk._replace(variable=own) for chunk in there[0]]
                _add_chunk_checksums(file, group, name, there[1])
    digests = {path: digest_of(group) for path, group in _groups(file)}
    file.setncattr(DIGESTS, json.dumps(digests))
    file.setncattr(DIGEST, digest_of(file))
    return chunks


def _read_again(variable: Any) -> tuple[list[Chunk], np.ndarray]:
    variable.set_auto_maskandscale(False)
    shape, lengths = variable.shape, chunks_of(variable)
    parts = (
        (at, chunks_in(variable[at], lengths)) for at in blocks(shape, lengths, variable.dtype)
    )
    return chunk_checksums(shape, lengths, parts)


def chunks_in(values: np.ndarray, lengths: tuple[int, ...]) -> list[Chunk]:
    """Chunks of a block, the last dimension varying fastest."""
    found = []
    for at in corners(values.shape, lengths):
        piece = np.ascontiguousarray(values[at])
        check = in_file = checksum(piece)
        head, size = piece.ravel()[:_HEAD].tobytes(), piece.nbytes
        if piece.shape[1:] != lengths[1:] and piece.dtype.kind == "f":
            padded = np.full((len(piece), *lengths[1:]), np.nan, piece.dtype)
            padded[tuple(map(slice, piece.shape))] = piece
            head, size, in_file = padded.ravel()[:_HEAD].tobytes(), padded.nbytes, checksum(padded)
        found.append(Chunk(head, size, in_file, check))
    return found


def chunk_checksums(
    shape: tuple[int, ...],
    lengths: tuple[int, ...],
    parts: Iterable[tuple[tuple[slice, ...], list[Chunk]]],
) -> tuple[list[Chunk], np.ndarray]:
    """Chunks of an array, and their checksums with the last dimension varying fastest.

    Parameters
    ----------
    shape, lengths : tuple of int
        Of the array, and of its chunks.
    parts : iterable of (slices, list of Chunk)
        The chunks of the array in blocks of complete chunks, each with its place.
    """
    chunks: list[Chunk] = []
    checks = np.zeros([-(-n // c) for n, c in zip(shape, lengths, strict=True)], np.int64)
    for block, found in parts:
        within = tuple(b.stop - b.start for b in block)
        for at, chunk in zip(corners(within, lengths), found, strict=True):
            number = tuple(
                (b.start + a.start) // c for b, a, c in zip(block, at, lengths, strict=True)
            )
            checks[number] = chunk.check
            chunks.append(chunk._replace(number=int(np.ravel_multi_index(number, checks.shape))))
    return chunks, checks.ravel()


def _add_chunk_checksums(file: netCDF4.Dataset, group: Any, name: str, checks: np.ndarray) -> None:
    home = file.createGroup(f"{GROUP}/{group.path.strip('/')}".rstrip("/"))
    home.createDimension(f"{name}_chunk", checks.size)
    home.createVariable(name, np.int64, (f"{name}_chunk",))[:] = checks


def digest_of(group: Any) -> str:
    """SHA-256 of a group's structure, attributes and values, its large arrays and groups apart."""
    digest = hashlib.sha256()
    structure: list[Any] = [sorted((n, d.size, d.isunlimited()) for n, d in
                                   group.dimensions.items())]  # fmt: skip
    structure.append(_attributes(group))
    small = []
    for name in sorted(group.variables):
        variable = group.variables[name]
        kind = "str" if variable.dtype is str else variable.dtype.str
        large = is_large(variable)
        structure.append(
            [name, kind, variable.dimensions, _attributes(variable), chunks_of(variable), large]
        )
        if not large:
            small.append(variable)
    digest.update(json.dumps(structure).encode())
    for variable in small:
        variable.set_auto_maskandscale(False)
        values = variable[...]
        if variable.dtype is str:
            digest.update(json.dumps(np.asarray(values, object).tolist()).encode())
        else:
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _attributes(owner: Any) -> list[tuple[str, str, Any]]:
    """Names, types and values of attributes, but for those that hold digests."""
    found = []
    for name in sorted(owner.ncattrs()):
        if name != DIGEST and not name.startswith("_Netcdf4"):
            value = owner.getncattr(name)
            kind = type(value).__name__ if isinstance(value, str | list) else value.dtype.str
            found.append((name, kind, value if kind in ("str", "list") else value.tolist()))
    return found


def verify(path: Path, file: netCDF4.Dataset, only: Collection[str] | None = None) -> bool:
    """Check the digests of an open file.

    Parameters
    ----------
    path : Path
        For the message.
    file : netCDF4.Dataset
    only : collection of str, optional
        Groups to check; all by default. That of checksums is always checked.

    Returns
    -------
    bool
        Whether the file has digests.

    Raises
    ------
    WorkError
        When one differs from what it was when the file was written.
    """
    if DIGEST not in file.ncattrs():
        if DIGESTS in file.ncattrs() or GROUP in file.groups:
            raise damaged(path, "its digest is gone")
        return False
    if file.getncattr(DIGEST) != digest_of(file):
        raise damaged(path, "its attributes differ from their digest")
    digests: Mapping[str, str] = json.loads(file.getncattr(DIGESTS))
    there = dict(_groups(file))
    for name in there.keys() ^ digests.keys():
        raise damaged(path, f"group {name!r} was " + ("lost" if name in digests else "added"))
    for name, group in there.items():
        top = name.partition("/")[0]
        if only is None or top in only or top == GROUP:
            if digest_of(group) != digests[name]:
                raise damaged(path, f"group {name!r} differs from its digest")
    return True


def verify_chunks(path: Path, variable: Any, checks: np.ndarray) -> None:
    """Compare all chunks of a variable with their checksums.

    Raises
    ------
    WorkError
        When one differs, or there are more or fewer than when the file was written.
    """
    places = list(corners(variable.shape, chunks_of(variable)))
    variable.set_auto_maskandscale(False)
    differ = len(places) != len(checks) or any(
        checksum(variable[at]) != check for at, check in zip(places, checks, strict=True)
    )
    variable.set_auto_maskandscale(True)
    if differ:
        raise damaged(path, f"a chunk of {variable.name} differs from its checksum")


def _groups(group: Any) -> Iterator[tuple[str, Any]]:
    """Every group below another one, by its path in the file."""
    for inner in list(group.groups.values()):
        yield inner.path.strip("/"), inner
        yield from _groups(inner)
