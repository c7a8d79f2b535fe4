"""Processes that analyse and draw while the next networks are trained."""

import signal
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Any

from sgdphys.engines.base import Stopped
from sgdphys.errors import WorkError

_IDLE = 60.0
"""Seconds without work after which a process ends, as it does when its run was killed."""
_ASK = 0.2
"""Seconds between two questions whether to stop."""

Work = Future[list[str]]
"""Gives sentences that were told in another process."""


class Workers:
    """Processes beside the one that trains.

    Parameters
    ----------
    processes : int
        With 0, what is submitted is done at once in this process.
    tell : callable
        Receives the sentences that work tells, once it is done.
    stop : callable, optional
        Asked while this process waits for others.
    """

    def __init__(
        self, processes: int, tell: Callable[[str], None], stop: Callable[[], bool] | None
    ) -> None:
        self.processes, self._tell, self._stop = processes, tell, stop

    def submit(self, do: Callable[..., None], *arguments: Any) -> Work:
        """Have something done, whose last argument is a function to tell sentences."""
        if not self.processes:
            do(*arguments, self._tell)
            done: Work = Future()
            done.set_result([])
            return done
        begun: Work = self._executor().submit(_gathered, do, *arguments)
        begun.add_done_callback(self._tell_of)
        return begun

    def require(self, submitted: Iterable[Work], *, whole: bool) -> None:
        """Raise what failed; with ``whole``, wait until all is done.

        Raises
        ------
        Stopped
            When asked to stop while waiting.
        WorkError
            When a process was killed. Other failures are raised as they were.
        """
        from loky.process_executor import BrokenProcessPool

        for work in submitted:
            while whole and not wait([work], timeout=_ASK).done:
                if self._stop is not None and self._stop():
                    raise Stopped
            try:
                if work.done():
                    work.result()
            except BrokenProcessPool as error:
                raise WorkError(
                    "a process that analyses was killed, perhaps for want of memory; give the same "
                    "command to carry on, with --workers 1 to do one thing at a time"
                ) from error

    def end(self) -> None:
        """End the processes, whatever they are at: what they write is there whole or not at all."""
        if self.processes:
            self._executor().shutdown(wait=False, kill_workers=True)

    def _executor(self) -> Any:
        from loky import get_reusable_executor

        # of loky, not of the standard library: its processes do not import the caller's script
        return get_reusable_executor(self.processes, timeout=_IDLE, initializer=_leave_signals)

    def _tell_of(self, work: Work) -> None:
        if not work.cancelled() and work.exception() is None:
            for sentence in work.result():
                self._tell(sentence)


def _gathered(do: Callable[..., None], *arguments: Any) -> list[str]:
    """Do something and return what it told."""
    sentences: list[str] = []
    do(*arguments, sentences.append)
    return sentences


def _leave_signals() -> None:
    """Ctrl-C reaches every process of a terminal; the one that trains decides what ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
