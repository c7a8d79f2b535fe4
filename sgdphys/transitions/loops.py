"""Curves of a control that is ramped up and down, on one grid of the control, and their areas."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.missing import numbers_of
from sgdphys.transitions.coordinates import numbers_along, with_coordinates


class Loops(NamedTuple):
    """Curves up and down at all speeds, on a common grid."""

    curves: np.ndarray
    """(replica, speed, direction, control), up before down; a curve that is missing is NaN."""
    speeds: np.ndarray
    """(speed,), ascending."""
    grid: np.ndarray
    """(control,), ascending."""
    is_interpolated: bool
    unit: str
    control_unit: str
    speed_unit: str


def loops_of(m: xr.DataArray, *, control: str, direction: str, speed: str, over: str) -> Loops:
    """Curves on a common grid of the control, that of the curves where all have the same.

    Otherwise curves are interpolated linearly, over the range that all cover, on as many evenly
    spaced values as a curve has. So are gaps within a curve; a curve that lacks an end is missing.

    Raises
    ------
    InputError
        Where a dimension or coordinate is missing, directions are not "up" and "down", a speed is
        not positive or occurs twice, or curves have no range in common.
    """
    names = (speed, direction, control)
    m = with_coordinates(m, *names, over=over, what="the curves have")
    directions = [str(d) for d in m[direction].values]
    if sorted(directions) != ["down", "up"]:
        raise InputError(f"{direction!r} is {directions}; it must be 'up' and 'down'")
    speeds = numbers_along(m, speed, speed)
    if not (speeds > 0).all() or len(np.unique(speeds)) < len(speeds):
        raise InputError(f"the values of {speed!r} must be positive and different")
    m = m.transpose(over, *names).isel({speed: np.argsort(speeds)})
    m = m.isel({direction: [directions.index("up"), directions.index("down")]})
    controls = numbers_along(m, control, *names)
    if not np.isfinite(controls).all():
        raise InputError(f"the coordinate {control!r} has values that are not finite")
    values = numbers_of(m)
    order = np.argsort(controls, axis=-1, kind="stable")
    controls = np.take_along_axis(controls, order, axis=-1)
    values = np.take_along_axis(values, order[None], axis=-1)
    low, high = controls[..., 0].max(), controls[..., -1].min()
    if controls.shape[-1] < 3 or not low < high:
        raise InputError("curves need 3 values of the control, and a range that all of them cover")
    is_same = bool((controls == controls[0, 0]).all())
    grid = controls[0, 0] if is_same else np.linspace(low, high, controls.shape[-1])
    curves = np.full((*values.shape[:-1], len(grid)), np.nan)
    for place in np.ndindex(values.shape[:-1]):
        t, curve = controls[place[1:]], values[place]
        finite = np.isfinite(curve)
        if finite.any() and t[finite][0] <= grid[0] and t[finite][-1] >= grid[-1]:
            curves[place] = np.interp(grid, t[finite], curve[finite])
    units = [str(x.attrs.get("units", "1")) for x in (m, m[control], m[speed])]
    return Loops(curves, np.sort(speeds), grid, not is_same, *units)
