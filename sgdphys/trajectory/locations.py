"""Where a recording stands: a path of this machine, or a URL that fsspec reads and writes."""

import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sgdphys.errors import InputError

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
ZARR = ".zarr"
"""How the name of a Zarr store ends."""
_MARKS = ("zarr.json", ".zgroup", ".zarray")
"""Files of which a Zarr store has one: of format 3, and of format 2."""
EXTRA = 'install the extra "zarr", as in pip install "sgdphys[zarr]"'
"""What to do where Zarr is missing."""


def location(path: str | os.PathLike[str]) -> Path:
    """Return a path of this machine, or what behaves like one at a URL.

    Parameters
    ----------
    path : str or path
        "memory://bucket/x.zarr", "s3://bucket/x.zarr": whatever fsspec knows. "file:///folder/x" is
        a path of this machine.

    Raises
    ------
    InputError
        When what reads the URL is not installed, or nothing can.
    """
    if is_remote(path):
        return path  # type: ignore[return-value]
    matched = _URL.fullmatch(str(path))
    if matched is None:
        return Path(path)
    if matched[1].lower() in ("file", "local"):
        return Path(unquote(matched[2]))
    try:
        from upath import UPath
    except ImportError as error:
        raise InputError(f"{path}: a URL cannot be read here; {EXTRA}") from error
    try:
        found: Any = UPath(str(path))
        found.fs  # noqa: B018  # here it is told what is not installed
    except (ImportError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error
    return found


def is_remote(path: Any) -> bool:
    """Whether a path is one of objects at a URL, which cannot be renamed or locked."""
    return hasattr(path, "fs")


def is_zarr(path: Path) -> bool:
    """Whether a path is, or by its name is to be, a Zarr store."""
    if path.suffix.lower() == ZARR:
        return is_remote(path) or not path.is_file()
    return path.is_dir() and holds_zarr(path)


def holds_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr store by what it holds."""
    return any((path / name).is_file() for name in _MARKS)


def is_one(path: Path) -> bool:
    """Whether a path is one file or store that is there, and no folder of segments."""
    return path.is_file() or (is_zarr(path) and path.is_dir())


def bytes_of(path: Path) -> int:
    """Size of a file, or of all that a store holds."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def partial_path(path: Path) -> Path:
    """Where a file or store is written before it takes its place."""
    return path.with_name(path.name + ".partial")


def remove(path: Path) -> None:
    """Remove a file, or a folder or store so that no part of it is taken for the whole."""
    if is_remote(path):
        for name in _MARKS:
            (path / name).unlink(missing_ok=True)
        found: Any = path
        if found.exists():
            found.fs.rm(found.path, recursive=True)
    elif path.is_dir() and not path.is_symlink():
        aside = partial_path(path)
        if not aside.exists():
            os.replace(path, aside)
            path = aside
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def move(old: Path, new: Path) -> None:
    """Move a file or store to where nothing is."""
    if not is_remote(old):
        os.replace(old, new)
        return
    inside = [p for p in old.rglob("*") if p.is_file()]
    # what makes a store of the copy comes last
    for path in sorted(inside, key=lambda p: p.parent == old and p.name in _MARKS):
        target = new / str(path.relative_to(old))
        target.write_bytes(path.read_bytes())
    remove(old)
