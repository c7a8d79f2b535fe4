"""Order parameter, susceptibility and Binder cumulant over a control parameter."""

from collections.abc import Iterable, Sequence
from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from sgdphys.errors import InputError
from sgdphys.figures.axes import axes_of, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import curve
from sgdphys.figures.style import DATA, NULL
from sgdphys.quantities import axis_label

_ORDERED = 2 / 3
"""Binder cumulant where all members have the same order; 0 where they are Gaussian about 0."""


@checked_figure()
def order_parameter(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] = ("order", "susceptibility", "binder"),
    control: str | None = None,
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw order parameter, susceptibility and Binder cumulant against a control parameter.

    Parameters
    ----------
    result : Dataset
        Of ``transitions.order_parameter``, along one dimension: order, susceptibility and binder
        with their intervals.
    panels : str or sequence of str
        Variables along the control parameter, one panel each.
    control : str, optional
        Coordinate to draw against; the dimension by default.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default.
    **kwargs
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name. The cumulant's panel has a dashed line at 2/3, where all
        members have the same order.

    See Also
    --------
    critical_point : Relaxation times over the same scan.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> m = xr.DataArray(
    ...     np.random.default_rng(0).standard_normal((24, 4)) + np.arange(4.0),
    ...     dims=("replica", "signal"), coords={"signal": [0.5, 1.0, 1.5, 2.0]},
    ... )
    >>> axes = sp.figures.order_parameter(sp.transitions.order_parameter(m))
    >>> [ax.get_xlabel() for ax in axes]
    ['signal', 'signal', 'signal']
    """
    names = names_of(panels)
    require_drawable(result, *names)
    if result[names[0]].ndim != 1:
        dims = ", ".join(map(str, result[names[0]].dims)) or "none"
        raise InputError(
            f"{names[0]} has the dimensions {dims}; it must be along one, the control parameter: "
            "select the others"
        )
    control = control or str(result[names[0]].dims[0])
    require_drawable(result, *names, along=control)
    axes, names, _ = axes_of(ax, panels)
    ordered = result.sortby(control) if control in result.coords else result
    for one, name in zip(axes, names, strict=True):
        curve(one, ordered, name, control, **options(kwargs, color=DATA, marker="o"))
        if name == "binder":
            one.axhline(_ORDERED, color=NULL, linewidth=0.8, linestyle="--", zorder=1)
        one.set_xlabel(axis_label(ordered[control]))
        one.set_ylabel(axis_label(result[name]))
    return returned(axes, panels)
