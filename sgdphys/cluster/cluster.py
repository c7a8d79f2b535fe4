"""Work on a Dask cluster: submitted in order, each task after those that it needs."""

import pickle
import queue
import uuid
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sgdphys
from sgdphys.cluster.connection import LOST
from sgdphys.cluster.orders import Order, carry_out
from sgdphys.cluster.pickles import pickled
from sgdphys.errors import WorkError

if TYPE_CHECKING:
    from distributed import Client, Future

_ASK = 0.2
"""Seconds between two questions whether to stop."""
_WITHOUT_WORKERS = 25
"""Questions without any news after which workers are counted."""


@dataclass(eq=False)
class Task:
    """A call that is made on some worker, once other tasks are finished.

    Attributes
    ----------
    result : object
        What it returned, unless that is kept on the cluster.
    """

    do: Callable[..., Any]
    arguments: tuple[Any, ...]
    is_kept: bool
    name: str
    awaited: int = 0
    """Tasks that must be finished before it is sent."""
    followers: list["Task"] = field(default_factory=list)
    """Tasks that wait for it."""
    future: "Future | None" = None
    is_done: bool = False
    result: Any = None

    @property
    def kept(self) -> list["Task"]:
        """Tasks among the arguments whose results are on the cluster."""
        return [a for a in self.arguments if isinstance(a, Task) and a.is_kept]


class Cluster:
    """Tasks on the workers of a scheduler; those that are not finished are cancelled at its end.

    The order of tasks is kept here, and of a finished task nothing stays on the cluster, so that a
    worker that is lost takes along only what it was doing: that is done again by another one.

    Parameters
    ----------
    client : Client
    hear : callable
        Receives what tasks tell.
    stop : callable, optional
        Called now and then while this process waits; may raise.
    token : str
        See ``orders.Order``.
    """

    def __init__(
        self,
        client: "Client",
        hear: Callable[[Any], None],
        stop: Callable[[], None] = lambda: None,
        token: str = "",
    ) -> None:
        self._client, self._hear, self._stop, self._token = client, hear, stop, token
        self._topic = f"sgdphys-{uuid.uuid4().hex}"
        self._news: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._running: dict[str, Task] = {}
        self._quiet = 0
        self._is_alone = False

    def __enter__(self) -> "Cluster":
        self._client.subscribe_topic(self._topic, lambda event: self._news.put(("told", event[1])))
        return self

    def __exit__(self, *_: object) -> None:
        left = [task.future for task in self._running.values() if task.future is not None]
        if left and self._client.status == "running":
            self._client.cancel(left, force=True)

    @property
    def threads(self) -> int:
        """Number of tasks that the workers do at once."""
        return max(sum(self._client.nthreads().values()), 1)

    def submit(
        self,
        do: Callable[..., Any],
        *arguments: Any,
        name: str,
        after: Iterable[Task] = (),
        is_kept: bool = False,
    ) -> Task:
        """Submit a call, whose last argument is a function that tells things.

        Parameters
        ----------
        do : callable
        *arguments
            A task among them stands for its result. Those whose results are kept come last, and
            each is the argument of one task alone.
        name : str
            What is done, in a sentence on workers that died.
        after : iterable of Task
            Further tasks to wait for.
        is_kept : bool
            Whether the result stays on the cluster.
        """
        task = Task(do, arguments, is_kept, name)
        for before in {*after, *(a for a in arguments if isinstance(a, Task))}:
            if not before.is_done:
                before.followers.append(task)
                task.awaited += 1
        if not task.awaited:
            self._send(task)
        return task

    def wait(self, *tasks: Task) -> None:
        """Wait until some tasks are finished, and hear what any tells meanwhile.

        Raises
        ------
        WorkError
            When several workers died of one task, or the scheduler ended. Other failures are raised
            as they were.
        """
        while not all(task.is_done for task in tasks):
            self._stop()
            try:
                kind, what = self._news.get(timeout=_ASK)
            except queue.Empty:
                self._look_around()
                continue
            self._quiet = 0
            if kind == "told":
                self._is_alone = False
                self._hear(what)
            else:
                self._end(what)

    def _send(self, task: Task) -> None:
        kept = [k.future for k in task.kept]
        plain = [a.result if isinstance(a, Task) else a for a in task.arguments]
        plain = plain[: len(plain) - len(kept)]
        order = Order(
            pickled((task.do, tuple(plain))), self._topic, sgdphys.__version__,
            self._token,
        )  # fmt: skip
        with warnings.catch_warnings():
            # a task must be there to be done again when the worker that had it is lost
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
            key = f"sgdphys-{task.do.__name__}-{uuid.uuid4().hex}"
            task.future = self._client.submit(carry_out, order, *kept, key=key, pure=False)
        self._running[key] = task
        task.future.add_done_callback(lambda future: self._news.put(("ended", future.key)))

    def _end(self, key: str) -> None:
        """Take the result of a task from the cluster, or raise what it raised."""
        from distributed import CancelledError, KilledWorker

        task = self._running.get(key)
        if task is None or task.future is None or task.is_done:
            return
        try:
            if not task.is_kept:
                task.result = pickle.loads(task.future.result())
            elif task.future.status != "finished":
                task.future.result()
        except KilledWorker as error:
            raise WorkError(
                f"several workers died while {task.name}, perhaps for want of memory; start "
                "workers with more memory, and give the same command to carry on"
            ) from error
        except (CancelledError, OSError) as error:
            if self._client.status != "running":
                raise WorkError(LOST) from error
            raise
        task.is_done = True
        for kept in task.kept:
            self._forget(kept)
        if not task.is_kept:
            self._forget(task)
        for follower in task.followers:
            follower.awaited -= 1
            if not follower.awaited:
                self._send(follower)

    def _forget(self, task: Task) -> None:
        """Let the cluster forget a task."""
        if task.future is not None:
            self._running.pop(task.future.key, None)
            task.future.release()

    def _look_around(self) -> None:
        """After a time without news: whether there still is a scheduler, with workers."""
        if self._client.status != "running":
            raise WorkError(LOST)
        self._quiet += 1
        if self._quiet % _WITHOUT_WORKERS == 0 and not self._is_alone:
            self._is_alone = not self._client.nthreads()
            if self._is_alone:
                self._hear("no worker is left; this waits until one joins the scheduler")
