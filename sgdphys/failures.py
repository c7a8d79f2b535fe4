"""How a command that fails ends: an error as one sentence, and an exit status."""

import errno
import os
import sys
from contextlib import suppress

from sgdphys.errors import InputError, WorkError
from sgdphys.terminal import say

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def tell_end(sentence: str) -> None:
    """Print why the command ends, if standard error is open."""
    with suppress(OSError):
        say(f"sgdphys: {sentence}", error=True)


def tell_error(error: Exception) -> int:
    """Print an error as one sentence and return its exit status."""
    if hasattr(error, "format_message"):  # typer's errors of usage
        tell_end(f"{error.format_message().rstrip('.')}; see sgdphys --help")
        return 2
    if isinstance(error, OSError):
        _discard_output()
    if isinstance(error, BrokenPipeError):  # the reader of the output has ended
        return 1
    if isinstance(error, InputError | WorkError):
        tell_end(str(error))
    elif isinstance(error, OSError) and error.strerror:
        tell_end(_of_system(error))
    elif isinstance(error, UnicodeEncodeError):
        tell_end(
            f"a name cannot be encoded in {error.encoding}; set PYTHONUTF8=1, or give another name"
        )
    elif isinstance(error, MemoryError):
        tell_end("there is not enough memory")
    else:
        text = " ".join(str(error).split()) or "no message"
        tell_end(f"{type(error).__name__}: {text} (give --debug for the traceback)")
    return 2 if isinstance(error, InputError) else 1


def _of_system(error: OSError) -> str:
    """The error of the operating system as a sentence."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if error.errno in _FULL:
        return (
            f"the disk{' of ' * bool(where)}{where} is full; free some space and repeat the command"
        )
    reason = (error.strerror or "").lower()
    return (
        f"{where} cannot be read or written: {reason}"
        if where
        else f"the operating system refused: {reason}"
    )


def _discard_output() -> None:
    """Discard the remaining output: Python would fail again when it flushes it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
