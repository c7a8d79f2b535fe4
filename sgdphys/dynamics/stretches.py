"""Long series: sums over consecutive parts, and tests on stretches that are evenly spread."""

from collections.abc import Callable, Iterator

import numpy as np

AT_ONCE = 2**22
"""Increments of a series that are worked on at once; a series of more is long."""
PART = 2**20
"""Increments of a long series that are worked on at once."""
LENGTH = 2**17
"""Increments of one of the stretches on which a long series is judged."""
MANY = 16
"""Number of these stretches."""
LEAD = 2**10
"""Increments before a stretch from which the past of its first one is known."""


def is_long(increments: int) -> bool:
    """Whether a series of so many increments is worked on by parts, and judged on stretches."""
    return increments > AT_ONCE


def parts(increments: int) -> Iterator[slice]:
    """Slices of the points of a series, of which neighbours share one: all points if few."""
    size = PART if is_long(increments) else max(increments, 1)
    for first in range(0, increments, size):
        yield slice(first, min(first + size, increments) + 1)


def stretches(increments: int, first: int = 0) -> list[slice]:
    """Slices of the increments, from the first one on, on which a series is judged.

    All of them, or of a long series at most 16 evenly spread stretches of 131,072.
    """
    if not is_long(increments):
        return [slice(first, increments)]
    many = max(min(MANY, (increments - first) // LENGTH), 1)
    last = max(increments - LENGTH, first)
    starts = np.linspace(first, last, many).astype(int).tolist()
    return [slice(start, min(start + LENGTH, increments)) for start in starts]


def number_judged(increments: int) -> int:
    """Number of increments on which a series of so many is judged."""
    return sum(part.stop - part.start for part in stretches(increments))


def on_stretches(x: np.ndarray, of_points: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Values for each increment (series, increment), of points (series, point), on the stretches.

    Parameters
    ----------
    x : (series, point)
    of_points : callable
        Takes some consecutive points and returns a value for each increment between them.
    """
    found = [of_points(x[:, s.start : s.stop + 1]) for s in stretches(x.shape[1] - 1)]
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1)


def levels(x: np.ndarray) -> np.ndarray:
    """Points before each increment (series, increment) of the stretches."""
    return on_stretches(x, lambda part: part[:, :-1])


def increments(x: np.ndarray) -> np.ndarray:
    """Increments (series, increment) of the stretches."""
    return on_stretches(x, lambda part: np.diff(part, axis=1))


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (series,) of all increments of points (series, point), by parts."""
    n = x.shape[1] - 1
    mean = sum((np.diff(x[:, p], axis=1).sum(axis=1) for p in parts(n)), np.zeros(len(x))) / n
    squares = np.zeros(len(x))
    for p in parts(n):
        squares += ((np.diff(x[:, p], axis=1) - mean[:, None]) ** 2).sum(axis=1)
    return mean, squares / n


def rows_of(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some series (rows, point) of x (series, point), without a copy where there is only one."""
    return x if len(x) == 1 and len(rows) == 1 else x[rows]
