"""The way in of transitions: labelled samples of an order parameter as one array."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.errors import InputError
from sgdphys.missing import numbers_of


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
    m = labelled_array(m, size, control, over)
    require_dimensions(m, size, control, over)
    extra = sorted(str(d) for d in m.dims if d not in (size, control, over))
    if extra:
        raise InputError(
            f"the order parameter has further dimensions ({', '.join(extra)}); select one of each, "
            f"or stack them into {over!r} where they are independent samples"
        )
    for name in (size, control):
        if name not in m.coords:
            raise InputError(f"the dimension {name!r} needs a coordinate with its values")
    sizes = _numbers(m.coords[size], size)
    if not (sizes > 0).all():
        raise InputError(f"sizes are positive; the least of {size!r} is {sizes.min():g}")
    if m.coords[control].dtype.kind not in "iuf":
        raise InputError(
            f"the coordinate {control!r} holds no numbers but {m.coords[control].dtype}"
        )
    places = xr.ones_like(m.isel({over: 0}, drop=True), dtype=np.float64)
    by_place = (places * m.coords[control]).transpose(size, control)
    controls = _numbers(by_place, control)
    values = numbers_of(m.transpose(size, control, over)).astype(np.float64)
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


def _numbers(coordinate: xr.DataArray, name: str) -> np.ndarray:
    if coordinate.dtype.kind not in "iuf":
        raise InputError(f"the coordinate {name!r} holds no numbers but {coordinate.dtype}")
    values = coordinate.to_numpy().astype(np.float64)
    if not np.isfinite(values[~np.isnan(values)]).all() or np.isnan(values).all():
        raise InputError(f"the coordinate {name!r} has values that are not finite")
    return values
