"""Transitions over the size of the system: curves of a scan, and their collapse, for the page."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.figures.style import with_cases
from sgdphys.processes.separability import cover_probability

_COVER = {"critical": 2.0, "exponent": 0.5}
"""Cover (1965): half of all labellings of P = 2 N points are separable, in a width of N^(-1/2)."""
_KINDS = {
    "share_separable": "share that a plane separates",
    "share_separated": "share separated by descent at the last epoch",
}


def scan_of(capacity: xr.Dataset) -> dict[str, Any] | None:
    """Shares against the load, size by size, with intervals and Cover's exact curve.

    Parameters
    ----------
    capacity : Dataset
        Of a sweep over points and inputs.

    Returns
    -------
    dict or None
        For JSON: for each share the curves of all sizes; None for fewer than two sizes.
    """
    data = with_cases(capacity)
    sizes = np.unique(data["dimension"].dropna("case"))
    if len(sizes) < 2 or "swept_layers" in data.coords:
        return None
    numbers = [int(size) for size in sizes]
    cases = [
        {"title": title, "sizes": numbers, "curves": [_curve(data, name, n) for n in sizes]}
        for name, title in _KINDS.items()
    ]
    low, high = (round(float(end), 4) for end in (data["load"].min(), data["load"].max()))
    return {"cases": cases, "low": low, "high": high, **_COVER}


def _curve(data: xr.Dataset, name: str, size: float) -> dict[str, list[float]]:
    """One size: measured shares with their intervals, and the exact curve."""
    one = data.isel(case=np.flatnonzero(data["dimension"] == size)).sortby("load")
    if "epoch" in one[name].dims:
        one = one.isel(epoch=-1)
    load = one["load"].to_numpy()
    points = np.unique(np.linspace(load.min() * size, load.max() * size, 60).round())
    return {
        "x": _rounded(load),
        "y": _rounded(one[name].to_numpy()),
        "low": _rounded(one[f"{name}_low"].to_numpy()),
        "high": _rounded(one[f"{name}_high"].to_numpy()),
        "exactX": _rounded(points / size),
        "exactY": _rounded(np.asarray(cover_probability(points.astype(int), int(size)))),
    }


def _rounded(values: np.ndarray) -> list[float]:
    """Numbers of four digits; what is not finite is -1, which is left out."""
    return [round(float(v), 4) if np.isfinite(v) else -1.0 for v in values]
