"""What a Dask worker does: it has each order carried out in a Python process of its own.

That process is killed as soon as nobody wants the result any longer, so that it stops writing
whatever it is doing; the libraries in it (netCDF, matplotlib) are used by one thread; and a worker
that compiles or holds the interpreter still answers its scheduler.
"""

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sgdphys
from sgdphys.cluster.process import Killed, Process
from sgdphys.errors import WorkError

_ASK = 0.2
"""Seconds between two questions whether a result is still wanted."""
_TRIES = 3
"""How often an order is begun whose process is killed."""
_IDLE = 30.0
"""Seconds after which a process without work is ended."""
_WANTED = ("executing", "long-running")
"""States of a task that a Dask worker is to finish."""


@dataclass(frozen=True)
class Order:
    """A function to call, and what a worker must agree on before it does.

    Attributes
    ----------
    call : bytes
        Pickle of the function and its arguments, which the worker itself does not read.
    topic : str
        Under which what the function tells is sent.
    version : str
        Of sgdphys where the order was given.
    token : str
        A file that the worker must see; none if empty.
    """

    call: bytes
    topic: str
    version: str
    token: str = ""


def carry_out(order: Order, *results: bytes) -> bytes:
    """Carry out an order in a process of this Dask worker, and return the pickle of its result.

    Parameters
    ----------
    order : Order
    *results : bytes
        What other orders returned: further arguments of the function.

    Raises
    ------
    WorkError
        For another version of sgdphys, a folder that this worker does not see, or a process that
        was killed three times.
    """
    from distributed import Reschedule, get_worker

    worker = get_worker()
    key = worker.get_current_task()
    _require_agreement(order, worker.address)

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state in _WANTED

    def tell(what: Any) -> None:
        worker.log_event(order.topic, what)

    for last in (k == _TRIES - 1 for k in range(_TRIES)):
        process = _IDLE_PROCESSES.take()
        try:
            with _ended_unless(is_wanted, process):
                found: bytes = process.do(called, (order.call, results), tell)
        except Killed:
            process.end()
            if not is_wanted():
                raise Reschedule from None
            if last:
                raise WorkError(
                    f"a process of the worker {worker.address} was killed {_TRIES} times, perhaps "
                    "for want of memory; start workers with more memory, and give the same command "
                    "to carry on"
                ) from None
        except BaseException:
            _IDLE_PROCESSES.give_back(process)
            raise
        else:
            _IDLE_PROCESSES.give_back(process)
            return found
    raise AssertionError


def called(call: bytes, results: tuple[bytes, ...], tell: Callable[[Any], None]) -> bytes:
    """Call a function in the process of an order; what it returns is pickled."""
    do, arguments = pickle.loads(call)
    return pickle.dumps(do(*arguments, *(pickle.loads(r) for r in results), tell))


def _require_agreement(order: Order, address: str) -> None:
    """Refuse an order from another version; workers may have joined after all were asked."""
    if order.version != sgdphys.__version__:
        raise WorkError(
            f"the worker {address} has sgdphys {sgdphys.__version__} and this process has "
            f"{order.version}; install the same version on both"
        )
    if order.token and not Path(order.token).is_file():
        raise WorkError(
            f"the worker {address} does not see the folder {Path(order.token).parent}; give --out "
            "a folder on a file system that all workers share"
        )


@contextmanager
def _ended_unless(is_wanted: Callable[[], bool], process: Process) -> Iterator[None]:
    """Kill a process inside the block once its result is not wanted."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_ASK):
            if not is_wanted():
                process.end()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


class _Idle:
    """Processes without work, which are ended after a while."""

    def __init__(self) -> None:
        self._processes: list[tuple[float, Process]] = []
        self._lock = threading.Lock()

    def take(self) -> Process:
        """A process that has worked before, or a new one."""
        with self._lock:
            return self._processes.pop()[1] if self._processes else Process(threads=1)

    def give_back(self, process: Process) -> None:
        """Keep a process for other work."""
        with self._lock:
            self._processes.append((time.monotonic(), process))
        timer = threading.Timer(_IDLE + 0.1, self._end_old)
        timer.daemon = True
        timer.start()

    def _end_old(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [process for since, process in self._processes if now - since >= _IDLE]
            self._processes = [kept for kept in self._processes if kept[1] not in old]
        for process in old:
            process.end()


_IDLE_PROCESSES = _Idle()
