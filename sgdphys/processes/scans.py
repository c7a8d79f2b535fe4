"""Scans of models whose phase transition is known: draws from the exact law of an order parameter.

A model says which states there are and how probable they are; here replicas are drawn by the
inverse distribution function, exact moments are added, and everything is labelled.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from sgdphys.arguments import require_whole
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.quantities import labelled

_MOMENTS = {
    "order": Quantity("1", "order parameter, exact", r"\langle|m|\rangle", "mean of |m|"),
    "susceptibility": Quantity(
        "1", "susceptibility, exact", r"\chi", "N (<m**2> - <|m|>**2) at the size N"
    ),
    "binder": Quantity("1", "Binder cumulant, exact", "U", "1 - <m**4>/(3 <m**2>**2)"),
}
_REPLICA = Quantity("1", "replica", "r", "index of an independent draw")


class Law(NamedTuple):
    """The states of a system of one size."""

    m: np.ndarray
    """Order parameter (state,)."""
    chances: Callable[[float], np.ndarray]
    """Value of the control parameter to weights (state,), which need not sum to 1."""


def enumerated(
    law: Callable[[int], Law],
    sizes: Any,
    controls: Any,
    *,
    replicas: int,
    rng: Seed,
    fewest: int,
    named: Mapping[str, Quantity],
    truth: Mapping[str, Any],
) -> xr.Dataset:
    """Draw replicas from the exact law at every size and control, and add the exact moments of m.

    Parameters
    ----------
    law : callable
        Size to ``Law``.
    sizes, controls : array-like
        Controls (control,) for all sizes, or (size, control).
    replicas : int
    rng : Seed
        Every size has a random stream of its own.
    fewest : int
        Least size.
    named : mapping
        Quantities of ``m`` and ``control``.
    truth : mapping
        What is known exactly, for the attributes.
    """
    sizes = whole_numbers(sizes, "sizes", fewest)
    controls = by_size(controls, len(sizes))
    require_whole(replicas, "replicas", 1)
    m = np.empty((*controls.shape, replicas))
    moments = np.empty((*controls.shape, 3))
    for i, size in enumerate(sizes):
        values, chances = law(int(size))
        powers = np.abs(values)[:, None] ** [1, 2, 4]
        uniform = stream(rng, i).random((controls.shape[1], replicas))
        for j, control in enumerate(controls[i]):
            weights = chances(control)
            cumulative = np.cumsum(weights)
            moments[i, j] = weights @ powers / cumulative[-1]
            # the first state whose cumulative weight is above the draw: never one without weight
            draws = uniform[j] * cumulative[-1]
            m[i, j] = values[np.searchsorted(cumulative, draws, side="right")]
    order, second, fourth = np.moveaxis(moments, -1, 0)
    data = xr.Dataset(
        {
            "m": (("size", "control", "replica"), m),
            "order": (("size", "control"), order),
            "susceptibility": (("size", "control"), sizes[:, None] * (second - order**2)),
            "binder": (("size", "control"), 1 - fourth / (3 * second**2)),
        }
    )
    return labelled_scan(data, sizes, controls, named=_MOMENTS | dict(named), truth=truth)


def labelled_scan(
    data: xr.Dataset,
    sizes: np.ndarray,
    controls: np.ndarray,
    *,
    named: Mapping[str, Quantity],
    truth: Mapping[str, Any],
) -> xr.Dataset:
    """Attach sizes, controls (size, control), names and what is known exactly.

    The coordinate of the control parameter has one dimension where all sizes share its values.
    """
    is_shared = bool((controls == controls[0]).all())
    control = ("control", controls[0]) if is_shared else (("size", "control"), controls)
    replica = np.arange(data.sizes["replica"])
    data = data.assign_coords(size=sizes, control=control, replica=replica)
    return labelled(data, {"replica": _REPLICA, **named}).assign_attrs(truth)


def whole_numbers(values: Any, name: str, fewest: int) -> np.ndarray:
    """Different whole numbers that are large enough, as an array (size,)."""
    found = np.atleast_1d(np.asarray(values))
    if found.ndim != 1 or found.dtype.kind not in "iuf" or not found.size:
        raise InputError(f"{name} must be a list of whole numbers")
    for value in found:
        if value != np.floor(value) or not fewest <= value < np.inf:
            raise InputError(f"{name} has {value:g}; it must be a whole number >= {fewest}")
    if len(np.unique(found)) < len(found):
        raise InputError(f"{name} has a value twice")
    return found.astype(np.int64)


def by_size(controls: Any, sizes: int) -> np.ndarray:
    """Values of the control parameter as an array (size, control)."""
    found = np.asarray(controls, dtype=np.float64)
    found = np.tile(np.atleast_1d(found), (sizes, 1)) if found.ndim < 2 else found
    if found.ndim != 2 or len(found) != sizes or not found.size:
        raise InputError(
            f"values of the control parameter have the shape {np.shape(controls)}; give one list "
            f"for all sizes, or one row for each of {sizes} sizes"
        )
    if not np.isfinite(found).all():
        raise InputError("the control parameter has a value that is not finite")
    return found
