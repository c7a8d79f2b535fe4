"""Output of the command: sentences, tables and progress, without control characters."""

import os
import re
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TextIO

WIDTH = 100
"""Characters in a line of a table."""
_GAP = "  "
"""Separator of two columns."""
_LEAST = 32
"""Characters below which a column is not narrowed on account of one long word."""
_BREAKS = re.compile(r" (?![^\[]*\]|[^(]*\))")
"""Where a cell may be broken: between words, not within an interval or other brackets."""
_PLAIN_LINES_EVERY = 10.0
"""Seconds between lines of progress where there is no terminal."""
_SHARE = 0.03
"""Share of the time that has passed after which another line is due."""
_SHARE_OF_BEAT, _LONGEST_BEAT = 0.25, 30.0
"""The same where a line says no more than that work goes on, and most seconds between two."""
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


def print_paragraph(text: str) -> None:
    """Print a sentence in lines of at most 100 characters; names are not broken."""
    say(textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def print_table(rows: list[tuple[str, ...]], *, text_last: bool = False) -> None:
    """Print rows in columns of at most 100 characters together, the first row as a heading.

    The first column is text, the others are numbers; with ``text_last`` the last one is text, too.

    Columns too wide for one line are wrapped; columns too many for one line follow in a second
    table, which repeats the first column. Nothing is cut off.
    """
    rows = [tuple(plain(cell) for cell in row) for row in rows]
    for block in _blocks(rows):
        widths = _widths(block)
        for row in block:
            cells = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
            for k in range(max(map(len, cells))):
                parts = [lines[k] if k < len(lines) else "" for lines in cells]
                line = [parts[0].ljust(widths[0]), *map(str.rjust, parts[1:], widths[1:])]
                if text_last:
                    line[-1] = parts[-1]
                say(_GAP.join(line).rstrip())


def _blocks(rows: list[tuple[str, ...]]) -> Iterator[list[tuple[str, ...]]]:
    """Tables narrow enough to be printed, each with the first column and some of the others."""
    first, *others = range(len(rows[0]))
    block = [first]
    for k in others:
        least = [_least(rows, column) for column in (*block, k)]
        if len(block) > 1 and sum(least) + len(_GAP) * len(block) > WIDTH:
            yield [tuple(row[column] for column in block) for row in rows]
            block = [first]
        block.append(k)
    yield [tuple(row[column] for column in block) for row in rows]


def _least(rows: list[tuple[str, ...]], column: int) -> int:
    """Width below which a column is not wrapped: that of its longest word or interval."""
    longest = max(len(word) for row in rows for word in _BREAKS.split(row[column]))
    return min(longest, _LEAST)


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    """Widths of columns, narrowed until all fit, each time the one that costs fewest lines."""
    columns = [*zip(*rows, strict=True)]
    widths = [max(map(len, cells)) for cells in columns]
    least = [_least(rows, k) for k in range(len(columns))]
    lines = [[1] * len(rows) for _ in columns]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > WIDTH and widths != least:
        after = {k: [len(_wrapped(cell, widths[k] - 1)) for cell in columns[k]]
                 for k in range(len(columns)) if widths[k] > least[k]}  # fmt: skip
        costs = {
            k: sum(map(max, *(new if j == k else old for j, old in enumerate(lines)), lines[k]))
            for k, new in after.items()
        }
        narrowed = min(costs, key=lambda k: (costs[k], -widths[k]))
        widths[narrowed] -= 1
        lines[narrowed] = after[narrowed]
    return widths


@lru_cache(maxsize=100_000)
def _wrapped(cell: str, width: int) -> list[str]:
    """The lines of a cell."""
    if len(cell) <= width:
        return [cell]
    kept = " ".join(
        word.replace(" ", "\0") if len(word) <= width else word for word in _BREAKS.split(cell)
    )
    return [line.replace("\0", " ") for line in textwrap.wrap(kept, width)]


def open_streams() -> None:
    """Open standard streams that were closed when the command started.

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
def progress(
    work: str = "training", every: float = _PLAIN_LINES_EVERY, *, never_silent: bool = False
) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Functions that print sentences and progress: a bar on a terminal, plain lines elsewhere.

    Parameters
    ----------
    work : str
        What is done.
    every : float
        Seconds between plain lines, and a share of the time that has passed at least.
    never_silent : bool
        Whether to print the time that has passed where nothing else was printed for so long, ever
        less often, up to half a minute.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns: list[Any] = [
            TextColumn(work),
            BarColumn(),
            TextColumn("{task.percentage:.0f}%"),
            TimeElapsedColumn() if never_silent else TimeRemainingColumn(),
        ]
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(work, total=None, visible=never_silent)

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
    told = time.perf_counter()
    began, since, already, last, state = told, told, 0, -1, ""

    def line(done: int, total: int) -> None:
        nonlocal told, since, already, last, state
        with lock:
            now = time.perf_counter()
            if done < last or last < 0:  # the first pass, or the next one
                since, already = now, done
            last = done
            left = ""
            if done > already:
                left = f", {(total - done) * (now - since) / (done - already):.0f} s left"
            state = f"{done / max(total, 1):.0%}{left}" if done else ""
            # ever fewer lines, so that hours do not fill a file with them
            if now - told >= max(every, _SHARE * (now - began)) and not never_silent:
                told = now
                say(f"{work}: {state or '0%'}", error=True)

    def tell_in_lines(sentence: str) -> None:
        nonlocal told, state
        with lock:
            told, state = time.perf_counter(), ""
            say(sentence, error=True)

    ended = threading.Event()

    def beat() -> None:
        nonlocal told
        while not ended.wait(every / 8):
            with lock:
                now = time.perf_counter()
                wait = min(_SHARE_OF_BEAT * (now - began), _LONGEST_BEAT)
                if now - told >= max(every, wait):
                    told = now
                    say(f"{work}: {state or f'{now - began:.0f} s so far'}", error=True)

    if never_silent:
        threading.Thread(target=beat, daemon=True).start()
    try:
        yield tell_in_lines, line
    finally:
        ended.set()
