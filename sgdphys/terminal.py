"""What the command prints: sentences, tables and progress, with nothing that steers a terminal."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_PLAIN_LINES_EVERY = 10.0
"""Seconds between lines of progress where there is no terminal."""
_CONTROL = {c: None for c in (*range(0x20), *range(0x7F, 0xA0)) if chr(c) not in "\n\t"}
"""C0 and C1 control characters but newline and tab, to be taken out of a text."""


def plain(text: str) -> str:
    """Return a text without control characters.

    Titles, units and names come from files that anybody may have written; an escape code among
    them could rename the user's window, or hide what is printed.
    """
    return text.translate(_CONTROL)


def say(text: str, *, error: bool = False) -> None:
    """Print a text on standard output, or on standard error."""
    print(plain(text), file=sys.stderr if error else sys.stdout, flush=error)


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Print rows in columns, the first row as a heading."""
    rows = [tuple(plain(cell) for cell in row) for row in rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = [c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in
                 enumerate(zip(row, widths, strict=True))]  # fmt: skip
        say("  ".join(cells).rstrip())


def open_streams() -> None:
    """Make sure that something is there to print to, whatever the command was started with.

    Without this, a file opened later could take the number of a standard stream that was closed,
    and libraries in C would print their messages into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # takes the lowest number that is free, which is this one
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = _printable(sys.stdout)
    sys.stderr = _printable(sys.stderr)


def _printable(stream: TextIO | None) -> TextIO:
    """The stream, writing characters that it cannot encode as their numbers."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    return stream


@contextmanager
def progress() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Ways to tell sentences and progress: a bar on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns: list[Any] = [
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.percentage:.0f}%"),
            TimeRemainingColumn(),
        ]
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("training", total=None, visible=False)

            def advance(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total, visible=done < total)

            def tell(sentence: str) -> None:
                # a folder may be named [red] or :tea:
                bar.console.print(
                    plain(sentence), markup=False, emoji=False, highlight=False, soft_wrap=True
                )

            yield tell, advance
        return

    lock = threading.Lock()
    first: list[tuple[float, int]] = []
    told = time.perf_counter()

    def line(done: int, total: int) -> None:
        nonlocal told
        with lock:
            now = time.perf_counter()
            if not first:
                first.append((now, done))
            if now - told < _PLAIN_LINES_EVERY:
                return
            told = now
            since, already = first[0]
            left = ""
            if done > already:
                left = f", {(total - done) * (now - since) / (done - already):.0f} s left"
            say(f"{done / total:.0%} trained{left}", error=True)

    yield lambda sentence: say(sentence, error=True), line
