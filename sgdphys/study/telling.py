"""What workers of a cluster tell of their progress, and see of each other's files."""

import time
from collections.abc import Callable
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


def require_seen(path: Path) -> None:
    """Wait for a file that another worker has written; file systems of a network keep old lists.

    Raises
    ------
    WorkError
        When it does not appear.
    """
    deadline = time.monotonic() + _APPEARS
    while not path.exists():
        if time.monotonic() > deadline:
            raise WorkError(
                f"{path}, which another worker has written, does not appear; give --out a folder "
                "on a file system that all workers share, and the same command to carry on"
            )
        time.sleep(0.1)
