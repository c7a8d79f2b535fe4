"""Cells of the coverage table: an estimator under a condition, and how often it is right."""

import zlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.stats import binom

Kind = Literal["interval", "exact", "test"]
BOUNDS = {"interval": (0.92, 0.98), "exact": (0.95, 1.0), "test": (0.03, 0.07)}
"""Share of intervals that hold the truth, or of nulls rejected at 5%."""


class Counted(NamedTuple):
    """Outcomes of an estimator in many series: ends of intervals, or p-values in ``low``."""

    truth: float
    low: np.ndarray
    high: np.ndarray
    is_ok: np.ndarray
    """Whether the status of the series is "ok"; a choice of intervals by it would select."""


class Cell(NamedTuple):
    """An estimator under a condition.

    ``said`` names where the docstring or a status says that the cell is outside the bounds.
    """

    estimator: str
    condition: str
    count: Callable[[np.random.Generator, int], Counted]
    kind: Kind = "interval"
    series: int = 400
    said: str = ""


class Row(NamedTuple):
    """What was counted in a cell, shares from 0 to 1."""

    cell: Cell
    used: int
    without: float
    """Share of series without an interval."""
    not_ok: float
    """Share of series whose status is not "ok", with or without an interval."""
    right: float
    """Share that holds the truth, or of p-values below 5%."""
    below: float
    above: float
    """Share of intervals that end below, or begin above, the truth."""
    width: float
    """Median width of the intervals, over the truth unless that is 0."""

    @property
    def is_right(self) -> bool:
        """Whether the count is compatible, at 99%, with a share within the bounds."""
        least, most = BOUNDS[self.cell.kind]
        if not self.used:
            return True
        hits = round(self.right * self.used)
        is_enough = binom.cdf(hits, self.used, least) > 0.005
        return bool(is_enough and (most >= 1 or binom.sf(hits - 1, self.used, most) > 0.005))


def counted(cell: Cell, scale: float = 1.0) -> Row:
    """Count a cell, with random numbers that depend on its name alone."""
    name = f"{cell.estimator} {cell.condition}"
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    found = cell.count(rng, max(20, round(scale * cell.series)))
    low, high = (np.ravel(v) for v in (found.low, found.high))
    has = ~np.isnan(low) & ~np.isnan(high)
    used = int(has.sum())
    without = 1 - used / max(len(low), 1)
    not_ok = float(1 - np.ravel(found.is_ok).mean())
    low, high = low[has], high[has]
    if cell.kind == "test":
        right = float((low < 0.05).mean()) if used else np.nan
        return Row(cell, used, without, not_ok, right, np.nan, np.nan, np.nan)
    below, above = ((high < found.truth).mean(), (low > found.truth).mean()) if used else (0, 0)
    scale_of = abs(found.truth) or 1.0
    width = float(np.median(high - low) / scale_of) if used else np.nan
    right = float(1 - below - above)
    return Row(cell, used, without, not_ok, right, float(below), float(above), width)


def interval(found: xr.Dataset, name: str, truth: float) -> Counted:
    """Outcomes from a result with ``name``, ``name_low`` and ``name_high``, maybe a status."""
    low, high = (found[f"{name}{end}"].to_numpy() for end in ("_low", "_high"))
    status = found["status"].to_numpy() if "status" in found else np.zeros(low.shape, int)
    return Counted(truth, low, high, np.broadcast_to(status == 0, low.shape))


def one_by_one(function: Any, arrays: Any, name: str, truth: float) -> Counted:
    """Outcomes of a function that is called for one array, or ensemble, at a time."""
    found = [function(array) for array in arrays]
    low, high = (np.array([np.ravel(f[f"{name}{e}"]) for f in found]) for e in ("_low", "_high"))
    status = np.array([int(f["status"]) if "status" in f else 0 for f in found])
    return Counted(truth, low, high, np.broadcast_to(status[:, None] == 0, low.shape))


def p_values(p: Any) -> Counted:
    """Outcomes of a test under its null."""
    p = np.asarray(p, float)
    return Counted(np.nan, p, np.ones_like(p), np.isfinite(p))


def along_time(x: np.ndarray, times: np.ndarray | None = None) -> xr.DataArray:
    """Series (series, time) as an array with a clock."""
    clock = np.arange(x.shape[1]) if times is None else times
    return xr.DataArray(x, dims=("series", "time"), coords={"time": clock})
