"""What workers of a cluster tell of their progress, and see of each other's files."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sgdphys.errors import WorkError

_EVERY = 0.5
"""Seconds between two messages on the progress of a recording."""
_APPEARS = 60.0
"""Seconds in which a file that another worker wrote must appear."""


def rarely(name: str, tell: Callable[[Any], None]) -> Callable[[int, int], None]:
    """A report of progress that tells a name and what is done, now and then and at the end."""
    told = 0.0

    def report(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told > _EVERY or done >= total:
            told = now
            tell((name, done))

    return report


def require_seen(*paths: Path) -> None:
    """Wait for files that other workers have written; file systems of a network keep old lists.

    Raises
    ------
    WorkError
        When one is not listed in its folder after a minute.
    """
    deadline = time.monotonic() + _APPEARS
    while missing := sorted(set(paths) - _listed({path.parent for path in paths})):
        if time.monotonic() > deadline:
            raise WorkError(
                f"{missing[0]}, which another worker has written, does not appear; give --out a "
                "folder on a file system that all workers share, and the same command to carry on"
            )
        time.sleep(0.1)


def _listed(folders: Iterable[Path]) -> set[Path]:
    return {path for folder in folders if folder.is_dir() for path in folder.iterdir()}
