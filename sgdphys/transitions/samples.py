"""The way in of transitions: labelled samples of an order parameter as one array."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.missing import numbers_of
from sgdphys.transitions.coordinates import numbers_along, with_coordinates


class Samples(NamedTuple):
    """Samples of an order parameter over sizes, values of the control parameter and replicas."""

    values: np.ndarray
    """(size, control, replica), NaN where a sample is missing."""
    sizes: np.ndarray
    """(size,), positive, ascending."""
    controls: np.ndarray
    """(size, control): the values of the control parameter, ascending for every size; NaN where a
    size has fewer of them."""
    unit: str
    control_unit: str


def samples_of(
    m: xr.DataArray, *, size: str = "size", control: str = "control", over: str = "replica"
) -> Samples:
    """Samples of an order parameter, sorted by size and by the control parameter.

    Parameters
    ----------
    m : DataArray (size, control, replica)
        In any order of dimensions, with coordinates named ``size`` and ``control``; that of the
        control parameter may be two-dimensional (size, control), each size with values of its own.
        Samples that are not finite are missing.
    size, control, over : str
        Names of the dimensions.

    Raises
    ------
    InputError
        Where a dimension or its coordinate is missing, a size is not a positive number or occurs
        twice, or a value of the control parameter is not a number or occurs twice at one size.
    """
    m = with_coordinates(m, size, control, over=over, what="the order parameter has")
    sizes = numbers_along(m, size, size)
    if not (sizes > 0).all():
        raise InputError(f"sizes are positive; the least of {size!r} is {sizes.min():g}")
    controls = numbers_along(m, control, size, control)
    values = numbers_of(m.transpose(size, control, over))
    by_size = np.argsort(sizes, kind="stable")
    sizes, controls, values = sizes[by_size], controls[by_size], values[by_size]
    by_control = np.argsort(controls, axis=1, kind="stable")
    controls = np.take_along_axis(controls, by_control, axis=1)
    values = np.take_along_axis(values, by_control[..., None], axis=1)
    for axis, name, ordered in ((0, size, sizes), (1, control, controls)):
        twice = np.argwhere(np.diff(ordered, axis=axis) == 0)
        if len(twice):
            raise InputError(f"{name!r} has the value {ordered[tuple(twice[0])]:g} twice")
    values[~np.isfinite(values)] = np.nan
    units = (str(x.attrs.get("units", "1")) for x in (m, m.coords[control]))
    return Samples(values, sizes, controls, *units)


def places_of(
    samples: Samples, m: xr.DataArray, *, size: str = "size", control: str = "control"
) -> dict[str, xr.DataArray]:
    """Coordinates of results over size and control, with the attributes that they had in m.

    That of the control parameter is one-dimensional where all sizes have the same values.
    """
    controls = samples.controls
    is_common = bool((controls == controls[:1]).all())
    return {
        size: xr.DataArray(samples.sizes, dims=size, attrs=m.coords[size].attrs),
        control: xr.DataArray(
            controls[0] if is_common else controls,
            dims=control if is_common else (size, control),
            attrs=m.coords[control].attrs,
        ),
    }
