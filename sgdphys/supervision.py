"""A command in a process of its own, so that a signal ends it whatever it is doing.

Python acts on a signal only between two of its own instructions. One call into a library may last
for minutes, and while it holds the interpreter no thread of the same process can act either.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

PATIENCE = 1.2
"""Seconds that a command has to end by itself after a signal."""
_PARENT_DEATH = 1
"""PR_SET_PDEATHSIG of Linux."""


def end_with(parent: int) -> None:
    """Have the system kill this process when the one that began it ends, however that ends.

    Linux does so; it looks at the thread that began this process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before
            os._exit(1)


def supervised(
    command: Callable[[Callable[[], bool]], int], tell: Callable[[str], None], sentence: str
) -> int:
    """Carry out a command in a process of its own, and return its status.

    The first signal to end (Ctrl-C, SIGTERM, SIGHUP) is KeyboardInterrupt to the command. If it
    has not ended when the patience is over, or at a second signal, it is killed: what it writes is
    complete or not there, and processes that it began end with it.

    Parameters
    ----------
    command : callable
        Receives a function that says whether a signal has come; returns an exit status.
    tell : callable
        Receives a sentence where the command did not end by itself.
    sentence : str
        What is told after a signal.

    Notes
    -----
    Where processes cannot be forked, or other threads run, the command is carried out here.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return command(lambda: False)
    to_end = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # begun by nohup
        to_end.remove(signal.SIGHUP)
    awaited = to_end | {signal.SIGCHLD, signal.SIGALRM}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored no status is kept
    # they wait until somebody asks for them, from here on
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    parent, child = os.getpid(), os.fork()
    if not child:
        is_interrupted = _interrupt_at(to_end)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        end_with(parent)
        try:
            return command(is_interrupted)
        finally:
            if is_interrupted():
                os._exit(1)  # Python's own end takes a second once large libraries are loaded
    is_ending = False
    while True:
        number = signal.sigwait(awaited)
        if number == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
        elif number == signal.SIGALRM or is_ending:
            os.kill(child, signal.SIGKILL)
        else:
            is_ending = True
            os.kill(child, signal.SIGINT)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    status = os.waitstatus_to_exitcode(status)
    if is_ending and status:
        _restore_terminal()
        tell(sentence)
        return 1
    if status < 0:
        hint = ", perhaps for want of memory" if status == -signal.SIGKILL else ""
        tell(f"it was ended by {signal.Signals(-status).name}{hint}")
        return 1
    return status


def _interrupt_at(numbers: set[signal.Signals]) -> Callable[[], bool]:
    """Raise KeyboardInterrupt once, since Ctrl-C reaches both processes; return a query for it."""
    is_interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_interrupted
        if not is_interrupted:
            is_interrupted = True
            raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)
    return lambda: is_interrupted


def _restore_terminal() -> None:
    """Show the cursor, which a progress bar hides, and clear the bar's line."""
    if os.isatty(2):
        os.write(2, b"\x1b[?25h\r\x1b[2K")
