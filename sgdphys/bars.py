"""Progress bars of long calls in Python and notebooks, where somebody watches."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

Progress = Callable[[int, int], None]
"""Receives what is done, and how much there is in all."""
_AFTER = 1.0
"""Seconds after which a call is long."""
_EVERY = 0.25
"""Seconds between two states of a bar: a notebook keeps each of them."""


@contextmanager
def shown(progress: Progress | bool | None, work: str) -> Iterator[Progress | None]:
    """Yield what progress is told to: a function that was given, a bar, or nothing.

    Parameters
    ----------
    progress : callable or bool, optional
        A function that is told; True for a bar on standard error, False for none; None for a bar
        where standard error is a terminal or the output of a notebook.
    work : str
        What is done, beside the bar.

    Notes
    -----
    The bar appears after a second and disappears when all is done. It may be told from any thread.
    """
    if callable(progress):
        yield progress
        return
    if not (is_watched() if progress is None else progress):
        yield None
        return
    began, lock = time.perf_counter(), Lock()
    drawn = began
    shown_now: list[tuple[Any, Any]] = []

    def advance(done: int, total: int) -> None:
        nonlocal drawn
        with lock:
            now = time.perf_counter()
            if done < total and not shown_now and now - began >= _AFTER:
                shown_now.append(_begun(work))
            for bar, task in shown_now:
                bar.update(task, completed=done, total=total)
                if now - drawn >= _EVERY:
                    drawn = now
                    bar.refresh()
            if done >= total:
                while shown_now:
                    shown_now.pop()[0].stop()

    try:
        yield advance
    finally:
        for bar, _ in shown_now:
            bar.stop()


def is_watched() -> bool:
    """Whether standard error is a terminal, or the output of a cell of a notebook."""
    shell = sys.modules.get("IPython")
    if shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell":
        return True
    return sys.stderr is not None and sys.stderr.isatty()


def _begun(work: str) -> tuple[Any, Any]:
    """A bar that has begun, and its task."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(work), BarColumn(), TextColumn("{task.percentage:.0f}%"),
               TimeRemainingColumn())  # fmt: skip
    # a notebook shows the line of a terminal; rich's own display there needs ipywidgets
    console = Console(file=sys.stderr, force_terminal=True, force_jupyter=False)
    bar = Progress(*columns, console=console, transient=True, auto_refresh=False)
    task = bar.add_task(work, total=None)
    bar.start()
    return bar, task
