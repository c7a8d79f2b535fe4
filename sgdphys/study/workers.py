"""Processes that analyse and draw while the next networks are trained."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from sgdphys.engines.base import Stopped
from sgdphys.errors import WorkError

_ASK = 0.2
"""Seconds between two questions whether to stop."""

_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Work = Future[None]


class Workers:
    """Processes beside the one that trains; a context, at whose end they end.

    Parameters
    ----------
    processes : int
        With 0, what is submitted is done at once in this process.
    threads : int, optional
        Of what is submitted, and of libraries in the processes. More threads than processors, which
        wait for each other busily, take many times as long.
    tell : callable
        Receives the sentences that work tells.
    stop : callable, optional
        Asked while this process waits for others.
    """

    def __init__(
        self,
        processes: int,
        threads: int | None,
        tell: Callable[[str], None],
        stop: Callable[[], bool] | None,
    ) -> None:
        self.processes, self.threads, self._tell, self._stop = processes, threads, tell, stop
        self._others = [_Process(threads) for _ in range(processes)]
        self._free: SimpleQueue[_Process | None] = SimpleQueue()
        """Who waits for work; None is this process."""
        for process in self._others:
            self._free.put(process)
        self._threads = ThreadPoolExecutor(processes + 1) if processes else None
        self._ended = False

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        """What the processes are at ends too: what they write is there whole or not at all."""
        self._ended = True
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            for process in self._others:
                process.end()
            self._free.put(None)  # wakes a thread that waits for one of them
            self._threads.shutdown()

    def help(self) -> None:
        """Have this process do its share, now that it has nothing else to do."""
        self._free.put(None)

    def submit(self, do: Callable[..., None], *arguments: Any) -> Work:
        """Have something done, whose last argument is a function to tell sentences.

        The function is one of a module, not of the caller's script.
        """
        if self._threads is not None:
            return self._threads.submit(self._once_free, do, arguments)
        do(*arguments, self._tell)
        done: Work = Future()
        done.set_result(None)
        return done

    def require(self, submitted: Iterable[Work], *, whole: bool) -> None:
        """Raise what failed; with ``whole``, wait until all is done.

        Raises
        ------
        Stopped
            When asked to stop while waiting.
        WorkError
            When a process was killed. Other failures are raised as they were.
        """
        for work in submitted:
            while whole and not wait([work], timeout=_ASK).done:
                if self._stop is not None and self._stop():
                    raise Stopped
            if work.done():
                work.result()

    def _once_free(self, do: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        process = self._free.get()
        try:
            if self._ended:
                raise Stopped
            if process is None:
                do(*arguments, self._tell)
            else:
                process.do(do, arguments, self._tell)
        finally:
            self._free.put(process)


class _Process:
    """A Python that does what it is sent. It ends when this one does, however that ends."""

    def __init__(self, threads: int | None) -> None:
        self._limits = {name: str(threads) for name in _LIMITS} if threads else {}
        self._process: subprocess.Popen[bytes] | None = None

    def _begin(self) -> None:
        self._connection, there = Pipe()
        with there:
            # in its own session: Ctrl-C reaches the process that trains, which decides what ends
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(there.fileno())],
                pass_fds=[there.fileno()],
                start_new_session=True,
                env={
                    **os.environ,
                    **self._limits,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )

    def do(
        self, do: Callable[..., None], arguments: tuple[Any, ...], tell: Callable[[str], None]
    ) -> None:
        """Have something done, and wait for it."""
        for said in self._said(do, arguments):
            if isinstance(said, str):
                tell(said)
            elif said is not None:
                raise said

    def _said(
        self, do: Callable[..., None], arguments: tuple[Any, ...]
    ) -> Iterator[str | Exception | None]:
        """What the process says while it does something, None or an exception at last."""
        if self._process is None:
            self._begin()
        said: str | Exception | None = ""
        try:
            self._connection.send((do, arguments))
            while isinstance(said, str):
                said = self._connection.recv()
                yield said
        except (EOFError, OSError) as error:
            self.end()
            raise WorkError(
                "a process that analyses was killed, perhaps for want of memory; give the same "
                "command to carry on, with --workers 1 to do one thing at a time"
            ) from error

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _serve(connection: Connection) -> None:
    """Do what is sent and send what it tells, then None or the exception it raised."""
    while True:
        try:
            do, arguments = connection.recv()
        except EOFError:
            return
        try:
            do(*arguments, connection.send)
        except Exception as error:
            error.add_note(traceback.format_exc())
            connection.send(error)
        else:
            connection.send(None)


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
