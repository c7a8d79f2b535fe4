"""Ending the command at a signal, within two seconds whatever it is doing."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

PATIENCE = 1.2
"""Seconds that the work has to end by itself."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def interruptible(sentence: str) -> Iterator[Callable[[], bool]]:
    """Raise KeyboardInterrupt at the first signal to end, and end the process if that is in vain.

    Python raises it only between two of its own instructions, and a compiled kernel, or a pool of
    threads with work left, may keep it from them for minutes. So a thread listens as well: once the
    patience is over, or a second signal has come, it says the sentence and ends the process. What
    the process writes is complete or not there, and processes that it began end with it.

    Away from the main thread, which alone may listen to signals, nothing changes.

    Parameters
    ----------
    sentence : str
        What the thread says.

    Yields
    ------
    callable
        Says whether a signal has come.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    is_interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_interrupted
        if not is_interrupted:
            is_interrupted = True
            raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    if signal.getsignal(numbers[-1]) is signal.SIG_IGN:  # begun by nohup
        numbers.pop()
    woken = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    threading.Thread(
        target=_listen, args=(ear, set(numbers), sentence), name="signals", daemon=True
    ).start()
    try:
        yield lambda: is_interrupted
    finally:
        if not is_interrupted:  # else the thread sees to it that the process ends
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            signal.set_wakeup_fd(woken)
            mouth.close()


def _listen(ear: socket.socket, numbers: set[int], sentence: str) -> None:
    """End the process at the second signal, or some time after the first."""
    with ear:
        while (heard := ear.recv(1)) and heard[0] not in numbers:
            pass
        if not heard:  # the command is over
            return
        ear.settimeout(PATIENCE)
        with suppress(TimeoutError):
            while ear.recv(1)[0] not in numbers:
                pass
        with suppress(OSError):
            if os.isatty(2):
                os.write(2, b"\x1b[?25h\r\x1b[2K")  # the cursor, which a progress bar hides
            os.write(2, f"sgdphys: {sentence}\n".encode())
        os._exit(1)
