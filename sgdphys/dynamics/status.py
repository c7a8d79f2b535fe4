"""Status of a series, decided for all estimators alike before they are called."""

from typing import Literal, NamedTuple

import numpy as np

from sgdphys.compiling import compiled
from sgdphys.status import (
    CONSTANT,
    DIVERGED,
    FEW_VALUES,
    NO_DATA,
    OK,
    ONCE,
    STRAIGHT,
    TINY,
    TOO_SHORT,
    UNEVEN,
)

FLOAT64 = 2.0**-52
"""Relative precision of a double-precision number."""
LARGEST = 2.0**250
"""Largest value for which sums of fourth powers are finite."""
SMALLEST = 2.0**-250
"""Smallest range of a series for which fourth powers are above 0."""
FEWEST = 3
"""Least number of points that can differ from a straight line."""
_ROUNDINGS = 2.0
"""Rounding error of a difference of two numbers, in relative precisions of the larger."""
_DISTINCT = 10
_EVEN = 1e-9
_TIMES_AT_ONCE = 2**20


class Needs(NamedTuple):
    """What an estimator needs of a series."""

    points: int = FEWEST
    """Fewest points that are not missing."""
    even: bool = False
    """Evenly spaced times."""
    whole: bool = False
    """No missing points."""
    neighbours: bool = False
    """Only increments between neighbouring points are used: their number plus 1 is compared."""
    distinct: Literal["", "increments", "values"] = ""
    """Which of these need more than 10 distinct magnitudes, none of them in more than half."""
    takes: tuple[int, ...] = ()
    """Statuses besides OK for which the estimator still gives a result."""


def even_spacing(times: np.ndarray) -> float:
    """Return the spacing of evenly spaced times, otherwise NaN."""
    if len(times) < 2:
        return np.nan
    mean = (times[-1] - times[0]) / (len(times) - 1)
    for first in range(0, len(times), _TIMES_AT_ONCE):
        some = times[first : first + _TIMES_AT_ONCE]
        even = times[0] + mean * np.arange(first, first + len(some))
        if not np.abs(some - even).max() <= _EVEN * abs(mean) * len(times):
            return np.nan
    return float(mean)


def precision_of(dtype: np.dtype) -> float:
    """Return the relative precision of stored numbers; that of float64 for integers."""
    return max(float(np.finfo(dtype).eps), FLOAT64) if dtype.kind == "f" else FLOAT64


def status_of(x: np.ndarray, t: np.ndarray, needs: Needs, precision: float = FLOAT64) -> np.ndarray:
    """Status of every series.

    Parameters
    ----------
    x : float64 (series, point)
        Missing points NaN.
    t : float64 (point,)
        Increasing times.
    needs : Needs
    precision : float
        Relative precision of the stored numbers.

    Returns
    -------
    int64 (series,)

    Notes
    -----
    The first of these that applies, for every estimator: "diverged", "no data", "too short" (fewer
    than 3 points), "constant", "too small", "straight line", "moves once"; then the first unmet
    need of the estimator: "too short", "needs even spacing", "too few distinct values". A series is
    constant if its range is within the rounding error of its largest value, and straight if the
    deviation of every increment from the mean slope is.
    """
    status = np.empty(len(x), np.int64)
    is_uneven = needs.even and bool(np.isnan(even_spacing(t)))
    _decide(x, t, precision, needs.points, needs.neighbours, is_uneven, needs.whole, status)
    if needs.distinct:
        rows = np.flatnonzero(status == OK)
        values = np.diff(x[rows], axis=1) if needs.distinct == "increments" else x[rows]
        status[rows[takes_few_values(values)]] = FEW_VALUES
    return status


def is_still(status: np.ndarray) -> np.ndarray:
    """Whether a series has no noise, so that its diffusion coefficient is 0."""
    return np.isin(status, (CONSTANT, STRAIGHT))


def takes_few_values(dx: np.ndarray) -> np.ndarray:
    """Whether increments (series, increment), missing ones NaN, have too few distinct values.

    The tail of a distribution needs more than 10 distinct magnitudes, none of them in more than
    half of the increments.
    """
    sizes = np.abs(dx)
    sizes[~np.isfinite(dx)] = np.inf
    sizes.sort(axis=1)
    found = np.empty(len(dx), bool)
    _count_values(sizes, found)
    return found


@compiled
def _count_values(sizes, out):
    """Whether sorted magnitudes (series, increment), missing ones infinite last, are too few."""
    for s in range(sizes.shape[0]):
        n = sizes.shape[1]
        while n and not sizes[s, n - 1] < np.inf:
            n -= 1
        distinct = 0
        longest = 0
        first = 0
        for k in range(n):
            if k == n - 1 or sizes[s, k + 1] - sizes[s, k] > 1e-12 * sizes[s, n - 1]:
                distinct += 1
                longest = max(longest, k + 1 - first)
                first = k + 1
        out[s] = distinct <= _DISTINCT or longest > 0.5 * n


@compiled
def _decide(x, t, precision, points, neighbours, is_uneven, whole, out):
    """Fill out (series,) with statuses, except for the number of distinct values."""
    for s in range(x.shape[0]):
        row = x[s]
        low = np.inf
        high = -np.inf
        count = 0
        pairs = 0
        last = -2
        for k in range(row.shape[0]):
            value = row[k]
            if value == value:
                count += 1
                pairs += last == k - 1
                last = k
                low = min(low, value)
                high = max(high, value)
        size = max(abs(low), abs(high))
        rounding = _ROUNDINGS * precision * size
        if count == 0:
            out[s] = NO_DATA
        elif size > LARGEST:
            out[s] = DIVERGED
        elif count < FEWEST:
            out[s] = TOO_SHORT
        elif high - low <= rounding:
            out[s] = CONSTANT
        elif high - low < SMALLEST:
            out[s] = TINY
        else:
            out[s] = _motion(row, t, rounding)
        if out[s] == OK:
            if (pairs + 1 if neighbours else count) < points:
                out[s] = TOO_SHORT
            elif is_uneven or (whole and count < row.shape[0]):
                out[s] = UNEVEN


@compiled
def _motion(x, t, rounding):
    """STRAIGHT, ONCE or OK for a series that is not constant; usually needs a few points only."""
    first = 0
    while x[first] != x[first]:
        first += 1
    last = x.shape[0] - 1
    while x[last] != x[last]:
        last -= 1
    slope = (x[last] - x[first]) / (t[last] - t[first])
    slack = rounding + _ROUNDINGS * FLOAT64 * abs(slope) * max(abs(t[first]), abs(t[last]))
    moves = 0
    is_straight = True
    before = first
    for k in range(first + 1, last + 1):
        if x[k] != x[k]:
            continue
        dx = x[k] - x[before]
        moves += abs(dx) > rounding
        is_straight &= abs(dx - slope * (t[k] - t[before])) <= slack
        before = k
        if moves > 1 and not is_straight:
            return OK
    return STRAIGHT if is_straight else ONCE
