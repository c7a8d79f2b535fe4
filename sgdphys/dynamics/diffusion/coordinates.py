"""Coordinates of a vector that can be fitted jointly: they move, and none repeats the others."""

import numpy as np
import xarray as xr

from sgdphys.dynamics.status import Needs, status_of
from sgdphys.status import OK

_OWN = 1e-10
"""Least share of the variance of a coordinate that is not a linear function of those before it."""
_ROUNDINGS = 4.0
"""Rounding error of such a function, in relative precisions of the largest value."""


def what_moves(x: np.ndarray, times: np.ndarray, precision: float) -> tuple[np.ndarray, np.ndarray]:
    """Which paths move, and which coordinates, that are no linear functions of those before them.

    A coordinate moves if it is noisy in at least one path: not constant, a straight line or a
    single jump, to the precision of its numbers, in all of them. A path moves if it is noisy along
    every coordinate that moves; where none is, all paths count.

    Parameters
    ----------
    x : float64 (path, point, coordinate)
        Without missing values.
    times : float64 (point,)
    precision : float
        Relative precision of the stored numbers.

    Returns
    -------
    bool (path,), bool (coordinate,)
        The coordinates are those of the paths that move.
    """
    n_paths, points, size = x.shape
    rows = np.ascontiguousarray(np.moveaxis(x, -1, 0)).reshape(-1, points)
    status = status_of(rows, times, Needs(), precision).reshape(size, n_paths)
    kept = np.asarray((status == OK).any(axis=1))
    moving = np.asarray((status[kept] == OK).all(axis=0))
    moving = moving if moving.any() else np.ones(n_paths, bool)
    x = x[moving]
    deviations = (x - x.mean(axis=(0, 1))).reshape(-1, size)
    spread = np.sqrt((deviations**2).mean(axis=0))
    rounding = _ROUNDINGS * precision * np.abs(x).max(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = deviations / spread
        least = np.maximum(_OWN, (rounding / spread) ** 2)
    chosen: list[int] = []
    for k in np.flatnonzero(kept):
        rest = scaled[:, k]
        if chosen:
            rest = rest - scaled[:, chosen] @ np.linalg.lstsq(scaled[:, chosen], rest)[0]
        kept[k] = (rest**2).mean() > least[k]
        if kept[k]:
            chosen.append(int(k))
    return moving, kept


def names_left_out(theta: xr.DataArray, coordinates: str, kept: np.ndarray) -> list[str]:
    """Names of the coordinates left out: values of their coordinate, otherwise indices."""
    if coordinates in theta.coords:
        return [str(v) for v in theta[coordinates].to_numpy()[~kept]]
    return [str(k) for k in np.flatnonzero(~kept)]


def with_left_out(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """A vector or matrix over all coordinates, NaN at those left out."""
    out = np.full((len(kept),) * values.ndim, np.nan)
    out[np.ix_(*[kept] * values.ndim)] = values
    return out
