"""Optimal partitioning of series into stretches on which one model holds, by likelihood."""

from collections.abc import Callable, Iterator

import numpy as np

LEAST = 50
"""Least number of increments of a stretch."""
_ENDS = 250
"""Number of places where a stretch may end, before each is refined to a single point."""
_FLOOR = 1e-8
"""Least variance of a stretch, in variances of the whole series."""
_COUNTS = np.array([100, 200, 500, 1000, 10_000])
_PENALTIES = {
    "wiener": np.array([3.9, 7.9, 9.4, 9.8, 10.8]),
    "drifted_wiener": np.array([6.1, 10.7, 12.2, 12.7, 14.0]),
    "ou": np.array([11.7, 20.7, 21.6, 22.1, 23.0]),
}


def penalty(model: str, n: int) -> float:
    """Gain in twice the log-likelihood that a change must have, in series of n increments.

    In series without a change 5% have a partition that gains more than this for each of its
    changes. Quantiles of ``largest_gains``, and interpolated in ln n.
    """
    return float(np.interp(np.log(n), np.log(_COUNTS), _PENALTIES[model]))


def _moments(x: np.ndarray, t: np.ndarray, model: str) -> np.ndarray:
    """Running sums (series, moment, point), from 0, of which a stretch's likelihood is made."""
    dt = np.diff(t)
    dx = np.diff(x, axis=1)
    if model == "drifted_wiener":  # about the drift of the whole, next to which noise has no digits
        dx = dx - (x[:, -1:] - x[:, :1]) / (t[-1] - t[0]) * dt
    if model == "ou":
        level = x[:, :-1] - x.mean(axis=1, keepdims=True)
        parts = [dx**2, dx, level * dx, level, level**2]
    else:
        parts = [dx**2 / dt, dx, np.broadcast_to(dt, dx.shape)]
    sums = np.zeros((len(x), len(parts), x.shape[1]))
    np.cumsum(np.stack(parts, axis=1), axis=2, out=sums[:, :, 1:])
    return sums


def _squares_wiener(m: np.ndarray, count: np.ndarray) -> np.ndarray:
    return m[:, 0]


def _squares_drifted(m: np.ndarray, count: np.ndarray) -> np.ndarray:
    return m[:, 0] - m[:, 1] ** 2 / m[:, 2]


def _squares_ou(m: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Left by a regression of increments on levels, which makes it an AR(1) process."""
    of_steps = m[:, 0] - m[:, 1] ** 2 / count
    cross = m[:, 2] - m[:, 1] * m[:, 3] / count
    of_levels = m[:, 4] - m[:, 3] ** 2 / count
    return of_steps - cross**2 / np.where(of_levels > 0, of_levels, np.inf)


SQUARES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "wiener": _squares_wiener,
    "drifted_wiener": _squares_drifted,
    "ou": _squares_ou,
}
"""Sums of squared residuals of stretches, from sums of moments (series, moment, stretch)."""


def _cost(model: str, moments: np.ndarray, count: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """Minus twice the log-likelihood (series, stretch) of stretches, without what all share.

    Parameters
    ----------
    moments : (series, moment, stretch)
    count : (stretch,)
    overall : (series, 1)
        Mean squared increment of the whole series.
    """
    squares = SQUARES[model](moments, count)
    return count * np.log(np.maximum(squares / count, _FLOOR * overall))


def change_points(
    x: np.ndarray, t: np.ndarray, model: str, asked: float | None = None
) -> list[np.ndarray]:
    """Points of each series (series, point), without gaps, at which a new stretch begins.

    Parameters
    ----------
    x, t : (series, point), (point,)
        Evenly spaced for "ou".
    model : str
        One of ``SQUARES``.
    asked : float, optional
        Penalty of a change; ``penalty`` by default.

    Notes
    -----
    Minus twice the log-likelihood of the best partition of all points up to one is the least, over
    the last change before it, of that up to the change, that of the last stretch, and a penalty
    (optimal partitioning). Changes are first searched at 250 even places, and then each at all
    points between its neighbours. Every stretch has at least 50 increments.

    References
    ----------
    Jackson et al. (2005), IEEE Signal Process. Lett. 12, 105.
    """
    beta = penalty(model, x.shape[1] - 1) if asked is None else asked
    sums = _moments(x, t, model)
    places = _places(x.shape[1] - 1)
    found = np.full((len(x), len(places)), np.inf)
    found[:, 0] = -beta
    before = np.zeros((len(x), len(places)), np.int64)
    for k, cost in _costs(model, sums, places):
        total = found[:, : cost.shape[1]] + cost + beta
        before[:, k] = total.argmin(axis=1)
        found[:, k] = total.min(axis=1)
    return [
        _refined(model, own, _traced(last, places)) for own, last in zip(sums, before, strict=True)
    ]


def _places(n: int) -> np.ndarray:
    """Points at which a stretch may end before it is refined."""
    return np.unique(np.rint(np.linspace(0, n, min(n, _ENDS) + 1)).astype(np.int64))


def _costs(model: str, sums: np.ndarray, places: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Number of a place, and costs (series, start) of the stretches that end there."""
    at = np.ascontiguousarray(sums[:, :, places])
    overall = sums[:, 0, -1:] / (sums.shape[2] - 1)
    for k in range(1, len(places)):
        starts = int(np.searchsorted(places, places[k] - LEAST, side="right"))
        if starts:
            count = (places[k] - places[:starts]).astype(float)
            yield k, _cost(model, at[:, :, k, None] - at[:, :, :starts], count, overall)


def _traced(before: np.ndarray, places: np.ndarray) -> list[int]:
    """Ends of the stretches of the best partition, with 0 and the last point."""
    ends = [len(places) - 1]
    while ends[-1] > 0:
        ends.append(int(before[ends[-1]]))
    return [int(places[k]) for k in reversed(ends)]


def _refined(model: str, sums: np.ndarray, ends: list[int]) -> np.ndarray:
    """Move each change to the best point between its neighbours."""
    overall = sums[None, 0, -1:] / (sums.shape[1] - 1)
    for k in range(1, len(ends) - 1):
        first, last = ends[k - 1], ends[k + 1]
        at = np.arange(first + LEAST, last - LEAST + 1)
        here = sums[None, :, at]
        early = _cost(model, here - sums[None, :, first, None], at - float(first), overall)
        late = _cost(model, sums[None, :, last, None] - here, float(last) - at, overall)
        ends[k] = int(at[(early + late)[0].argmin()])
    return np.array(ends[1:-1], np.int64)


def largest_gains(x: np.ndarray, t: np.ndarray, model: str, changes: int = 4) -> np.ndarray:
    """Gain per change in twice the log-likelihood (series,) of the best partition.

    Of all partitions with 1 to ``changes`` changes. A partition has a change exactly if the penalty
    is below this, so that ``_PENALTIES`` are its quantiles in series without a change.
    """
    sums = _moments(x, t, model)
    places = _places(x.shape[1] - 1)
    found = np.full((changes + 1, len(x), len(places)), np.inf)
    for k, cost in _costs(model, sums, places):
        found[0, :, k] = cost[:, 0]
        found[1:, :, k] = (found[:-1, :, : cost.shape[1]] + cost).min(axis=2)
    gains = found[:1, :, -1] - found[1:, :, -1]
    return (gains / np.arange(1, changes + 1)[:, None]).max(axis=0)
