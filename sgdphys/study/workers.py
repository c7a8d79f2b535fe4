"""Processes that analyse and draw while the next networks are trained."""

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sgdphys.cluster.process import Process
from sgdphys.engines.base import Stopped

_ASK = 0.2
"""Seconds between two questions whether to stop."""


def can_begin() -> bool:
    """Whether this system can hand a connection over to a process; Windows cannot."""
    return hasattr(os, "fork")


@dataclass(eq=False)
class Work:
    """A task that starts when other tasks are finished."""

    do: Callable[..., None]
    arguments: tuple[Any, ...]
    after: tuple["Work", ...]
    is_begun: bool = False
    is_done: bool = False
    error: BaseException | None = None


class Workers:
    """Worker processes; terminated on exit from the context.

    What they are at ends too: what they write is there whole or not at all.

    Parameters
    ----------
    processes : int
        With 0, what is submitted is done at once in this process.
    threads : int, optional
        Of each process, and of the libraries in it. More threads than processors, which wait for
        each other busily, take many times as long.
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
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self.processes, self.threads, self._tell, self._stop = processes, threads, tell, stop
        self._work: list[Work] = []
        self._changed = threading.Condition()
        """Guards the tasks and signals changes."""
        self._ended = False
        self._others: list[Process] = []
        self._drivers: list[threading.Thread] = []

    def __enter__(self) -> "Workers":
        for _ in range(self.processes):
            self._add_process()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for process in self._others:
            process.end()
        for driver in self._drivers:
            driver.join()

    def submit(self, do: Callable[..., None], *arguments: Any, after: Iterable[Work] = ()) -> Work:
        """Submit a task, whose last argument is a function that reports sentences.

        The function is one of a module, not of the caller's script.
        """
        work = Work(do, arguments, tuple(after))
        if not self.processes:
            do(*arguments, self._tell)
            work.is_done = True
            return work
        with self._changed:
            self._work.append(work)
            self._changed.notify_all()
        return work

    @property
    def has_failed(self) -> bool:
        """Whether any work has."""
        return any(work.error is not None for work in self._work)

    def require_none_failed(self) -> None:
        """Raise what failed, as it was raised; a WorkError where a process was killed."""
        for work in self._work:
            if work.error is not None:
                raise work.error

    def finish(self) -> None:
        """Wait until all is done; one process more takes the place of this one, which only waits.

        Raises
        ------
        Stopped
            When asked to stop while waiting.
        WorkError
            When a process was killed. Other failures are raised as they were.
        """
        if self.processes:
            self._add_process()
        with self._changed:
            while True:
                self.require_none_failed()
                if all(work.is_done for work in self._work):
                    return
                self._changed.wait(_ASK)
                if self._stop is not None and self._stop():
                    raise Stopped

    def _add_process(self) -> None:
        process = Process(self.threads)
        driver = threading.Thread(target=self._drive, args=(process,), daemon=True)
        self._others.append(process)
        self._drivers.append(driver)
        driver.start()

    def _drive(self, process: Process) -> None:
        """Send tasks to a process in turn; runs in the thread that waits for them."""
        while (work := self._next()) is not None:
            try:
                process.do(work.do, work.arguments, self._tell)
            except BaseException as error:
                work.error = error
            with self._changed:
                work.is_done = work.error is None
                self._changed.notify_all()

    def _next(self) -> Work | None:
        with self._changed:
            while not self._ended:
                for work in self._work:
                    if not work.is_begun and all(before.is_done for before in work.after):
                        work.is_begun = True
                        return work
                self._changed.wait()
        return None
