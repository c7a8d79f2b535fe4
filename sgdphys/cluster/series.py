"""Blocks of series on a Dask cluster: kernels of estimators applied by its workers."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from sgdphys.cluster.cluster import Cluster, Task
from sgdphys.cluster.connection import connected
from sgdphys.cluster.pickles import pickled
from sgdphys.dynamics.series import applied_to, elsewhere

_AHEAD = 2
"""Blocks that are sent for each thread of the workers before the first of them is back."""


@contextmanager
def on_cluster(
    scheduler: str | None, tell: Callable[[str], None] = lambda sentence: None
) -> Iterator[None]:
    """Have the series of passes inside the block fitted by the workers of a scheduler.

    Parameters
    ----------
    scheduler : str, optional
        Its address; without one everything is done here.
    tell : callable
        Receives sentences.

    Raises
    ------
    InputError
        For what is no address, or where the extra ``cluster`` is not installed.
    WorkError
        When no scheduler answers, it has no workers, versions differ, or it ends.
    """
    if scheduler is None:
        yield
        return
    with connected(scheduler) as client, Cluster(client, tell) as cluster:
        threads = cluster.threads

        def applied(
            kernel: Callable[..., np.ndarray], blocks: list[tuple[np.ndarray, ...]]
        ) -> Iterator[np.ndarray]:
            written = pickled(kernel)
            sent: list[Task] = []
            for k in range(len(blocks)):
                for block in blocks[len(sent) : k + _AHEAD * threads]:
                    sent.append(cluster.submit(_apply, written, *block, name="fitting series"))
                cluster.wait(sent[k])
                found: np.ndarray = sent[k].result
                sent[k].result = None
                yield found

        with elsewhere(applied):
            yield


def _apply(kernel: bytes, *further: Any) -> np.ndarray:
    *block, _ = further
    return applied_to(pickle.loads(kernel), *block)
