"""Locked files: a recording or a run's folder is written by one process at a time.

A lock ends with its process, however that ends.
"""

import errno
import os
import time
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

_PATIENCE = 1.0
"""Seconds to wait for another process to release a lock: one that was killed takes a moment."""
_ASK = 0.05


def lock(file: IO[str]) -> bool:
    """Lock a file unless another process holds it; return whether it is locked.

    Raises
    ------
    OSError
        Where files cannot be locked, as on some network file systems.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "files cannot be locked on this system", file.name)
    asked = time.monotonic()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - asked > _PATIENCE:
                return False
            time.sleep(_ASK)
        else:
            return True


class Lock:
    """A lock file that is removed when it is released.

    Parameters
    ----------
    path : Path
        The lock file.

    Attributes
    ----------
    is_held : bool
        False when another process holds it. True, without protection, where files cannot be locked.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.is_held, self._process = path, True, os.getpid()
        self._file: IO[str] | None = None
        while True:
            self._file = path.open("a")
            try:
                self.is_held = lock(self._file)
            except OSError:
                return
            if not self.is_held:
                self._file.close()
                return
            # the process that held it may have removed it in between
            if path.exists() and os.fstat(self._file.fileno()).st_ino == path.stat().st_ino:
                return
            self._file.close()

    def release(self) -> None:
        """Remove the file and let other processes lock it; a second call does nothing.

        Nor does a call in a process that was forked from the one that holds it.
        """
        if self._file is None or self._file.closed or self._process != os.getpid():
            return
        cannot_lock = fcntl is None
        if cannot_lock:  # Windows removes no file that is open
            self._file.close()
        self._path.unlink(missing_ok=True)
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # a forked process may still have it open
        self._file.close()

    def __del__(self) -> None:
        """Release what was never released."""
        self.release()
