"""A Python process of this machine that does what it is sent, and ends with this one."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from typing import Any

from sgdphys import parallel
from sgdphys.cluster import serving
from sgdphys.errors import WorkError

_LIMITS = (parallel.VARIABLE, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Killed(WorkError):
    """The process was killed before its work was done."""

    def __init__(self) -> None:
        super().__init__(
            "a process that analyses was killed, perhaps for want of memory; give the same command "
            "to carry on, with --workers 1 to do one thing at a time"
        )


class Process:
    """A Python that does what it is sent; ``serving`` is its side of it.

    Parameters
    ----------
    threads : int, optional
        Limit on its threads, and on those of the libraries in it.
    """

    def __init__(self, threads: int | None) -> None:
        self._limits = {name: str(threads) for name in _LIMITS} if threads else {}
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._lock = threading.Lock()
        """Held while the process is begun or ended: none is begun after all were ended."""

    def do(
        self, do: Callable[..., Any], arguments: tuple[Any, ...], tell: Callable[[Any], None]
    ) -> Any:
        """Have something done, wait for it, and return its result.

        Raises
        ------
        Killed
            When the process ended before the work did.
        """
        if self._process is None:
            self._begin()
        try:
            self._connection.send((do, arguments))
        except OSError as error:
            raise Killed from error
        while True:
            try:
                kind, what = self._connection.recv()
            except (EOFError, OSError) as error:
                raise Killed from error
            if kind == serving.DONE:
                return what
            if kind == serving.FAILED:
                raise what
            tell(what)

    def _begin(self) -> None:
        try:
            with self._lock:
                if self._is_over:
                    raise Killed
                self._connection, there = Pipe()
                with there:
                    self._process = self._started(there.fileno())
            _, said = self._connection.recv()
        except (EOFError, OSError) as error:
            said = getattr(error, "strerror", None) or "it ended at once"
        if said is not None:
            raise WorkError(
                f"a process that analyses could not be started ({said}); give --workers 1 to do "
                "everything in one process"
            )

    def _started(self, number: int) -> "subprocess.Popen[bytes]":
        # its first entry would be read before the folders below replace it
        entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        first = os.pathsep.join(entry for entry in entries if not _is_working_folder(entry))
        environment = {**os.environ, **self._limits, "PYTHONPATH": first, "MPLBACKEND": "agg"}
        folders = json.dumps(_import_folders(sys.path))
        return subprocess.Popen(
            [sys.executable, "-P", serving.__file__, str(number), str(os.getpid()), folders],
            pass_fds=[number],
            stdin=subprocess.PIPE,  # it ends when this is closed, by whatever end of this process
            # in its own session: Ctrl-C reaches the process that began it, which decides what ends
            start_new_session=True,
            env=environment,
        )

    def end(self) -> None:
        """Kill the process; it is not begun again."""
        with self._lock:
            self._is_over = True
            if self._process is None:
                return
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()


def _import_folders(folders: list[str]) -> list[str]:
    """The import path with the working folder last, so that its files replace no other module."""
    kept = [folder for folder in folders if not _is_working_folder(folder)]
    return kept + ([""] if len(kept) < len(folders) else [])


def _is_working_folder(folder: str) -> bool:
    try:
        return os.path.samefile(folder or os.curdir, os.curdir)
    except OSError:
        return False
