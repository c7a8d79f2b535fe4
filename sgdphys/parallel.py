"""Threads: the limit on their number, and the one function that starts them.

The limit is what ``limited`` sets for the code inside its block (the argument ``threads=`` of a
function and the command's ``--workers`` do), otherwise the environment variable
``SGDPHYS_THREADS``, otherwise all processors that this process may use. Variables that other
libraries read, such as ``OMP_NUM_THREADS``, are not used here, and matrix products in numpy
keep the number of threads that its BLAS was started with.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from sgdphys.errors import InputError

Item = TypeVar("Item")
Found = TypeVar("Found")

VARIABLE = "SGDPHYS_THREADS"
"""Environment variable that limits threads if nothing else does."""

_limit: ContextVar[int | None] = ContextVar("limit", default=None)


def processors() -> int:
    """Number of processors that this process may use; of all if the system does not tell."""
    if hasattr(os, "sched_getaffinity"):  # a container's share, on Linux
        return len(os.sched_getaffinity(0))
    count = getattr(os, "process_cpu_count", os.cpu_count)
    return count() or 1


def limit() -> int | None:
    """Limit on the number of threads of this code, or None if there is none.

    Raises
    ------
    InputError
        For a value of SGDPHYS_THREADS that is not a whole number of at least 1.
    """
    number = _limit.get()
    if number is not None:
        return number
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    return _checked(int(text) if text.isdecimal() else text, VARIABLE)


def threads() -> int:
    """Number of threads that this code may use: its limit, or all processors."""
    return limit() or processors()


@contextmanager
def limited(number: int | None) -> Iterator[None]:
    """Limit the threads of the code inside the block, and of no code that runs concurrently.

    Parameters
    ----------
    number : int or None
        None sets no limit. A nested limit can only be lower, so a worker of a ``map``
        keeps to its one thread.

    Raises
    ------
    InputError
        For a number below 1.
    """
    outer = _limit.get()
    if number is not None:
        number = _checked(number, "threads")
    chosen = min((n for n in (number, outer) if n is not None), default=None)
    token = _limit.set(chosen)
    try:
        yield
    finally:
        _limit.reset(token)


def _checked(number: Any, name: str) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < 1:
        raise InputError(f"{name} is {number!r}; it must be a whole number of at least 1")
    return int(number)


def map(
    work: Callable[[Item], Found],
    items: Iterable[Item],
    *,
    halt: Callable[[], None] = lambda: None,
) -> list[Found]:
    """Apply a function to all items in threads, and return the results in order.

    Inside a worker a further ``map`` runs in line, so that pools are never nested. A single item,
    or a limit of 1, runs in line too.

    Parameters
    ----------
    work : callable
        Called from several threads; it should release the interpreter's lock.
    items : iterable
    halt : callable
        Called as soon as an item failed or the caller was interrupted, to stop long-running work.

    Returns
    -------
    list

    Notes
    -----
    The first failure is raised at once: no further item is started, and only those already started
    are waited for, since none may write to the caller's arrays afterwards. Workers see the context
    variables of the caller, numpy's ``errstate`` among them.
    """
    tasks = list(items)
    size = min(threads(), len(tasks))
    if size < 2:
        return [work(task) for task in tasks]
    context = copy_context()
    context.run(_limit.set, 1)
    with ThreadPoolExecutor(size) as pool:
        try:
            futures = [pool.submit(context.copy().run, work, task) for task in tasks]
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()
            return [future.result() for future in futures]
        except BaseException:
            halt()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def beside(work: Callable[[], Found]) -> Iterator[Callable[[], Found]]:
    """Do some work in a thread while the block runs; after it where there is one thread alone.

    Parameters
    ----------
    work : callable
        It should release the interpreter's lock.

    Yields
    ------
    callable
        Returns the result after the block, which waits for it; raises what the work raised.
    """
    context = copy_context()
    context.run(_limit.set, 1)
    future = None
    if threads() > 1:
        pool = ThreadPoolExecutor(1)
        try:
            future = pool.submit(context.run, work)
        except RuntimeError:  # the interpreter is exiting, and starts no thread any more
            future = None
    if future is None:
        results: list[Found] = []
        yield lambda: results[0]
        results.append(work())
        return
    with pool:
        yield future.result


@contextmanager
def torch_threads() -> Iterator[int]:
    """Hold torch to the limit inside the block; afterwards it has as many threads as before.

    Without a limit torch keeps its own number, that of a user's ``torch.set_num_threads``. The
    setting is one for the whole process: blocks in several threads at once share it.

    Yields
    ------
    int
        Threads that torch has inside the block.
    """
    torch = sys.modules["torch"]  # the caller has imported it; this module never does
    before = torch.get_num_threads()
    chosen = limit() or before
    if chosen == before:  # setting it, even to its present value, changes how MKL chooses its own
        yield before
        return
    torch.set_num_threads(chosen)
    try:
        yield chosen
    finally:
        torch.set_num_threads(before)
