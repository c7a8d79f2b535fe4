"""Declared size of a file, compared with the available memory before it is read."""

import os
import sys
import zipfile
import zlib
from pathlib import Path

from sgdphys.errors import InputError

_RATIO = 100
"""Times that weights can be compressed at most; zeros alone compress further."""
_ROOM = 300 * 2**20


def available_bytes() -> int:
    """Memory available without swapping; unlimited if the system does not report it."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return sys.maxsize


def require_room(what: str, wanted: int, *, beyond: int | None = None) -> None:
    """Refuse what would not fit into memory.

    Parameters
    ----------
    what : str
        Named in the refusal.
    wanted : int
        Bytes.
    beyond : int, optional
        A bound of its own, where that is lower.
    """
    bound = available_bytes() if beyond is None else min(available_bytes(), beyond)
    if wanted > bound:
        raise InputError(
            f"{what} declares {wanted / 1e9:.1f} GB, more than the {bound / 1e9:.1f} GB that "
            "are expected of it or can be held"
        )


def require_sound_zip(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive that unpacks to far more than it is, or is encrypted."""
    entries = archive.infolist()
    require_room(
        str(path), sum(e.file_size for e in entries), beyond=_RATIO * path.stat().st_size + _ROOM
    )
    if any(e.flag_bits & 1 for e in entries):
        raise InputError(f"{path} is encrypted; unpack it first")


def require_checksums(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive whose contents differ from their checksums.

    PyTorch can be told to write none; they are all zero then.
    """
    if not any(entry.CRC for entry in archive.infolist()):
        return
    for entry in archive.infolist():
        try:
            with archive.open(entry) as file:
                while file.read(2**20):
                    pass
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise InputError(
                f"{path} is damaged: {entry.filename} differs from its checksum ({error})"
            ) from None
