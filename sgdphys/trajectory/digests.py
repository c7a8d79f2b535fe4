"""Files accompanying a trajectory file: a digest of the file, and a checksum of its structure.

The first line is what ``sha256sum`` writes, so that ``sha256sum --check`` reads it. A comment
holds the CRC-32 of all bytes outside the chunks of large arrays: it is compared before a file is
opened, since HDF5 may loop for ever in a structure that was damaged. Another one says where those
chunks begin, so that they can be read by several threads, which HDF5 does not allow.
"""

import hashlib
import json
import mmap
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sgdphys import parallel
from sgdphys.trajectory.checksums import Chunk
from sgdphys.trajectory.netcdf import damaged

_STRUCTURE, _PLACES = "# structure ", "# places "
_WINDOW = 32 * 2**20
"""Bytes that are looked at together."""
_PATIENCE_FOR_CHUNKS = 8
"""Chunks in a row that are not found after which no more are looked for."""
PATIENCE = 30.0
"""Seconds after which a structure that cannot be read in another process counts as damaged."""


def digest_path(path: Path) -> Path:
    """Where the digest of a file stands."""
    return path.with_name(path.name + ".sha256")


def digest_text(path: Path, name: str, chunks: Iterable[Chunk]) -> str:
    """Contents of the digest file of a file with a given final name.

    Parameters
    ----------
    path : Path
        The file, complete.
    name : str
    chunks : iterable of Chunk
        Those of its large arrays.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        # read, and not through the map, whose pages would count as memory of the process
        with parallel.beside(lambda: hashlib.file_digest(file, "sha256").hexdigest()) as whole:
            found = list(_found(data, chunks))
            extents = list(_between(((first, end) for _, first, end in found), len(data)))
        digest = whole()  # and now the file is no longer read by two threads
        check = 0
        for first, end in extents:
            check = _check(file, first, end, check)
    said = " ".join(f"{first}-{end}" for first, end in extents)
    return f"{digest}  {name}\n{_STRUCTURE}{check} {said}\n{_line_of_places(found)}"


def _line_of_places(found: Iterable[tuple[Chunk, int, int]]) -> str:
    """A line with the first byte of every chunk that was found, in order of the chunks."""
    places: dict[str, dict[int, int]] = {}
    for chunk, first, _ in found:
        places.setdefault(chunk.variable, {})[chunk.number] = first
    said = {
        name: [of_chunks.get(n, -1) for n in range(max(of_chunks) + 1)]
        for name, of_chunks in places.items()
    }
    return f"{_PLACES}{json.dumps(said, separators=(',', ':'))}\n" if said else ""


def places_of(path: Path, variable: str) -> np.ndarray | None:
    """First bytes of a variable's chunks, int64 (chunk,), -1 of those that were not found.

    None where nothing says them. It is not known whether the file is still the same: chunks that
    are read there are to be compared with their checksums.
    """
    try:
        lines = digest_path(path).read_text(encoding="utf-8", errors="replace").splitlines()
        said = json.loads(next(s for s in lines if s.startswith(_PLACES)).removeprefix(_PLACES))
        found = np.array(said[variable], np.int64)
        return found if found.ndim == 1 else None
    except (OSError, StopIteration, ValueError, KeyError, TypeError, OverflowError):
        return None


def _found(data: mmap.mmap, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, int, int]]:
    """Where chunks lie in a file; those that were compressed are not found."""
    after = lacking = 0
    for chunk in chunks:
        if lacking == _PATIENCE_FOR_CHUNKS:  # they are compressed
            return
        first = _place(data, chunk.head, after, len(data))
        first = _place(data, chunk.head, 0, after) if first < 0 else first
        end = first + chunk.size
        if first >= 0 and end <= len(data) and _crc(data, first, end) == chunk.in_file:
            yield chunk, first, end
            after, lacking = end, 0
        else:
            lacking += 1


def _crc(data: mmap.mmap, first: int, end: int) -> int:
    """CRC-32 of a stretch of a mapped file, without a copy."""
    with memoryview(data) as view, view[first:end] as stretch:
        return zlib.crc32(stretch)


def _check(file: BinaryIO, first: int, end: int, check: int) -> int:
    """CRC-32 of a stretch of a file, begun with that of what is before it."""
    file.seek(first)
    while first < end and (part := file.read(min(_WINDOW, end - first))):
        check = zlib.crc32(part, check)
        first += len(part)
    return check


def _place(data: mmap.mmap, head: bytes, first: int, end: int) -> int:
    """Where a head stands first; pages that were looked at are given back."""
    for at in range(first, end, _WINDOW):
        place = data.find(head, at, min(at + _WINDOW + len(head) - 1, end))
        if hasattr(mmap, "MADV_DONTNEED"):
            data.madvise(mmap.MADV_DONTNEED)
        if place >= 0:
            return place
    return -1


def _between(found: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """The stretches of a file outside those that were found."""
    done = 0
    for first, end in [*sorted(found), (size, size)]:
        if first > done:
            yield done, first
        done = max(done, end)


def require_structure(path: Path, *, is_segment: bool) -> bool:
    """Refuse a file whose structure differs from its checksum, before HDF5 reads it.

    Parameters
    ----------
    path : Path
    is_segment : bool
        Whether sgdphys alone writes to the path. Another file may have been written anew by the
        user, with what stood beside the old one left there: whether it can be read is tried in
        another process.

    Returns
    -------
    bool
        Whether all bytes outside the chunks of large arrays are those that were written.

    Raises
    ------
    WorkError
        When it is damaged.
    """
    beside = digest_path(path)
    if path.is_dir() or not beside.is_file():  # a Zarr store has none
        return False
    lines = beside.read_text(encoding="utf-8", errors="replace").splitlines()
    structure = next((s for s in lines if s.startswith(_STRUCTURE)), "").split()[2:]
    try:
        wanted, *extents = structure
        check = 0
        with path.open("rb") as file:
            for extent in extents:
                first, end = map(int, extent.split("-"))
                check = _check(file, first, end, check)
            ends = int(extents[-1].split("-")[1])
            same = check == int(wanted) and path.stat().st_size >= ends
    except (ValueError, IndexError):  # what stands beside is damaged itself
        same = False
    if not same and (is_segment or not _is_readable(path)):
        raise damaged(path, "its structure differs from its checksum")
    return same


def _is_readable(path: Path) -> bool:
    """Whether another process can read all of a file's structure, in good time."""
    code = (
        "import sys; from pathlib import Path; from sgdphys.trajectory.reader import read_structure"
        "; read_structure(Path(sys.argv[1]))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, str(path)],
            check=False, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def faults_of_file(path: Path) -> list[str]:
    """Result of the comparison with the digest, in words; empty if the file is intact."""
    beside = digest_path(path)
    if path.is_dir() or not beside.is_file():
        return []
    words = beside.read_text(encoding="utf-8", errors="replace").split()
    if not words or len(words[0]) != 64:
        return [f"{beside} is damaged; remove it to do without a digest of the whole file"]
    with path.open("rb") as file:
        whole = hashlib.file_digest(file, "sha256").hexdigest()
    if words[0] != whole:
        return [
            f"{path} differs from the digest of the whole file in {beside.name}; it is damaged "
            "(if you wrote it anew yourself, remove the digest)"
        ]
    return []
